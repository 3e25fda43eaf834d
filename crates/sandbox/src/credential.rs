//! Who is let in, and the words in which others are sent away.

use crate::call::Refusal;

/// The sandbox's key for TryHackMe.
pub const THM_KEY: &str = "sandbox-thm-key";

/// The sandbox's key and secret for Security Labs.
pub const VERACODE_KEY: &str = "sandbox-key:sandbox-secret";

/// A key and secret of Security Labs that were switched off.
pub const VERACODE_DISABLED_KEY: &str = "sandbox-disabled:sandbox-secret";

/// TryHackMe has one answer for a wrong key, an old one and none.
pub(crate) fn admit_to_thm(given: Option<&str>) -> Result<(), Refusal> {
    match given {
        Some(THM_KEY) => Ok(()),
        _ => Err(Refusal::new(403, "API Key is invalid or has expired.")),
    }
}

/// Security Labs tells what is wrong.
pub(crate) fn admit_to_veracode(given: Option<&str>) -> Result<(), Refusal> {
    let key = |credential: &str| credential.split(':').next().unwrap_or_default().to_owned();
    match given {
        Some(VERACODE_KEY) => Ok(()),
        Some(VERACODE_DISABLED_KEY) => Err(Refusal::new(401, "disabled")),
        // A known key with another secret is one whose secret was changed since.
        Some(other) if key(other) == key(VERACODE_KEY) => Err(Refusal::new(401, "rotated")),
        Some(_) => Err(Refusal::new(404, "ApiCredential missing")),
        None => Err(Refusal::new(403, "ApiCredential invalid")),
    }
}
