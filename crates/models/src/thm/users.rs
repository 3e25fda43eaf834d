//! `GET /external/api/users` · legacy: the same, with fewer fields

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{get, legacy};
use crate::metadata::{List, Metadata};
use crate::{Endpoint, Extra, Legacy, LegacyForm, Moment, lenient};

/// Lists the users on your seats, and the api-users who have registered.
///
/// It does not list api-users who have not registered. The legacy dialect lists only users who signed up through the
/// API, without points, picture and `extUserId`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {}

impl Endpoint for ListUsers {
    type Response = Users;
    const METADATA: Metadata = Metadata {
        // Users who were created by `thm.authenticate` and have not registered are missing.
        list: Some(List::whole("users", "username").partial()),
        ..get("thm.users", "/external/api/users")
    };
    const LEGACY: Option<Legacy> = Some(Legacy::new::<Self, Self>());
}

/// All users of your company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Users {
    /// `true`. Other endpoints have a text here, or nothing.
    #[serde(default)]
    pub status: Value,
    /// The users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<User>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user of your company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: String,
    /// The e-mail address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The URL of the user's picture.
    #[schemars(extend("x-sensitivity" = "avatar"))]
    pub avatar: Option<String>,
    /// The points on the platform since the user signed up. Also read from `totalPoints`.
    #[serde(alias = "totalPoints")]
    pub total_point: Option<Number>,
    /// The points in the current month.
    pub monthly_points: Option<Number>,
    /// When the account was created.
    pub date_signed_up: Option<Moment>,
    /// Your own id for the person. Only api-users have one.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub ext_user_id: Option<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// All users who signed up through the API, in the legacy dialect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegacyUsers {
    /// `true`.
    #[serde(default)]
    pub status: Value,
    /// The users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<LegacyUser>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A user who signed up through the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyUser {
    /// The user name.
    #[schemars(extend("x-sensitivity" = "username"))]
    pub username: String,
    /// The e-mail address of the user's account.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// When the account was created.
    pub date_signed_up: Option<Moment>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LegacyForm<Self> for ListUsers {
    type Response = LegacyUsers;
    const METADATA: Metadata = legacy(<Self as Endpoint>::METADATA, "/external/api/users");
}

impl From<LegacyUsers> for Users {
    fn from(answer: LegacyUsers) -> Self {
        let users = answer.users.into_iter().map(User::from).collect();
        Self { status: answer.status, users, extra: answer.extra }
    }
}

impl From<Users> for LegacyUsers {
    fn from(answer: Users) -> Self {
        let users = answer.users.into_iter().map(LegacyUser::from).collect();
        Self { status: answer.status, users, extra: answer.extra }
    }
}

impl From<LegacyUser> for User {
    fn from(user: LegacyUser) -> Self {
        Self {
            username: user.username,
            email: user.email,
            avatar: None,
            total_point: None,
            monthly_points: None,
            date_signed_up: user.date_signed_up,
            ext_user_id: None,
            extra: user.extra,
        }
    }
}

impl From<User> for LegacyUser {
    fn from(user: User) -> Self {
        Self {
            username: user.username,
            email: user.email,
            date_signed_up: user.date_signed_up,
            extra: user.extra,
        }
    }
}
