//! Runs the program in a temporary folder with the files of a run.

use std::fmt;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};

use crate::snapshot::snapshot;

/// A shipped script and its example class.
pub(crate) const ONBOARD_CLASS: &str = include_str!("../../../scripts/onboard_class.rhai");
pub(crate) const CLASS: &str = include_str!("../../../scripts/examples/class.csv");

/// A temporary working directory for commands, and their environment.
pub(crate) struct Workdir {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) line: String,
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Workdir {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With the shipped script `onboard_class.rhai` and its roster `class.csv`.
    pub(crate) fn with_class() -> Self {
        Self::empty().with("onboard_class.rhai", ONBOARD_CLASS).with("class.csv", CLASS)
    }

    /// Adds a file, and its folders.
    pub(crate) fn with(self, file: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Sets an environment variable.
    pub(crate) fn setting(mut self, variable: &'static str, value: &str) -> Self {
        self.set(variable, value);
        self
    }

    /// Sets an environment variable from now on.
    pub(crate) fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.push((variable, value.to_owned()));
    }

    /// Sets the keys of the sandbox, as a user of the live services would.
    pub(crate) fn with_keys(self) -> Self {
        self.setting("DRILLMASTER_THM_KEY", THM_KEY)
            .setting("DRILLMASTER_VERACODE_KEY", VERACODE_KEY)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// Runs a command to its end. Spaces separate its arguments.
    pub(crate) fn run(&self, line: &str) -> Ended {
        Ended::of(line, self.command(line).output().unwrap())
    }

    /// Runs a command to its end with this standard input.
    pub(crate) fn run_with(&self, input: &str, line: &str) -> Ended {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(line, child.wait_with_output().unwrap())
    }

    /// Runs a command to its end in a subfolder.
    pub(crate) fn run_in(&self, folder: &str, line: &str) -> Ended {
        Ended::of(line, self.command(line).current_dir(self.path(folder)).output().unwrap())
    }

    /// Starts a command.
    pub(crate) fn start(&self, line: &str) -> Child {
        self.command(line).spawn().unwrap()
    }

    /// A command that has not been started.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = program(self.folder.path());
        command.args(line.split_whitespace()).envs(self.variables.iter().cloned());
        command
    }
}

/// The program, isolated from the environment of the tests.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drillmaster-under-test"));
    command.current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("DRILLMASTER_")) {
        command.env_remove(name);
    }
    // Do not use the configuration of the user who runs the tests.
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    // Journals.
    command.env("XDG_STATE_HOME", folder.join("state"));
    // Width of help, and colors.
    for name in ["COLUMNS", "LINES", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command
}

impl Ended {
    pub(crate) fn of(line: &str, output: Output) -> Self {
        Self {
            line: line.to_owned(),
            exit: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.exit, Some(code), "{self}");
        self
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exit = self.exit.map_or("by a signal".to_owned(), |code| code.to_string());
        write!(f, "$ drillmaster {}\n{}", self.line, self.out)?;
        if !self.err.is_empty() {
            write!(f, "--- standard error\n{}", self.err)?;
        }
        write!(f, "--- exit {exit}")
    }
}

/// Runs a command, and compares its output and exit code with a snapshot.
#[track_caller]
pub(crate) fn check(folder: &str, name: &str, workdir: &Workdir, line: &str, exit: i32) {
    let ended = workdir.run(line);
    snapshot(folder, name, &ended.to_string());
    ended.exits(exit);
}

/// A service that must not be called: it notices connections.
pub(crate) struct Door(TcpListener);

impl Door {
    pub(crate) fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    /// Flags that send every call here.
    pub(crate) fn flags(&self) -> String {
        let url = format!("http://{}", self.0.local_addr().unwrap());
        format!("--on live --thm-url {url} --veracode-url {url}")
    }

    /// Whether a client connected.
    pub(crate) fn was_knocked_at(&self) -> bool {
        self.0.accept().is_ok()
    }
}
