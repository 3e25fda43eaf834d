//! Storing and removing keys: each is a file next to the configuration, which names it.

use std::io;
use std::path::{Path, PathBuf};

use drillmaster_models::Service;
use drillmaster_transport::{ExposeSecret, SecretString};
use toml_edit::{DocumentMut, Item, RawString, Table, TableLike, value};

use super::{Config, KeySource, reader};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::fs::{Visibility, write_atomic};
use drillmaster_transport::files;

/// The folder of key files, next to the configuration.
const KEY_FOLDER: &str = "keys";

impl Config {
    /// The path of the key file of a service in a profile.
    pub(crate) fn key_path(&self, profile: &str, service: &Service) -> PathBuf {
        self.folder().join(key_file(profile, service))
    }

    /// Stores a key, and adds its file to the profile. The profile is created if missing; the first profile becomes the
    /// default.
    pub(crate) fn store_key(
        &self,
        profile: &str,
        service: &Service,
        key: &SecretString,
    ) -> Result<(), Diagnostic> {
        let path = self.key_path(profile, service);
        let text = self.edited(profile, service, Some(&key_file(profile, service)))?;
        private_folder(&self.folder().join(KEY_FOLDER))
            .and_then(|()| {
                write_atomic(&path, Visibility::Owner, |out| {
                    writeln!(out, "{}", key.expose_secret())
                })
            })
            .map_err(|error| cannot_write(&path, &error))?;
        self.write(&text)
    }

    /// Removes a stored key, and its file from the profile.
    pub(crate) fn remove_key(&self, profile: &str, service: &Service) -> Result<(), Diagnostic> {
        let path = self.key_path(profile, service);
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

    /// The text of the configuration with `file` as the key of a service, and everything else unchanged.
    fn edited(
        &self,
        profile: &str,
        service: &Service,
        file: Option<&str>,
    ) -> Result<String, Diagnostic> {
        let by_hand = || {
            let message = format!("cannot edit {}: unusual layout", self.path.display());
            let table = format!("[profile.{profile}.{}]", service.name);
            Diagnostic::usage(message).with_help(match file {
                Some(file) => format!("edit it yourself: under {table}, add file = \"{file}\""),
                None => format!("edit it yourself: under {table}, remove `file`"),
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
            .try_fold(document.as_table_mut() as &mut dyn TableLike, child_table)
            .ok_or_else(by_hand)?;
        match file {
            Some(file) => table.insert("file", value(file)),
            None => table.remove("file"),
        };
        if file.is_none() {
            drop_empty(&mut document, profile, service.name);
        }
        let text = document.to_string();
        // The file may use any TOML syntax, so the result is read back.
        let now = reader::read(&text, self.path.clone()).map_err(|_| by_hand())?;
        let expected = file.map(|_| KeySource::File(self.key_path(profile, service)));
        let actual = now.access(profile, service).and_then(|access| access.key.clone());
        if actual == expected { Ok(text) } else { Err(by_hand()) }
    }

    fn write(&self, text: &str) -> Result<(), Diagnostic> {
        // Follows a link instead of replacing it.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        write_atomic(&path, Visibility::Owner, |out| out.write_all(text.as_bytes()))
            .map_err(|error| cannot_write(&path, &error))
    }
}

/// The table of this name, created if missing.
fn child_table<'a>(table: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    let is_new = !table.contains_key(name);
    if is_new {
        let mut new = Table::new();
        // Outer tables get no header of their own.
        new.set_implicit(true);
        table.insert(name, Item::Table(new));
    }
    table.get_mut(name)?.as_table_like_mut()
}

/// Removes the table of a service from a profile if it is empty. The profile stays, because it may be the default.
fn drop_empty(document: &mut DocumentMut, profile: &str, service: &str) {
    let table = document.get_mut("profile").and_then(|all| all.get_mut(profile));
    let Some(profile) = table.and_then(Item::as_table_mut) else { return };
    let is_empty = |table: &Table| {
        let comment = table.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
        table.is_empty() && comment.trim().is_empty()
    };
    if profile.get(service).and_then(Item::as_table).is_some_and(is_empty) {
        profile.remove(service);
        profile.set_implicit(false);
    }
}

/// The path of a key file, relative to the configuration.
fn key_file(profile: &str, service: &Service) -> String {
    format!("{KEY_FOLDER}/{profile}-{}.key", service.name)
}

/// Creates a folder that only its owner can read.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot write {}: {error}", path.display()))
}
