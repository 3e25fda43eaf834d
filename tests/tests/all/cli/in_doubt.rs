//! In-doubt writes as users see them: rows that end after the others, a time to resume, and no one invited twice.

use serde_json::Value;

use super::check;
use crate::server::Server;
use crate::workdir::Workdir;

const RUN: &str = "run onboard_class.rhai --roster class.csv";

/// The highest number of invites that a learner got.
fn most_invited(server: &Server) -> u64 {
    let writes = server.writes();
    let times = writes["veracode.invite"].as_object().unwrap().values();
    times.filter_map(Value::as_u64).max().unwrap()
}

/// The states of the rows in a results file, in order.
fn states(workdir: &Workdir, file: &str) -> Vec<(String, String)> {
    let text = workdir.read(file);
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let names = csv.headers().unwrap().clone();
    let column = |name| names.iter().position(|own| own == name).unwrap();
    let (email, state) = (column("email"), column("state"));
    csv.records()
        .map(Result::unwrap)
        .map(|row| (row[email].to_owned(), row[state].to_owned()))
        .collect()
}

#[test]
fn a_row_with_a_late_effect_ends_after_the_others() {
    let server = Server::start(
        "--fault veracode.invite:late-effect/502@2:200ms,veracode.invite:late-effect/reset@5:200ms",
    );
    let workdir = Workdir::with_class().with_keys();
    let line = format!("{RUN} --results results.csv --effect-within 30s {}", server.flags());
    let ended = workdir.run(&line);
    assert!(ended.exits(0).err.contains("2 rows are in doubt: checking"), "{ended}");
    assert!(ended.err.contains("30 rows: 27 done, 3 unchanged"), "{ended}");
    assert_eq!(most_invited(&server), 1);
    // In the order of the roster, and with final states only.
    let untroubled = workdir.run(&format!("{RUN} --results untroubled.csv"));
    assert_eq!(untroubled.exits(0).out, ended.out);
    assert_eq!(states(&workdir, "results.csv"), states(&workdir, "untroubled.csv"));
    assert_eq!(workdir.run("resume").exits(0).out, ended.out);
}

#[test]
fn an_unresolved_write_names_the_time_to_resume_and_is_not_repeated_before() {
    let server = Server::start("--fault veracode.invite:500-before@1");
    let workdir = Workdir::with_class().with_keys();
    let flags = format!("--resolve-for 0s --effect-within 4s {}", server.flags());
    let mut ended = workdir.run(&format!("{RUN} --max-rows 2 {flags}"));
    ended.line = format!("{RUN} --max-rows 2");
    crate::snapshot::snapshot("cli", "doubt_to_come_back_to", &ended.exits(1).to_string());
    // Until then a resumed run only checks.
    let early = workdir.run("resume --effect-within 1h");
    assert!(early.exits(1).err.contains("a check is final only after that"), "{early}");
    let late = workdir.run("resume --effect-within 2s --wait");
    assert!(late.exits(0).err.contains("2 rows: 2 done"), "{late}");
    assert_eq!(most_invited(&server), 1);
}

#[test]
fn retries_and_duplicate_rows_never_invite_twice() {
    let sender = "let sender = (); for user in veracode::all_users() { if user.isAdmin { sender = user.id; } }";
    let invite = "veracode::invite(#{ email: row.email, senderId: sender })";
    let retrying = format!("for time in 0..3 {{ try {{ {invite}; break; }} catch {{ () }} }}");
    let roster = "id,email\n1,Bob@x.example\n2,bob@x.example\n";
    for (body, rows) in [(retrying.as_str(), 1), (invite, 2)] {
        let server =
            Server::start("--invite-again --fault veracode.invite:late-effect/500@1:300ms");
        let script = format!("{sender} each(roster(), |row| {{ {body}; #{{}} }});");
        let workdir =
            Workdir::empty().with_keys().with("invite.rhai", script).with("class.csv", roster);
        let flags = format!("--max-rows {rows} --concurrency 1 {}", server.flags());
        let ended = workdir.run(&format!("run invite.rhai --roster class.csv {flags}"));
        assert_eq!(most_invited(&server), 1, "{ended}");
        assert_eq!(ended.err.contains("in-doubt: veracode.invite"), rows == 2, "{ended}");
    }
}

#[test]
fn an_in_doubt_write_outside_of_rows_gets_no_advice_to_run_again() {
    let server = Server::start("--fault veracode.invite:500-before@1");
    let script = "let sender = (); for user in veracode::all_users() { if user.isAdmin { sender = user.id; } }\n\
                  veracode::invite(#{ email: \"new@x.example\", senderId: sender });";
    let workdir = Workdir::empty().with_keys().with("one.rhai", script);
    let ended = workdir.run(&format!("run one.rhai --resolve-for 0s {}", server.flags()));
    assert!(!ended.err.contains("run the script again, or"), "{ended}");
    assert!(ended.err.contains("check in-doubt writes again"), "{ended}");
}

#[test]
fn a_malformed_response_is_requested_again() {
    for shape in ["empty", "object", "message", "null", "kind"] {
        let server = Server::start(&format!("--fault veracode.users:listless/{shape}@1"));
        let workdir = Workdir::with_class().with_keys();
        let ended = workdir.run(&format!("{RUN} --max-rows 2 {}", server.flags()));
        assert!(
            ended.err.contains("does not match the service's documentation"),
            "{shape}: {ended}"
        );
        assert!(server.writes()["veracode.invite"].is_null(), "{shape}");
        let resumed = workdir.run("resume");
        assert!(resumed.exits(0).err.contains("2 rows: 2 done"), "{shape}: {resumed}");
    }
}

#[test]
fn a_response_without_its_list_is_not_an_empty_list() {
    let server = Server::start("--fault veracode.users:listless/message@1");
    let workdir = Workdir::empty().with_keys();
    let ended = workdir.run(&format!("call veracode.users --all {}", server.flags()));
    assert!(ended.exits(1).err.contains("it has no list `users`"), "{ended}");
}

#[test]
fn resume_help_lists_the_in_doubt_flags() {
    check("help_resume", &Workdir::empty(), "resume --help", 0);
}
