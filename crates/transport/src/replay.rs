//! Answering from a cassette.

mod index;
mod people;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use drillmaster_models::wire;
use serde_json::Value;

use self::index::{Found, Index, Slot};
use self::people::People;
use crate::cassette::{Damage, Event, Header, Interaction, RequestEvent, identity};
use crate::diff::{diff, distance, request_lines};
use crate::error::{Error, Mismatch};
use crate::files;
use crate::redact::{Rows, Scheme};
use crate::request::{Request, Response, Scope, Source, Transport, is_open};

/// How many recorded requests are compared when the nearest one is looked for.
const MOST_COMPARED: usize = 20_000;

/// How many of those that were not asked for are told.
const MOST_TOLD: usize = 5;

/// Answers each request with what was recorded for it, and refuses anything else. A request is the same
/// when its scope and its [identity](crate::cassette::identity) are; equal requests of a scope are answered in
/// the order of their numbers. A loss is lost again in the same way. How long an answer took is not recorded,
/// and nobody waits for it.
///
/// A request without an answer is [missing](Mismatch::Missing) or [consumed](Mismatch::Consumed); the error
/// shows how it differs from the nearest one that was recorded. [`finish`](Replay::finish) fails when
/// something that was recorded is left [unused](Mismatch::Unused).
///
/// ```
/// use drillmaster_transport::{Mismatch, Replay};
///
/// let tape = r#"
///     {"event":"cassette","version":1,"program":"by hand"}
///     {"event":"value","scope":"main","ordinal":0,"name":"now","value":1}
///     {"event":"end","interactions":0}"#;
/// let replay = Replay::read(tape).unwrap();
/// assert_eq!(replay.finish().unwrap_err().mismatch(), Some(Mismatch::Unused));
/// assert!(replay.allow_unused().finish().is_ok());
/// ```
pub struct Replay {
    index: Index,
    /// Of a sealed cassette.
    people: Option<People>,
    /// Where its roster of pseudonyms is looked for.
    beside: Option<PathBuf>,
    unused: Unused,
}

/// Which rosters are taken for that of the recording.
enum Taken {
    /// One with as many rows.
    Whole,
    /// One to which rows were added.
    Longer,
}

enum Unused {
    Refused,
    Allowed,
}

impl Replay {
    /// Reads a cassette from a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refuse = |problem: String| Error::setup(format!("{}: {problem}", path.display()));
        let bytes = files::read(path, files::BY_PROGRAM).map_err(|error| {
            Error::setup(format!("cannot read the cassette {}: {error}", path.display()))
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let byte = error.utf8_error().valid_up_to();
            refuse(format!("the cassette is damaged at byte {byte}: not UTF-8; record it again"))
        })?;
        let replay = Self::read(text).map_err(|damage| refuse(damage.to_string()))?;
        Ok(Self { beside: Some(path.with_extension("roster.csv")), ..replay })
    }

    /// Replays the cassette of this text.
    pub fn read(text: impl Into<String>) -> Result<Self, Damage> {
        let index = Index::of(text.into())?;
        let people = index.header.sealed.as_ref().map(|sealing| People::of(sealing, None));
        Ok(Self { index, people, beside: None, unused: Unused::Refused })
    }

    /// With the roster of the run: the real one, or that of pseudonyms which was written beside a sealed
    /// cassette. The people of the real one are taken for those of the recording, row by row. Without a roster,
    /// who is who is learnt from the requests, in their order.
    ///
    /// Refuses a roster with another number of rows, and rows of which it shows that they stand in another order:
    /// in what is not private, beside the roster of pseudonyms where that lies beside the cassette. See
    /// [`redact`](crate::redact#what-is-not-found) for what does not show.
    pub fn with_roster(self, roster: &Rows) -> Result<Self, Error> {
        self.about(roster, &Taken::Whole)
    }

    /// The same with a roster to which rows may have been added.
    pub(crate) fn with_longer_roster(self, roster: &Rows) -> Result<Self, Error> {
        self.about(roster, &Taken::Longer)
    }

    fn about(self, roster: &Rows, taken: &Taken) -> Result<Self, Error> {
        let Some(sealing) = &self.index.header.sealed else { return Ok(self) };
        if let Some(recorded) = sealing.rows {
            self.check_rows(roster, recorded, taken)?;
        }
        let people = Some(People::of(sealing, Some(roster)));
        Ok(Self { people, ..self })
    }

    fn check_rows(&self, roster: &Rows, recorded: usize, taken: &Taken) -> Result<(), Error> {
        let now = roster.cells.len();
        let fits = match taken {
            Taken::Whole => now == recorded,
            Taken::Longer => now >= recorded,
        };
        if !fits {
            let rows = counted(recorded, "row");
            return Err(Error::setup(format!(
                "the recording was made with {rows}, this roster has {now}; give the roster that it was made \
                 with, or record anew"
            )));
        }
        let Some(beside) = &self.beside else { return Ok(()) };
        let made_up =
            files::read_text(beside, files::BY_PROGRAM).ok().and_then(|text| Rows::from_csv(&text));
        // One that was not written with this recording tells nothing.
        let made_up = made_up.filter(|made_up| made_up.cells.len() == recorded);
        match made_up.as_ref().and_then(|made_up| roster.first_difference(made_up)) {
            None => Ok(()),
            Some((index, column)) => Err(Error::setup(format!(
                "row {row} of the roster is not row {row} of the recording: its `{column}` is another than in \
                 {}; give the rows in the order in which they were recorded, or record anew",
                beside.display(),
                row = index + 1,
            ))),
        }
    }

    /// Lets be what was recorded and is not asked for.
    #[must_use]
    pub fn allow_unused(self) -> Self {
        Self { unused: Unused::Allowed, ..self }
    }

    /// What the recorded run was made from.
    pub fn header(&self) -> &Header {
        &self.index.header
    }

    pub(crate) fn text(&self) -> &str {
        self.index.text()
    }

    /// Fails when a recorded interaction or value was not asked for.
    pub fn finish(&self) -> Result<(), Error> {
        if matches!(self.unused, Unused::Allowed) {
            return Ok(());
        }
        let mut unused = self.index.unused(&self.index.requests, |event| match event {
            Event::Request(request) => Some((request.line(), request.scope, request.ordinal)),
            _ => None,
        });
        let interactions = unused.len();
        unused.extend(self.index.unused(&self.index.values, |event| match event {
            Event::Value(value) => Some((format!("{}()", value.name), value.scope, value.ordinal)),
            _ => None,
        }));
        if unused.is_empty() {
            return Ok(());
        }
        // As a run has them, whichever row came first in the file.
        unused.sort_by(|(_, a, i), (_, b, j)| {
            (a != Scope::MAIN, a, i).cmp(&(b != Scope::MAIN, b, j))
        });
        let counts = [(interactions, "interaction"), (unused.len() - interactions, "value")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, noun)| counted(count, noun)).collect::<Vec<_>>();
        let verb = if unused.len() == 1 { "was" } else { "were" };
        let mut lines =
            vec![format!("{} {verb} recorded and not asked for:", counts.join(" and "))];
        let told = unused.iter().take(MOST_TOLD);
        lines.extend(told.map(|(line, scope, _)| format!("  {line} (`{scope}`)")));
        if unused.len() > MOST_TOLD {
            lines.push(format!("  and {} more", unused.len() - MOST_TOLD));
        }
        Err(Error::replay(Mismatch::Unused, lines.join("\n")))
    }

    /// What was recorded for a request, if anything is left. Nothing is learnt about people: somebody new must
    /// not be taken for somebody who was recorded.
    pub(crate) fn take(&self, request: &Request) -> Result<Option<Result<Response, Error>>, Error> {
        match self.index.take(&self.asked(request)) {
            Found::Next(slot) => self.outcome(slot).map(Some),
            Found::Consumed(_) | Found::Missing => Ok(None),
        }
    }

    /// What was recorded for a request. The outer error says that nothing is left, and what is nearest.
    pub(crate) fn recorded(&self, request: &Request) -> Result<Result<Response, Error>, Error> {
        let asked = self.asked(request);
        let found = match self.index.take(&asked) {
            Found::Missing if self.learns(request, &asked) => self.index.take(&self.asked(request)),
            found => found,
        };
        let outcome = match found {
            Found::Next(slot) => self.outcome(slot),
            Found::Consumed(times) => Err(consumed(&asked.line(), &asked.scope, times)),
            Found::Missing => Err(self.missing(&asked)),
        };
        outcome.map_err(|error| error.for_request(request))
    }

    fn outcome(&self, slot: &Slot) -> Result<Result<Response, Error>, Error> {
        let outcome = self.index.outcome(slot)?;
        Ok(match &self.people {
            Some(people) => outcome.map(|answer| people.answered(answer)),
            None => outcome,
        })
    }

    /// Whether something is left for a request.
    pub(crate) fn holds(&self, request: &Request) -> bool {
        self.index.holds(&self.asked(request))
    }

    /// The value that was recorded for this name, if one is left.
    pub(crate) fn take_value(&self, scope: &str, name: &str) -> Result<Option<Value>, Error> {
        match self.index.take_value(&self.asked_scope(scope), name) {
            Found::Next(slot) => self.index.value(slot).map(Some),
            Found::Consumed(_) | Found::Missing => Ok(None),
        }
    }

    /// A pseudonym in a request that stands for nobody known: it must not reach a service.
    pub(crate) fn stranger(&self, request: &Request) -> Option<String> {
        self.people.as_ref()?.stranger(request)
    }

    /// How the cassette was sealed, if it was.
    pub(crate) fn sealing(&self) -> Option<&Scheme> {
        self.people.as_ref().map(|people| &people.scheme)
    }

    /// A text as the recording would have it.
    pub(crate) fn told(&self, text: &str) -> String {
        self.people.as_ref().map_or_else(|| text.to_owned(), |people| people.read().text(text))
    }

    /// The key of a row as the recording would have it.
    pub(crate) fn told_key(&self, key: &str) -> String {
        self.people.as_ref().map_or_else(|| key.to_owned(), |people| people.read().row_key(key))
    }

    /// A recorded interaction as the script knows its people.
    pub(crate) fn restored(&self, interaction: Interaction) -> Interaction {
        match &self.people {
            Some(people) => people.restore(interaction),
            None => interaction,
        }
    }

    /// A request as the recording would have it. Whatever is asked of a recording passes here and
    /// [`asked_scope`](Self::asked_scope) first.
    pub(crate) fn asked<'a>(&self, request: &'a Request) -> Cow<'a, Request> {
        match &self.people {
            Some(people) => Cow::Owned(people.asked(request)),
            None => Cow::Borrowed(request),
        }
    }

    /// A scope as the recording would have it.
    fn asked_scope<'a>(&self, scope: &'a str) -> Cow<'a, str> {
        match &self.people {
            Some(people) => Cow::Owned(people.scope(scope)),
            None => Cow::Borrowed(scope),
        }
    }

    /// Finds out from a request that is missing who the people in it are.
    fn learns(&self, request: &Request, asked: &Request) -> bool {
        let Some(people) = &self.people else { return false };
        let waiting = self.index.waiting(asked).into_iter();
        people.learn(request, waiting.filter_map(|recorded| recorded.wire().ok()))
    }

    fn missing(&self, request: &Request) -> Error {
        let mut lines = vec![missing(&request.line(), &request.scope)];
        lines.extend(self.nearest(request));
        Error::replay(Mismatch::Missing, lines.join("\n"))
    }

    /// How a request differs from the nearest recorded one: of its endpoint, of its scope, the most alike.
    fn nearest(&self, request: &Request) -> Vec<String> {
        let open = is_open(request.metadata);
        let asked = request_lines(&request.wire, open);
        let near = self.index.near(request, MOST_COMPARED);
        let lines = |recorded: &RequestEvent, wire: &wire::Request| {
            // Where one of them is a secret, the other's values are not to tell about it either.
            request_lines(wire, open && recorded.is_open())
        };
        let near = near.iter().filter_map(|recorded| Some((recorded, recorded.wire().ok()?)));
        let near = near.map(|(recorded, wire)| (lines(recorded, &wire), recorded));
        let nearest = near.min_by_key(|(lines, recorded)| {
            (distance(lines, &asked), &recorded.scope, recorded.ordinal)
        });
        let Some((lines, recorded)) = nearest else {
            return vec!["nothing at all was recorded".to_owned()];
        };
        let shown = diff(&lines, &asked);
        let place = format!("nearest: {} in `{}`", recorded.line(), recorded.scope);
        match (shown.is_empty(), recorded.hash == identity(&request.wire)) {
            (true, true) => vec![format!("nearest: the same request in `{}`", recorded.scope)],
            (true, false) => vec![format!("{place}; how it differs is not shown")],
            (false, _) => {
                [format!("{place} (- recorded, + asked)")].into_iter().chain(shown).collect()
            }
        }
    }
}

fn missing(what: &str, scope: &str) -> String {
    format!("{what} in `{scope}` was not recorded")
}

fn consumed(what: &str, scope: &str, times: usize) -> Error {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let text = format!("{what} in `{scope}` was recorded {times} and is asked for once more");
    Error::replay(Mismatch::Consumed, text)
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[async_trait]
impl Transport for Replay {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.recorded(&request)?.map_err(|error| error.for_request(&request))
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        let _ = scope.next();
        match self.index.take_value(&self.asked_scope(scope.name()), name) {
            Found::Next(slot) => {
                let recorded = self.index.value(slot)?;
                if let Some(people) = &self.people {
                    people.learn_lists(&fresh, &recorded);
                }
                Ok(recorded)
            }
            Found::Consumed(times) => Err(consumed(&format!("{name}()"), scope.name(), times)),
            Found::Missing => {
                Err(Error::replay(Mismatch::Missing, missing(&format!("{name}()"), scope.name())))
            }
        }
    }

    fn source(&self, _request: &Request) -> Source {
        if self.index.header.resolved { Source::Recording } else { Source::OldRecording }
    }
}
