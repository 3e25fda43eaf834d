//! TryHackMe's Enterprise API, in its current and its legacy dialect.
//!
//! Sources: the vendor's help article (current), the older API page (legacy), and for
//! `thm.time_report` a published client that calls it.

mod scoreboard;

pub use scoreboard::{Answered, LegacyScoreboard, LegacyStanding, ShowScoreboard, Standing};

use crate::entry::Entry;
use crate::service::Service;
use crate::spec::{Credential, Fault, Means, Payload, Spec};

/// The service.
pub static SERVICE: Service = Service {
    name: "thm",
    title: "TryHackMe",
    base_url: "https://tryhackme.com",
    credential_variable: "DRILLMASTER_THM_KEY",
    credential_form: "KEY",
    has_legacy: true,
    faults: &[Fault::new(403, "API Key is invalid or has expired.").meaning(Means::Credential)],
    entries: &ENTRIES,
};

/// Every endpoint, once.
pub static ENTRIES: [Entry; 1] = [Entry::of::<ShowScoreboard>()];

const KEY: Credential = Credential::Header("THM-API-KEY");

const fn get(name: &'static str, path: &'static str) -> Spec {
    Spec {
        credential: KEY,
        ..Spec::get(name, path)
    }
}

const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Spec {
    Spec {
        credential: KEY,
        ..Spec::post(name, path, subject)
    }
}

/// A legacy POST: a form with the key among its fields.
const fn post_form(name: &'static str, path: &'static str, subject: &'static str) -> Spec {
    Spec {
        payload: Payload::Form,
        credential: Credential::FormField("apiKey"),
        ..Spec::post(name, path, subject)
    }
}
