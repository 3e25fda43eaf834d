//! `--log FILE`: what happens, as JSON lines.
//!
//! A line is an event of `drillmaster_transport::log`, a row's end, or the command's begin or end. It holds the
//! fields that are named here and no others, so that nothing private gets in by another way: no body, no query, no
//! credential, and nobody's name. Whom an event is about is told by the number of the roster's row.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use drillmaster_models::nearest;
use drillmaster_runner::log::{ROW, row_number};
use drillmaster_transport::log::{CALL, RETRY, SETTLE, WAIT};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::config::variable;
use drillmaster_runner::diagnostic::Diagnostic;

/// Says which events are logged: `info`, or `warn,call=info`.
pub(crate) const FILTER_VARIABLE: &str = "DRILLMASTER_LOG";

/// A command began.
pub(crate) const BEGIN: &str = "drillmaster::begin";
/// The command ended.
pub(crate) const END: &str = "drillmaster::end";

/// The targets of all events.
const TARGETS: [&str; 7] = [BEGIN, CALL, RETRY, WAIT, SETTLE, ROW, END];
/// What comes before an event's name in its target.
const PREFIX: &str = "drillmaster::";
/// What a line may hold besides its time, level and event.
const FIELDS: [&str; 17] = [
    "command",
    "version",
    "endpoint",
    "method",
    "path",
    "status",
    "lost",
    "ms",
    "attempt",
    "source",
    "wait_ms",
    "round",
    "outcome",
    "state",
    "rehearsal",
    "exit",
    "pid",
];
/// Whom it is about: a scope, in whose place the row's number stands.
const SCOPE: &str = "scope";

/// The log that is being written. There is one in a process, as there is one listener of `tracing`.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    path: PathBuf,
    file: Mutex<File>,
    trouble: Mutex<Option<io::Error>>,
}

/// Begins to log to a file, at its end where it is there already. It lasts as long as the process.
pub(crate) fn begin(path: &Path) -> Result<(), Diagnostic> {
    let filter = match variable(FILTER_VARIABLE) {
        Some(text) => {
            filter(&text).map_err(|why| Diagnostic::usage(format!("{FILTER_VARIABLE}: {why}")))?
        }
        None => Targets::new().with_targets(TARGETS.map(|target| (target, LevelFilter::TRACE))),
    };
    let told = |why: &dyn std::fmt::Display| {
        Diagnostic::usage(format!("cannot write the log {}: {why}", path.display()))
    };
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Who may read it is its owner's to say; at first nobody else.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Opening a pipe that nobody reads would never return.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(told(&"it is no regular file").with_help("name another file"));
    }
    let file = options.open(path).map_err(|error| told(&error))?;
    let log = Log {
        path: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        file: Mutex::new(file),
        trouble: Mutex::default(),
    };
    if LOG.set(log).is_err() {
        return Err(told(&"there is one already"));
    }
    let layers = tracing_subscriber::registry().with(Lines.with_filter(filter));
    tracing::subscriber::set_global_default(layers).map_err(|error| told(&error))
}

/// The file that is being written.
pub(crate) fn file() -> Option<&'static Path> {
    LOG.get().map(|log| log.path.as_path())
}

/// Why the log could not be written to its end, if it could not.
pub(crate) fn trouble() -> Option<io::Error> {
    LOG.get().and_then(|log| lock(&log.trouble).take())
}

/// Reads levels, for all events or for one: `warn,call=info`.
fn filter(text: &str) -> Result<Targets, String> {
    let names = || TARGETS.map(|target| &target[PREFIX.len()..]);
    text.split(',').map(str::trim).try_fold(Targets::new(), |targets, part| {
        let (chosen, level) = match part.split_once('=') {
            None => (TARGETS.to_vec(), part),
            Some((event, level)) => match names().iter().position(|name| *name == event) {
                Some(at) => (vec![TARGETS[at]], level),
                None => {
                    let help = match nearest(event, names()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are {}", names().join(", ")),
                    };
                    return Err(format!("there is no event `{event}`; {help}"));
                }
            },
        };
        // `tracing` reads nothing as `error`.
        let level: LevelFilter = Some(level)
            .filter(|level| !level.is_empty())
            .and_then(|level| level.parse().ok())
            .ok_or_else(|| format!("`{level}` is no level; use off, error, warn, info or debug"))?;
        Ok(targets.with_targets(chosen.into_iter().map(|target| (target, level))))
    })
}

/// Makes lines of events.
struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let (Some(log), Some(name)) = (LOG.get(), about.target().strip_prefix(PREFIX)) else {
            return;
        };
        let mut line = Line { fields: Map::new() };
        line.fields.insert("at".to_owned(), jiff::Timestamp::now().to_string().into());
        line.fields.insert("level".to_owned(), about.level().as_str().to_lowercase().into());
        line.fields.insert("event".to_owned(), name.into());
        event.record(&mut line);
        let text = format!("{}\n", Value::Object(line.fields));
        // In one piece and at once: whatever ends the process, what happened before is in the file.
        if let Err(error) = lock(&log.file).write_all(text.as_bytes()) {
            lock(&log.trouble).get_or_insert(error);
        }
    }
}

struct Line {
    fields: Map<String, Value>,
}

impl Line {
    fn add(&mut self, field: &Field, value: Value) {
        if FIELDS.contains(&field.name()) {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != SCOPE {
            return self.add(field, value.into());
        }
        if let Some(number) = row_number(value) {
            self.fields.insert("row".to_owned(), number.into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    /// No field of ours is told in this way.
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_levels_for_all_events_and_for_one() {
        let filter = filter("warn, call=info,wait=off").unwrap();
        for (target, level, due) in [
            (CALL, tracing::Level::INFO, true),
            (CALL, tracing::Level::DEBUG, false),
            (RETRY, tracing::Level::WARN, true),
            (ROW, tracing::Level::INFO, false),
            (WAIT, tracing::Level::WARN, false),
            ("hyper", tracing::Level::ERROR, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), due, "{target} {level}");
        }
    }

    #[test]
    fn a_wrong_filter_is_told() {
        let told = |text: &str| filter(text).unwrap_err();
        assert_eq!(told("cal=info"), "there is no event `cal`; did you mean `call`?");
        assert_eq!(told("loud"), "`loud` is no level; use off, error, warn, info or debug");
        assert!(told("hyper=trace").starts_with("there is no event `hyper`"));
        assert!(filter("").is_err());
    }

    #[test]
    fn every_event_has_a_name_that_a_filter_takes() {
        for target in TARGETS {
            let name = target.strip_prefix(PREFIX).unwrap();
            let filter = filter(&format!("{name}=debug")).unwrap();
            assert!(filter.would_enable(target, &tracing::Level::DEBUG), "{target}");
        }
    }
}
