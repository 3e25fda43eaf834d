//! Veracode Security Labs.
//!
//! Source: the vendor's API page, with the readings of its contradictions that the entries name.

mod users;

pub use users::{ListUsers, User, Users};

use crate::entry::Entry;
use crate::field::FieldError;
use crate::service::Service;
use crate::spec::{Credential, Fault, Means, Spec};

/// The service.
pub static SERVICE: Service = Service {
    name: "veracode",
    title: "Veracode Security Labs",
    base_url: "https://securitylabs.veracode.com",
    credential_variable: "DRILLMASTER_VERACODE_KEY",
    credential_form: "KEY:SECRET",
    has_legacy: false,
    // A 404 may be an authentication failure (seen), so the words are looked at before the status.
    faults: &[
        Fault::new(403, "ApiCredential {what}").meaning(Means::Credential),
        Fault::new(404, "missing").meaning(Means::Credential),
        Fault::new(401, "rotated").meaning(Means::Credential),
        Fault::new(401, "disabled").meaning(Means::Credential),
        Fault::new(403, "invalid").meaning(Means::Credential),
    ],
    entries: &ENTRIES,
};

/// Every endpoint, once.
pub static ENTRIES: [Entry; 1] = [Entry::of::<ListUsers>()];

const KEY: Credential = Credential::Header("auth");

const fn get(name: &'static str, path: &'static str) -> Spec {
    Spec {
        credential: KEY,
        ..Spec::get(name, path)
    }
}

/// The live service hands out at most 50 in a page (seen) and the document calls other limits invalid.
fn limit_is_documented(entry: &'static str, limit: Option<u32>) -> Result<(), FieldError> {
    match limit {
        Some(limit) if !(1..=50).contains(&limit) => {
            Err(FieldError::new(entry, "limit", "must be from 1 to 50"))
        }
        _ => Ok(()),
    }
}
