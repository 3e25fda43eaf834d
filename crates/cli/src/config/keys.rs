//! Where a key comes from, and getting it from there.

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

/// How long a command may take that prints a key: somebody may have to type a passphrase.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest file, and the longest output of a command, that is read as a key.
const LONGEST: u64 = 64 * 1024;

/// Where a key comes from. Written out, it is fit to be told: of a command its first word alone, for the others
/// may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// An environment variable.
    Variable(String),
    /// What a command prints, which is run without a shell.
    Command(Vec<String>),
    /// A file that holds nothing else.
    File(PathBuf),
}

/// How a source is written in the configuration at this path, or what is wrong with it.
type Written = fn(&str, &Path) -> Result<KeySource, &'static str>;

impl KeySource {
    /// The fields of the configuration that name a source.
    pub(super) const NAMED: [(&'static str, Written); 3] = [
        ("env", |text, _| {
            let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            // Capitals alone: what a key looks like would pass as a name otherwise.
            if text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit()) {
                Ok(Self::Variable(text.to_owned()))
            } else {
                Err("is no name of a variable, which is made of capitals, digits and _")
            }
        }),
        ("command", |text, _| match shell_words::split(text) {
            Ok(words) if words.is_empty() => Err("is empty"),
            Ok(words) => Ok(Self::Command(words)),
            Err(_) => Err("has a quote that does not end"),
        }),
        ("file", |text, config| {
            let folder = config.parent().unwrap_or(Path::new(""));
            Ok(Self::File(folder.join(text)))
        }),
    ];

    /// Gets the key, less one line end. `None` where a variable is not set. A command gets no other key that the
    /// configuration knows of.
    pub(crate) fn read(&self, config: &Config) -> Result<Option<SecretString>, Diagnostic> {
        let text = match self {
            Self::Variable(name) => return Ok(variable(name).map(SecretString::from)),
            Self::Command(words) => printed(command(words, config), PATIENCE),
            Self::File(path) => content(path),
        };
        let mut text = text.map_err(|why| Diagnostic::usage(format!("{self} {why}")))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() {
            return Err(Diagnostic::usage(format!("{self} gives no key: it is empty")));
        }
        Ok(Some(SecretString::from(text)))
    }

    /// Its file, if others than its owner can read it.
    pub(crate) fn open_to_others(&self) -> Option<&Path> {
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

/// A command that prints a key.
fn command(words: &[String], config: &Config) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).kill_on_drop(true);
    // What it says to people may have the key in it.
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    if io::stdin().is_terminal() {
        // It may ask for a passphrase, which it could not in a group of its own.
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

/// Lets all that a command starts be ended with it.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// Ends a command, and all of its group.
async fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // There is no such group where it has none of its own.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill().await;
}

/// What a command prints, within this time. It is told to nobody.
fn printed(mut command: Command, patience: Duration) -> Result<String, String> {
    let unstarted = |error: io::Error| format!("cannot be started: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(unstarted)?.block_on(async {
        let mut child = command.spawn().map_err(unstarted)?;
        let late = |_| Err(format!("did not end within {} seconds", patience.as_secs()));
        let ended = timeout(patience, output(&mut child)).await.unwrap_or_else(late);
        if ended.is_err() {
            end(&mut child).await;
        }
        ended
    });
    let (printed, status) = ended?;
    if !status.success() {
        return Err(format!("failed ({status}); run it yourself to see why"));
    }
    String::from_utf8(printed).map_err(|_| "printed what is no text".to_owned())
}

async fn output(child: &mut Child) -> Result<(Vec<u8>, ExitStatus), String> {
    let unread = |error: io::Error| format!("cannot be read: {error}");
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST + 1).read_to_end(&mut printed).await.map_err(unread)?;
    }
    if printed.len() as u64 > LONGEST {
        return Err(format!("prints more than {} KiB, which is no key", LONGEST / 1024));
    }
    Ok((printed, child.wait().await.map_err(unread)?))
}

fn content(path: &Path) -> Result<String, String> {
    let told = |error: io::Error| format!("cannot be read: {error}");
    files::read_text(path, LONGEST).map_err(told)
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

/// Elsewhere the folder of a person is private already.
#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use drillmaster_transport::ExposeSecret;

    use super::*;

    fn source(text: &str) -> KeySource {
        KeySource::NAMED[1].1(text, Path::new("")).unwrap()
    }

    fn read(text: &str) -> Result<String, String> {
        let key = source(text).read(&Config::default());
        key.map(|key| key.unwrap().expose_secret().to_owned()).map_err(|why| why.to_string())
    }

    #[test]
    fn a_key_loses_one_line_end() {
        for (format, due) in [("k", "k"), ("k\\n", "k"), ("k\\r\\n", "k"), ("k\\n\\n", "k\n")] {
            assert_eq!(read(&format!("printf '{format}'")).unwrap(), due);
        }
    }

    #[test]
    fn no_shell_reads_the_command() {
        assert_eq!(read("printf %s '$HOME;echo' ").unwrap(), "$HOME;echo");
    }

    #[test]
    fn nothing_that_a_command_says_is_told() {
        let told = read("sh -c 'echo hush; echo hush >&2; exit 3'").unwrap_err();
        assert_eq!(told, "the command `sh …` failed (exit status: 3); run it yourself to see why");
        assert_eq!(read("sh -c 'echo hush >&2; echo key'").unwrap(), "key");
    }

    #[test]
    fn a_command_that_is_not_there_prints_nothing_or_no_text_is_told() {
        for (text, due) in [
            ("no-such-program-anywhere x", "cannot be started"),
            ("true", "gives no key"),
            ("printf '\\377'", "no text"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(due), "{told}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let words = ["tail", "-f", "/dev/null"].map(str::to_owned);
        let late = printed(command(&words, &Config::default()), Duration::ZERO);
        assert_eq!(late.unwrap_err(), "did not end within 0 seconds");
    }

    #[test]
    fn a_command_that_prints_without_end_is_ended() {
        let told = read("yes").unwrap_err();
        assert_eq!(told, "the command `yes` prints more than 64 KiB, which is no key");
        assert_eq!(read("sh -c 'yes | head -c 65536'").unwrap().len(), 65_535);
    }

    /// The pipe ends when nobody is left who could write into it.
    #[test]
    fn what_a_command_started_is_ended_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let place = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read(place).unwrap());
        let script = format!("exec 3>{}; tail -f /dev/null >&2 & exec yes", pipe.display());
        let mut command = command(&["sh", "-c", &script].map(str::to_owned), &Config::default());
        own_group(&mut command);
        let told = printed(command, PATIENCE).unwrap_err();
        assert!(told.contains("more than 64 KiB"), "{told}");
        assert!(reader.join().unwrap().is_empty());
    }
}
