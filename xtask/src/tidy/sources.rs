//! Rules that one file shows.

use std::path::Path;

use drillmaster_models::SERVICES;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;

/// Lines that a Rust file may have. Aim at two thirds of it.
const MOST_LINES: usize = 600;

/// Macros that mark unfinished work.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Folders at the root of a machine that are somebody's own.
const MACHINE_FOLDERS: [&str; 4] = ["root", "home", "work", "Users"];

/// Where service names are not matched on either.
const BLIND: [&str; 2] = ["crates/runner/", "crates/transport/"];

/// The one file that writes to standard output and standard error, where what others wrote is made harmless.
const CONSOLE: &str = "crates/cli/src/console.rs";
/// Macros that write there by themselves.
const PRINTING: [&str; 4] = ["print", "println", "eprint", "eprintln"];
/// Functions without arguments that give a stream of the process.
const STREAMS: [&str; 2] = ["stdout", "stderr"];
/// Names of other crates that write to a terminal.
const TERMINALS: [&str; 2] = ["ProgressDrawTarget", "rpassword"];

/// Applies the rules to a file, known by its path from the root.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = machine_paths(path, text);
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "Cargo.toml" {
        findings.extend(lints(path, text));
    }
    if is_rust(path) {
        findings.extend(length(path, text));
        findings.extend(rust(path, text));
    }
    findings
}

/// Whether a file is Rust source.
pub(super) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let problem = format!("{lines} lines, where {MOST_LINES} is the most; split the file");
    (lines > MOST_LINES).then(|| Finding::new(path, MOST_LINES + 1, problem))
}

fn rust(path: &str, text: &str) -> Vec<Finding> {
    match syn::parse_file(text) {
        Ok(file) => {
            let mut source = Source { path, findings: Vec::new(), in_pattern: false };
            source.visit_file(&file);
            source.findings
        }
        Err(error) => {
            let line = error.span().start().line;
            vec![Finding::new(path, line, format!("cannot be read as Rust: {error}"))]
        }
    }
}

/// A Rust file that is looked through.
struct Source<'a> {
    path: &'a str,
    findings: Vec<Finding>,
    in_pattern: bool,
}

impl Source<'_> {
    fn find(&mut self, at: &impl Spanned, problem: String) {
        self.findings.push(Finding::new(self.path, at.span().start().line, problem));
    }

    fn find_printing(&mut self, at: &impl Spanned, name: &str) {
        if is_quiet(self.path) {
            self.find(at, format!("`{name}` writes to a terminal; let {CONSOLE} do it"));
        }
    }
}

impl<'ast> Visit<'ast> for Source<'_> {
    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        let outer = std::mem::replace(&mut self.in_pattern, true);
        visit::visit_pat(self, pattern);
        self.in_pattern = outer;
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        if self.in_pattern && names(self.path, &text.value()) {
            let problem = format!(
                "a `match` names `{}`; put what differs into the declaration as data",
                text.value()
            );
            self.find(text, problem);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let Some(name) = called.path.get_ident().map(ToString::to_string) else { return };
        if UNFINISHED.contains(&name.as_str()) {
            self.find(called, format!("`{name}!` is left; finish it"));
        } else if PRINTING.contains(&name.as_str()) {
            self.find_printing(called, &format!("{name}!"));
        }
        // What stands in a macro is looked through where it reads as expressions, or as an expression and a pattern.
        if name == "matches" {
            let parts = called.parse_body_with(|input: syn::parse::ParseStream<'_>| {
                let value: syn::Expr = input.parse()?;
                input.parse::<syn::Token![,]>()?;
                let pattern = syn::Pat::parse_multi_with_leading_vert(input)?;
                input.parse::<proc_macro2::TokenStream>()?;
                Ok((value, pattern))
            });
            if let Ok((value, pattern)) = parts {
                self.visit_expr(&value);
                self.visit_pat(&pattern);
            }
        } else if let Ok(parts) = called.parse_body_with(
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated,
        ) {
            parts.iter().for_each(|part| self.visit_expr(part));
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && let Some(last) = function.path.segments.last()
            && call.args.is_empty()
            && STREAMS.iter().any(|name| last.ident == name)
        {
            self.find_printing(call, &format!("{}()", last.ident));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "print" && call.args.is_empty() {
            self.find_printing(call, "print()");
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_ident(&mut self, name: &'ast proc_macro2::Ident) {
        if TERMINALS.iter().any(|own| name == own) {
            self.find_printing(name, &name.to_string());
        }
    }
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
    fn an_endpoint_in_a_match_is_found() {
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
    fn an_endpoint_in_a_nested_pattern_is_found() {
        for source in [
            "fn f() { match x { \"a\" | \"thm.rooms\" => 1 } }",
            "fn f() { match x { Some(Y { name: \"thm.rooms\", .. }) => 1 } }",
            "fn f() { matches!(x, \"a\" | \"thm.rooms\") }",
            "fn f() { if let \"thm.rooms\" = x {} }",
        ] {
            assert_eq!(found("a.rs", source).len(), 1, "{source}");
        }
    }

    #[test]
    fn an_endpoint_elsewhere_is_fine() {
        assert!(found("crates/runner/src/a.rs", "fn f() { call(\"thm.rooms\") }").is_empty());
        assert!(found("a.rs", "fn f() { match x { \"thmx\" => 1, _ => 2 } }").is_empty());
        assert!(found("a.rs", "fn f() { match x { _ => \"thm.rooms\" } }").is_empty());
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
