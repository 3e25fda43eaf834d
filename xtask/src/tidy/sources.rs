//! Rules that can be told from one file.

use drillmaster_models::SERVICES;

use super::{Finding, patterns};

/// Lines that a Rust file may have. Aim at two thirds of it.
const MOST_LINES: usize = 600;

/// Macros that mark unfinished work.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Folders at the root of a machine that are somebody's own.
const MACHINE_FOLDERS: [&str; 4] = ["root", "home", "work", "Users"];

/// Where service names are not matched on either.
const BLIND: [&str; 2] = ["crates/runner/", "crates/transport/"];

/// The one file that writes to standard output and standard error, where what others wrote is made harmless.
const CONSOLE: &str = "crates/runner/src/console.rs";
/// Macros that write there by themselves.
const PRINTING: [&str; 4] = ["print", "println", "eprint", "eprintln"];
/// What else does.
const STREAMS: [&str; 5] = ["stdout()", "stderr()", "print()", "ProgressDrawTarget", "rpassword"];

/// Applies the rules to a file, known by its path from the root.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = machine_paths(path, text);
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "Cargo.toml" {
        findings.extend(lints(path, text));
    }
    if let Some((_, "rs")) = name.rsplit_once('.') {
        findings.extend(length(path, text));
        findings.extend(rust(path, text));
    }
    findings
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let problem = format!("{lines} lines, where {MOST_LINES} is the most; split the file");
    (lines > MOST_LINES).then(|| Finding::new(path, MOST_LINES + 1, problem))
}

fn rust(path: &str, text: &str) -> Vec<Finding> {
    let stream = match patterns::tokens(text) {
        Ok(stream) => stream,
        Err(problem) => return vec![Finding::new(path, 1, problem)],
    };
    let named = patterns::texts(&stream).into_iter().filter(|(_, text)| names(path, text)).map(
        |(line, text)| {
            let problem =
                format!("a `match` names `{text}`; put what differs into the declaration as data");
            Finding::new(path, line, problem)
        },
    );
    let macros = patterns::macros(&stream);
    let unfinished = macros
        .iter()
        .filter(|(_, name)| UNFINISHED.contains(&name.as_str()))
        .map(|(line, name)| Finding::new(path, *line, format!("`{name}!` is left; finish it")));
    let printing = macros.iter().filter(|(_, name)| PRINTING.contains(&name.as_str()));
    let printing = printing.map(|(line, name)| (*line, format!("{name}!")));
    let printing = printing.chain(patterns::uses(&stream, &STREAMS)).filter(|_| is_quiet(path));
    let printing = printing.map(|(line, name)| {
        Finding::new(path, line, format!("`{name}` writes to a terminal; let {CONSOLE} do it"))
    });
    named.chain(unfinished).chain(printing).collect()
}

/// Whether a file is to write to no stream of the process by itself: all of our crates, but not their examples.
fn is_quiet(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/") && path != CONSOLE
}

/// Whether the text names an endpoint, or in some folders a service.
fn names(path: &str, text: &str) -> bool {
    let is_blind = BLIND.iter().any(|folder| path.starts_with(folder));
    SERVICES.iter().any(|service| match text.strip_prefix(service.name) {
        Some("") => is_blind,
        Some(rest) => rest.starts_with('.') || rest.starts_with("::"),
        None => false,
    })
}

fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let needle = format!("/{folder}/");
            let begins = |(at, _): (usize, &str)| {
                // Within an address or a longer path it is something else.
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !".-_~}".contains(c))
            };
            if line.match_indices(&needle).any(begins) {
                let problem = format!("`{needle}…` is a path of one machine; make it relative");
                findings.push(Finding::new(path, index + 1, problem));
            }
        }
    }
    findings
}

fn lints(path: &str, text: &str) -> Option<Finding> {
    // The workspace's own manifest has no package.
    let is_package = text.lines().any(|line| line.trim() == "[package]");
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    let inherits = lines.next() == Some("workspace = true");
    let problem = "the workspace's lints are not inherited; add `[lints]` with `workspace = true`";
    (is_package && !inherits).then(|| Finding::new(path, 1, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_entry_in_a_match_is_found() {
        let source = "fn f() {\n match x {\n \"thm.rooms\" => 1,\n _ => 2 }\n}";
        let problem = "crates/sandbox/src/a.rs:3: a `match` names `thm.rooms`; put what differs \
                       into the declaration as data";
        assert_eq!(found("crates/sandbox/src/a.rs", source), [problem]);
    }

    #[test]
    fn a_service_in_a_match_is_found_in_the_runner() {
        let source = "fn f() { match x { \"thm\" => 1, _ => 2 } }";
        assert_eq!(found("crates/runner/src/a.rs", source).len(), 1);
        assert!(found("crates/sandbox/src/a.rs", source).is_empty());
    }

    #[test]
    fn an_entry_elsewhere_is_fine() {
        assert!(found("crates/runner/src/a.rs", "fn f() { call(\"thm.rooms\") }").is_empty());
        assert!(found("a.rs", "fn f() { match x { \"thmx\" => 1, _ => 2 } }").is_empty());
    }

    #[test]
    fn unfinished_work_is_found() {
        let call = format!("fn f() {{ {}!() }}", "todo");
        assert_eq!(found("a.rs", &call), ["a.rs:1: `todo!` is left; finish it"]);
        assert!(found("a.rs", "/// Is there a `todo!()`?\nfn f() {}").is_empty());
    }

    #[test]
    fn what_writes_to_a_terminal_is_found_outside_of_the_console() {
        for call in ["println!(\"x\")", "io::stderr().lock()", "error.print()"] {
            let source = format!("fn f() {{ {call} }}");
            assert_eq!(found("crates/sandbox/src/a.rs", &source).len(), 1, "{call}");
            for path in [CONSOLE, "crates/thm/examples/a.rs", "xtask/src/a.rs"] {
                assert!(found(path, &source).is_empty(), "{path}: {call}");
            }
        }
        assert!(found("crates/runner/src/a.rs", "fn f() { console.print(\"x\") }").is_empty());
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(found("a.md", &format!("see `/{folder}/x`")).len(), 1);
            assert!(found("a.md", &format!("see https://x.org/{folder}/x")).is_empty());
        }
    }

    #[test]
    fn a_long_file_is_found() {
        let line = "// a line\n";
        assert!(found("a.rs", &line.repeat(MOST_LINES)).is_empty());
        assert_eq!(found("a.rs", &line.repeat(MOST_LINES + 1)).len(), 1);
    }

    #[test]
    fn a_crate_of_its_own_lints_is_found() {
        let inherits = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        assert!(found("a/Cargo.toml", inherits).is_empty());
        assert!(found("Cargo.toml", "[workspace]\nmembers = []\n").is_empty());
        assert_eq!(found("a/Cargo.toml", "[package]\nname = \"a\"\n").len(), 1);
    }
}
