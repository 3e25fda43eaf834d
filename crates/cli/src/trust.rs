//! Which journals `resume` goes on with unasked: those that were written here.
//!
//! A journal names the addresses that keys are sent to, and the files that are written. So its header is signed with a
//! key that never leaves this user's state folder, and one that is not takes the word of a person who has seen what it
//! names.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use drillmaster_models::SERVICES;
use drillmaster_transport::cassette::Header;
use serde_json::Value;

use drillmaster_runner::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run_spec::{self, Environment, RunSpec};

/// In the state folder; 32 random bytes.
const KEY_FILE: &str = "journal.key";
/// Where in what a header has of a run its signature is.
const FIELD: &str = "signature";

/// What signatures are made with.
struct Key([u8; blake3::KEY_LEN]);

/// Signs the header of a journal. One that cannot be signed is told of: it will not be resumed unasked.
pub(crate) fn signed(mut header: Header, console: &Console) -> Header {
    match Key::kept().and_then(|key| key.map_or_else(Key::make, Ok)) {
        Ok(key) => {
            let signature = key.signature(&header).to_hex().to_string();
            header.run.insert(FIELD.to_owned(), signature.into());
        }
        Err(problem) => {
            console.warn(&format!("resuming this run will need --trust-journal: {problem}"));
        }
    }
    header
}

/// A journal that was not written here, and what it names.
pub(crate) struct Stranger(String);

impl Stranger {
    /// Looks whether a journal is one, by its header. `order` is what a resumed run would be asked to do.
    pub(crate) fn of(
        path: &Path,
        header: &Header,
        order: &RunSpec,
    ) -> Result<Option<Self>, Diagnostic> {
        let signature = header.run.get(FIELD).and_then(Value::as_str);
        let why = match signature {
            None => "is not signed: an earlier release wrote it, or somebody else",
            Some(signature) if Key::kept()?.is_some_and(|key| key.signed(header, signature)) => {
                return Ok(None);
            }
            Some(_) => "was not written by you on this machine, or it was changed since",
        };
        Ok(Some(Self(format!(
            "{} {why}; resuming it uses\n{}",
            path.display(),
            named(order, path)
        ))))
    }

    /// What is told where nobody says that it is trusted.
    pub(crate) fn refused(self) -> Diagnostic {
        Diagnostic::usage(self.0)
            .with_help("if all of this is yours, resume it with --trust-journal")
    }

    /// What is told of it where it is trusted.
    pub(crate) fn trusted(&self) -> &str {
        &self.0
    }
}

/// What a run uses and writes, a line each.
fn named(order: &RunSpec, journal: &Path) -> String {
    let files = |paths: &mut dyn Iterator<Item = &Path>| {
        paths.map(|path| printable(&path.display().to_string())).collect::<Vec<_>>().join(", ")
    };
    let place = &order.place;
    let calls = match place.on {
        Environment::Sandbox => "the sandbox: nothing leaves this machine".to_owned(),
        Environment::Live => {
            let urls = SERVICES
                .map(|service| format!("{} at {}", service.name, printable(place.url(service))));
            let keys = match &place.profile {
                Some(profile) => format!("the keys of the profile {}", printable(profile)),
                None => "your keys".to_owned(),
            };
            format!("{}, with {keys}", urls.join(", "))
        }
    };
    let journal = std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned());
    let plan = order.approved.as_ref().map(|approval| approval.plan.as_path());
    let reads = [order.roster.as_deref(), order.reports.template.as_deref(), plan];
    let written = order.results.iter().chain(&order.reports.files).map(AsRef::as_ref);
    let lines = [
        ("script", files(&mut [order.script.as_path()].into_iter())),
        ("reads", files(&mut reads.into_iter().flatten())),
        ("calls", calls),
        ("writes", files(&mut written.chain([journal.as_path()]))),
    ];
    let mut text = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(text, "\n  {name:<6}  {value}");
    }
    text.trim_start_matches('\n').to_owned()
}

/// A name that breaks out of its line is no name.
fn printable(name: &str) -> String {
    if name.chars().any(char::is_control) { format!("{name:?}") } else { name.to_owned() }
}

impl Key {
    /// The key of this user, if there is one yet.
    fn kept() -> Result<Option<Self>, Diagnostic> {
        let path = run_spec::state_folder()?.join(KEY_FILE);
        let told = |why: &str| {
            Diagnostic::usage(format!(
                "cannot read {}, which journals are signed with: {why}",
                path.display()
            ))
            .with_help(
                "remove it for a new one; what it signed can be resumed with --trust-journal",
            )
        };
        match std::fs::read(&path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Some(Self(key))),
                Err(_) => Err(told("it is no key of 32 bytes")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(&error.to_string())),
        }
    }

    /// Makes one, in the place of none: of two processes that do so at once the first one's is that of both.
    fn make() -> Result<Self, Diagnostic> {
        let folder = run_spec::make_state_folder()?;
        let path = folder.join(KEY_FILE);
        let told = |why: &dyn std::fmt::Display| {
            Diagnostic::usage(format!(
                "cannot make {}, which journals are signed with: {why}",
                path.display()
            ))
        };
        let mut key = [0; blake3::KEY_LEN];
        getrandom::fill(&mut key).map_err(|error| told(&error))?;
        let write = || {
            // Only its owner may read it.
            let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(&folder)?;
            file.write_all(&key)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.error),
            }
            // A name is safe once its folder is.
            #[cfg(unix)]
            std::fs::File::open(&folder)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error: io::Error| told(&error))?;
        Self::kept()?.ok_or_else(|| told(&"somebody removed it just now"))
    }

    fn signed(&self, header: &Header, signature: &str) -> bool {
        // The two are compared in the same time whatever they are.
        blake3::Hash::from_hex(signature).is_ok_and(|given| given == self.signature(header))
    }

    /// The signature of all of a header but its own.
    fn signature(&self, header: &Header) -> blake3::Hash {
        let mut header = header.clone();
        header.run.shift_remove(FIELD);
        blake3::keyed_hash(&self.0, &serde_json::to_vec(&header).unwrap_or_default())
    }
}
