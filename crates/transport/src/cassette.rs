//! Cassettes: recordings of what a program and the services said to each other.
//!
//! A recording is a text file of JSON events. A recording in progress, and the journal of a run, hold one event a
//! line; in a cassette, whitespace between events does not matter.
//!
//! | event | holds |
//! |---|---|
//! | `cassette` | first: version, program, and what the run was made from |
//! | `request` | scope, ordinal, endpoint, hash, method, target, headers, body |
//! | `response` | scope, ordinal, status, headers, body |
//! | `error` | scope, ordinal, how the request or its response was lost |
//! | `value` | scope, ordinal, a value from outside, such as the time, that the script used |
//! | `end` | last: the number of interactions, so that a truncated file is noticed |
//!
//! These occur in journals only. The reader of cassettes ignores the last four; the reader of journals needs them:
//!
//! | event | holds |
//! |---|---|
//! | `resolved` | as `response`: the response that stands for an in-doubt write which turned out to have taken effect |
//! | `again` | a scope whose failures so far no longer count, because it is retried |
//! | `order` | what the run is made from, from here on |
//! | `row` | a scope, and how its row ended |
//! | `pace` | a service, and how fast it was called |
//!
//! A recording in progress and a journal end each line with the field `sum`. In a recording it is a checksum of the
//! line. In a journal, whose header has version 2, it is a hash of the line and of the previous line's `sum`. A reader
//! refuses an event with a wrong `sum`; in a cassette, an event without one, such as one written by hand, is accepted.
//! [`lines`] has the details.
//!
//! [`Sanitizer`] turns a recording into a cassette that can be shared: the order does not depend on which row was faster,
//! the layout is readable, and pseudonyms stand in for people and secrets.
//!
//! A body is inline JSON if that reproduces the same bytes, else text, else base64. No event has a field for a
//! credential: recorders sit above the transport that adds it.
//!
//! ```
//! use drillmaster_transport::cassette::{Body, Event, Header, parse};
//!
//! let header = serde_json::to_string(&Event::Cassette(Header::default())).unwrap();
//! let cassette = format!("{header}\n{{\"event\": \"end\", \"interactions\": 0}}");
//! assert!(parse(&cassette).unwrap().interactions.is_empty());
//!
//! let error = parse(&header).unwrap_err();
//! assert!(error.to_string().contains("cut off"));
//! assert_eq!(Body::new(b"{\"a\":1}"), Body::Json(serde_json::json!({ "a": 1 })));
//! ```

mod body;
mod event;
mod header;
mod identity;
pub mod index;
mod linearize;
pub mod lines;
mod mask_secrets;
mod parse;
mod reader;
mod sanitize;
mod sealed;

pub use body::Body;
pub(crate) use event::unanswered;
pub use event::{
    ErrorEvent, Event, Header, RateEvent, RequestEvent, ResponseEvent, RowEvent, ValueEvent,
    decode_outcome, is_status,
};
pub use identity::identity;
pub(crate) use identity::sorted;
pub use linearize::linearize;
pub use mask_secrets::mask_secrets;
pub use parse::{Interaction, ParseError, Recording, parse};
pub(crate) use parse::{Part, answer_at, event_at, read};
pub use reader::{EventReader, ReadError};
pub use sanitize::Sanitizer;
pub(crate) use sanitize::masked_response;
pub(crate) use sealed::beside;
pub use sealed::{SealError, SealedCassette};

/// The version of a cassette.
pub const VERSION: u32 = 1;

/// The version of a journal. Its events are those of a cassette, and its lines are chained.
pub const JOURNAL_VERSION: u32 = 2;
