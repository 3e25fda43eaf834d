//! The sandbox's credentials, and the refusals of all others.

use crate::call::Refusal;

/// The sandbox's key for TryHackMe.
pub const THM_KEY: &str = "sandbox-thm-key";

/// The sandbox's key and secret for Security Labs.
pub const VERACODE_KEY: &str = "sandbox-key:sandbox-secret";

/// A disabled key and secret of Security Labs.
pub const VERACODE_DISABLED_KEY: &str = "sandbox-disabled:sandbox-secret";

/// Checks a credential of TryHackMe, which has one answer for a wrong, an expired and a missing key.
pub(crate) fn admit_to_thm(given: Option<&str>) -> Result<(), Refusal> {
    match given {
        Some(THM_KEY) => Ok(()),
        _ => Err(Refusal::new(403, "API Key is invalid or has expired.")),
    }
}

/// Checks a credential of Security Labs, which says what is wrong.
pub(crate) fn admit_to_veracode(given: Option<&str>) -> Result<(), Refusal> {
    let key = |credential: &str| credential.split(':').next().unwrap_or_default().to_owned();
    match given {
        Some(VERACODE_KEY) => Ok(()),
        Some(VERACODE_DISABLED_KEY) => Err(Refusal::new(401, "disabled")),
        // A known key with another secret: the secret was rotated.
        Some(other) if key(other) == key(VERACODE_KEY) => Err(Refusal::new(401, "rotated")),
        Some(_) => Err(Refusal::new(404, "ApiCredential missing")),
        None => Err(Refusal::new(403, "ApiCredential invalid")),
    }
}
