//! Sealing rosters: names that are ordinary words, columns and inputs that stay, and warnings about them.

use super::check;
use crate::desk::{CLASS, Desk};

#[test]
fn people_may_have_names_that_are_words_of_the_format() {
    // Words of the services' paths, of field names, and of the recording itself.
    let roster = "id,name\napi,Users\nexternal,Ada Users\nemail,Json\ncurrent,Main\nroomCode,Utf\n";
    let script = "for row in roster() {\n\
            thm::authenticate(#{ extUserId: row.id, roomCode: \"linux1\" });\n\
            let found = veracode::users_details(#{ phrase: row.name });\n\
            print(`${row.id}: ${found.users.len()}`);\n\
        }\n\
        print(thm::users().users.len());\n\
        print(thm::room_exists(#{ roomCode: \"linux1\" }).roomExists);";
    let desk = Desk::empty().with("words.rhai", script).with("class.csv", roster);
    let line = "run words.rhai --roster class.csv";
    for dialect in ["current", "legacy"] {
        let recorded = desk.run(&format!("{line} --thm-dialect {dialect} --record words.cassette"));
        let replayed = desk.run(&format!("{line} --replay words.cassette"));
        assert_eq!(replayed.exits(0).out, recorded.exits(0).out);
        desk.run("run words.rhai --roster words.roster.csv --replay words.cassette").exits(0);
        let cassette = desk.read("words.cassette");
        assert!(!cassette.contains("extUserId=api") && !cassette.contains("\"api\""), "{cassette}");
    }
}

#[test]
fn a_name_is_sealed_in_any_case_and_encoding() {
    // In an unusual spelling, where no name is expected.
    let script = "for row in roster() { print(row.email); }\n\
                  print(thm::room_exists(#{ roomCode: \"éloË\" }).roomExists);";
    let desk =
        Desk::empty().with("odd.rhai", script).with("class.csv", "email,name\na@b.example,Éloë\n");
    desk.run("run odd.rhai --roster class.csv --record odd.cassette").exits(0);
    let cassette = desk.read("odd.cassette").to_lowercase();
    assert!(!cassette.contains("élo") && !cassette.contains("%c3"), "{cassette}");
}

#[test]
fn secrets_are_shown_only_on_demand() {
    let desk = Desk::with_class();
    let line = "run onboard_class.rhai --roster class.csv --max-rows 2 --journal class.journal";
    desk.run(&format!("{line} --results r.csv")).exits(0);
    let results = desk.read("r.csv");
    let tokens: Vec<_> = results
        .split("token=")
        .skip(1)
        .map(|rest| rest.split([',', '\n', '"', '&']).next().unwrap())
        .collect();
    assert_eq!(tokens.len(), 2, "{results}");
    for format in ["table", "json"] {
        let show = format!("cassette show class.journal --full --format {format}");
        let shown = desk.run(&show);
        assert!(!tokens.iter().any(|token| shown.exits(0).out.contains(token)), "{shown}");
        assert!(shown.out.contains("[hidden; --reveal shows it]"), "{shown}");
        let revealed = desk.run(&format!("{show} --reveal"));
        assert!(tokens.iter().all(|token| revealed.exits(0).out.contains(token)), "{revealed}");
        // People are not masked.
        let person = CLASS.lines().nth(1).unwrap().split(',').next().unwrap();
        assert!(shown.out.contains(person), "{shown}");
    }
}

#[test]
fn a_roster_with_other_rows_is_refused() {
    let desk = Desk::empty().with("teams.rhai", TEAMS).with("class.csv", TEAM);
    desk.run(&format!("{TEAM_RUN} --record teams.cassette")).exits(0);
    let desk = desk.with("class.csv", format!("{TEAM}B-778822,red,Walhalla,linux1,3,\n"));
    let replay = "run teams.rhai --roster class.csv --replay teams.cassette";
    check("replay_more_rows", &desk, replay, 2);
    let mut lines: Vec<_> = TEAM.lines().collect();
    lines.swap(1, 2);
    let desk = desk.with("class.csv", lines.join("\n"));
    check("replay_other_order", &desk, replay, 2);
    // An empty cell shows it, too, and so does a test with the roster of pseudonyms.
    let desk = desk.with("class.csv", TEAM.replacen("B-778811,blue", "B-778811,", 1));
    let ended = desk.run(replay);
    assert!(ended.exits(2).err.contains("row 2 of the roster"), "{ended}");
    let desk = desk.with("teams.roster.csv", "badge,team,site,room,floor,spare\n");
    assert!(desk.run("test --accept").exits(1).out.contains("made with 2 rows"));
    // In the original order it replays, even with other people.
    let desk = desk.with("class.csv", TEAM.replace("B-7788", "C-9988"));
    desk.run(replay).exits(0);
}

/// A run with columns and inputs that are about people, by their names or by where the run sends them, and others.
const TEAMS: &str = "let since = input(\"since\", \"from when\", \"\");\n\
    let owner = input(\"owner\", \"whose class it is\", \"\");\n\
    let name = input(\"name\", \"who asks\", \"\");\n\
    let who = input(\"who\", \"whom it is for\", \"\");\n\
    let size = input(\"size\", \"how many\", \"\");\n\
    for row in roster() {\n\
        thm::authenticate(#{ extUserId: row.badge, roomCode: row.room });\n\
        print(`${row.badge} ${row.team} ${row.site} ${row.floor} ${since} ${owner} ${name} ${who} ${size}`);\n\
    }\n\
    try { thm::add_seat(#{ email: owner }) } catch (e) { print(e.message); }";
const TEAM: &str = "badge,team,site,room,floor,spare\n\
    B-778899,red,Walhalla,linux1,3,\n\
    B-778811,blue,Walhalla,linux1,14,\n";
const TEAM_RUN: &str = "run teams.rhai --roster class.csv --set since=2026-09-01 --set size=12 \
    --set owner=o.lovelace@firma.example --set name=Li --set who=Byron";

#[test]
fn unredacted_columns_and_inputs_are_listed() {
    let desk = Desk::empty().with("teams.rhai", TEAMS).with("class.csv", TEAM);
    let recorded = desk.run(&format!("{TEAM_RUN} --journal j --record teams.cassette"));
    // Values that are sent in harmless fields, small numbers and empty cells are not listed.
    let warning =
        "left as they are: columns team, site; input since; `--private FIELD` makes one private\n";
    assert!(recorded.exits(0).err.ends_with(warning), "{recorded}");
    check("seal_left", &desk, "cassette seal j -o sealed.cassette", 0);
    let said = "--private team=words --private site=words --private since=harmless";
    let ended = desk.run(&format!("cassette seal j -o said.cassette {said}"));
    assert!(!ended.exits(0).err.contains("left as"), "{ended}");
    let appended = desk.run(&format!("{TEAM_RUN} --append added.cassette"));
    assert!(appended.exits(0).err.ends_with(warning), "{appended}");
}

#[test]
fn inputs_named_like_private_fields_are_private() {
    let desk = Desk::empty().with("teams.rhai", TEAMS).with("class.csv", TEAM);
    desk.run(&format!("{TEAM_RUN} --record teams.cassette")).exits(0);
    desk.run("test --accept").exits(0);
    for file in ["teams.cassette", "teams.accepted", "teams.roster.csv"] {
        let text = desk.read(file);
        for value in ["lovelace", "Byron", " Li ", "\"Li\"", "778899"] {
            assert!(!text.contains(value), "{value} is in {file}: {text}");
        }
    }
    let cassette = desk.read("teams.cassette");
    assert!(cassette.contains("2026-09-01") && cassette.contains("\"12\""), "{cassette}");
    desk.run("test").exits(0);
}

#[test]
fn policy_fields_and_values_that_do_not_occur_are_listed() {
    let desk = Desk::empty().with("teams.rhai", TEAMS).with("class.csv", TEAM);
    let named = "--private bagde=id --private team=words --private extUserId=id --private owner \
        --private-value Hooper --private-value walhalla --private-value lovelace";
    let ended = desk.run(&format!("{TEAM_RUN} --journal j --record teams.cassette {named}"));
    assert!(ended.exits(0).err.contains("`bagde`"), "{ended}");
    check("seal_absent", &desk, &format!("cassette seal j -o a.cassette {named}"), 0);
}
