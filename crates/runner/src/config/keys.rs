//! Where a key comes from, and getting it from there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use drillmaster_transport::SecretString;
use tokio::process::Command;

use super::variable;
use crate::problem::Problem;
use drillmaster_transport::files;

/// How long a command may take that prints a key: somebody may have to type a passphrase.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest file that is read as a key.
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

    /// Gets the key, less one line end. `None` where a variable is not set.
    pub(crate) fn read(&self) -> Result<Option<SecretString>, Problem> {
        let text = match self {
            Self::Variable(name) => return Ok(variable(name).map(SecretString::from)),
            Self::Command(words) => printed(words, PATIENCE),
            Self::File(path) => content(path),
        };
        let mut text = text.map_err(|why| Problem::usage(format!("{self} {why}")))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() {
            return Err(Problem::usage(format!("{self} gives no key: it is empty")));
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

/// What a command prints. What it says to people is told when it fails; what it prints never is.
fn printed(words: &[String], patience: Duration) -> Result<String, String> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).kill_on_drop(true);
    // It may ask for a passphrase.
    command.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|error| format!("cannot be started: {error}"))?.block_on(async {
        let output = async {
            match command.spawn() {
                Ok(child) => child.wait_with_output().await,
                Err(error) => Err(error),
            }
        };
        tokio::time::timeout(patience, output).await
    });
    let output = match ended {
        Err(_) => return Err(format!("did not end within {} seconds", patience.as_secs())),
        Ok(Err(error)) => return Err(format!("cannot be started: {error}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        return Err(format!("failed ({}){said}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| "printed what is no text".to_owned())
}

fn content(path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("cannot be read: {error}");
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

    fn command(text: &str) -> KeySource {
        KeySource::NAMED[1].1(text, Path::new("")).unwrap()
    }

    #[test]
    fn a_key_loses_one_line_end() {
        for (format, due) in [("k", "k"), ("k\\n", "k"), ("k\\r\\n", "k"), ("k\\n\\n", "k\n")] {
            let key = command(&format!("printf '{format}'")).read().unwrap().unwrap();
            assert_eq!(key.expose_secret(), due);
        }
    }

    #[test]
    fn no_shell_reads_the_command() {
        let key = command("printf %s '$HOME;echo' ").read().unwrap().unwrap();
        assert_eq!(key.expose_secret(), "$HOME;echo");
    }

    #[test]
    fn what_a_command_that_fails_says_is_told_and_what_it_prints_is_not() {
        let problem = command("sh -c 'echo hush; echo locked >&2; exit 3'").read().unwrap_err();
        let told = problem.to_string();
        assert_eq!(told, "the command `sh …` failed (exit status: 3): locked");
    }

    #[test]
    fn a_command_that_is_not_there_prints_nothing_or_no_text_is_told() {
        for (text, due) in [
            ("no-such-program-anywhere x", "cannot be started"),
            ("true", "gives no key"),
            ("printf '\\377'", "no text"),
        ] {
            let told = command(text).read().unwrap_err().to_string();
            assert!(told.contains(due), "{told}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let words = ["tail", "-f", "/dev/null"].map(str::to_owned);
        assert_eq!(printed(&words, Duration::ZERO).unwrap_err(), "did not end within 0 seconds");
    }
}
