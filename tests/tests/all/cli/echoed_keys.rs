//! A service that echoes API keys in many encodings: the keys get into no file and no stream.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::workdir::{Ended, Workdir};

/// Keys in the form that the services use.
const THM_KEY: &str = "qZ7/w3Xk+9vBt1LmR0sDf6/HyUeAa5+cN2oPgJi8";
const VERACODE_KEY: &str = "5f3c9a7be1d04826:D41c7730b9ae52f86c0f1e9d3b7a4856e2c8f0a19b6d";

const MASK: &str = "[credential]";

const ASKS: &str = r#"
//! Calls both services, which echo the key.
for rooms in [thm::rooms(), veracode::roles()] { print(rooms); }
let ended = each(roster(), |row| {
    note(`asks for ${row.kind}`);
    if row.service == "thm" { #{ told: thm::scoreboard(#{ roomCode: row.kind }) } }
    else { #{ told: veracode::role_progress(#{ id: row.kind }) } }
});
for row in ended { warn(`${row.key}: ${row.detail}`); print(row); }
report(#{ title: `${thm::rooms().roomInfo[0].title}`, needs: [#{
    who: `${veracode::roles()[0].name}`,
    what: `${thm::rooms().roomInfo[0].title}`,
    link: thm::rooms().roomInfo[0].link,
}] });
"#;

const ROWS: &str = "row,service,kind\n1,thm,fine\n2,thm,refused\n3,thm,page\n4,thm,moved\n5,veracode,fine\n\
                    6,veracode,refused\n7,veracode,page\n8,veracode,moved\n9,thm,broken\n";

fn each(text: &str, is_meant: fn(usize, u8) -> bool, write: fn(u8) -> String) -> String {
    let place = |(at, byte): (usize, u8)| {
        if is_meant(at, byte) { write(byte) } else { char::from(byte).to_string() }
    };
    text.bytes().enumerate().map(place).collect()
}

/// A key in all encodings that fit into a JSON string.
fn spellings(key: &str) -> Vec<String> {
    let sign = |_: usize, byte: u8| !byte.is_ascii_alphanumeric();
    vec![
        key.to_owned(),
        key.replace('/', "\\/"),
        each(key, sign, |byte| format!("\\u{byte:04x}")),
        each(key, |at, _| at % 3 == 1, |byte| format!("\\u{byte:04X}")),
        each(key, |_, _| true, |byte| format!("\\u{byte:04x}")),
        each(key, sign, |byte| format!("%{byte:02X}")),
        each(key, sign, |byte| format!("%{byte:02x}")),
        each(key, |_, byte| b"+:".contains(&byte), |byte| format!("%{byte:02x}")),
        each(key, sign, |byte| format!("&#x{byte:x};")),
        each(key, sign, |byte| format!("&#{byte};")),
        key.replace('/', "&sol;").replace('+', "&plus;").replace(':', "&colon;"),
        BASE64_STANDARD.encode(key),
        BASE64_STANDARD_NO_PAD.encode(format!("k={key}")),
        BASE64_URL_SAFE_NO_PAD.encode(format!("to {key}, once")),
        key.to_lowercase(),
        key.to_uppercase(),
    ]
}

/// A service that echoes the key of its caller.
fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || attend(&stream.unwrap()));
        }
    });
    url
}

fn attend(stream: &TcpStream) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if lines.read_line(&mut head).unwrap_or_default() == 0 {
                return;
            }
        }
        let value = |name: &str| {
            let mut headers = head.lines().filter_map(|line| line.split_once(": "));
            headers
                .find(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        let length = value("content-length").map_or(0, |length| length.parse().unwrap());
        lines.read_exact(&mut vec![0; length]).unwrap();
        let key = value("THM-API-KEY").or_else(|| value("auth")).unwrap_or_default();
        let path = head.split(' ').nth(1).unwrap_or_default();
        (&mut &*stream).write_all(&answer(path, &key)).unwrap();
    }
}

fn answer(path: &str, key: &str) -> Vec<u8> {
    let all = spellings(key);
    let echo = all.join(" | ");
    let (link, place) = (&all[6], &all[7]);
    let json = "application/json";
    let (status, kind, body) = match path {
        path if path.contains("refused") => (
            "400 Bad Request",
            json,
            format!(r#"{{"status": "error", "message": "you sent {echo}", "{}": 1}}"#, all[4]),
        ),
        path if path.contains("page") => {
            ("404 Not Found", "text/html", format!("<html>\n<p>{echo} \"{key}\"</p>\n</html>"))
        }
        path if path.contains("moved") => ("302 Found", "text/html", echo),
        path if path.contains("broken") => {
            ("400 Bad Request", "text/plain", format!("odd: {echo}\u{ff}"))
        }
        path if path.contains("rooms") => (
            "200 OK",
            json,
            format!(
                r#"{{"roomInfo": [{{"code": "fine", "title": "{echo}", "link": "https://x.example/?k={link}",
                     "{}": {{"apiKey": "{key}"}}}}], "debug": "{}"}}"#,
                all[3], all[13]
            ),
        ),
        path if path.contains("progress") => {
            ("200 OK", json, format!(r#"[{{"id": "fine", "name": "{echo}", "users": []}}]"#))
        }
        path if path.contains("roles") => {
            ("200 OK", json, format!(r#"[{{"id": "fine", "name": "{echo}", "users": []}}]"#))
        }
        _ => (
            "200 OK",
            json,
            format!(
                r#"{{"status": "success", "data": [{{"username": "{echo}", "{}": [1]}}]}}"#,
                all[2]
            ),
        ),
    };
    // Two chunks, so that some key is split.
    let (start, end) =
        body.split_at(body.len() / 2 - usize::from(!body.is_char_boundary(body.len() / 2)));
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: /next?key={place}&then={link}\r\n\
         x-ratelimit-scope: {key}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len(),
    )
    .into_bytes()
}

/// All files in a folder.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for endpoint in std::fs::read_dir(folder).unwrap() {
        let path = endpoint.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            all.push((path.display().to_string(), text));
        }
    }
    all
}

#[track_caller]
fn no_key_in(what: &str, text: &str) {
    let small = text.to_lowercase();
    let (id, secret) = VERACODE_KEY.split_once(':').unwrap();
    for key in [THM_KEY, VERACODE_KEY, id, secret] {
        for spelling in spellings(key) {
            // JSON escapes backslashes.
            let again = spelling.replace('\\', "\\\\");
            for spelling in [spelling, again] {
                assert!(
                    !small.contains(&spelling.to_lowercase()),
                    "{spelling} is in {what}:\n{text}"
                );
            }
        }
    }
}

#[test]
fn an_echoed_key_is_in_no_file_and_no_stream() {
    let url = echoing();
    let live = format!("--on live --thm-url {url} --veracode-url {url}");
    let workdir = Workdir::empty()
        .with("asks.rhai", ASKS)
        .with("rows.csv", ROWS)
        .setting("DRILLMASTER_THM_KEY", THM_KEY)
        .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY);
    let run = format!("run asks.rhai --roster rows.csv --yes {live}");
    let mut streams: Vec<Ended> = vec![workdir.run(&format!(
        "{run} -v --log log.jsonl --journal run.journal --results results.csv --record run.cassette \
         --report page.html --report table.csv --report data.json"
    ))];
    for line in [
        &*format!("{run} --results results.jsonl --append more.cassette --format csv"),
        &format!("{run} --verify run.cassette --results third.csv"),
        &format!("{run} --dry-run --plan plan.json"),
        "run asks.rhai --roster rows.csv --replay run.cassette --results fourth.csv",
        &format!("resume run.journal --failed {live}"),
        "runs",
        "runs show run.journal",
        "runs show run.journal --format json",
        "cassette seal run.journal -o sealed.cassette",
        "cassette show run.journal --full",
        "cassette show run.cassette",
        "cassette export run.cassette -o run.har",
        "cassette export run.journal -o journal.har",
        "cassette verify run.cassette",
        &format!("call thm.rooms {live}"),
        &format!("call thm.rooms --format json {live} -v"),
        &format!("call thm.rooms --all --format csv {live}"),
        &format!("call veracode.roles {live}"),
        &format!("call veracode.role_progress --id refused {live}"),
        &format!("call thm.scoreboard --room-code refused {live}"),
        &format!("call thm.scoreboard --room-code page {live}"),
        &format!("call thm.scoreboard --room-code moved {live}"),
        &format!("auth status --format json --thm-url {url} --veracode-url {url}"),
    ] {
        streams.push(workdir.run(line));
    }
    let said = "let rooms = thm::rooms();\nprint(rooms);\nthm::scoreboard(#{ roomCode: \"refused\" })\nveracode::roles()\n";
    streams.push(workdir.run_with(said, &format!("repl {live}")));
    for ended in &streams {
        println!("{ended}");
        no_key_in(&ended.line, &ended.out);
        no_key_in(&ended.line, &ended.err);
    }
    let files = files(&workdir.path(""));
    for (path, text) in &files {
        no_key_in(path, text);
    }
    // The mask shows that a key was there. In a cassette the mask itself is redacted, because it is in the query of a
    // `location`.
    for (file, sign) in [
        ("run.journal", MASK),
        ("results.csv", MASK),
        ("results.jsonl", MASK),
        ("page.html", MASK),
        ("table.csv", MASK),
        ("data.json", MASK),
        ("run.cassette", "token-0001"),
        ("sealed.cassette", "token-0001"),
        ("more.cassette", "token-0001"),
        ("run.har", "token-0001"),
    ] {
        assert!(workdir.read(file).contains(sign), "nothing was masked in {file}");
    }
    assert!(files.iter().any(|(path, _)| path.ends_with("log.jsonl")));
    assert!(streams[0].out.contains(MASK) && streams[0].err.contains(MASK));
}

/// The leak check before a cassette is written, for journals and for imported recordings.
#[test]
fn a_recording_that_contains_a_key_is_not_sealed() {
    let cassette = |key: &str| {
        let header = r#"{"event": "cassette", "version": 1, "program": "another"}"#;
        let value = format!(
            r#"{{"event": "value", "scope": "main", "ordinal": 0, "name": "random", "value": ["told {key}"]}}"#
        );
        format!("{header}\n{value}\n{{\"event\": \"end\", \"interactions\": 0}}\n")
    };
    for key in [THM_KEY, VERACODE_KEY] {
        for spelling in spellings(key) {
            let workdir = Workdir::empty().with("found.cassette", cassette(&spelling));
            let workdir = workdir
                .setting("DRILLMASTER_THM_KEY", THM_KEY)
                .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY);
            let ended = workdir.run("cassette seal found.cassette -o shared.cassette");
            assert!(
                ended
                    .exits(2)
                    .err
                    .contains("the value 0 of `main`: it contains the API key of a service"),
                "{ended}"
            );
            no_key_in(&ended.line, &ended.err);
            assert!(!workdir.path("shared.cassette").exists());
        }
    }
    let workdir = Workdir::empty().with("found.cassette", cassette("nothing"));
    let workdir = workdir.setting("DRILLMASTER_THM_KEY", THM_KEY);
    workdir.run("cassette seal found.cassette -o shared.cassette").exits(0);
}
