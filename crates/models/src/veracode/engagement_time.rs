//! `GET /api/engagement/time`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::Metadata;
use crate::{Endpoint, Extra, FieldError};

/// Shows the median time that users spend on labs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowEngagementTime {
    /// Only labs of these campaigns, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign_ids: Vec<String>,
    /// Only labs of these assignments, by id. Cannot be combined with `campaignIds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignment_ids: Vec<String>,
    /// Only users with one of these roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
}

impl Endpoint for ShowEngagementTime {
    type Response = EngagementTime;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "assignmentIds and campaignIds are mutually exclusive"),
            ErrorSpec::new(400, "Invalid assignment id: {id}"),
            ErrorSpec::new(400, "Invalid campaign id: {id}"),
            ErrorSpec::new(400, "Invalid role id: {id}"),
            ErrorSpec::new(404, "Assignments(s) not found by id(s): {ids}"),
            ErrorSpec::new(404, "Campaign(s) not found by id(s): {ids}"),
            ErrorSpec::new(404, "Role(s) not found by id(s): {ids}"),
        ],
        ..get("veracode.engagement_time", "/api/engagement/time")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::one_narrowing(Self::METADATA.name, &self.assignment_ids, &self.campaign_ids)
    }
}

/// The median time spent on labs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementTime {
    /// The time in milliseconds; null if nobody has worked on a lab.
    pub duration: Option<Number>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
