//! `GET /external/api/register`

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Endpoint;
use crate::metadata::{Metadata, Reply};

/// Opens an api-user's registration with its token, like the link in an invitation.
///
/// The answer is a redirect, which is not followed: its URL shows whether the token is valid. The token is a secret
/// of the person who registers. No key is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The api-user's registration token.
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

/// The result of opening a registration.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Registration {
    /// The URL of the redirect, relative or absolute.
    #[schemars(extend("x-sensitivity" = "address"))]
    pub location: String,
    /// Whether the token was accepted: the redirect then leads to the sign-up page.
    pub accepted: bool,
}

impl Registration {
    /// Reads the result from the URL of the redirect: `/signup` for a valid token, `/404` for an invalid one.
    ///
    /// ```
    /// use drillmaster_models::thm::Registration;
    /// assert!(Registration::from_location("/signup").accepted);
    /// assert!(Registration::from_location("https://tryhackme.com/signup?by=invitation").accepted);
    /// assert!(!Registration::from_location("/404").accepted);
    /// assert!(!Registration::from_location("/login?next=/signup").accepted);
    /// ```
    pub fn from_location(location: impl Into<String>) -> Self {
        let location = location.into();
        let path = location.split(['?', '#']).next().unwrap_or_default();
        let accepted = path.trim_end_matches('/').ends_with("/signup");
        Self { location, accepted }
    }
}

// The service sends only the URL; `accepted` follows from it.
impl<'de> Deserialize<'de> for Registration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Redirect {
            location: String,
        }
        Redirect::deserialize(deserializer).map(|redirect| Self::from_location(redirect.location))
    }
}
