//! Keys that `auth login` keeps: each in a file of its own beside the configuration, which names it.

use std::io;
use std::path::{Path, PathBuf};

use drillmaster_models::Service;
use drillmaster_transport::{ExposeSecret, SecretString};
use toml_edit::{DocumentMut, Item, RawString, Table, TableLike, value};

use super::{Config, KeySource, reader};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::fs::{Visibility, write_atomic};
use drillmaster_transport::files;

/// The folder beside the configuration.
const FOLDER: &str = "keys";

impl Config {
    /// Where the key of a service is kept for a profile.
    pub(crate) fn kept_at(&self, profile: &str, service: &Service) -> PathBuf {
        self.folder().join(own_file(profile, service))
    }

    /// Keeps a key, and names its file in the profile, which is made if it is not there. The first profile is the
    /// default.
    pub(crate) fn keep(
        &self,
        profile: &str,
        service: &Service,
        key: &SecretString,
    ) -> Result<(), Diagnostic> {
        let path = self.kept_at(profile, service);
        let text = self.edited(profile, service, Some(&own_file(profile, service)))?;
        private_folder(&self.folder().join(FOLDER))
            .and_then(|()| {
                write_atomic(&path, Visibility::Owner, |out| writeln!(out, "{}", key.expose_secret()))
            })
            .map_err(|error| unwritten(&path, &error))?;
        self.write(&text)
    }

    /// Forgets a key that was kept, and takes its file out of the profile.
    pub(crate) fn forget(&self, profile: &str, service: &Service) -> Result<(), Diagnostic> {
        let path = self.kept_at(profile, service);
        let text = self.edited(profile, service, None)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let problem = format!("cannot remove {}: {error}", path.display());
                Err(Diagnostic::usage(problem))
            }
            _ => self.write(&text),
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The file's text with another word about where a key is, and all else as it stands.
    fn edited(
        &self,
        profile: &str,
        service: &Service,
        file: Option<&str>,
    ) -> Result<String, Diagnostic> {
        let by_hand = || {
            let problem =
                format!("{} is written in a way that is not changed", self.path.display());
            let place = format!("[profile.{profile}.{}]", service.name);
            Diagnostic::usage(problem).with_help(match file {
                Some(file) => format!("under {place}, write file = \"{file}\""),
                None => format!("under {place}, take out what file = names"),
            })
        };
        let text = match files::read_text(&self.path, files::BY_HAND) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                let problem = format!("cannot read {}: {error}", self.path.display());
                return Err(Diagnostic::usage(problem));
            }
        };
        let mut document: DocumentMut = text.parse().map_err(|_| by_hand())?;
        if file.is_some() && self.default.is_none() {
            document.insert("default", value(profile));
        }
        let table = ["profile", profile, service.name]
            .into_iter()
            .try_fold(document.as_table_mut() as &mut dyn TableLike, inside)
            .ok_or_else(by_hand)?;
        match file {
            Some(file) => table.insert("file", value(file)),
            None => table.remove("file"),
        };
        if file.is_none() {
            drop_empty(&mut document, profile, service.name);
        }
        let text = document.to_string();
        // Whatever way it was written in: it must say now what it is to say.
        let now = reader::read(&text, self.path.clone()).map_err(|_| by_hand())?;
        let due = file.map(|_| KeySource::File(self.kept_at(profile, service)));
        let said = now.access(profile, service).and_then(|access| access.key.clone());
        if said == due { Ok(text) } else { Err(by_hand()) }
    }

    fn write(&self, text: &str) -> Result<(), Diagnostic> {
        // A link is followed, not replaced.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        write_atomic(&path, Visibility::Owner, |out| out.write_all(text.as_bytes()))
            .map_err(|error| unwritten(&path, &error))
    }
}

/// The table of this name, which is made if it is not there.
fn inside<'a>(table: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    let is_new = !table.contains_key(name);
    if is_new {
        let mut new = Table::new();
        // Only the innermost has lines of its own.
        new.set_implicit(true);
        table.insert(name, Item::Table(new));
    }
    table.get_mut(name)?.as_table_like_mut()
}

/// Takes the table of a service out of a profile where nothing is left in it. The profile stays: it may be the
/// default.
fn drop_empty(document: &mut DocumentMut, profile: &str, service: &str) {
    let own = document.get_mut("profile").and_then(|all| all.get_mut(profile));
    let Some(own) = own.and_then(Item::as_table_mut) else { return };
    let is_empty = |table: &Table| {
        let comment = table.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
        table.is_empty() && comment.trim().is_empty()
    };
    if own.get(service).and_then(Item::as_table).is_some_and(is_empty) {
        own.remove(service);
        own.set_implicit(false);
    }
}

/// As the configuration names it, from its own folder.
fn own_file(profile: &str, service: &Service) -> String {
    format!("{FOLDER}/{profile}-{}.key", service.name)
}

/// Makes a folder that only its owner may look into.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn unwritten(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
}
