//! The `drillmaster` command: arguments, terminal, progress and configuration around the script runner.

mod cassette_args;
mod choices;
mod commands;
mod complete;
mod config;
mod console;
mod event_log;
mod execute;
mod interrupts;
mod paths;
mod patience;
mod preflight;
mod prepare;
mod print;
mod progress;
mod repl;
mod report_args;
mod reports;
mod run_args;
mod runtime;
mod styled;
mod summary;
mod target_args;
mod transport;
mod trust;
mod ui;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::console::{Console, Stream};
use crate::styled::Styled;
use clap::{
    ArgAction, ArgMatches, Args, ColorChoice, Command, CommandFactory, FromArgMatches, Parser,
};
use colorchoice_clap::Color;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::Format;
use drillmaster_runner::output::visible::visible;

use self::commands::Commands;
use self::ui::Ui;

/// Automate security training on TryHackMe and Veracode Security Labs.
///
/// Commands use an embedded sandbox unless you pass `--on live`.
#[derive(Debug, Parser)]
#[command(name = "drillmaster", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: GlobalArgs,
    #[command(subcommand)]
    command: Commands,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// Format of lists
    #[arg(long, global = true, value_parser = choices::formats(), default_value = "table")]
    format: Format,
    /// Hide informational messages; warnings and errors are still shown
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print each API call (-vv is the same)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Append events (calls, retries, waits, rows) to a file as JSON lines, without personal data
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    color: Color,
}

/// Builds the whole command line: the static part, and the flags and subcommands of each service and endpoint.
///
/// ```
/// let help = drillmaster::command().render_help().to_string();
/// assert!(help.contains("--thm-url"));
/// ```
pub fn command() -> Command {
    target_args::with_service_flags(Cli::command())
        .mut_arg("color", |color| {
            color.help("When to use colors; `auto` respects NO_COLOR, CLICOLOR and CLICOLOR_FORCE")
        })
        .mut_subcommand("call", commands::with_endpoints)
}

/// Parses the command line, executes the command, and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(exit) = complete::answer_shell() {
        return exit;
    }
    let (cli, matches) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            color_of_invalid(std::env::args_os()).write_global();
            return print_usage(&error).into();
        }
    };
    cli.globals.color.write_global();
    let ui = Ui::new(&cli.globals, &matches);
    let result =
        open_log(&cli.globals, &matches).and_then(|()| cli.command.dispatch(&matches, &ui));
    let exit = result.unwrap_or_else(|diagnostic| {
        ui.print_diagnostic(&diagnostic);
        Exit::of(&diagnostic)
    });
    tracing::info!(target: event_log::END, exit = exit as u8);
    // The command has done its work by now, so a failed write is reported on top of its result.
    let log = event_log::take_write_error().map(|error| format!("the log is incomplete: {error}"));
    let output = ui
        .console
        .take_write_error()
        .map(|error| format!("cannot write to standard output: {error}"));
    let failed_writes = [log, output].into_iter().flatten().map(Diagnostic::unwritten);
    let exits = failed_writes.map(|diagnostic| {
        ui.print_diagnostic(&diagnostic);
        Exit::of(&diagnostic)
    });
    exits.fold(exit, Exit::max).into()
}

fn parse() -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = command().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))?;
    Ok((cli, matches))
}

/// What `--color` says on a command line that has mistakes. Clap ignores flags after the first mistake.
fn color_of_invalid(line: impl IntoIterator<Item = OsString>) -> Color {
    let (mut color, mut is_value) = (ColorChoice::Auto, false);
    for word in line {
        let Some(word) = word.to_str() else { continue };
        let value = word.strip_prefix("--color=").or(is_value.then_some(word));
        color = value.and_then(|value| value.parse().ok()).unwrap_or(color);
        is_value = word == "--color";
    }
    Color { color }
}

/// Prints the requested help or version, or what is wrong with the command line.
fn print_usage(error: &clap::Error) -> Exit {
    let (stream, exit) = if error.use_stderr() {
        (Stream::Stderr, Exit::Usage)
    } else {
        (Stream::Stdout, Exit::Done)
    };
    // An argument that is quoted in the message must not bring colors of its own.
    let is_printable =
        |text: OsString| matches!(visible(&text.to_string_lossy()), Cow::Borrowed(_));
    let text = error.render();
    let text = if stream.has_colors() && std::env::args_os().all(is_printable) {
        Styled::colored(&text.ansi().to_string())
    } else {
        Styled::plain(&text.to_string())
    };
    let console = Console::standard(false);
    let text = text.trimmed();
    match stream {
        Stream::Stdout => console.print_styled(&text),
        Stream::Stderr => console.warn_styled(&text),
    }
    exit
}

/// Opens the log file of `--log`.
fn open_log(globals: &GlobalArgs, matches: &ArgMatches) -> Result<(), Diagnostic> {
    let Some(path) = &globals.log else { return Ok(()) };
    if path == Path::new("-") {
        return Err(Diagnostic::usage("cannot write the log to `-`")
            .with_help("name a file, or /dev/stderr"));
    }
    if path.is_file() {
        paths::check_replaceable(path, "log", "\"event\":")?;
    }
    event_log::open(path)?;
    tracing::info!(
        target: event_log::BEGIN,
        command = matches.subcommand_name(),
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_found_on_a_command_line_with_mistakes() {
        for (line, expected) in [
            ("run --wrong", ColorChoice::Auto),
            ("--color never run --wrong", ColorChoice::Never),
            ("run --wrong --color=always", ColorChoice::Always),
            ("run --color", ColorChoice::Auto),
            ("run --color=never --color always x", ColorChoice::Always),
            ("run --color sometimes", ColorChoice::Auto),
            ("run never", ColorChoice::Auto),
        ] {
            let line = ["drillmaster"].into_iter().chain(line.split(' ')).map(OsString::from);
            let line: Vec<_> = line.collect();
            assert_eq!(color_of_invalid(line.clone()).color, expected, "{line:?}");
        }
    }
}
