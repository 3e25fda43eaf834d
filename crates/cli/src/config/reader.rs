//! Reads the configuration file. Errors never quote a value, because it may be a key in the wrong place.

use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use drillmaster_models::{SERVICES, nearest};
use drillmaster_transport::base_url;
use toml_edit::{Document, Item, TableLike};

use super::{Access, Config, KeySource, Profile};
use drillmaster_runner::diagnostic::Diagnostic;

/// Parts of the names of fields that hold secrets.
const SECRET_NAMES: [&str; 6] = ["key", "secret", "token", "pass", "credential", "auth"];
const SOURCES: &str = "set where the key comes from: env = \"VARIABLE\" or command = \"pass show …\"; \
                       or run `drillmaster auth login`";

pub(super) fn read(text: &str, path: PathBuf) -> Result<Config, Diagnostic> {
    let file = File { text, path };
    let document = Document::parse(text).map_err(|error| {
        // The message says what was expected; the full error would quote the line.
        file.refuse(error.span(), error.message().lines().next().unwrap_or_default())
    })?;
    let root = document.as_table();
    file.check_fields(root, &["default", "profile"], "")?;
    let mut config = Config { path: file.path.clone(), ..Config::default() };
    for (name, item) in root
        .get("profile")
        .map(|all| file.table(all, "profile"))
        .transpose()?
        .into_iter()
        .flat_map(TableLike::iter)
    {
        if !is_profile_name(name) {
            let rule = "profile names may have letters, digits, - and _ only";
            return Err(file.refuse(item.span(), rule));
        }
        config.profiles.insert(name.to_owned(), file.profile(item)?);
    }
    if let Some(item) = root.get("default") {
        let name = file.text(item, "default")?;
        config.profile(name).map_err(|error| {
            let located = file.refuse(item.span(), "the default profile does not exist");
            Diagnostic { help: error.help, ..located }
        })?;
        config.default = Some(name.to_owned());
    }
    Ok(config)
}

/// Whether this is a valid profile name, which becomes a part of file names.
pub(crate) fn is_profile_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.chars().all(fits)
}

struct File<'a> {
    text: &'a str,
    path: PathBuf,
}

impl File<'_> {
    fn profile(&self, item: &Item) -> Result<Profile, Diagnostic> {
        let table = self.table(item, "profile")?;
        let names = SERVICES.map(|service| service.name);
        let known: Vec<&str> = ["dialect", "rate"].into_iter().chain(names).collect();
        self.check_fields(table, &known, "a profile")?;
        let mut profile = Profile {
            dialect: self.parsed(table, "dialect", "must be current or legacy")?,
            rate: self.parsed(table, "rate", "must have the form 5/s, 30/m or 1000/h")?,
            ..Profile::default()
        };
        for name in names {
            if let Some(item) = table.get(name) {
                profile.services.insert(name.to_owned(), self.access(self.table(item, name)?)?);
            }
        }
        Ok(profile)
    }

    fn access(&self, table: &dyn TableLike) -> Result<Access, Diagnostic> {
        self.check_fields(table, &["url", "env", "command", "file"], "a service")?;
        let url = match table.get("url") {
            Some(item) => {
                let url = self.text(item, "url")?;
                base_url(url).map_err(|error| self.refuse(item.span(), error))?;
                Some(url.to_owned())
            }
            None => None,
        };
        let mut key = None;
        for (name, source) in KeySource::FIELDS {
            let Some(item) = table.get(name) else { continue };
            if key.is_some() {
                let problem = "only one of env, command and file can be set";
                return Err(self.refuse(item.span(), problem));
            }
            let text = self.text(item, name)?;
            let source = source(text, &self.path).map_err(|why| {
                self.refuse(item.span(), format!("{name} {why}")).with_help(SOURCES)
            })?;
            key = Some(source);
        }
        Ok(Access { url, key })
    }

    /// Refuses unknown fields.
    fn check_fields(
        &self,
        table: &dyn TableLike,
        known: &[&str],
        whose: &str,
    ) -> Result<(), Diagnostic> {
        let Some((name, item)) = table.iter().find(|(name, _)| !known.contains(name)) else {
            return Ok(());
        };
        let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
        let lower = name.to_lowercase();
        if SECRET_NAMES.iter().any(|word| lower.contains(word)) {
            let problem = format!("`{name}`: keys do not belong in this file");
            return Err(self.refuse(span, problem).with_help(SOURCES));
        }
        let whose = if whose.is_empty() { "this file" } else { whose };
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{whose} may have {}", known.join(", ")),
        };
        Err(self.refuse(span, format!("unknown setting `{name}`")).with_help(help))
    }

    fn table<'a>(&self, item: &'a Item, name: &str) -> Result<&'a dyn TableLike, Diagnostic> {
        item.as_table_like().ok_or_else(|| {
            self.refuse(item.span(), format!("`{name}` must be a table, such as [profile.NAME]"))
        })
    }

    fn text<'a>(&self, item: &'a Item, name: &str) -> Result<&'a str, Diagnostic> {
        let text = item.as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| self.refuse(item.span(), format!("`{name}` must be a quoted string")))
    }

    fn parsed<T: FromStr>(
        &self,
        table: &dyn TableLike,
        name: &str,
        form: &str,
    ) -> Result<Option<T>, Diagnostic> {
        let Some(item) = table.get(name) else { return Ok(None) };
        let value = self.text(item, name)?.parse();
        value.map(Some).map_err(|_| self.refuse(item.span(), format!("`{name}`: {form}")))
    }

    fn refuse(&self, span: Option<Range<usize>>, why: impl Display) -> Diagnostic {
        let before = span.and_then(|span| self.text.get(..span.start));
        let line = before
            .map_or_else(String::new, |before| format!(":{}", before.matches('\n').count() + 1));
        Diagnostic::usage(format!("{}{line}: {why}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text, "config.toml".into()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_valid() {
        let empty = Config { path: "config.toml".into(), ..Config::default() };
        assert_eq!(read("", "config.toml".into()).unwrap(), empty);
    }

    #[test]
    fn a_profile_is_read() {
        let text = "default = \"school\"\n[profile.school]\ndialect = \"legacy\"\nrate = \"30/m\"\n\
                    [profile.school.thm]\ncommand = \"pass show thm\"";
        let config = read(text, "config.toml".into()).unwrap();
        let school = config.profile("school").unwrap();
        assert_eq!(school.dialect.unwrap().name(), "legacy");
        assert_eq!(school.rate, Some("30/m".parse().unwrap()));
        let key = school.services["thm"].key.as_ref().unwrap();
        assert_eq!(key.to_string(), "the command `pass …`");
        assert_eq!(config.default.as_deref(), Some("school"));
    }

    #[test]
    fn errors_have_a_line_and_never_a_value() {
        let secret = "4f1c0ffee";
        let key = |line: &str| format!("[profile.a]\n[profile.a.thm]\n{line}");
        for (text, expected) in [
            (
                "profil = {}".to_owned(),
                "config.toml:1: unknown setting `profil` (did you mean `profile`?)",
            ),
            (
                "[profile.a]\ndialekt = \"legacy\"".to_owned(),
                "config.toml:2: unknown setting `dialekt` (did you mean `dialect`?)",
            ),
            (key("key = \"4f1c0ffee\""), "config.toml:3: `key`: keys do not belong in this file"),
            (key("api_token = \"4f1c0ffee\""), "config.toml:3: `api_token`: keys do not belong"),
            (
                key("env = \"4f1c0ffee\""),
                "config.toml:3: env must be the name of an environment variable",
            ),
            (
                key("env = \"A\"\ncommand = \"pass\""),
                "config.toml:4: only one of env, command and file",
            ),
            (key("command = \"pass 'show\""), "config.toml:3: command has an unclosed quote"),
            (key("url = \"ftp://thm.example\""), "only https is supported"),
            (key("url = \"https://me:4f1c0ffee@thm.example\""), "must not hold a user name"),
            (key("url = 4"), "config.toml:3: `url` must be a quoted string"),
            (
                "[profile.a]\nrate = \"4f1c0ffee\"".to_owned(),
                "config.toml:2: `rate`: must have the form 5/s",
            ),
            (
                "default = \"b\"\n[profile.bb]".to_owned(),
                "config.toml:1: the default profile does not exist",
            ),
            ("[profile.\"../a\"]".to_owned(), "config.toml:1: profile names may have"),
            ("profile = 4".to_owned(), "config.toml:1: `profile` must be a table"),
            (key("4f1c0ffee"), "config.toml:3: "),
        ] {
            let error = error(&text);
            assert!(error.contains(expected), "{error}\n{expected}");
            assert!(!error.contains(secret), "{error}");
        }
    }
}
