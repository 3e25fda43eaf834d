//! The guide: the commands on the pages of `docs/guide` are run, and their output must be as shown.
//!
//! A fenced block is a file to create (```` ```rhai hello.rhai ````), or commands with their output (```` ```console ````,
//! with `exit=N` if the last one exits with another code than 0). Rust is tested where the page is a crate's
//! documentation. `DRILLMASTER_GUIDE=write` updates the pages; then read `git diff docs/guide`.

use std::fmt::Write as _;
use std::path::Path;

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};
use regex::Regex;

use crate::desk::Desk;
use crate::server::Server;

const CLASS_REPORT: &str = include_str!("../../../scripts/class_report.rhai");

/// The address of the sandbox on the pages.
const ADDRESS: &str = "127.0.0.1:8080";

#[test]
fn first_class() {
    check("first-class");
}

#[test]
fn your_own_script() {
    check("your-own-script");
}

#[test]
fn live_services() {
    check("live-services");
}

#[test]
fn recordings() {
    check("recordings");
}

#[test]
fn when_something_went_wrong() {
    check("when-something-went-wrong");
}

#[test]
fn every_page_is_tested() {
    let tested = include_str!("guide.rs");
    for page in std::fs::read_dir(folder()).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
        let shows_commands = std::fs::read_to_string(&page).unwrap().contains("```console");
        assert!(!shows_commands || tested.contains(&format!("check(\"{name}\")")), "{name}");
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide"))
}

#[track_caller]
fn check(name: &str) {
    let path = folder().join(name).with_extension("md");
    let page = std::fs::read_to_string(&path).unwrap();
    let typed = Typist::new().page(&page);
    if std::env::var_os("DRILLMASTER_GUIDE").is_some_and(|mode| mode == "write") {
        std::fs::write(path, typed).unwrap();
    } else {
        let help = "if the change is right, update the page with DRILLMASTER_GUIDE=write";
        assert!(page == typed, "{name}: {help}\n{}", diff(&page, &typed));
    }
}

fn diff(page: &str, typed: &str) -> String {
    similar::TextDiff::from_lines(page, typed).unified_diff().header("page", "output").to_string()
}

/// Runs the commands of a page.
struct Typist {
    desk: Desk,
    server: Option<Server>,
    stable: Vec<(Regex, &'static str)>,
}

impl Typist {
    fn new() -> Self {
        let desk = Desk::with_class().with("class_report.rhai", CLASS_REPORT);
        let stable = [
            (r"\b\d{8}-\d{6}-[0-9a-f]{4}\b", "20261123-090000-1a2b"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-11-23 09:00 UTC"),
            (r"drillmaster-under-test(\.exe)?", "drillmaster"),
        ];
        let stable = stable.map(|(pattern, text)| (Regex::new(pattern).unwrap(), text)).into();
        Self { desk, server: None, stable }
    }

    /// The page with the actual output of its commands.
    fn page(&mut self, page: &str) -> String {
        let mut typed = String::new();
        let mut lines = page.split_inclusive('\n');
        while let Some(line) = lines.next() {
            typed.push_str(line);
            let Some(info) = line.trim_end().strip_prefix("```") else { continue };
            let block: String =
                lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
            match info.split_once(' ').unwrap_or((info, "")) {
                ("console", exit) => typed.push_str(&self.console(&block, exit)),
                (_, "") => typed.push_str(&block),
                (_, file) => {
                    std::fs::write(self.desk.path(file), self.address(&block)).unwrap();
                    typed.push_str(&block);
                }
            }
            typed.push_str("```\n");
        }
        typed
    }

    fn console(&mut self, block: &str, exit: &str) -> String {
        let commands: Vec<_> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
        let mut typed = String::new();
        for (index, command) in commands.iter().enumerate() {
            writeln!(typed, "$ {command}").unwrap();
            let is_last = index + 1 == commands.len();
            let code = exit.strip_prefix("exit=").filter(|_| is_last).unwrap_or("0");
            typed.push_str(&self.command(command, code.parse().unwrap()));
        }
        typed
    }

    /// The output of a command.
    fn command(&mut self, command: &str, exit: i32) -> String {
        if let Some(setting) = command.strip_prefix("export ") {
            let (name, value) = setting.split_once('=').unwrap();
            assert!([THM_KEY, VERACODE_KEY, "mistyped:key"].contains(&value), "{command}");
            let name = ["DRILLMASTER_THM_KEY", "DRILLMASTER_VERACODE_KEY"]
                .into_iter()
                .find(|known| *known == name);
            self.desk.set(name.unwrap(), value);
            return String::new();
        }
        let line = command.strip_prefix("drillmaster ").unwrap_or_else(|| panic!("{command}"));
        if let Some(flags) = line.strip_prefix(&format!("sandbox --listen {ADDRESS}")) {
            let flags = flags.strip_suffix('&').unwrap_or_else(|| panic!("{command}"));
            self.server = Some(Server::start(flags));
            return format!("listening on http://{ADDRESS}\n");
        }
        let ended = match line.split_once(" < ") {
            Some((line, file)) => self.desk.run_with(&self.desk.read(file), &self.address(line)),
            None => self.desk.run(&self.address(line)),
        };
        ended.exits(exit);
        let mut seen = format!("{}{}", ended.out, ended.err);
        if let Some(server) = &self.server {
            seen = seen.replace(server.url.trim_start_matches("http://"), ADDRESS);
        }
        for (pattern, text) in &self.stable {
            seen = pattern.replace_all(&seen, *text).into_owned();
        }
        seen
    }

    /// The text with the real address of the sandbox.
    fn address(&self, text: &str) -> String {
        match &self.server {
            Some(server) => text.replace(ADDRESS, server.url.trim_start_matches("http://")),
            None => text.to_owned(),
        }
    }
}
