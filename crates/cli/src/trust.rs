//! Signatures of journals. `resume` trusts only journals that this user wrote on this machine.
//!
//! A journal names the addresses that keys are sent to and the files that are written. Its header is signed with a key
//! that never leaves the user's state folder. Any other journal needs `--trust-journal`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use drillmaster_models::SERVICES;
use drillmaster_transport::cassette::Header;
use serde_json::Value;

use crate::console::Console;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::run_spec::{self, Environment, RunSpec};

/// 32 random bytes, in the state folder.
const KEY_FILE: &str = "journal.key";
/// The field of the header's run that has the signature.
const FIELD: &str = "signature";

/// Printed for a journal of an earlier release, whose lines have no hash chain.
pub(crate) const UNCHAINED: &str = "an earlier release wrote this journal: drillmaster cannot detect missing, repeated or moved lines in it";

/// The key that signs journals.
struct Key([u8; blake3::KEY_LEN]);

/// Signs the header of a journal. Warns if it cannot: resuming the run will need `--trust-journal`.
pub(crate) fn sign(mut header: Header, console: &Console) -> Header {
    match Key::load().and_then(|key| key.map_or_else(Key::create, Ok)) {
        Ok(key) => {
            let signature = key.signature(&header).to_hex().to_string();
            header.run.insert(FIELD.to_owned(), signature.into());
        }
        Err(problem) => {
            console.warn(&format!("to resume this run you will need --trust-journal: {problem}"));
        }
    }
    header
}

/// A journal without a valid signature.
pub(crate) struct UntrustedJournal {
    description: String,
}

impl UntrustedJournal {
    /// Checks the signature in the header of a journal. `spec` is what the resumed run would do.
    pub(crate) fn check(
        path: &Path,
        header: &Header,
        spec: &RunSpec,
    ) -> Result<Option<Self>, Diagnostic> {
        let signature = header.run.get(FIELD).and_then(Value::as_str);
        let why = match signature {
            None => "is not signed: an earlier release or someone else wrote it",
            Some(signature) if Key::load()?.is_some_and(|key| key.verify(header, signature)) => {
                return Ok(None);
            }
            Some(_) => "was written by someone else or on another machine, or changed since",
        };
        let uses = describe(spec, path);
        Ok(Some(Self {
            description: format!("{} {why}; resuming it uses\n{uses}", path.display()),
        }))
    }

    /// The error without `--trust-journal`.
    pub(crate) fn refuse(self) -> Diagnostic {
        Diagnostic::usage(self.description)
            .with_help("if you trust all of this, add --trust-journal")
    }

    /// Why it is untrusted, and what a resumed run would use.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }
}

/// What a run reads, calls and writes, one line each.
fn describe(spec: &RunSpec, journal: &Path) -> String {
    let files = |paths: &mut dyn Iterator<Item = &Path>| {
        paths.map(|path| printable(&path.display().to_string())).collect::<Vec<_>>().join(", ")
    };
    let target = &spec.place;
    let calls = match target.on {
        Environment::Sandbox => "the sandbox; nothing leaves this machine".to_owned(),
        Environment::Live => {
            let urls = SERVICES
                .map(|service| format!("{} at {}", service.name, printable(target.url(service))));
            let keys = match &target.profile {
                Some(profile) => format!("the keys of profile {}", printable(profile)),
                None => "your keys".to_owned(),
            };
            format!("{}, with {keys}", urls.join(", "))
        }
    };
    let journal = std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned());
    let plan = spec.approved.as_ref().map(|approved| approved.plan.as_path());
    let reads = [spec.roster.as_deref(), spec.reports.template.as_deref(), plan];
    let written = spec.results.iter().chain(&spec.reports.files).map(AsRef::as_ref);
    let lines = [
        ("script", files(&mut [spec.script.as_path()].into_iter())),
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

/// Escapes names with control characters, which could fake another line.
fn printable(name: &str) -> String {
    if name.chars().any(char::is_control) { format!("{name:?}") } else { name.to_owned() }
}

impl Key {
    /// Reads the key of this user, if there is one.
    fn load() -> Result<Option<Self>, Diagnostic> {
        let path = run_spec::state_folder()?.join(KEY_FILE);
        let cannot_read = |why: &str| {
            Diagnostic::usage(format!(
                "cannot read {}, the key that signs journals: {why}",
                path.display()
            ))
            .with_help("remove it to get a new key; resume earlier runs with --trust-journal")
        };
        match std::fs::read(&path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Some(Self(key))),
                Err(_) => Err(cannot_read("it must have 32 bytes")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot_read(&error.to_string())),
        }
    }

    /// Creates the key. If another process does so at the same time, both use the first one.
    fn create() -> Result<Self, Diagnostic> {
        let folder = run_spec::make_state_folder()?;
        let path = folder.join(KEY_FILE);
        let cannot_create = |why: &dyn std::fmt::Display| {
            Diagnostic::usage(format!(
                "cannot create {}, the key that signs journals: {why}",
                path.display()
            ))
        };
        let mut key = [0; blake3::KEY_LEN];
        getrandom::fill(&mut key).map_err(|error| cannot_create(&error))?;
        let write = || {
            // Temporary files are readable by their owner only.
            let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(&folder)?;
            file.write_all(&key)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.error),
            }
            // The new name survives a crash once its folder is synced.
            #[cfg(unix)]
            std::fs::File::open(&folder)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error: io::Error| cannot_create(&error))?;
        Self::load()?.ok_or_else(|| cannot_create(&"it was removed again"))
    }

    fn verify(&self, header: &Header, signature: &str) -> bool {
        // The comparison of hashes takes constant time.
        blake3::Hash::from_hex(signature).is_ok_and(|given| given == self.signature(header))
    }

    /// The signature of a header without its signature field.
    fn signature(&self, header: &Header) -> blake3::Hash {
        let mut header = header.clone();
        header.run.shift_remove(FIELD);
        blake3::keyed_hash(&self.0, &serde_json::to_vec(&header).unwrap_or_default())
    }
}
