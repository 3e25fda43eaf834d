//! `GET /external/api/register`

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Endpoint;
use crate::metadata::{Metadata, Reply};

/// Opens an api-user's registration by its token, as the link in an invitation does.
///
/// The answer is a redirect and is not followed: it says by its address whether the token is good. The token
/// is a secret of the person who registers, and no key is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The api-user's token.
    #[schemars(extend("x-sensitivity" = "secret"))]
    pub token: String,
}

impl Endpoint for Register {
    type Response = Registration;
    const METADATA: Metadata = Metadata {
        reply: Reply::Location,
        ..Metadata::get("thm.register", "/external/api/register")
    };
}

/// Where a registration leads.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Registration {
    /// The address of the redirect, relative or absolute, as it came.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub location: String,
    /// Whether the token was accepted, which the sign-up page as address shows.
    pub accepted: bool,
}

impl Registration {
    /// Reads the outcome from the address alone: `/signup` where the token is good, `/404` where it is not.
    ///
    /// ```
    /// use drillmaster_models::thm::Registration;
    /// assert!(Registration::at("/signup").accepted);
    /// assert!(Registration::at("https://tryhackme.com/signup?by=invitation").accepted);
    /// assert!(!Registration::at("/404").accepted);
    /// assert!(!Registration::at("/login?next=/signup").accepted);
    /// ```
    pub fn at(location: impl Into<String>) -> Self {
        let location = location.into();
        let path = location.split(['?', '#']).next().unwrap_or_default();
        let accepted = path.trim_end_matches('/').ends_with("/signup");
        Self { location, accepted }
    }
}

// The service sends the address only; `accepted` follows from it and never travels.
impl<'de> Deserialize<'de> for Registration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Redirect {
            location: String,
        }
        Redirect::deserialize(deserializer).map(|redirect| Self::at(redirect.location))
    }
}
