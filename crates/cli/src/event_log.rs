//! `--log FILE`: events as JSON lines.
//!
//! A line is an event of `drillmaster_transport::log`, the end of a row, or the begin or end of the command. It holds
//! only the fields listed here, so that no body, query, credential or name can get into the log. A row is identified by
//! its number in the roster.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use drillmaster_models::nearest;
use drillmaster_runner::log::{ROW, row_number};
use drillmaster_transport::log::{CALL, RESOLVE, RETRY, WAIT};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::config::variable;
use drillmaster_runner::diagnostic::Diagnostic;

/// Selects the events to log: `info`, or `warn,call=info`.
pub(crate) const FILTER_VARIABLE: &str = "DRILLMASTER_LOG";

/// The target of the event that a command begins.
pub(crate) const BEGIN: &str = "drillmaster::begin";
/// The target of the event that a command ends.
pub(crate) const END: &str = "drillmaster::end";

/// The targets of all events.
const TARGETS: [&str; 7] = [BEGIN, CALL, RETRY, WAIT, RESOLVE, ROW, END];
/// What precedes the name of an event in its target.
const PREFIX: &str = "drillmaster::";
/// The fields that a line may have in addition to time, level and event.
const FIELDS: [&str; 17] = [
    "command",
    "version",
    "entry",
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
/// The field with the endpoint of a call, and its name in the log, which is older.
const ENDPOINT: (&str, &str) = ("endpoint", "entry");
/// The field with the scope of an event. The log has the number of the row instead.
const SCOPE: &str = "scope";

/// The log of the process: `tracing` has one global subscriber.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    path: PathBuf,
    file: Mutex<File>,
    write_error: Mutex<Option<io::Error>>,
}

/// Appends to a log file from now on, until the process ends.
pub(crate) fn open(path: &Path) -> Result<(), Diagnostic> {
    let filter = match variable(FILTER_VARIABLE) {
        Some(text) => parse_filter(&text)
            .map_err(|why| Diagnostic::usage(format!("{FILTER_VARIABLE}: {why}")))?,
        None => Targets::new().with_targets(TARGETS.map(|target| (target, LevelFilter::TRACE))),
    };
    let cannot_write = |why: &dyn std::fmt::Display| {
        Diagnostic::usage(format!("cannot write the log {}: {why}", path.display()))
    };
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Only the owner can read a new log.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Opening a pipe without a reader would block.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(cannot_write(&"it is not a regular file").with_help("name another file"));
    }
    let file = options.open(path).map_err(|error| cannot_write(&error))?;
    let log = Log {
        path: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        file: Mutex::new(file),
        write_error: Mutex::default(),
    };
    if LOG.set(log).is_err() {
        return Err(cannot_write(&"this process already has a log"));
    }
    let layers = tracing_subscriber::registry().with(JsonLines.with_filter(filter));
    tracing::subscriber::set_global_default(layers).map_err(|error| cannot_write(&error))
}

/// The path of the log.
pub(crate) fn path() -> Option<&'static Path> {
    LOG.get().map(|log| log.path.as_path())
}

/// Takes the first error of a write to the log.
pub(crate) fn take_write_error() -> Option<io::Error> {
    LOG.get().and_then(|log| lock(&log.write_error).take())
}

/// Parses levels for all events or for one: `warn,call=info`.
fn parse_filter(text: &str) -> Result<Targets, String> {
    let names = || TARGETS.map(|target| &target[PREFIX.len()..]);
    text.split(',').map(str::trim).try_fold(Targets::new(), |targets, part| {
        let (chosen, level) = match part.split_once('=') {
            None => (TARGETS.to_vec(), part),
            Some((event, level)) => match names().iter().position(|name| *name == event) {
                Some(at) => (vec![TARGETS[at]], level),
                None => {
                    let help = match nearest(event, names()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("events are {}", names().join(", ")),
                    };
                    return Err(format!("unknown event `{event}`; {help}"));
                }
            },
        };
        // `tracing` parses an empty level as `error`.
        let level: LevelFilter = Some(level)
            .filter(|level| !level.is_empty())
            .and_then(|level| level.parse().ok())
            .ok_or_else(|| {
                format!("unknown level `{level}`; use off, error, warn, info or debug")
            })?;
        Ok(targets.with_targets(chosen.into_iter().map(|target| (target, level))))
    })
}

/// Writes each event as a line.
struct JsonLines;

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let (Some(log), Some(name)) = (LOG.get(), metadata.target().strip_prefix(PREFIX)) else {
            return;
        };
        let mut line = Line { fields: Map::new() };
        line.fields.insert("at".to_owned(), jiff::Timestamp::now().to_string().into());
        line.fields.insert("level".to_owned(), metadata.level().as_str().to_lowercase().into());
        line.fields.insert("event".to_owned(), name.into());
        event.record(&mut line);
        let text = format!("{}\n", Value::Object(line.fields));
        // Unbuffered, in one write: the log is complete however the process ends.
        if let Err(error) = lock(&log.file).write_all(text.as_bytes()) {
            lock(&log.write_error).get_or_insert(error);
        }
    }
}

struct Line {
    fields: Map<String, Value>,
}

impl Line {
    fn add(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            name if name == ENDPOINT.0 => ENDPOINT.1,
            name => name,
        };
        if FIELDS.contains(&name) {
            self.fields.insert(name.to_owned(), value);
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

    /// None of the listed fields is recorded this way.
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
        let filter = parse_filter("warn, call=info,wait=off").unwrap();
        for (target, level, expected) in [
            (CALL, tracing::Level::INFO, true),
            (CALL, tracing::Level::DEBUG, false),
            (RETRY, tracing::Level::WARN, true),
            (ROW, tracing::Level::INFO, false),
            (WAIT, tracing::Level::WARN, false),
            ("hyper", tracing::Level::ERROR, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), expected, "{target} {level}");
        }
    }

    #[test]
    fn an_invalid_filter_is_an_error() {
        let error = |text: &str| parse_filter(text).unwrap_err();
        assert_eq!(error("cal=info"), "unknown event `cal`; did you mean `call`?");
        assert_eq!(error("loud"), "unknown level `loud`; use off, error, warn, info or debug");
        assert!(error("hyper=trace").starts_with("unknown event `hyper`"));
        assert!(parse_filter("").is_err());
    }

    #[test]
    fn every_event_can_be_filtered() {
        for target in TARGETS {
            let name = target.strip_prefix(PREFIX).unwrap();
            let filter = parse_filter(&format!("{name}=debug")).unwrap();
            assert!(filter.would_enable(target, &tracing::Level::DEBUG), "{target}");
        }
    }
}
