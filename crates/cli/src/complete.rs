//! Completion in a shell: `drillmaster completions SHELL` hooks the program into it, and the program answers.
//!
//! The shell calls the program with what stands on its line so far, so that the answers know more than flags: the
//! endpoints, the inputs of the script that is named, the runs that have a journal, the profiles.

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

/// Set by the hook; its value is the shell's name.
const VARIABLE: &str = "DRILLMASTER_COMPLETE";
const PROGRAM: &str = "drillmaster";

/// Answers a shell, if it was one that called.
pub(crate) fn answer() -> Option<ExitCode> {
    if is_about_no_command(&crate::command(), std::env::args_os()) {
        return Some(Exit::Done.into());
    }
    let asked = CompleteEnv::with_factory(crate::command).var(VARIABLE);
    let here = std::env::current_dir().ok();
    match asked.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Done.into()),
        // A shell that went on meanwhile needs no answer.
        Err(_) => Some(Exit::Usage.into()),
    }
}

/// Whether a shell asks what follows a command that there is not: then nothing does. A shell hands over, behind
/// `--`, its line with the word that is being written as the last.
fn is_about_no_command(command: &Command, line: impl IntoIterator<Item = OsString>) -> bool {
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
        if takes_a_word(command, &word) {
            words.next();
        }
    }
    false
}

/// Whether the word behind this flag is its value.
fn takes_a_word(command: &Command, flag: &str) -> bool {
    let is_flag = |arg: &&Arg| {
        let long = arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
        long || arg.get_short().is_some_and(|short| *flag == format!("-{short}"))
    };
    command.get_arguments().find(is_flag).is_some_and(|arg| arg.get_action().takes_values())
}

/// What hooks the program into a shell.
pub(crate) fn hook(shell: clap_complete::Shell) -> Result<String, Diagnostic> {
    let told =
        |why: &str| Diagnostic::usage(format!("cannot write completions for {shell}: {why}"));
    let shells = Shells::builtins();
    let shell = shells.completer(&shell.to_string()).ok_or_else(|| told("it is not known"))?;
    let mut text = Vec::new();
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, &program(), &mut text)
        .map_err(|error| told(&error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// How the shell finds the program again: by its name, unless it was called by a path.
fn program() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let path = match called.components().count() {
        0 | 1 => PathBuf::from(PROGRAM),
        _ => std::path::absolute(&called).unwrap_or(called),
    };
    path.to_string_lossy().into_owned()
}

/// A candidate with what it is, if its name begins as was typed.
fn candidate(typed: &OsStr, name: &str, help: impl Into<String>) -> Option<CompletionCandidate> {
    // A shell shows what it is given: what is no text to type is not offered.
    let fits = typed.to_str().is_some_and(|typed| name.starts_with(typed)) && visible(name) == name;
    let help = Some(help.into()).filter(|help| !help.is_empty());
    let help = help.map(|help| visible_line(&help).into_owned().into());
    fits.then(|| CompletionCandidate::new(name).help(help))
}

/// The endpoints.
pub(crate) fn entry_names() -> ArgValueCompleter {
    let named = |typed: &OsStr| {
        endpoints()
            .filter_map(|endpoint| candidate(typed, endpoint.name(), endpoint.summary()))
            .collect()
    };
    ArgValueCompleter::new(named)
}

/// Files whose names end so, and the folders on the way to them.
pub(crate) fn files(extension: &'static str) -> ArgValueCompleter {
    let fits = move |path: &Path| path.extension().is_some_and(|own| own == extension);
    ArgValueCompleter::new(PathCompleter::file().filter(fits))
}

/// Folders.
pub(crate) fn folders() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::dir())
}

/// The runs that have a journal in the state folder, the latest first; or the path of another journal.
pub(crate) fn runs() -> ArgValueCompleter {
    let named = |typed: &OsStr| {
        let journals = run_spec::journals().unwrap_or_default();
        let ids = journals.iter().rev().map(|path| run_spec::name_of(path));
        let ids = ids.filter_map(|id| candidate(typed, &id, ""));
        ids.chain(PathCompleter::file().complete(typed)).collect()
    };
    ArgValueCompleter::new(named)
}

/// The profiles of the configuration.
pub(crate) fn profiles() -> ArgValueCompleter {
    let named = |typed: &OsStr| {
        let profiles = Config::open().map(|config| config.profiles).unwrap_or_default();
        profiles.keys().filter_map(|name| candidate(typed, name, "")).collect()
    };
    ArgValueCompleter::new(named)
}

/// The inputs of the script on the line, as `NAME=`; what of two words an input may be, as `NAME=WORD`.
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

/// A path as the shell will hand it over: what it completes is not expanded yet.
fn expanded(word: OsString) -> PathBuf {
    let path = PathBuf::from(word);
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(inside), Some(home)) => home.join(inside),
        _ => path,
    }
}
