//! Sealed recordings have nothing about people in them, and stay useful.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;
use serde_json::Value;

use super::check;
use super::resuming::{signal, wait_for_writes};
use crate::desk::{CLASS, Desk, Door, ONBOARD_CLASS};
use crate::server::Server;

/// People whose names are hard for computers.
const PEOPLE: &str = "email,name,id,roles\n\
    müller.o'neil@firma.example,Jürgen Müller-O'Neil,jmo-77,Developers\n\
    Zoë.Strauß@firma.example,Zoë Strauß,zoë+strauß,QA;Security\n\
    li@a.firma.example,Li Na,li,QA\n\
    \"çelik.ğ@firma.example\",\"Çelik, Ayşegül\",0815,\n";

/// Their values that must not be anywhere. Shorter values could be found by chance.
const PRIVATE: [&str; 14] = [
    "müller.o'neil@firma.example",
    "Jürgen Müller-O'Neil",
    "O'Neil",
    "jmo-77",
    "Zoë.Strauß@firma.example",
    "Zoë.Strauss@firma.example",
    "Zoë Strauß",
    "zoë+strauß",
    "li@a.firma.example",
    "Li Na",
    "çelik.ğ@firma.example",
    "Çelik, Ayşegül",
    "Ayşegül",
    "firma.example",
];

/// Invites people, and then finds them in every way that a service offers.
const LOOK: &str = r#"
let emails = [];
for row in roster() {
    emails.push(row.email);
    let found = veracode::users_details(#{ phrase: row.name }).users;
    print(`${row.name}: ${found.len()}`);
    for user in found { print(user.email); veracode::user_progress(#{ id: user.id }); }
    for again in [row.email, row.email.to_upper()] {
        try { veracode::invite(#{ email: again, name: row.name, senderId: sender_id }); } catch (e) { print(e.message); }
        try { thm::add_seat(#{ email: again }); } catch (e) { print(e.message); }
    }
}
print(veracode::all_users().to_array().len());
print(veracode::all_progress().to_array().len());
print(thm::all_users().to_array().len());
print(thm::questions(#{ roomCode: room }).questions.len());
try { thm::time_report(#{ userEmails: emails, from: "2026-09-01", to: "2026-09-30" }); } catch (e) { print(e.message); }
"#;
/// Runs one row at a time: the service lists users in the order in which they were invited.
const RUN: &str = "run deep.rhai --roster class.csv --concurrency 1";

/// Makes one write for each row.
const SEAT: &str = "let rows = each(roster(), |row| { thm::add_seat(#{ email: row.email }); });\n\
                    print(rows.table());\n";
/// People of the sandbox with an account but without a seat.
const WAITING: &str = "email\nkian.rutherford@example.com\nboris.bailey@example.com\n";
const MORE: &str = "email\nkian.rutherford@example.com\nboris.bailey@example.com\n\
                    curt.bartell@example.com\nayse.arslan@example.com\n";

fn desk() -> Desk {
    Desk::empty().with("deep.rhai", format!("{ONBOARD_CLASS}{LOOK}")).with("class.csv", PEOPLE)
}

/// A text as it is, with its percent and JSON escapes decoded once and twice, and with its base64 decoded.
fn decodings(text: &str) -> Vec<String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        String::from_utf8_lossy(&percent_decode(text.as_bytes()).collect::<Vec<_>>()).into_owned()
    };
    let once = decoded(text);
    let mut views = vec![text.to_owned(), unescaped(text), decoded(&once), unescaped(&once), once];
    for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
        let lenient = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&alphabet, lenient);
        for run in text.split(|c: char| !alphabet.as_str().contains(c)) {
            // The base64 may begin and end anywhere in the run.
            for start in 0..run.len().min(4) {
                let run = &run[start..];
                let whole = if run.len() % 4 == 1 { run.len() - 1 } else { run.len() };
                let bytes = engine.decode(&run[..whole]).unwrap_or_default();
                views.push(decoded(&String::from_utf8_lossy(&bytes)));
                views.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    views
}

/// A text with escapes such as `\u00fc` decoded.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let sign = part.get(..4).and_then(|code| u32::from_str_radix(code, 16).ok());
        match sign.and_then(char::from_u32) {
            Some(sign) => write!(out, "{sign}{}", &part[4..]).unwrap(),
            None => write!(out, "\\u{part}").unwrap(),
        }
    }
    out
}

/// The private values in a text, in any spelling, and every address that is not a pseudonym.
fn people_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for view in decodings(text) {
        let view = view.to_lowercase();
        let values = PRIVATE.iter().filter(|value| view.contains(&value.to_lowercase()));
        found.extend(values.map(|value| (*value).to_owned()));
    }
    let is_part = |c: char| c.is_alphanumeric() || "@._-+'".contains(c);
    let words = text.split(|c| !is_part(c)).filter(|word| word.contains('@') && word.len() > 1);
    found.extend(
        words.filter(|word| !word.to_lowercase().starts_with("learner-")).map(str::to_owned),
    );
    found.sort();
    found.dedup();
    found
}

#[track_caller]
fn has_nobody(what: &str, text: &str) {
    assert!(!text.is_empty(), "there is nothing in {what}");
    assert_eq!(people_in(text), Vec::<String>::new(), "in {what}");
}

#[test]
fn private_values_are_found_in_any_spelling() {
    let email = "müller.o'neil@firma.example";
    let percent = "m%C3%BCller.o%27neil%40firma%2Eexample";
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("?{email}?"));
    let json = "m\\u00fcller.o'neil@firma.example";
    for written in [
        email.to_owned(),
        email.to_uppercase(),
        percent.to_owned(),
        percent.replace('%', "%25"),
        json.to_owned(),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(email),
        base64,
    ] {
        let found = people_in(&format!("x {{\"a\":\"{written}\"}} y"));
        assert!(found.iter().any(|value| value == email), "{written}: {found:?}");
    }
    assert_eq!(people_in("kian.rutherford@example.com"), ["kian.rutherford@example.com"]);
}

#[test]
fn nothing_about_people_is_in_anything_shared() {
    let desk = desk();
    let live = desk.run(&format!("{RUN} --record deep.cassette --results live.csv"));
    assert!(people_in(&live.exits(0).out).len() > 5, "{live}");
    assert!(people_in(&desk.read("live.csv")).len() > 5);
    let token =
        desk.read("live.csv").lines().nth(1).unwrap().rsplit_once("token=").unwrap().1.to_owned();
    let replay = "run deep.rhai --roster deep.roster.csv --replay deep.cassette --results p.csv -v";
    let replayed = desk.run(replay);
    replayed.exits(0);
    let tested = desk.run("test --accept --junit out.xml");
    tested.exits(0);
    let shown = desk.run("cassette show deep.cassette --full --reveal");
    let lines = desk.run("cassette show deep.cassette --format csv");
    let json = desk.run("cassette show deep.cassette --full --format json");
    let stats = desk.run("cassette stats deep.cassette");
    desk.run("cassette export deep.cassette -o deep.har").exits(0);
    for (what, text) in [
        ("the cassette", desk.read("deep.cassette")),
        ("the roster beside it", desk.read("deep.roster.csv")),
        ("what was accepted", desk.read("deep.accepted")),
        ("the report", desk.read("out.xml")),
        ("the HAR", desk.read("deep.har")),
        ("the results", desk.read("p.csv")),
        ("the replay's output", replayed.out),
        ("the replay's calls", replayed.err),
        ("show --full --reveal", shown.exits(0).out.clone()),
        ("show --format csv", lines.exits(0).out.clone()),
        ("show --format json", json.exits(0).out.clone()),
        ("stats", stats.exits(0).out.clone()),
    ] {
        has_nobody(what, &text);
        assert!(!text.contains(&token), "a link's token is in {what}");
    }
    // Whatever is not about people is there.
    let cassette = desk.read("deep.cassette");
    for kept in ["linux1", "email not found.", "Developers"] {
        assert!(cassette.contains(kept), "{kept}");
    }
    assert!(desk.read("deep.roster.csv").contains("learner-0002,QA;Security"));
}

#[test]
fn a_replay_prints_the_people_of_its_roster() {
    let desk = desk();
    let live = desk.run(&format!("{RUN} --record deep.cassette"));
    let real = desk.run(&format!("{RUN} --replay deep.cassette"));
    assert_eq!((&real.exits(0).out, &real.err), (&live.exits(0).out, &live.err));
    let made_up = desk.run("run deep.rhai --roster deep.roster.csv --replay deep.cassette");
    assert!(
        made_up.exits(0).out.contains("\nLearner 0002: 1\nlearner-0002@example.com\n"),
        "{made_up}"
    );
    has_nobody("the output", &made_up.out);
    assert_eq!(made_up.out.lines().count(), live.out.lines().count());
}

#[test]
fn a_sealed_journal_equals_a_recording() {
    let desk = desk();
    desk.run(&format!("{RUN} --record recorded/deep.cassette")).exits(2);
    let desk = desk.with("recorded/empty", "").with("sealed/empty", "");
    desk.run(&format!("{RUN} --journal deep.journal --record recorded/deep.cassette")).exits(0);
    check("seal", &desk, "cassette seal deep.journal -o sealed/deep.cassette", 0);
    for file in ["deep.cassette", "deep.roster.csv"] {
        assert_eq!(desk.read(&format!("sealed/{file}")), desk.read(&format!("recorded/{file}")));
    }
    // The last run in the state folder.
    desk.run(RUN).exits(0);
    desk.run("cassette seal -o last.cassette").exits(0);
    assert_eq!(desk.read("last.cassette"), desk.read("sealed/deep.cassette"));
}

#[test]
fn the_journal_of_a_killed_run_is_sealed() {
    let server = Server::start("--invite-again --fault delay=10ms");
    let desk = Desk::with_class().with_keys();
    let flags = server.flags();
    let line = format!("run onboard_class.rhai --roster class.csv --concurrency 2 {flags}");
    let mut process = desk.start(&format!("{line} --journal class.journal"));
    wait_for_writes(&server, 20);
    signal(&process, "-KILL");
    process.wait().unwrap();
    desk.run("cassette seal class.journal -o part.cassette").exits(0);
    has_nobody("the first part", &desk.read("part.cassette"));
    let resumed = desk.run("resume class.journal --effect-within 1s");
    resumed.exits(0);
    desk.run("cassette seal class.journal -o onboard_class.cassette").exits(0);
    has_nobody("the whole", &desk.read("onboard_class.cassette"));
    desk.run("run onboard_class.rhai --roster class.csv --record straight.cassette").exits(0);
    let requests = |file: &str| -> Vec<String> {
        let shown = desk.run(&format!("cassette show {file} --format csv"));
        shown.exits(0).out.lines().map(str::to_owned).collect()
    };
    let (part, whole) = (requests("part.cassette"), requests("onboard_class.cassette"));
    assert!(20 < part.len() && part.len() < whole.len(), "{} of {}", part.len(), whole.len());
    // The write that was in flight was resolved by checking its effect, so its original answer is unknown. Everything
    // else is as if the run had not been killed.
    let scope = |line: &str| line.split(',').next().unwrap().to_owned();
    let found = |line: &&String| line.ends_with("/api/invites,200") || line.ends_with("users,400");
    let straight = requests("straight.cassette");
    let other = whole.iter().filter(|line| !straight.contains(line));
    let lost: Vec<_> = other.filter(found).map(|line| scope(line)).collect();
    assert!(lost.len() <= 2, "{lost:?}");
    let untroubled = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !lost.contains(&scope(line))).collect()
    };
    assert_eq!(untroubled(whole), untroubled(straight));
    let replay = "run onboard_class.rhai --roster class.csv --replay onboard_class.cassette";
    assert_eq!(desk.run(replay).exits(0).out, resumed.out);
}

#[test]
fn a_recording_that_cannot_be_sealed_is_reported_and_not_written() {
    let desk = Desk::with_class();
    let line = "run onboard_class.rhai --roster class.csv --max-rows 2 --journal class.journal";
    desk.run(&format!("{line} --record class.cassette")).exits(0);
    check("seal_sealed", &desk, "cassette seal class.cassette -o again.cassette", 2);
    let desk = desk.with("class.csv", CLASS.replacen("ayse", "aysa", 1));
    check("seal_changed_roster", &desk, "cassette seal class.journal -o again.cassette", 2);
    let desk = desk.with("real.csv", CLASS);
    std::fs::remove_file(desk.path("class.csv")).unwrap();
    check("seal_absent_roster", &desk, "cassette seal class.journal -o again.cassette", 2);
    check("seal_no_recording", &desk, "cassette seal real.csv -o again.cassette", 2);
    assert!(!desk.path("again.cassette").exists() && !desk.path("again.roster.csv").exists());
    let over = "cassette seal class.journal --roster real.csv -o class.journal";
    check("seal_over_itself", &desk, over, 2);
    desk.run("cassette seal class.journal -o again.cassette --roster real.csv").exits(0);
    assert_eq!(desk.read("again.cassette"), desk.read("class.cassette"));
}

/// An address in nested encodings that only the leak check finds. It refuses rather than guesses, and the journal still
/// has the run.
#[test]
fn a_run_that_cannot_be_sealed_is_not_lost() {
    const PHRASE: &str = "%QSU0MGNvcnAlMkVleGFtcGxlJTJCMEFBQWElM0RQdzphMGEwQUE=";
    let script = format!("print(veracode::search_lessons(#{{ phrase: \"{PHRASE}\" }}).len());");
    let desk = Desk::empty().with("search.rhai", script);
    check("seal_refused", &desk, "run search.rhai --record search.cassette", 2);
    assert!(!desk.path("search.cassette").exists());
    let seal = format!("cassette seal -o search.cassette --private-value {PHRASE}");
    desk.run(&seal).exits(0);
    assert!(!desk.read("search.cassette").contains(PHRASE));
}

#[test]
fn more_can_be_declared_private() {
    let script = "let cohort = input(\"cohort\", \"which\", \"\");\n\
                  for row in each(roster(), |row| {\n\
                      thm::authenticate(#{ extUserId: `${cohort}-${row.badge}`, roomCode: \"linux1\" });\n\
                      #{ site: row.site }\n\
                  }) { print(`${row.badge} ${cohort} ${row.site}`); }";
    let roster = "badge,site,floor\nB-778899,Walhalla,3\nB-778811,Walhalla,3\n";
    let desk = Desk::empty().with("badges.rhai", script).with("class.csv", roster);
    let line = "run badges.rhai --roster class.csv --set cohort=Nibelungen --journal j";
    let private = "--private badge=id --private cohort --private-value Walhalla";
    desk.run(&format!("{line} --record badges.cassette {private}")).exits(0);
    for file in ["badges.cassette", "badges.roster.csv"] {
        let text = desk.read(file).to_lowercase();
        for value in ["778899", "778811", "nibelungen", "walhalla"] {
            assert!(!text.contains(value), "{value} is in {file}: {text}");
        }
    }
    assert!(desk.read("badges.roster.csv").contains(",3\n"));
    desk.run(&format!("cassette seal j -o sealed.cassette {private}")).exits(0);
    assert_eq!(desk.read("sealed.cassette"), desk.read("badges.cassette"));
    check("private_kind", &desk, "cassette seal j -o a.cassette --private badge=number", 2);
}

#[test]
fn private_values_cannot_be_declared_harmless() {
    // Names and ids are only in the roster.
    let desk = Desk::empty().with("seat.rhai", SEAT).with("class.csv", PEOPLE);
    let run = "run seat.rhai --roster class.csv";
    let less = "--private email=harmless --private name=address --private id=harmless";
    desk.run(&format!("{run} --record seat.cassette")).exits(1);
    desk.run(&format!("{run} --record less.cassette {less}")).exits(1);
    assert_eq!(desk.read("less.roster.csv"), desk.read("seat.roster.csv"));
    has_nobody("the roster beside it", &desk.read("less.roster.csv"));
    has_nobody("the cassette", &desk.read("less.cassette"));
}

#[test]
fn the_recording_of_a_thousand_rows_does_not_depend_on_their_order() {
    let mut roster = "email,name,id,roles\n".to_owned();
    for n in 0..1000 {
        writeln!(roster, "p{n}.o'hara@firma.example,Pë Nº{n} O'Hara,h-{n:04},QA").unwrap();
    }
    let desk = Desk::empty().with("onboard_class.rhai", ONBOARD_CLASS).with("class.csv", roster);
    let run = "run onboard_class.rhai --roster class.csv";
    for file in ["a", "b"] {
        desk.run(&format!("{run} --concurrency 64 --record {file}.cassette")).exits(0);
    }
    let recorded = desk.read("a.cassette");
    assert!(recorded == desk.read("b.cassette"), "two recordings differ");
    assert_eq!(desk.read("a.roster.csv").lines().count(), 1001);
    let replayed = [1, 7, 64].map(|concurrency| {
        let results = format!("--results {concurrency}.csv --concurrency {concurrency}");
        let ended = desk.run(&format!("{run} -q --replay a.cassette {results}"));
        (ended.exits(0).out.clone(), ended.err, desk.read(&format!("{concurrency}.csv")))
    });
    assert!(replayed[0].0.contains("p999.o'hara@firma.example"));
    assert!(replayed.iter().all(|one| *one == replayed[0]), "the replays differ");
}

#[test]
fn append_sends_and_adds_only_new_requests() {
    let desk = Desk::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    let first = Server::start("");
    let line = "run seat.rhai --roster some.csv";
    desk.run(&format!("{line} --record seat.cassette {}", first.flags())).exits(0);
    let before = desk.read("seat.cassette");
    let desk = desk.with("some.csv", MORE);
    let second = Server::start("");
    let ended = desk.run(&format!("{line} --append seat.cassette {}", second.flags()));
    assert!(ended.exits(0).err.contains("4 rows: 4 done"), "{ended}");
    let sent = second.writes()["thm.add_seat"].clone();
    let sent: Vec<_> = sent.as_object().unwrap().keys().cloned().collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent.iter().all(|email| !WAITING.contains(email.as_str()) && MORE.contains(email.as_str()))
    );
    let after = desk.read("seat.cassette");
    has_nobody("the longer cassette", &after);
    // Except for the header, the recording stays as it was.
    let events = |text: &str| text[text.find("\"request\"").unwrap()..].to_owned();
    let recorded = events(&before);
    let recorded = recorded.split("{\n  \"event\": \"end\"").next().unwrap();
    assert!(events(&after).starts_with(recorded), "{after}");
    assert_eq!(desk.read("seat.roster.csv").lines().count(), 5);
    // It replays with either roster, and there is nothing left to add.
    desk.run(&format!("{line} --replay seat.cassette")).exits(0);
    desk.run("run seat.rhai --roster seat.roster.csv --replay seat.cassette").exits(0);
    let door = Door::closed();
    desk.run(&format!("{line} --append seat.cassette {}", door.flags())).exits(0);
    assert!(!door.was_knocked_at());
    assert_eq!(desk.read("seat.cassette"), after);
}

/// The inputs of a cassette's run.
fn inputs(desk: &Desk, file: &str) -> String {
    let text = desk.read(file);
    let header = serde_json::Deserializer::from_str(&text).into_iter::<Value>().next().unwrap();
    header.unwrap()["run"]["set"].to_string()
}

/// With a name, an address, and both encoded.
const INPUTS: &str = "--private who=name --private coded=name --set who=Grace%20Hopper --set coded=Ada%2520Lovelace \
                      --set mail=grace@corp.example --set link=a?b=grace%2540corp.example%20alan%40corp.example";

fn greeting(more: &str) -> String {
    let inputs =
        ["who", "coded", "mail", "link"].map(|name| format!("input(\"{name}\", \"\", \"\");\n"));
    format!("{}thm::rooms();\n{more}", inputs.concat())
}

#[test]
fn appending_nothing_leaves_every_byte() {
    let script = format!("{}{SEAT}", greeting(""));
    let desk = Desk::empty().with("seat.rhai", script).with("some.csv", WAITING);
    let line = format!("run seat.rhai --roster some.csv {INPUTS}");
    desk.run(&format!("{line} --record seat.cassette")).exits(0);
    let (before, roster) = (desk.read("seat.cassette"), desk.read("seat.roster.csv"));
    has_nobody("the cassette", &before);
    for line in [line, "run seat.rhai --roster some.csv".to_owned()] {
        desk.run(&format!("{line} --append seat.cassette")).exits(0);
        assert_eq!(desk.read("seat.cassette"), before);
        assert_eq!(desk.read("seat.roster.csv"), roster);
    }
}

/// New people get new numbers.
#[test]
fn appending_leaves_the_names_in_inputs() {
    let desk = Desk::empty().with("rooms.rhai", greeting(""));
    desk.run(&format!("run rooms.rhai {INPUTS} --record rooms.cassette")).exits(0);
    let before = inputs(&desk, "rooms.cassette");
    let seat =
        |email: &str| format!("try {{ thm::add_seat(#{{ email: \"{email}\" }}); }} catch {{ }}\n");
    let mut more = String::new();
    for email in ["cem@corp.example", "dan@corp.example", "eve@corp.example"] {
        more.push_str(&seat(email));
        let desk = &desk;
        std::fs::write(desk.path("rooms.rhai"), greeting(&more)).unwrap();
        desk.run(&format!("run rooms.rhai {INPUTS} --append rooms.cassette")).exits(0);
        assert_eq!(inputs(desk, "rooms.cassette"), before, "{email}");
    }
}

#[test]
fn private_fields_stay_private_when_something_is_appended() {
    let roster = "email,badge\nkian.rutherford@example.com,badge-of-kian-77\n";
    let script = |more: &str| {
        format!(
            "each(roster(), |row| {{ thm::authenticate(#{{ extUserId: row.badge, roomCode: \"linux1\" }}); }});\n{more}"
        )
    };
    let desk = Desk::empty().with("link.rhai", script("")).with("some.csv", roster);
    let line = "run link.rhai --roster some.csv";
    desk.run(&format!("{line} --private badge=id --record link.cassette")).exits(0);
    assert!(!desk.read("link.cassette").contains("badge-of-kian"));
    let desk = desk.with("link.rhai", script("thm::rooms();"));
    desk.run(&format!("{line} --append link.cassette")).exits(0);
    assert!(desk.read("link.cassette").contains("thm.rooms"));
    assert!(!desk.read("link.cassette").contains("badge-of-kian"));
    assert!(desk.read("link.cassette").contains("\"badge\": \"id\""), "it is remembered");
}

#[test]
fn a_pseudonym_is_never_sent() {
    let desk = Desk::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    desk.run("run seat.rhai --roster some.csv --record seat.cassette").exits(0);
    let leave =
        "for row in roster() { thm::leave_room(#{ extUserId: row.email, roomCode: \"a\" }); }";
    let desk = desk.with("seat.rhai", format!("{SEAT}{leave}"));
    let before = desk.read("seat.cassette");
    let door = Door::closed();
    let made_up = desk.read("seat.roster.csv");
    let desk = desk.with("made_up.csv", made_up);
    let line = "run seat.rhai --roster made_up.csv";
    let mut ended = desk.run(&format!("{line} --append seat.cassette {}", door.flags()));
    line.clone_into(&mut ended.line);
    crate::snapshot::snapshot("cli", "append_pseudonym", &ended.to_string());
    assert_ne!(ended.exit, Some(0));
    let verified = desk.run(&format!("{line} --verify seat.cassette {}", door.flags()));
    assert_ne!(verified.exit, Some(0));
    assert!(!door.was_knocked_at(), "a pseudonym was sent");
    assert_eq!(desk.read("seat.cassette"), before);
}

#[test]
fn changed_answers_are_reported() {
    let desk = desk().with_keys();
    desk.run(&format!("{RUN} --record deep.cassette")).exits(0);
    let before = desk.read("deep.cassette");
    desk.run(&format!("{RUN} --verify deep.cassette")).exits(0);
    for flags in ["", "--seed 2", "--seats 3"] {
        let server = Server::start(flags);
        let ended = desk.run(&format!("{RUN} --verify deep.cassette {}", server.flags()));
        if flags.is_empty() {
            ended.exits(0);
            continue;
        }
        assert_ne!(ended.exit, Some(0), "{flags}: {ended}");
        assert_eq!(ended.exit, Some(5), "{flags}: {ended}");
        has_nobody(flags, &ended.err);
    }
    assert_eq!(desk.read("deep.cassette"), before);
}

#[test]
fn seats_that_ran_out_are_drift() {
    let desk = Desk::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    let line = "run seat.rhai --roster some.csv --concurrency 1";
    desk.run(&format!("{line} --record seat.cassette")).exits(0);
    let server = Server::start("--seats 1");
    let mut ended = desk.run(&format!("{line} --verify seat.cassette {}", server.flags()));
    format!("{line} --verify seat.cassette").clone_into(&mut ended.line);
    crate::snapshot::snapshot("cli", "verify_no_seats", &ended.to_string());
    ended.exits(5);
    has_nobody("standard error", &ended.err);
}

/// The flags point to a port where nothing listens.
#[test]
fn verify_writes_to_a_live_service_only_with_the_flag() {
    let desk = Desk::empty().with_keys().with("seat.rhai", SEAT).with("some.csv", WAITING);
    let line = "run seat.rhai --roster some.csv --concurrency 1";
    desk.run(&format!("{line} --record seat.cassette --journal first.journal")).exits(0);
    let verify = format!("{line} --verify seat.cassette --on live --thm-url https://thm.invalid");
    check("verify_without_writes", &desk, &verify, 0);
    check("verify_without_writes_journal", &desk, &format!("{verify} --journal a.journal"), 2);
    assert_eq!(desk.run("runs").out, "", "there is nothing to go on with");
    let verified = desk.run(&format!("{verify} --writes"));
    assert!(verified.exits(5).err.contains("2 interactions have drifted"), "{verified}");
    has_nobody("standard error", &verified.err);
    check("verify_writes_of_no_verification", &desk, &format!("{line} --writes"), 2);
}

#[test]
fn a_cassette_is_verified_without_its_script() {
    let script = "print(thm::rooms().roomInfo.len());\nprint(thm::users().users.len());\n\
                  thm::add_seat(#{ email: \"kian.rutherford@example.com\" });";
    let desk = Desk::empty().with_keys().with("rooms.rhai", script);
    desk.run("run rooms.rhai --record rooms.cassette").exits(0);
    check("verify", &desk, "cassette verify rooms.cassette", 0);
    check("verify_writes", &desk, "cassette verify rooms.cassette --writes", 0);
    let server = Server::start("--seed 2 --learners 20");
    let mut ended = desk.run(&format!("cassette verify rooms.cassette {}", server.flags()));
    "cassette verify rooms.cassette".clone_into(&mut ended.line);
    has_nobody("standard error", &ended.err);
    ended.exits(5);
    assert_eq!(server.writes(), Value::Object(serde_json::Map::new()));
    check("verify_nothing", &desk, "cassette verify absent.cassette", 2);
    let journal = desk.run("run rooms.rhai --journal rooms.journal");
    journal.exits(0);
    check("verify_journal", &desk, "cassette verify rooms.journal", 0);
}
