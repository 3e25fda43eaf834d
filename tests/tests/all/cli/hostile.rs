//! Whatever services, rosters, scripts and file names hold, none of it takes over a terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::terminal::{On, run};
use crate::workdir::{Ended, Workdir};

/// A colour that is none of ours, a title, a cursor that moves, C1, DEL, backspace, and letters turned around.
const HOSTILE: &str = "x\u{1b}[38;5;99m\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{7f}\u{8}\ry\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{85}z";

/// What is a control character and no colour of ours, as far as it is there.
fn controls(text: &str) -> Vec<String> {
    let ours = regex::Regex::new(r"\x1b\[[0-9;]*m").unwrap();
    let foreign =
        ours.find_iter(text).map(|found| found.as_str()).filter(|text| text.contains("99"));
    let foreign = foreign.map(|text| text.escape_debug().to_string());
    let rest = ours.replace_all(text, "");
    let is_control = |c: &char| match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            true
        }
        c => c.is_control(),
    };
    let found: Vec<_> = rest.chars().filter(is_control).collect();
    foreign.chain(found.iter().map(|c| c.escape_unicode().to_string())).collect()
}

/// Answers every request in this way, as long as the test runs.
fn service(status: u16, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || serve(stream, &answer));
        }
    });
    format!("--on live --thm-url {url} --veracode-url {url}")
}

fn serve(stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(given) = line.to_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink())?;
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

/// A workdir on which everything is hostile that can be.
fn workdir() -> Workdir {
    let rows = format!(
        "//! Says {HOSTILE}\n\
         let what = input(\"what{HOSTILE}\", \"{HOSTILE}\", \"{HOSTILE}\");\n\
         let rows = each(roster(), |row| {{\n\
             note(row.name); print(row.name); warn(row.name);\n\
             if row.email == \"bob@example.com\" {{ throw row.name }}\n\
             thm::add_seat(#{{ email: row.email }});\n\
             #{{ name: row.name }}\n\
         }});\n\
         print(rows.table()); debug(what);",
    );
    let calls = "let users = veracode::users().users; print(users[0].email); print(users);\n\
                 each([\"a\"], |key| veracode::delete_user(#{ id: users[0].id }));\n\
                 header([\"a\"]); line([users[0].email]);";
    let tape = include_str!("../../../cassettes/two_seats.cassette");
    let json = serde_json::Value::from(HOSTILE).to_string();
    Workdir::empty()
        .with_keys()
        .with("rows.rhai", rows)
        .with("calls.rhai", calls)
        .with("plain.rhai", "print(input(\"room\"));")
        .with("throws.rhai", format!("let x = 1; /* {HOSTILE} */ throw \"{HOSTILE}\";"))
        .with("wrong.rhai", format!("let x = \"{HOSTILE}\"; thm::romms(x); // {HOSTILE}"))
        .with("broken.rhai", format!("let x = \"{HOSTILE}\" {HOSTILE};"))
        .with("absent.rhai", format!("let x = #{{ a: 1 }}; print(x[\"{HOSTILE}\"]); import \"{HOSTILE}\" as y;"))
        .with("seat.rhai", format!("thm::add_seat(#{{ email: \"{HOSTILE}@example.com\" }});"))
        .with(&format!("{HOSTILE}.rhai"), format!("throw \"{HOSTILE}\";"))
        .with("class.csv", format!("email,name\nada@example.com,\"{HOSTILE}\"\nbob@example.com,\"{HOSTILE}\"\n"))
        .with("head.csv", format!("email,\"na{HOSTILE}me\"\nada@example.com,x\n"))
        .with("twice.csv", format!("name,email\n\"{HOSTILE}\",a\n\"{HOSTILE}\",b\n"))
        .with("quote.csv", format!("name,email\n\"{HOSTILE},a\n"))
        .with("some.cassette", tape)
        .with("bad.cassette", format!("{{\"event\":\"cassette\",\"version\":1,\"program\":{json}}}\n{{\"event\":{json}}}"))
        .with("bad.har", format!("{{\"log\":{{\"version\":\"1.2\",\"entries\":[{{\"request\":{{\"method\":{json},\"url\":{json}}}}}]}}}}"))
        .with("bad.plan", format!("{{\"{HOSTILE}\":{json}}}\n"))
        .with("tests/a.rhai", format!("print(\"{HOSTILE}\"); thm::users();"))
        .with("tests/a.cassette", tape)
        .with("tests/a.accepted", format!("{HOSTILE}\n"))
        .with(&format!("tests/{HOSTILE}.rhai"), "print(1);")
        .with(&format!("tests/{HOSTILE}.cassette"), tape)
}

/// The views, each with how it is called; `H` stands for something hostile.
const VIEWS: &[&str] = &[
    "run rows.rhai --roster class.csv",
    "run rows.rhai --roster class.csv -v --results results.csv",
    "run rows.rhai --roster class.csv --dry-run -v",
    "run rows.rhai --roster class.csv --format json",
    "run rows.rhai --roster head.csv",
    "run rows.rhai --roster head.csv --key zz",
    "run rows.rhai --roster twice.csv",
    "run rows.rhai --roster quote.csv",
    "run rows.rhai --roster H.csv",
    "run rows.rhai --help",
    "run rows.rhai --roster class.csv --set H=1",
    "run plain.rhai",
    "run plain.rhai --set room=H",
    "run throws.rhai",
    "run throws.rhai --color always",
    "run wrong.rhai --color always",
    "run broken.rhai",
    "run absent.rhai",
    "run seat.rhai",
    "run H.rhai",
    "run H",
    "run seat.rhai --replay some.cassette --color always",
    "run seat.rhai --replay bad.cassette",
    "run seat.rhai --approved bad.plan",
    "run seat.rhai --results no/H.csv",
    "run seat.rhai --log no/H.log",
    "check wrong.rhai broken.rhai H.rhai",
    "cassette show bad.cassette",
    "cassette stats H.cassette",
    "cassette import bad.har -o out.cassette",
    "call thm.users",
    "call thm.add_seat --email H",
    "call thm.H",
    "endpoints H",
    "test tests --color always",
    "test tests --format json",
    "test H",
    "resume H",
    "runs",
    "runs show H",
    "config show --profile H",
    "auth login H",
    "H",
    "run --H",
    "--color always run --H",
];

#[track_caller]
fn is_harmless(ended: &Ended, text: &str) {
    let found = controls(text);
    assert!(found.is_empty(), "{found:?} in {}", ended.to_string().escape_debug());
}

#[test]
fn nothing_hostile_reaches_a_terminal_or_standard_error() {
    let workdir = workdir().setting("TERM", "dumb");
    let mut quoted = 0;
    for view in VIEWS {
        let line = view.replace('H', &HOSTILE.replace(char::is_whitespace, ""));
        let shown = [80, 30].map(|columns| run(&workdir, &line, columns, On::All));
        let shown = [&shown[..], &[workdir.run(&line)]].concat();
        for ended in &shown {
            is_harmless(ended, &ended.err);
        }
        quoted += usize::from(shown.iter().any(|ended| ended.err.contains("\\u00")));
    }
    // Else something else was looked at than what is meant.
    assert!(
        quoted * 5 > VIEWS.len() * 4,
        "only {quoted} of {} views show something hostile",
        VIEWS.len()
    );
}

#[test]
fn no_answer_of_a_service_reaches_a_terminal_or_standard_error() {
    let workdir = workdir().setting("TERM", "dumb");
    let text = serde_json::Value::from(HOSTILE);
    let users = format!(
        "{{\"users\":[{{\"id\":{text},\"email\":{text},\"name\":{text},{text}:1}}],\"nextPage\":null,\"message\":{text}}}"
    );
    for (status, body) in [
        (200, users.as_str()),
        (400, users.as_str()),
        (401, users.as_str()),
        (403, users.as_str()),
        (404, HOSTILE),
        (200, HOSTILE),
        (200, "{\"status\":\"error\",\"message\":\"\\u001b[2J\\u202e\"}"),
    ] {
        let flags = service(status, body);
        for view in [
            "call veracode.users",
            "call veracode.users --all --format csv -v",
            "call veracode.users --format json",
            "run calls.rhai -v --yes",
            "run calls.rhai --format table",
            "run calls.rhai --dry-run -v",
            "auth status --color always",
        ] {
            let line = format!("{view} {flags}");
            let shown = run(&workdir, &line, 80, On::All);
            is_harmless(&shown, &shown.err);
            let piped = workdir.run(&line);
            is_harmless(&piped, &piped.err);
        }
    }
    for view in ["runs", "runs --format json"] {
        let shown = run(&workdir, view, 80, On::All);
        is_harmless(&shown, &shown.err);
    }
    let runs = workdir.run("runs --format csv").exits(0).out.clone();
    for id in runs.lines().skip(1).filter_map(|line| line.split(',').next()) {
        let path = format!("state/drillmaster/runs/{id}.journal");
        for view in [
            format!("runs show {id}"),
            format!("runs show {id} --format json"),
            format!("cassette show {path}"),
            format!("cassette show {path} --full --reveal"),
            format!("cassette stats {path}"),
        ] {
            let shown = run(&workdir, &view, 80, On::All);
            is_harmless(shown.exits(0), &shown.err);
        }
    }
}

#[test]
fn nothing_hostile_is_echoed_line_by_line() {
    let workdir = workdir();
    let lines = format!(
        "print(\"{HOSTILE}\")\n\"{HOSTILE}\"\nthrow \"{HOSTILE}\"\n#{{ \"{HOSTILE}\": 1 }}\n{HOSTILE}\n"
    );
    let piped = workdir.run_with(&lines, "repl");
    is_harmless(&piped, &piped.err);
}

#[test]
fn data_that_a_program_reads_is_exact() {
    let script = format!("print(\"{HOSTILE}\"); header([\"a\"]); line([\"{HOSTILE}\"]);");
    let piped = Workdir::empty().with("say.rhai", script).run("run say.rhai");
    assert_eq!(piped.exits(0).out.matches(HOSTILE).count(), 2, "{}", piped.out.escape_debug());
}

#[test]
fn a_control_character_is_shown_as_its_json_escape() {
    let workdir = Workdir::empty().with("say.rhai", "warn(\"a\\x1b[31mb\"); throw \"c\\u202ed\";");
    let ended = workdir.run("run say.rhai");
    assert!(ended.exits(3).err.contains("a\\u001b[31mb"), "{ended}");
    assert!(ended.err.contains("c\\u202ed"), "{ended}");
}
