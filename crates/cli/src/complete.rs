//! Shell completion: `drillmaster completions SHELL` registers the program with a shell, which then asks the program.
//!
//! The shell passes the command line so far, so that candidates include more than flags: endpoints, the inputs of the
//! script on the line, runs that have a journal, and profiles.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, Command};
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::Shells;
use drillmaster_models::endpoints;

use crate::config::Config;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::visible::{visible, visible_line};
use drillmaster_runner::run_spec;
use drillmaster_runner::script::Script;

/// Set by the registration; its value is the name of the shell.
const VARIABLE: &str = "DRILLMASTER_COMPLETE";
const PROGRAM: &str = "drillmaster";

/// Answers the shell, if a shell started the program for completion.
pub(crate) fn answer_shell() -> Option<ExitCode> {
    if follows_unknown_command(&crate::command(), std::env::args_os()) {
        return Some(Exit::Done.into());
    }
    let completion = CompleteEnv::with_factory(crate::command).var(VARIABLE);
    let here = std::env::current_dir().ok();
    match completion.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Done.into()),
        // The shell no longer waits for an answer.
        Err(_) => Some(Exit::Usage.into()),
    }
}

/// Whether the word to complete follows an unknown command, where nothing fits. After `--`, the shell passes its line
/// with the word to complete at the end.
fn follows_unknown_command(command: &Command, line: impl IntoIterator<Item = OsString>) -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let mut words = line.into_iter().skip_while(|word| word != "--").skip(2).peekable();
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        if words.peek().is_none() {
            return false;
        }
        if !word.starts_with('-') {
            return command.find_subcommand(&*word).is_none() && word != "help";
        }
        if takes_value(command, &word) {
            words.next();
        }
    }
    false
}

/// Whether the word after this flag is its value.
fn takes_value(command: &Command, flag: &str) -> bool {
    let is_flag = |arg: &&Arg| {
        let long = arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
        long || arg.get_short().is_some_and(|short| *flag == format!("-{short}"))
    };
    command.get_arguments().find(is_flag).is_some_and(|arg| arg.get_action().takes_values())
}

/// The code that registers the program with a shell.
pub(crate) fn registration(shell: clap_complete::Shell) -> Result<String, Diagnostic> {
    let failed =
        |why: &str| Diagnostic::usage(format!("cannot generate completions for {shell}: {why}"));
    let shells = Shells::builtins();
    let shell =
        shells.completer(&shell.to_string()).ok_or_else(|| failed("the shell is not supported"))?;
    let mut text = Vec::new();
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, &program(), &mut text)
        .map_err(|error| failed(&error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// How the shell finds the program: by its name, unless it was started by a path.
fn program() -> String {
    let started_as = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let path = match started_as.components().count() {
        0 | 1 => PathBuf::from(PROGRAM),
        _ => std::path::absolute(&started_as).unwrap_or(started_as),
    };
    path.to_string_lossy().into_owned()
}

/// A candidate with its description, if its name starts with what was typed.
fn candidate(typed: &OsStr, name: &str, help: impl Into<String>) -> Option<CompletionCandidate> {
    // The shell prints candidates as they are, so control characters are kept out.
    let fits = typed.to_str().is_some_and(|typed| name.starts_with(typed)) && visible(name) == name;
    let help = Some(help.into()).filter(|help| !help.is_empty());
    let help = help.map(|help| visible_line(&help).into_owned().into());
    fits.then(|| CompletionCandidate::new(name).help(help))
}

/// Completes endpoints.
pub(crate) fn endpoint_names() -> ArgValueCompleter {
    let candidates = |typed: &OsStr| {
        endpoints()
            .filter_map(|endpoint| candidate(typed, endpoint.name(), endpoint.summary()))
            .collect()
    };
    ArgValueCompleter::new(candidates)
}

/// Completes files with this extension, and folders.
pub(crate) fn files(extension: &'static str) -> ArgValueCompleter {
    let fits = move |path: &Path| path.extension().is_some_and(|own| own == extension);
    ArgValueCompleter::new(PathCompleter::file().filter(fits))
}

/// Completes folders.
pub(crate) fn folders() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::dir())
}

/// Completes runs that have a journal in the state folder, latest first, and paths of other journals.
pub(crate) fn runs() -> ArgValueCompleter {
    let candidates = |typed: &OsStr| {
        let journals = run_spec::journals().unwrap_or_default();
        let ids = journals.iter().rev().map(|path| run_spec::name_of(path));
        let ids = ids.filter_map(|id| candidate(typed, &id, ""));
        ids.chain(PathCompleter::file().complete(typed)).collect()
    };
    ArgValueCompleter::new(candidates)
}

/// Completes profiles of the configuration.
pub(crate) fn profiles() -> ArgValueCompleter {
    let candidates = |typed: &OsStr| {
        let profiles = Config::open().map(|config| config.profiles).unwrap_or_default();
        profiles.keys().filter_map(|name| candidate(typed, name, "")).collect()
    };
    ArgValueCompleter::new(candidates)
}

/// Completes inputs of the script on the line as `NAME=`, and Boolean ones as `NAME=true` and `NAME=false`.
pub(crate) fn inputs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| inputs_of(std::env::args_os(), typed))
}

fn inputs_of(line: impl IntoIterator<Item = OsString>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let script = line.into_iter().map(expanded).find(|word| {
        word.extension().is_some_and(|extension| extension == "rhai") && word.is_file()
    });
    let Some(script) = script.and_then(|path| Script::open(&path).ok()) else { return Vec::new() };
    let candidates = script.inputs().iter().flat_map(|input| {
        let words: &[&str] = match &input.default {
            Some(value) if value.is_bool() => &["true", "false"],
            _ => &[""],
        };
        words.iter().filter_map(|word| {
            candidate(typed, &format!("{}={word}", input.name), input.doc.as_str())
        })
    });
    candidates.collect()
}

/// Expands `~`, which the shell does not do in a line that it completes.
fn expanded(word: OsString) -> PathBuf {
    let path = PathBuf::from(word);
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(inside), Some(home)) => home.join(inside),
        _ => path,
    }
}
