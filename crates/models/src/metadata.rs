//! The words in which an endpoint is declared.

use std::time::Duration;

use serde_json::Value;

use crate::endpoint_def::Dialect;

/// Everything about an endpoint that is not a type. State only what differs from
/// [`Metadata::get`], [`Metadata::post`], [`Metadata::put`] or [`Metadata::delete`].
///
/// ```
/// use drillmaster_models::{ErrorSpec, Reply, Metadata};
///
/// const METADATA: Metadata = Metadata {
///     reply: Reply::Data,
///     errors: &[ErrorSpec::new(404, "Room not found.")],
///     ..Metadata::get("thm.scoreboard", "/api/v2/external/scoreboard")
/// };
/// assert!(METADATA.effect.is_read());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Metadata {
    /// Service and stem, `thm.scoreboard`: the name in scripts, commands, recordings and reports.
    pub name: &'static str,
    /// The dialect in which it says this.
    pub dialect: Dialect,
    /// The HTTP method.
    pub method: Method,
    /// The path below the service's address. Fields in `{braces}` travel here, all others in the payload.
    pub path: &'static str,
    /// Where the fields travel that the path does not name.
    pub payload: Payload,
    /// Where the credential goes. Only the HTTP transport puts it there.
    pub credential: Credential,
    /// How the answer is wrapped.
    pub reply: Reply,
    /// The refusals that are documented for this endpoint, besides those of its service.
    pub errors: &'static [ErrorSpec],
    /// Whether the call changes anything, and if so how a doubtful one is settled.
    pub effect: Effect,
    /// The list in the answer, where there is one.
    pub list: Option<List>,
    /// Fields of the answer that are shown to people only when asked for, such as a question's answer.
    pub hidden: &'static [&'static str],
}

impl Metadata {
    /// A read by GET with its fields in the query.
    pub const fn get(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            dialect: Dialect::Current,
            method: Method::Get,
            path,
            payload: Payload::Query,
            credential: Credential::None,
            reply: Reply::Bare,
            errors: &[],
            effect: Effect::Read,
            list: None,
            hidden: &[],
        }
    }

    /// A write by POST with a JSON body. It is settled by a repeat unless it says otherwise.
    pub const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self {
            method: Method::Post,
            payload: Payload::Json,
            effect: Effect::Write(Write::on(subject)),
            ..Self::get(name, path)
        }
    }

    /// A write by PUT with a JSON body.
    pub const fn put(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self { method: Method::Put, ..Self::post(name, path, subject) }
    }

    /// A write by DELETE that takes something away, with a JSON body where fields are left for one.
    pub const fn delete(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self {
            method: Method::Delete,
            effect: Effect::Write(Write { removes: Removes::Always, ..Write::on(subject) }),
            ..Self::post(name, path, subject)
        }
    }

    /// The service's part of the name: `thm` of `thm.scoreboard`.
    pub fn service(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(service, _)| service)
    }

    /// The endpoint's part of the name: `scoreboard` of `thm.scoreboard`.
    pub fn stem(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, stem)| stem)
    }

    /// The names in `{braces}` in the path, in order.
    pub fn path_fields(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(braced)
    }
}

/// The name inside `{braces}`, if the segment is one.
pub(crate) fn braced(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// An HTTP method that one of the services uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// Every method, for readers of recordings and requests.
    pub const ALL: [Self; 4] = [Self::Get, Self::Post, Self::Put, Self::Delete];

    /// The method as it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Reads a method as it stands in a request line.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where fields travel that the path does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// After the `?`; lists are joined by commas.
    Query,
    /// A JSON object in the body.
    Json,
    /// `application/x-www-form-urlencoded` in the body.
    Form,
}

/// Where the credential goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The endpoint takes none, and must not be sent one.
    None,
    /// A header of this name.
    Header(&'static str),
    /// A field of this name in the form body.
    FormField(&'static str),
}

/// How an answer is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The body is the answer.
    Bare,
    /// `{"status": "success", "data": answer}`.
    Data,
    /// An array that holds the one answer; the bare answer is read too.
    One,
    /// No body: the answer is the `Location` of a redirect, handed on as `{"location": …}`.
    Location,
}

/// A refusal that a document names, or that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSpec {
    /// The status it is documented with. The words decide, not the status: the live services vary it.
    pub status: u16,
    /// The service's words; `{…}` stands for any text. Case and a final full stop do not matter.
    pub says: &'static str,
    /// What it means for the caller.
    pub means: Means,
}

/// What a refusal means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The service said no to this request.
    Refused,
    /// The wanted state holds already: nothing was changed, nothing is wrong.
    Already,
    /// No further request of this kind can succeed in this run.
    Exhausted,
    /// The credential was not accepted: no request can succeed.
    Credential,
    /// Not a refusal at all: it stands for this answer, as JSON.
    Answer(&'static str),
}

impl std::fmt::Display for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Already => f.write_str("already so: nothing was changed, nothing is wrong"),
            Self::Exhausted => f.write_str("no further call of this kind can succeed"),
            Self::Credential => f.write_str("the credential was not accepted: no call can succeed"),
            Self::Answer(answer) => write!(f, "no refusal: it stands for the answer `{answer}`"),
        }
    }
}

impl ErrorSpec {
    /// A plain refusal.
    pub const fn new(status: u16, says: &'static str) -> Self {
        Self { status, says, means: Means::Refused }
    }

    /// The same with another meaning.
    #[must_use]
    pub const fn meaning(self, means: Means) -> Self {
        Self { means, ..self }
    }

    /// Whether these words of a service are this fault.
    ///
    /// ```
    /// use drillmaster_models::ErrorSpec;
    /// assert!(ErrorSpec::new(400, "email not found.").matches("Email not found"));
    /// assert!(ErrorSpec::new(400, "Invalid role id: {id}").matches("invalid role id: 7"));
    /// assert!(!ErrorSpec::new(404, "Room not found.").matches("Role not found"));
    /// ```
    pub fn matches(&self, words: &str) -> bool {
        let (said, pattern) = (plain(words), plain(self.says));
        match pattern.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                said.len() >= before.len() + after.len()
                    && said.starts_with(before)
                    && said.ends_with(after)
            }
            None => said == pattern,
        }
    }
}

impl ErrorSpec {
    /// Whether two texts of a service are the same words: case and a final full stop do not matter.
    pub fn same(a: &str, b: &str) -> bool {
        plain(a) == plain(b)
    }
}

/// Lower-cased, trimmed, without the final full stop.
fn plain(words: &str) -> String {
    let words = words.trim();
    words.strip_suffix('.').unwrap_or(words).to_lowercase()
}

/// Whether a call changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing and may be sent again.
    Read,
    /// It changes something.
    Write(Write),
}

impl Effect {
    /// Whether it changes nothing.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Read)
    }

    /// The effect in a word or two, for tables.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write(write) if write.irreversible => "removal, irreversible",
            Self::Write(write) => match write.removes {
                Removes::Never => "write",
                Removes::When(_) => "write or removal",
                Removes::Always => "removal",
            },
        }
    }

    /// What it writes, if it writes.
    pub const fn write(&self) -> Option<&Write> {
        match self {
            Self::Read => None,
            Self::Write(write) => Some(write),
        }
    }
}

/// What a writing call does, and how one without a clear answer is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// The field that says whom the write is about.
    pub subject: &'static str,
    /// How to find out whether a doubtful write took effect.
    pub resolve: Resolve,
    /// Whether it takes something from a person: a seat, a room, an account.
    pub removes: Removes,
    /// Whether what it takes cannot be given back.
    pub irreversible: bool,
    /// The answer to expect, as JSON: `"{email}"` stands for the request's field. It answers a write that is
    /// settled without an answer of its own, and one that is only rehearsed.
    pub predicts: &'static str,
    /// Whether a success tells that something changed. A call that answers alike when there was nothing to
    /// change does not.
    pub tells: bool,
    /// How long after a request without a clear answer its effect may still appear: the horizon. Only a look
    /// that begins later can show that there is none.
    pub effect_within: Duration,
}

impl Write {
    /// The horizon of an endpoint that declares none. Neither document gives one; gateways give up on a
    /// request after a minute or less, and this is twice that.
    pub const EFFECT_WITHIN: Duration = Duration::from_secs(120);

    /// A write that may be repeated, about the person in this field.
    pub const fn on(subject: &'static str) -> Self {
        Self {
            subject,
            resolve: Resolve::Repeat,
            removes: Removes::Never,
            irreversible: false,
            tells: true,
            predicts: "{}",
            effect_within: Self::EFFECT_WITHIN,
        }
    }

    /// Whether a call with these fields takes something from a person.
    ///
    /// ```
    /// use drillmaster_models::endpoint;
    /// use serde_json::json;
    /// let update = endpoint("veracode.update_user").unwrap().metadata.effect;
    /// let update = update.write().unwrap();
    /// assert!(update.takes_away(&json!({ "id": "a", "disabled": true })));
    /// assert!(!update.takes_away(&json!({ "id": "a", "name": "Ada" })));
    /// ```
    pub fn takes_away(&self, fields: &Value) -> bool {
        match self.removes {
            Removes::Never => false,
            Removes::Always => true,
            Removes::When(field) => fields[field] == true,
        }
    }
}

/// Whether a write takes something from a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removes {
    /// It never does.
    Never,
    /// It does nothing else.
    Always,
    /// It does where this field is true, and may change other things without.
    When(&'static str),
}

/// How a write that got no clear answer is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// Sending it again leaves the same state and gives the same answer.
    Repeat,
    /// Sending it again is harmless, and a refusal that means [`Means::Already`] shows that it was done.
    Refusal,
    /// Look first: an item of this list with the same value in this field shows that it was done.
    Probe {
        /// The endpoint that lists the candidates. Its list must be [complete](List::complete).
        endpoint: &'static str,
        /// The field to compare, spelt alike in the item and in the request.
        field: &'static str,
        /// What it proves when no item has that value.
        absence: Absence,
    },
}

/// What it proves that a write's effect is absent from several complete looks, the last of them past the
/// write's [horizon](Write::effect_within).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// That one repeat can do no harm: an effect that the list does not show would make the service refuse
    /// the repeat with a refusal that means [`Means::Already`].
    Repeatable,
    /// Nothing: the write stays in doubt, and a person decides.
    Unproven,
}

/// The list in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// The field that holds it; empty where the answer itself is the list.
    pub items: &'static str,
    /// The field that tells one item from another; empty where there is none.
    pub id: &'static str,
    /// How the list goes on in further answers.
    pub paging: Paging,
    /// Whether all of it shows everybody. Where it may hide people, nobody's absence means anything.
    pub complete: bool,
}

impl List {
    /// A list that comes whole.
    pub const fn whole(items: &'static str, id: &'static str) -> Self {
        Self::paged(items, id, Paging::Whole)
    }

    /// A list in pages.
    pub const fn paged(items: &'static str, id: &'static str, paging: Paging) -> Self {
        Self { items, id, paging, complete: true }
    }

    /// The same where some may be missing from it.
    #[must_use]
    pub const fn partial(self) -> Self {
        Self { complete: false, ..self }
    }
}

/// How a list goes on. Pages are counted from 0 in the field `page`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// It does not: one answer holds all.
    Whole,
    /// `nextPage` is not null.
    NextPage,
    /// `pages.next` or `pages.nextUrl` is not null.
    Pages,
}
