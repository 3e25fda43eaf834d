//! Rosters as spreadsheets write them, valid and invalid, and rosters that change.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::iter;

use super::check_unsent;
use crate::server::Server;
use crate::workdir::{CLASS, Ended, Workdir};

const SCRIPT: &str = r#"
    print(each(roster(), |learner| {
        thm::authenticate(#{ extUserId: learner.id, roomCode: "linux1" });
        #{ name: learner.name }
    }).table(["key", "state", "name"]));
"#;

const LINE: &str = "run script.rhai --roster class.csv";

fn workdir(roster: impl AsRef<[u8]>) -> Workdir {
    Workdir::empty().with("script.rhai", SCRIPT).with("class.csv", roster)
}

/// The roster is refused before any request.
#[track_caller]
fn refused(name: &str, roster: impl AsRef<[u8]>) {
    check_unsent(&format!("roster_{name}"), workdir(roster), LINE, 2);
}

/// The roster is read as that of Ada and Bo.
#[track_caller]
fn fine(roster: impl AsRef<[u8]>) {
    let ended = workdir(roster).run(LINE);
    let table = "key              state  name\n\
                 ---------------  -----  --------\n\
                 ada@example.com  done   Ada, Dr.\n\
                 bo@example.com   done   Bø\n";
    assert_eq!(ended.exits(0).out, table);
}

#[test]
fn plain() {
    fine("email,id,name\nada@example.com,1,\"Ada, Dr.\"\nbo@example.com,2,Bø\n");
}

#[test]
fn with_a_byte_order_mark_crlf_and_quotes() {
    fine(
        "\u{feff}\"email\",\"id\",\"name\"\r\n\"ada@example.com\",\"1\",\"Ada, Dr.\"\r\nbo@example.com,2,Bø\r\n",
    );
}

#[test]
fn with_semicolons_or_tabs() {
    fine("email;id;name\nada@example.com;1;Ada, Dr.\nbo@example.com;2;Bø\n");
    fine("email\tid\tname\nada@example.com\t1\tAda, Dr.\nbo@example.com\t2\tBø\n");
}

#[test]
fn with_a_byte_order_mark_crlf_quotes_and_semicolons() {
    fine(
        "\u{feff}\"email\";\"id\";\"name\"\r\n\"ada@example.com\";\"1\";\"Ada, Dr.\"\r\nbo@example.com;2;Bø\r\n",
    );
}

#[test]
fn with_spaces_around_cells_and_capitals_in_names() {
    fine(" EMail , ID , Name \n ada@example.com , 1 ,\" Ada, Dr. \"\n bo@example.com ,2, Bø \n");
}

#[test]
fn without_a_final_newline_and_with_empty_lines() {
    fine("email,id,name\n\nada@example.com,1,\"Ada, Dr.\"\n\nbo@example.com,2,Bø");
}

#[test]
fn with_columns_that_the_script_does_not_use() {
    fine("email,shoe,id,name\nada@example.com,37,1,\"Ada, Dr.\"\nbo@example.com,44,2,Bø\n");
}

#[test]
fn without_rows() {
    let ended = workdir("email,id,name\n").run(LINE);
    assert_eq!(ended.exits(0).out, "key  state  name\n---  -----  ----\n");
}

#[test]
fn with_another_key() {
    let ended = workdir(CLASS).run("run script.rhai --roster class.csv --key ID --max-rows 1");
    assert!(ended.exits(0).out.contains("\nlearner-0004  done   Ayşe Arslan\n"), "{ended}");
}

#[test]
fn an_empty_file_has_no_header() {
    refused("empty_file", "");
    refused("blank_header", ",,\nada@example.com,1,Ada\n");
}

#[test]
fn keys_are_unique() {
    refused("duplicate_key", "email,id,name\na@x.org,1,A\nb@x.org,2,B\n A@X.org ,3,C\n");
}

#[test]
fn a_key_is_not_empty() {
    refused("empty_key", "email,id,name\na@x.org,1,A\n ,2,B\n");
}

#[test]
fn a_line_has_a_cell_for_each_column() {
    refused("ragged_line", "email,id,name\na@x.org,1,A\nb@x.org,2\n");
    refused("long_line", "email,id,name\na@x.org,1,A,B\n");
}

#[test]
fn an_unclosed_quote_is_reported_with_its_line() {
    refused("open_quote", "email,id,name\na@x.org,1,A\nb@x.org,\"2,B\nc@x.org,3,C\n");
}

#[test]
fn columns_are_unique() {
    refused("duplicate_column", "email,id,name,Name\na@x.org,1,A,B\n");
}

#[test]
fn a_missing_column_is_reported() {
    refused("missing_column", "email,ident,name\na@x.org,1,A\n");
    let workdir = Workdir::with_class().with("class.csv", "email,name,id\na@x.org,A,1\n");
    check_unsent(
        "roster_missing_column_of_the_class",
        workdir,
        "run onboard_class.rhai --roster class.csv",
        2,
    );
}

#[test]
fn a_misspelled_column_is_reported_in_the_script() {
    let script = SCRIPT.replace("learner.name", "learner.nmae");
    let workdir = workdir(CLASS).with("script.rhai", script);
    check_unsent("script_misspells_a_column", workdir, LINE, 2);
}

#[test]
fn the_key_column_exists() {
    let line = format!("{LINE} --key mail");
    check_unsent("roster_no_such_key", workdir(CLASS), &line, 2);
}

#[test]
fn the_text_is_utf_8() {
    let wide: Vec<u8> = CLASS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused("utf_16", [&[0xff, 0xfe], wide.as_slice()].concat());
    refused("latin_1", b"email,id,name\na@x.org,1,A\nb@x.org,2,B\xf8\n");
}

#[test]
fn a_folder_is_not_a_roster() {
    let workdir = Workdir::with_class().with("classes/one.csv", CLASS);
    check_unsent("roster_folder", workdir, "run onboard_class.rhai --roster classes", 2);
}

/// Twelve learners of the class, with a long column that makes the file larger than a reader's buffer.
fn part_of_class(first: usize) -> String {
    let (header, rows) = CLASS.split_once('\n').unwrap();
    // Learners without an account cannot get a seat.
    let accountless = ["marco.costa@", "ettore.dalla@", "tyler.feest@"];
    let rows = rows.lines().filter(|row| !accountless.iter().any(|name| row.starts_with(name)));
    let filler = "x".repeat(20_000);
    let rows = rows.skip(first).take(12).map(|row| format!("{row},{filler}"));
    let lines: Vec<_> = iter::once(format!("{header},filler")).chain(rows).collect();
    lines.join("\n") + "\n"
}

fn emails(roster: &str) -> BTreeSet<String> {
    roster.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

/// Changes the roster as soon as `ready` says so, and returns how the command ended.
fn change_during(
    workdir: &Workdir,
    line: &str,
    ready: impl Fn(&mut dyn BufRead),
    change: impl Fn(&Workdir),
) -> Ended {
    let mut process = workdir.start(line);
    let mut err = BufReader::new(process.stderr.take().unwrap());
    ready(&mut err);
    change(workdir);
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    let mut ended = Ended::of(line, process.wait_with_output().unwrap());
    ended.err = rest;
    ended
}

const CHANGED: &str = "class.csv changed in the meantime: this run used the version that it read";

#[test]
fn a_roster_that_changes_during_a_run_is_never_mixed_and_the_change_is_reported() {
    let (old, new) = (part_of_class(0), part_of_class(12));
    let script = "let n = 0;\nfor row in roster() { n += 1; }\n\
                  let rows = each(roster(), |row| { thm::add_seat(#{ email: row.email }); });\n\
                  for row in roster() { n += 1; }\nprint(n); print(rows.table());";
    let overwrite = |workdir: &Workdir| std::fs::write(workdir.path("class.csv"), &new).unwrap();
    let replace = |workdir: &Workdir| {
        std::fs::write(workdir.path("new.csv"), &new).unwrap();
        std::fs::rename(workdir.path("new.csv"), workdir.path("class.csv")).unwrap();
    };
    let truncate = |workdir: &Workdir| std::fs::write(workdir.path("class.csv"), "").unwrap();
    let changes: [&dyn Fn(&Workdir); 3] = [&overwrite, &replace, &truncate];
    for change in changes {
        let server = Server::start("--fault delay=20ms");
        let workdir = workdir(&old).with("script.rhai", script).with_keys();
        let line = format!("{LINE} --concurrency 1 --results results.csv {}", server.flags());
        let ready = |_: &mut dyn BufRead| super::resuming::wait_for_writes(&server, 2);
        let ended = change_during(&workdir, &line, ready, change);
        assert!(ended.exits(0).err.contains(CHANGED), "{ended}");
        assert!(ended.out.starts_with("24\n"), "{ended}");
        let seats = server.writes()["thm.add_seat"].as_object().unwrap().clone();
        assert_eq!(seats.keys().cloned().collect::<BTreeSet<_>>(), emails(&old));
        assert_eq!(emails(&workdir.read("results.csv")), emails(&old));
        // The journal knows the roster that the run used.
        assert_eq!(workdir.run("resume").exit, Some(2));
        let resumed = workdir.with("class.csv", &old).run("resume");
        assert!(!resumed.exits(0).err.contains("changed"), "{resumed}");
    }
}

#[test]
fn a_roster_that_changes_between_the_preflight_check_and_the_run_is_reported() {
    let (old, new) = (part_of_class(0), part_of_class(12));
    let script = "thm::rooms();\n\
                  each(roster(), |row| { thm::remove_seat(#{ email: row.email }); });";
    let server = Server::start("--fault delay=300ms");
    let workdir = workdir(&old).with("script.rhai", script).with_keys();
    let line = format!("{LINE} --max-removals 15 --results results.csv {}", server.flags());
    let ready = |err: &mut dyn BufRead| {
        let mut first = String::new();
        err.read_line(&mut first).unwrap();
        assert!(first.contains("this script can remove things"), "{first}");
    };
    let overwrite = |workdir: &Workdir| std::fs::write(workdir.path("class.csv"), &new).unwrap();
    let ended = change_during(&workdir, &line, ready, overwrite);
    assert!(ended.exits(0).err.contains(CHANGED), "{ended}");
    assert_eq!(emails(&workdir.read("results.csv")), emails(&old));
}

#[test]
fn a_roster_that_changes_during_a_dry_run_is_reported_and_its_plan_is_for_the_old_one() {
    let (old, new) = (part_of_class(0), part_of_class(12));
    let script = "warn(\"begun\");\nthm::rooms();\n\
                  each(roster(), |row| { thm::add_seat(#{ email: row.email }); });";
    let server = Server::start("--fault delay=300ms");
    let workdir = workdir(&old).with("script.rhai", script).with_keys();
    let line = format!("{LINE} --dry-run --plan class.plan {}", server.flags());
    let ready = |err: &mut dyn BufRead| {
        let mut first = String::new();
        err.read_line(&mut first).unwrap();
        assert_eq!(first, "begun\n");
    };
    let overwrite = |workdir: &Workdir| std::fs::write(workdir.path("class.csv"), &new).unwrap();
    let ended = change_during(&workdir, &line, ready, overwrite);
    assert!(ended.exits(0).err.contains(CHANGED), "{ended}");
    let approved = format!("{LINE} --approved class.plan {}", server.flags());
    assert!(
        workdir.run(&approved).exits(2).err.contains("the roster"),
        "the plan is for another one"
    );
    assert_eq!(server.writes(), serde_json::json!({}));
    workdir.with("class.csv", &old).run(&approved).exits(0);
}
