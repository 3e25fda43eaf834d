use std::path::Path;
use std::sync::Arc;

use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::Connection;

use super::{Session, continues, is_closed, is_unfinished};
use drillmaster_runner::output::Discard;
use drillmaster_runner::run::Job;

/// A session with an academy in which nothing goes wrong.
struct Talk {
    session: Session,
    connection: Connection,
    runtime: tokio::runtime::Runtime,
}

impl Talk {
    fn new() -> Self {
        Self {
            session: Session::new(Path::new("repl")),
            connection: Connection::new(Sandbox::new(Options {
                learners: 50,
                seats: 30,
                ..Options::default()
            })),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    /// The value of a line, or its error.
    fn say(&mut self, line: &str) -> String {
        let script = match self.session.read(line) {
            Ok(script) => script,
            Err(problem) => return problem.to_string(),
        };
        if let Err(problems) = script.check() {
            return problems[0].to_string();
        }
        let job = Job {
            inputs: script.take_inputs(&[]).unwrap(),
            ..Job::new(self.connection.clone(), Arc::new(Discard))
        };
        let report = self.session.run(&script, job, self.runtime.handle());
        report.problem.map_or_else(|| report.value.to_string(), |problem| problem.to_string())
    }

    #[track_caller]
    fn completes(&self, text: &str, names: &[&str]) {
        let (start, candidates) = self.session.complete(text);
        let found: Vec<_> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(found, names, "{text}");
        assert!(names.iter().all(|name| name.starts_with(&text[start..])), "{text}");
    }
}

#[test]
fn what_a_line_declares_is_there_for_the_next() {
    let mut talk = Talk::new();
    assert_eq!(talk.say("let a = 20;"), "");
    assert_eq!(talk.say("fn twice(x) { 2 * x }"), "");
    assert_eq!(talk.say("const B = 1;"), "");
    assert_eq!(talk.say("let add = |x| x + a + B;"), "");
    assert_eq!(talk.say("twice(a) + add.call(1)"), "62");
    assert_eq!(talk.say("a += 1; a"), "21");
    assert_eq!(talk.say("[1, 2].map(|x| twice(x)).len()"), "2");
    assert_eq!(talk.say("let a = \"b\"; a"), "b");
    assert_eq!(talk.say("fn twice(x) { x + x + 1 } twice(2)"), "5");
}

#[test]
fn a_line_that_goes_wrong_leaves_the_rest_as_it_was() {
    let mut talk = Talk::new();
    talk.say("let a = 1;");
    assert!(talk.say("let b = ;").starts_with("repl:2:9: "));
    assert!(talk.say("a += nothing").starts_with("repl:3:6: "));
    assert!(talk.say("throw \"no\"").starts_with("repl:4:1: no"));
    assert!(talk.say("prnt(a)").contains("repl:5:1: there is no function `prnt` (did you mean"));
    assert_eq!(talk.say("a"), "1");
}

#[test]
fn an_error_in_a_function_is_told_where_it_was_said() {
    let mut talk = Talk::new();
    talk.say("let a = 1;");
    talk.say("fn check(x) {\n    throw \"not \" + x;\n}");
    assert!(talk.say("check(a)").starts_with("repl:3:5: not 1"));
}

#[test]
fn an_import_is_there_for_the_next_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.rhai"), "fn hello() { 42 }").unwrap();
    let mut talk = Talk::new();
    talk.session = Session::new(&folder.path().join("repl"));
    assert_eq!(talk.say("import \"words\" as words;"), "");
    assert_eq!(talk.say("let a = 1;"), "");
    assert_eq!(talk.say("words::hello() + a"), "43");
    assert_eq!(talk.say("fn again() { words::hello() }"), "");
    assert_eq!(talk.say("again()"), "42");
}

#[test]
fn calls_and_rows_are_made() {
    let mut talk = Talk::new();
    talk.say("let rooms = thm::rooms().roomInfo;");
    assert_eq!(talk.say("rooms.len() > 0"), "true");
    assert_eq!(talk.say("let rows = each([1, 2], |x| #{ twice: x * 2 });"), "");
    assert_eq!(talk.say("rows.done().len()"), "2");
    assert_eq!(talk.say("input(\"room\", \"a room\", \"linux1\")"), "linux1");
}

#[test]
fn what_is_open_goes_on() {
    for open in [
        "if true {",
        "each(roster(), |row| {",
        "thm::rooms(",
        "#{ a: 1,",
        "let a =",
        "print(`two",
        "1 +",
        "try { }",
        "/* so",
        "fn twice(x)",
        "do { }",
        "[1,",
        "for x in",
        "`${1 +",
        "let a = #{",
    ] {
        assert!(is_unfinished(open), "{open}");
    }
    for whole in [
        "",
        "1",
        "let a = 1",
        "let a = 1;",
        "print(\"a",
        "if true { }",
        ")",
        "1 + )",
        "// so {",
        "/* so */",
        "print(`two\nlines`)",
        "a b",
        "let = 1",
    ] {
        assert!(!is_unfinished(whole), "{whole}");
    }
}

#[test]
fn every_beginning_of_a_block_is_unfinished() {
    let script = include_str!("../../../../../scripts/onboard_class.rhai");
    let lines: Vec<&str> = script.lines().collect();
    let each = lines.iter().position(|line| line.contains("each(roster()")).unwrap();
    let end = each + lines[each..].iter().position(|line| line.starts_with('}')).unwrap();
    for behind in each + 1..=end {
        assert!(is_unfinished(&lines[each..behind].join("\n")), "up to {}", lines[behind - 1]);
    }
    assert!(!is_unfinished(&lines[each..=end].join("\n")));
}

#[test]
fn a_dot_at_the_beginning_of_a_line_goes_on() {
    for more in ["  .len()", "else { 1 }", "?.a", "catch (e) { }", "&& b", "|| b", "?? 1"] {
        assert!(continues(more), "{more}");
    }
    for other in ["", "a", "let a = 1;", "// .", "}", "[1]"] {
        assert!(!continues(other), "{other}");
    }
    assert!(is_closed("let a = 1; // so") && is_closed("") && !is_closed("a"));
}

#[test]
fn services_entries_and_fields_are_completed() {
    let talk = Talk::new();
    talk.completes("let a = thm::ro", &["rooms", "room_exists"]);
    talk.completes("for u in veracode::all_users_", &["all_users_details"]);
    talk.completes("thm::scoreboard(#{ ", &["roomCode"]);
    talk.completes("thm::authenticate(#{ extUserId: row.id, roo", &["roomCode"]);
    talk.completes("veracode::all_users_details(#{ li", &["limit"]);
    talk.completes("thm::authenticate(#{ extUserId: input(\"a\", now", &["now"]);
    talk.completes("print(\"thm::ro", &[]);
    talk.completes("nobody::", &[]);
    let (at, fields) = talk.session.complete("thm::scoreboard(#{ ro");
    assert_eq!((at, fields[0].text.as_str()), (19, "roomCode: "));
}

#[test]
fn words_variables_and_their_fields_are_completed() {
    let mut talk = Talk::new();
    talk.say("let rooster = #{ house: #{ hens: 12, hay: 3 } };");
    talk.say("fn roast(x) { x }");
    talk.completes("roa", &["roast"]);
    talk.completes("print(roo", &["rooster"]);
    talk.completes("ros", &["roster"]);
    talk.completes("unch", &["unchanged"]);
    talk.completes("vera", &["veracode"]);
    talk.completes("rooster.ho", &["house"]);
    talk.completes("rooster.house.h", &["hay", "hens"]);
    talk.completes("[1].to_js", &["to_json"]);
}
