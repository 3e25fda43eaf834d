//! `docs/commands.md`: the help of every command. `docs/scripts.md`: what each shipped script does.

use std::fmt::Write as _;
use std::fs;

use clap::Command;

use crate::{Outcome, repository};

const HEADING: &str = "# Commands

The help of every command, as `drillmaster help COMMAND` prints it. The 26 subcommands of `call` are described in
[endpoints.md](endpoints.md).
";

/// The help of all commands as Markdown.
pub(super) fn commands() -> String {
    let mut page = HEADING.to_owned();
    add(&mut page, &drillmaster::command().term_width(100), "");
    page
}

fn add(page: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name()).trim_start().to_owned();
    let help = command.clone().bin_name(&name).render_long_help().to_string();
    // Writing to a text cannot fail.
    let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.trim_end());
    if command.get_name() == "call" {
        return;
    }
    for subcommand in command.get_subcommands().filter(|own| own.get_name() != "help") {
        add(page, subcommand, &name);
    }
}

/// The first lines of each script's header as Markdown.
pub(super) fn scripts() -> Outcome<String> {
    let mut page = "# Shipped scripts

Each script lives in [scripts](../scripts) and describes its inputs and columns in `--help`. Scripts that write check first, and change
nothing when you run them again.

| Script | What it does |
|---|---|
"
    .to_owned();
    let folder = repository::root().join("scripts");
    let entries = fs::read_dir(&folder).map_err(|error| format!("scripts: {error}"))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|own| own == "rhai")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let header = text.lines().map_while(|line| line.strip_prefix("//!"));
        let summary: Vec<_> = header.map(str::trim).take_while(|line| !line.is_empty()).collect();
        if summary.is_empty() {
            return Err(format!("scripts/{name}.rhai has no header"));
        }
        let _ = writeln!(page, "| [`{name}`](../scripts/{name}.rhai) | {} |", summary.join(" "));
    }
    Ok(page)
}
