//! Whether a call changes anything, and how to find out when its answer is lost.

use std::time::Duration;

use serde_json::Value;

/// Whether a call changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing, so it can be sent again.
    Read,
    /// It changes something.
    Write(Write),
}

impl Effect {
    /// Whether the call changes nothing.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Read)
    }

    /// The effect in a word or two, for tables.
    ///
    /// ```
    /// let seat = drillmaster_models::endpoint("thm.remove_seat").unwrap();
    /// assert_eq!(seat.metadata.effect.word(), "removal");
    /// ```
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

    /// The details of a write; `None` for a read.
    pub const fn write(&self) -> Option<&Write> {
        match self {
            Self::Read => None,
            Self::Write(write) => Some(write),
        }
    }
}

/// What a write does, and how to resolve one that is in doubt because it got no clear answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// The request field that names the person the write is about.
    pub subject: &'static str,
    /// How to find out whether a write in doubt took effect.
    pub resolve: Resolve,
    /// Whether it takes something from a person: a seat, a room, an account.
    pub removes: Removes,
    /// Whether what it removes cannot be given back.
    pub irreversible: bool,
    /// The expected answer as JSON, where `"{email}"` stands for that field of the request. It answers writes
    /// in a dry run, and writes that were resolved without an answer of their own.
    pub predicts: &'static str,
    /// Whether a success proves that something changed. It does not where the service gives the same answer
    /// when there was nothing to change.
    pub tells: bool,
    /// How long after an unanswered request its effect may still appear. Only a look that starts later can
    /// prove that the write had no effect.
    pub effect_within: Duration,
}

impl Write {
    /// The `effect_within` of endpoints that declare none. Neither service documents one. Gateways give up on
    /// a request after a minute or less; this is twice that.
    pub const EFFECT_WITHIN: Duration = Duration::from_secs(120);

    /// A write that is safe to repeat, about the person in this field.
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
    /// It always does.
    Always,
    /// It does when this field is true; otherwise it changes other things.
    When(&'static str),
}

/// How to resolve a write that got no clear answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// Send it again: the state stays the same, and so does the answer.
    Repeat,
    /// Send it again: this is harmless, and a refusal that means [`Means::Already`](crate::Means::Already)
    /// shows that the first one took effect.
    Refusal,
    /// Look before sending: an item of this list with the same value in this field shows that the write took
    /// effect.
    Probe {
        /// The endpoint that lists the candidates. Its list must be [complete](crate::List::complete).
        endpoint: &'static str,
        /// The field to compare. It has the same name in the item and in the request.
        field: &'static str,
        /// What it proves when no item has that value.
        absence: Absence,
    },
}

/// What it proves when several complete looks, the last of them after
/// [`effect_within`](Write::effect_within), do not show a write's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The write can be sent once more. If it took effect after all, the service refuses the repeat with a
    /// refusal that means [`Means::Already`](crate::Means::Already).
    Repeatable,
    /// Nothing: the write stays in doubt, and a person decides.
    Unproven,
}
