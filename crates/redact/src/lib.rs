//! Keeping people and secrets out of what is shared.
//!
//! What is private follows from the declarations of the endpoints, from the form of a value, from the roster and the
//! keys of rows, and from a [`Policy`]. Each private value gets one pseudonym, which replaces it everywhere: in URLs,
//! forms, JSON, headers and errors, plain or encoded.
//!
//! | value | pseudonym |
//! |---|---|
//! | an e-mail address | `learner-0001@example.com` |
//! | a name | `Learner 0001` |
//! | a user name, an id | `learner-0001` |
//! | a picture | `https://links.invalid/learner-0001.png` |
//! | a link that lets somebody in | `https://links.invalid/0001?token=token-0001` |
//! | a token, a password, a key | `token-0001` |
//! | something that a person wrote, or part of a name | `words-0001` |
//! | the answer to a question | an empty text |
//!
//! People have numbers. The people of a roster have the numbers of its rows, so a [`Redactor`] finds their pseudonyms
//! from the roster alone, and a recording need not say anything about people.
//!
//! | step | type |
//! |---|---|
//! | collect what is private in a recording | [`Collector`] |
//! | replace it, and put it back | [`Redactor`] |
//! | check that nothing is left | [`LeakCheck`] |
//! | compare messages without what is private | [`mask_request`], [`mask_response`] |
//! | mask the API keys that services echo | [`ApiKeys`] |
//!
//! This crate sees [`Message`](drillmaster_models::Message)s. It knows no file format and opens no connection.
//!
//! # What is not found
//!
//! A field that no declaration knows is judged by its name and by the form of its value. A person's name in a field
//! `remark`, a number in a field `no`, a postal address: such a value stays, unless it is also in the roster, in a
//! declared field or the key of a row. The same is true of columns and inputs with names that say nothing;
//! [`Warnings`] lists them. Name the field with [`Policy::field`] or the value with [`Policy::value`], and read a
//! recording before you share it.
//!
//! The rows of a roster are identified by their position alone. A replay with another number of rows is refused. So is
//! one with rows in another order, where a column that was kept shows it, or an empty cell. Two people whose kept cells
//! are equal can swap rows unnoticed: each then gets what was recorded for the other.
//!
//! ```
//! use drillmaster_redact::{Redactor, Rows, Scheme, Sensitivity};
//!
//! let scheme = Scheme { columns: vec![("email".into(), Sensitivity::Email)], ..Scheme::default() };
//! let roster = Rows {
//!     columns: vec!["email".into(), "room".into()],
//!     cells: vec![vec!["ada@corp.example".into(), "linux1".into()]],
//! };
//! let redactor = Redactor::new(&scheme, Some(&roster));
//! assert_eq!(redactor.text("for ADA%40corp.example"), "for learner-0001%40example.com");
//! ```

mod base64;
mod bind;
mod collect;
mod decode;
mod detect;
mod json;
mod keys;
mod leak_check;
mod mask;
mod names;
mod patterns;
mod policy;
mod pseudonyms;
mod redactor;
mod restore;
mod roster;
mod search;
mod visit;
mod warnings;

pub use drillmaster_models::Sensitivity;

pub use collect::{Collected, Collector};
pub use detect::contains_secret;
pub use json::says_all;
pub use keys::ApiKeys;
pub use leak_check::{Leak, LeakCheck, TooManyValues};
pub use mask::{mask_request, mask_response};
pub use policy::{Policy, Scheme};
pub use pseudonyms::fold;
pub use redactor::Redactor;
pub use roster::Rows;
pub use warnings::Warnings;
