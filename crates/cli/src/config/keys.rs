//! Where a key comes from, and reading it.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use drillmaster_transport::SecretString;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Config, variable};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_transport::files;

/// How long a command that prints a key may take. The user may have to type a passphrase.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum length of a key file or of the output of a command.
const MAX_LENGTH: u64 = 64 * 1024;

/// Where a key comes from. `Display` is safe to show: of a command it prints only the program, because arguments may be
/// secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// An environment variable.
    Variable(String),
    /// The output of a command, which runs without a shell.
    Command(Vec<String>),
    /// A file that contains only the key.
    File(PathBuf),
}

/// Parses a source in the configuration at this path, or says what is wrong with it.
type ParseSource = fn(&str, &Path) -> Result<KeySource, &'static str>;

impl KeySource {
    /// The fields of the configuration that set a source.
    pub(super) const FIELDS: [(&'static str, ParseSource); 3] = [
        ("env", |text, _| {
            let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            // Upper case only, because a key could pass as a name otherwise.
            if text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit()) {
                Ok(Self::Variable(text.to_owned()))
            } else {
                Err("must be the name of an environment variable (A-Z, 0-9, _)")
            }
        }),
        ("command", |text, _| match shell_words::split(text) {
            Ok(words) if words.is_empty() => Err("is empty"),
            Ok(words) => Ok(Self::Command(words)),
            Err(_) => Err("has an unclosed quote"),
        }),
        ("file", |text, config| {
            let folder = config.parent().unwrap_or(Path::new(""));
            Ok(Self::File(folder.join(text)))
        }),
    ];

    /// Reads the key, without one final line break. `None` if a variable is not set. A command does not get the keys that
    /// are in the environment.
    pub(crate) fn read(&self, config: &Config) -> Result<Option<SecretString>, Diagnostic> {
        let text = match self {
            Self::Variable(name) => return Ok(variable(name).map(SecretString::from)),
            Self::Command(words) => run(command(words, config), COMMAND_TIMEOUT),
            Self::File(path) => read_file(path),
        };
        let mut text = text.map_err(|why| Diagnostic::usage(format!("{self} {why}")))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() {
            return Err(Diagnostic::usage(format!("{self} is empty")));
        }
        Ok(Some(SecretString::from(text)))
    }

    /// The key file, if others can read it.
    pub(crate) fn readable_by_others(&self) -> Option<&Path> {
        match self {
            Self::File(path) if others_can_read(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Command(words) => {
                let more = if words.len() > 1 { " …" } else { "" };
                write!(f, "the command `{}{more}`", words[0])
            }
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Builds a command that prints a key.
fn command(words: &[String], config: &Config) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).kill_on_drop(true);
    // Error messages may contain the key.
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    if io::stdin().is_terminal() {
        // A command that prompts for a passphrase must stay in the terminal's process group.
        command.stdin(Stdio::inherit());
    } else {
        own_group(command.stdin(Stdio::null()));
    }
    let is_key = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("DRILLMASTER_") && name.ends_with("_KEY")
    };
    let keys = std::env::vars_os().map(|(name, _)| name).filter(is_key);
    keys.chain(config.key_variables().map(OsString::from)).for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Puts a command into its own process group, so that its children can be killed too.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// Kills a command and its process group.
async fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // Fails without harm if the command has no group of its own.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill().await;
}

/// Runs a command, and returns its output. Errors never quote the output.
fn run(mut command: Command, limit: Duration) -> Result<String, String> {
    let cannot_start = |error: io::Error| format!("cannot be started: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(cannot_start)?.block_on(async {
        let mut child = command.spawn().map_err(cannot_start)?;
        let timed_out = |_| Err(format!("did not finish within {} seconds", limit.as_secs()));
        let result = timeout(limit, read_output(&mut child)).await.unwrap_or_else(timed_out);
        if result.is_err() {
            kill(&mut child).await;
        }
        result
    });
    let (output, status) = result?;
    if !status.success() {
        return Err(format!("failed ({status}); run it yourself to see why"));
    }
    String::from_utf8(output).map_err(|_| "did not print text".to_owned())
}

async fn read_output(child: &mut Child) -> Result<(Vec<u8>, ExitStatus), String> {
    let cannot_read = |error: io::Error| format!("cannot be read: {error}");
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_LENGTH + 1).read_to_end(&mut output).await.map_err(cannot_read)?;
    }
    if output.len() as u64 > MAX_LENGTH {
        return Err(format!("printed more than {} KiB", MAX_LENGTH / 1024));
    }
    Ok((output, child.wait().await.map_err(cannot_read)?))
}

fn read_file(path: &Path) -> Result<String, String> {
    let cannot_read = |error: io::Error| format!("cannot be read: {error}");
    files::read_text(path, MAX_LENGTH).map_err(cannot_read)
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

/// On other platforms home folders are private.
#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use drillmaster_transport::ExposeSecret;

    use super::*;

    fn source(text: &str) -> KeySource {
        KeySource::FIELDS[1].1(text, Path::new("")).unwrap()
    }

    fn read(text: &str) -> Result<String, String> {
        let key = source(text).read(&Config::default());
        key.map(|key| key.unwrap().expose_secret().to_owned()).map_err(|why| why.to_string())
    }

    #[test]
    fn one_final_line_break_is_removed() {
        for (format, expected) in [("k", "k"), ("k\\n", "k"), ("k\\r\\n", "k"), ("k\\n\\n", "k\n")]
        {
            assert_eq!(read(&format!("printf '{format}'")).unwrap(), expected);
        }
    }

    #[test]
    fn commands_run_without_a_shell() {
        assert_eq!(read("printf %s '$HOME;echo' ").unwrap(), "$HOME;echo");
    }

    #[test]
    fn the_output_of_a_command_is_never_shown() {
        let error = read("sh -c 'echo hush; echo hush >&2; exit 3'").unwrap_err();
        assert_eq!(error, "the command `sh …` failed (exit status: 3); run it yourself to see why");
        assert_eq!(read("sh -c 'echo hush >&2; echo key'").unwrap(), "key");
    }

    #[test]
    fn a_command_that_fails_or_prints_no_key_is_an_error() {
        for (text, expected) in [
            ("no-such-program-anywhere x", "cannot be started"),
            ("true", "is empty"),
            ("printf '\\377'", "did not print text"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_command_that_hangs_is_killed() {
        let words = ["tail", "-f", "/dev/null"].map(str::to_owned);
        let result = run(command(&words, &Config::default()), Duration::ZERO);
        assert_eq!(result.unwrap_err(), "did not finish within 0 seconds");
    }

    #[test]
    fn a_command_that_prints_too_much_is_killed() {
        let error = read("yes").unwrap_err();
        assert_eq!(error, "the command `yes` printed more than 64 KiB");
        assert_eq!(read("sh -c 'yes | head -c 65536'").unwrap().len(), 65_535);
    }

    /// The pipe closes when no process is left that could write to it.
    #[test]
    fn the_children_of_a_command_are_killed_too() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let place = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read(place).unwrap());
        let script = format!("exec 3>{}; tail -f /dev/null >&2 & exec yes", pipe.display());
        let mut command = command(&["sh", "-c", &script].map(str::to_owned), &Config::default());
        own_group(&mut command);
        let error = run(command, COMMAND_TIMEOUT).unwrap_err();
        assert!(error.contains("more than 64 KiB"), "{error}");
        assert!(reader.join().unwrap().is_empty());
    }
}
