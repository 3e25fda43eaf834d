//! `PUT /api/users/:id`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{checks, put, shapes};
use crate::effect::{Effect, Removes, Write};
use crate::error_spec::ErrorSpec;
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, FieldError, lenient};

/// Changes the given fields of a user.
///
/// `disabled: true` blocks the user and counts as a removal; `disabled: false` gives access back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateUser {
    /// The user's id, from `veracode.users`.
    #[schemars(extend("x-sensitivity" = "id"))]
    pub id: String,
    /// The new e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The new name, under 25 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// Whether the user is an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Whether the account is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The user's new roles, by id. The list replaces the current roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_ids: Option<Vec<String>>,
}

impl UpdateUser {
    /// An update of the user with this id that does not change anything yet.
    ///
    /// ```
    /// use drillmaster_models::veracode::UpdateUser;
    /// let update = UpdateUser { disabled: Some(true), ..UpdateUser::new("3bd68695e165af6ced227afc") };
    /// assert_eq!(update.email, None);
    /// ```
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Endpoint for UpdateUser {
    type Response = UpdatedUser;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "User id is invalid"),
            ErrorSpec::new(400, "User not found"),
            ErrorSpec::new(400, "Email is invalid"),
            ErrorSpec::new(400, "Name must be less than 25 characters"),
            ErrorSpec::new(400, "Invalid roleIds"),
        ],
        effect: Effect::Write(Write {
            removes: Removes::When("disabled"),
            predicts: r#"{"email": "{email}", "name": "{name}", "admin": "{admin}",
                "disabled": "{disabled}", "roleIds": "{roleIds}"}"#,
            ..Write::on("id")
        }),
        ..put("veracode.update_user", "/api/users/{id}", "id")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::at_most(24, Self::METADATA.name, "name", self.name.as_deref())
    }
}

/// The changed user. All fields are optional, so that an unusual answer does not make a successful change look failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedUser {
    /// The user's e-mail address.
    #[schemars(extend("x-sensitivity" = "email"))]
    pub email: Option<String>,
    /// The user's name.
    #[schemars(extend("x-sensitivity" = "name"))]
    pub name: Option<String>,
    /// Whether the user is an administrator.
    #[serde(default, alias = "isAdmin", deserialize_with = "shapes::flag")]
    pub admin: Option<bool>,
    /// Whether the account is disabled. The documentation's example spells it `dsiabled`, which is read too.
    #[serde(default, alias = "dsiabled", alias = "isDisabled", deserialize_with = "shapes::flag")]
    pub disabled: Option<bool>,
    /// The user's roles, by id.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub role_ids: Vec<String>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
