//! What an endpoint declares about itself.

use crate::dialect::Dialect;
use crate::effect::{Effect, Removes, Write};
use crate::error_spec::ErrorSpec;

/// The declaration of an endpoint: everything about it except its types.
///
/// Start from [`Metadata::get`], [`Metadata::post`], [`Metadata::put`] or [`Metadata::delete`] and state only
/// what differs.
///
/// ```
/// use drillmaster_models::{ErrorSpec, Metadata, Reply};
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
    /// The name in scripts, commands, recordings and reports: service and stem, such as `thm.scoreboard`.
    pub name: &'static str,
    /// The dialect that this declaration describes.
    pub dialect: Dialect,
    /// The HTTP method.
    pub method: Method,
    /// The path below the service's base URL. Fields in `{braces}` are sent here, all others in the payload.
    pub path: &'static str,
    /// Where the fields are sent that are not in the path.
    pub payload: Payload,
    /// Where the credential is sent. Only the HTTP transport adds it.
    pub credential: Credential,
    /// How the answer is wrapped.
    pub reply: Reply,
    /// The refusals documented for this endpoint, besides those of its service.
    pub errors: &'static [ErrorSpec],
    /// Whether the call changes anything, and how to resolve a write in doubt.
    pub effect: Effect,
    /// The list in the answer, if there is one.
    pub list: Option<List>,
    /// Fields of the answer that are hidden unless asked for, such as the answer to a question.
    pub hidden: &'static [&'static str],
}

impl Metadata {
    /// A read: GET with the fields in the query.
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

    /// A write: POST with a JSON body. In doubt it is repeated, unless the declaration says otherwise.
    pub const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self {
            method: Method::Post,
            payload: Payload::Json,
            effect: Effect::Write(Write::on(subject)),
            ..Self::get(name, path)
        }
    }

    /// A write: PUT with a JSON body.
    pub const fn put(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self { method: Method::Put, ..Self::post(name, path, subject) }
    }

    /// A removal: DELETE with a JSON body.
    pub const fn delete(name: &'static str, path: &'static str, subject: &'static str) -> Self {
        Self {
            method: Method::Delete,
            effect: Effect::Write(Write { removes: Removes::Always, ..Write::on(subject) }),
            ..Self::post(name, path, subject)
        }
    }

    /// The service in the name: `thm` for `thm.scoreboard`.
    pub fn service(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(service, _)| service)
    }

    /// The name without the service: `scoreboard` for `thm.scoreboard`.
    pub fn stem(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, stem)| stem)
    }

    /// The fields that are sent in the path, in order.
    ///
    /// ```
    /// use drillmaster_models::Metadata;
    /// let progress = Metadata::get("veracode.user_progress", "/api/users/{id}/progress");
    /// assert_eq!(progress.path_fields().collect::<Vec<_>>(), ["id"]);
    /// ```
    pub fn path_fields(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(braced)
    }
}

/// The name inside `{braces}`, if the segment has them.
pub(crate) fn braced(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// An HTTP method that the services use.
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
    /// All methods.
    pub const ALL: [Self; 4] = [Self::Get, Self::Post, Self::Put, Self::Delete];

    /// The method as in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Reads a method as in a request line; `None` for a method that no endpoint uses.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the fields are sent that are not in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// In the query; lists are joined by commas.
    Query,
    /// In the body, as a JSON object.
    Json,
    /// In the body, as `application/x-www-form-urlencoded`.
    Form,
}

/// Where the credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// Nowhere: the endpoint must not be sent one.
    None,
    /// In the header with this name.
    Header(&'static str),
    /// In the field with this name in the form body.
    FormField(&'static str),
}

/// How an answer is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The body is the answer.
    Bare,
    /// `{"status": "success", "data": answer}`.
    Data,
    /// `[answer]`. The bare answer is read too.
    One,
    /// The answer is the `Location` header of a redirect, given to callers as `{"location": …}`.
    Location,
}

/// The list in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// The field with the list; empty if the answer itself is the list.
    pub items: &'static str,
    /// The field that identifies an item; empty if there is none.
    pub id: &'static str,
    /// How the list continues in further answers.
    pub paging: Paging,
    /// Whether the whole list shows everybody. If it may leave people out, the absence of one proves nothing.
    pub complete: bool,
}

impl List {
    /// A list that one answer contains completely.
    pub const fn whole(items: &'static str, id: &'static str) -> Self {
        Self::paged(items, id, Paging::Whole)
    }

    /// A list in pages.
    pub const fn paged(items: &'static str, id: &'static str, paging: Paging) -> Self {
        Self { items, id, paging, complete: true }
    }

    /// The same list, if it may leave people out.
    #[must_use]
    pub const fn partial(self) -> Self {
        Self { complete: false, ..self }
    }
}

/// How a list continues in further answers. Pages are counted from 0 in the field `page`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// It does not: one answer contains all items.
    Whole,
    /// There is another page if `nextPage` is not null.
    NextPage,
    /// There is another page if `pages.next` or `pages.nextUrl` is not null.
    Pages,
}
