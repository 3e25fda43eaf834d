//! Replaying cassettes.

mod index;
mod people;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use drillmaster_models::wire;
use serde_json::Value;

use self::index::{Index, RequestPlace};
use self::people::People;
use crate::cassette::index::Lookup;
use crate::cassette::{Header, Interaction, ParseError, RequestEvent, identity};
use crate::diff::{diff, distance, request_lines};
use crate::error::{Error, Mismatch};
use crate::files;
use crate::redact::{Rows, Scheme};
use crate::request::{Request, Response, Scope, Source, Transport, is_open};

/// How many recorded requests are compared to find the nearest one.
const MOST_COMPARED: usize = 20_000;

/// How many unused interactions an error lists.
const MOST_LISTED: usize = 5;

/// Answers each request with what was recorded for it, and refuses all others. Requests are equal if their scopes and
/// their [identities](crate::cassette::identity) are; equal requests are answered in the order of their numbers. A
/// recorded error is returned again. Responses come at once: how long they took is not recorded.
///
/// A request that was not recorded is [missing](Mismatch::Missing), one that is repeated too often is
/// [consumed](Mismatch::Consumed); the error shows how it differs from the nearest recorded one.
/// [`finish`](Replay::finish) fails if something that was recorded is [unused](Mismatch::Unused).
///
/// ```
/// use drillmaster_transport::{Mismatch, Replay};
///
/// let cassette = r#"
///     {"event":"cassette","version":1,"program":"by hand"}
///     {"event":"value","scope":"main","ordinal":0,"name":"now","value":1}
///     {"event":"end","interactions":0}"#;
/// let replay = Replay::parse(cassette).unwrap();
/// assert_eq!(replay.finish().unwrap_err().mismatch(), Some(Mismatch::Unused));
/// assert!(replay.allow_unused().finish().is_ok());
/// ```
pub struct Replay {
    index: Index,
    /// Only a sealed cassette has pseudonyms.
    people: Option<People>,
    /// Where its roster of pseudonyms would be.
    pseudonym_roster: Option<PathBuf>,
    unused: Unused,
}

/// Which rosters fit the recording.
enum Accept {
    /// Those with as many rows.
    SameLength,
    /// Those with as many rows or more.
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
            refuse(format!(
                "the cassette is damaged at byte {byte}: invalid UTF-8; record it again"
            ))
        })?;
        let replay = Self::parse(text).map_err(|damage| refuse(damage.to_string()))?;
        Ok(Self { pseudonym_roster: Some(path.with_extension("roster.csv")), ..replay })
    }

    /// Reads a cassette from text.
    pub fn parse(text: impl Into<String>) -> Result<Self, ParseError> {
        let index = Index::new(text.into())?;
        let people = index.header.sealed.as_ref().map(|sealing| People::new(sealing, None));
        Ok(Self { index, people, pseudonym_roster: None, unused: Unused::Refused })
    }

    /// Uses the roster of the run: the real one, or the one with pseudonyms that was written next to a sealed cassette.
    /// The people in the real one stand for those in the recording, row by row. Without a roster, the replay learns
    /// from the requests, in order, who is who.
    ///
    /// Refuses a roster with another number of rows. If the roster with pseudonyms is next to the cassette, it also
    /// refuses rows whose columns that are not private differ. See [`redact`](crate::redact#what-is-not-found) for what
    /// this does not detect.
    pub fn with_roster(self, roster: &Rows) -> Result<Self, Error> {
        self.use_roster(roster, &Accept::SameLength)
    }

    /// The same with a roster that may have more rows.
    pub(crate) fn with_longer_roster(self, roster: &Rows) -> Result<Self, Error> {
        self.use_roster(roster, &Accept::Longer)
    }

    fn use_roster(self, roster: &Rows, accept: &Accept) -> Result<Self, Error> {
        let Some(sealing) = &self.index.header.sealed else { return Ok(self) };
        if let Some(recorded) = sealing.rows {
            self.check_rows(roster, recorded, accept)?;
        }
        let people = Some(People::new(sealing, Some(roster)));
        Ok(Self { people, ..self })
    }

    fn check_rows(&self, roster: &Rows, recorded: usize, accept: &Accept) -> Result<(), Error> {
        let now = roster.cells.len();
        let fits = match accept {
            Accept::SameLength => now == recorded,
            Accept::Longer => now >= recorded,
        };
        if !fits {
            let rows = counted(recorded, "row");
            return Err(Error::setup(format!(
                "the recording was made with {rows}, and this roster has {now}; use the roster that it was made with, or \
                 record again"
            )));
        }
        let Some(path) = &self.pseudonym_roster else { return Ok(()) };
        let pseudonyms =
            files::read_text(path, files::BY_PROGRAM).ok().and_then(|text| Rows::from_csv(&text));
        // A file that was not written with this recording says nothing about it.
        let pseudonyms = pseudonyms.filter(|pseudonyms| pseudonyms.cells.len() == recorded);
        match pseudonyms.as_ref().and_then(|pseudonyms| roster.first_difference(pseudonyms)) {
            None => Ok(()),
            Some((index, column)) => Err(Error::setup(format!(
                "row {row} of the roster is not row {row} of the recording: its `{column}` differs from that in \
                 {}; keep the rows in the order in which they were recorded, or record again",
                path.display(),
                row = index + 1,
            ))),
        }
    }

    /// Ignores recorded interactions and values that are not used.
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

    /// Fails if a recorded interaction or value was not used.
    pub fn finish(&self) -> Result<(), Error> {
        if matches!(self.unused, Unused::Allowed) {
            return Ok(());
        }
        let requests = self.index.unused_requests();
        let mut unused: Vec<_> =
            requests.map(|request| (request.line(), request.scope, request.ordinal)).collect();
        let interactions = unused.len();
        let values = self.index.unused_values();
        unused
            .extend(values.map(|value| (format!("{}()", value.name), value.scope, value.ordinal)));
        if unused.is_empty() {
            return Ok(());
        }
        // In the order of the run, whatever their order in the file.
        unused.sort_by(|(_, a, i), (_, b, j)| {
            (a != Scope::MAIN, a, i).cmp(&(b != Scope::MAIN, b, j))
        });
        let counts = [(interactions, "interaction"), (unused.len() - interactions, "value")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, noun)| counted(count, noun)).collect::<Vec<_>>();
        let verb = if unused.len() == 1 { "was" } else { "were" };
        let mut lines = vec![format!("{} {verb} recorded and not used:", counts.join(" and "))];
        let listed = unused.iter().take(MOST_LISTED);
        lines.extend(listed.map(|(line, scope, _)| format!("  {line} (`{scope}`)")));
        if unused.len() > MOST_LISTED {
            lines.push(format!("  and {} more", unused.len() - MOST_LISTED));
        }
        Err(Error::replay(Mismatch::Unused, lines.join("\n")))
    }

    /// What was recorded for a request, if anything is left. Learns nothing about people: a new person must not be
    /// mistaken for a recorded one.
    pub(crate) fn take(&self, request: &Request) -> Result<Option<Result<Response, Error>>, Error> {
        match self.index.take(&self.redacted(request)) {
            Lookup::Found(slot) => self.outcome(&slot.data).map(Some),
            Lookup::Consumed(_) | Lookup::Missing => Ok(None),
        }
    }

    /// What was recorded for a request. The outer error says that nothing is left, and what comes nearest.
    pub(crate) fn recorded(&self, request: &Request) -> Result<Result<Response, Error>, Error> {
        let asked = self.redacted(request);
        let found = match self.index.take(&asked) {
            Lookup::Missing if self.learns(request, &asked) => {
                self.index.take(&self.redacted(request))
            }
            found => found,
        };
        let outcome = match found {
            Lookup::Found(slot) => self.outcome(&slot.data),
            Lookup::Consumed(times) => Err(consumed(&asked.line(), &asked.scope, times)),
            Lookup::Missing => Err(self.missing(&asked)),
        };
        outcome.map_err(|error| error.for_request(request))
    }

    fn outcome(&self, place: &RequestPlace) -> Result<Result<Response, Error>, Error> {
        let outcome = self.index.outcome(place)?;
        Ok(match &self.people {
            Some(people) => outcome.map(|answer| people.answered(answer)),
            None => outcome,
        })
    }

    /// Whether something is left for a request.
    pub(crate) fn has_next(&self, request: &Request) -> bool {
        self.index.has_next(&self.redacted(request))
    }

    /// The value that was recorded for this name, if one is left.
    pub(crate) fn take_value(&self, scope: &str, name: &str) -> Result<Option<Value>, Error> {
        match self.index.take_value(&self.redacted_scope(scope), name) {
            Lookup::Found(slot) => self.index.value(&slot.data).map(Some),
            Lookup::Consumed(_) | Lookup::Missing => Ok(None),
        }
    }

    /// A pseudonym in a request that stands for no known person. It must not be sent to a service.
    pub(crate) fn unknown_pseudonym(&self, request: &Request) -> Option<String> {
        self.people.as_ref()?.unknown_pseudonym(request)
    }

    /// How the cassette was sealed, if it was.
    pub(crate) fn sealing(&self) -> Option<&Scheme> {
        self.people.as_ref().map(|people| &people.scheme)
    }

    /// A text with pseudonyms, as the recording has it.
    pub(crate) fn redacted_text(&self, text: &str) -> String {
        self.people.as_ref().map_or_else(|| text.to_owned(), |people| people.read().text(text))
    }

    /// The key of a row with pseudonyms, as the recording has it.
    pub(crate) fn redacted_key(&self, key: &str) -> String {
        self.people.as_ref().map_or_else(|| key.to_owned(), |people| people.read().row_key(key))
    }

    /// A recorded interaction with the real people in it.
    pub(crate) fn restored(&self, interaction: Interaction) -> Interaction {
        match &self.people {
            Some(people) => people.restore(interaction),
            None => interaction,
        }
    }

    /// A request with pseudonyms, as the recording has it. Every lookup goes through this or
    /// [`redacted_scope`](Self::redacted_scope).
    pub(crate) fn redacted<'a>(&self, request: &'a Request) -> Cow<'a, Request> {
        match &self.people {
            Some(people) => Cow::Owned(people.redacted(request)),
            None => Cow::Borrowed(request),
        }
    }

    /// A scope with pseudonyms, as the recording has it.
    fn redacted_scope<'a>(&self, scope: &'a str) -> Cow<'a, str> {
        match &self.people {
            Some(people) => Cow::Owned(people.scope(scope)),
            None => Cow::Borrowed(scope),
        }
    }

    /// Learns from a missing request who the people in it are.
    fn learns(&self, request: &Request, asked: &Request) -> bool {
        let Some(people) = &self.people else { return false };
        let remaining = self.index.remaining(asked).into_iter();
        people.learn(request, remaining.filter_map(|recorded| recorded.wire().ok()))
    }

    fn missing(&self, request: &Request) -> Error {
        let mut lines = vec![missing(&request.line(), &request.scope)];
        lines.extend(self.nearest(request));
        Error::replay(Mismatch::Missing, lines.join("\n"))
    }

    /// How a request differs from the most similar one of the nearest.
    fn nearest(&self, request: &Request) -> Vec<String> {
        let open = is_open(request.metadata);
        let asked = request_lines(&request.wire, open);
        let near = self.index.nearest(request, MOST_COMPARED);
        let lines = |recorded: &RequestEvent, wire: &wire::Request| {
            // If one of them must not be shown, the other must not reveal it either.
            request_lines(wire, open && recorded.is_open())
        };
        let near = near.iter().filter_map(|recorded| Some((recorded, recorded.wire().ok()?)));
        let near = near.map(|(recorded, wire)| (lines(recorded, &wire), recorded));
        let nearest = near.min_by_key(|(lines, recorded)| {
            (distance(lines, &asked), &recorded.scope, recorded.ordinal)
        });
        let Some((lines, recorded)) = nearest else {
            return vec!["nothing was recorded".to_owned()];
        };
        let shown = diff(&lines, &asked);
        let place = format!("nearest: {} in `{}`", recorded.line(), recorded.scope);
        match (shown.is_empty(), recorded.hash == identity(&request.wire)) {
            (true, true) => vec![format!("nearest: the same request in `{}`", recorded.scope)],
            (true, false) => {
                vec![format!("{place}; the difference contains secrets and is not shown")]
            }
            (false, _) => {
                [format!("{place} (- recorded, + sent)")].into_iter().chain(shown).collect()
            }
        }
    }
}

fn missing(what: &str, scope: &str) -> String {
    format!("{what} in `{scope}` was not recorded")
}

fn consumed(what: &str, scope: &str, times: usize) -> Error {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let text = format!("{what} in `{scope}` was recorded {times} and was sent once more");
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
        match self.index.take_value(&self.redacted_scope(scope.name()), name) {
            Lookup::Found(slot) => {
                let recorded = self.index.value(&slot.data)?;
                if let Some(people) = &self.people {
                    people.learn_lists(&fresh, &recorded);
                }
                Ok(recorded)
            }
            Lookup::Consumed(times) => Err(consumed(&format!("{name}()"), scope.name(), times)),
            Lookup::Missing => {
                Err(Error::replay(Mismatch::Missing, missing(&format!("{name}()"), scope.name())))
            }
        }
    }

    fn source(&self, _request: &Request) -> Source {
        if self.index.header.resolved { Source::Recording } else { Source::OldRecording }
    }
}
