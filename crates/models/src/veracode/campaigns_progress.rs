//! `GET /api/campaigns/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Milestones, Pages, SortType, UserMilestone, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Shows the progress of the team in its campaigns or assignments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowCampaignsProgress {
    /// Only labs of these campaigns, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign_ids: Vec<String>,
    /// Only labs of these assignments, by id. Cannot be combined with `campaignIds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignment_ids: Vec<String>,
    /// Only users with one of these roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Whether to count optional labs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_optional_labs: Option<bool>,
    /// The field to sort users by: name, role, milestone or lastActive (seen; the documentation lists none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The sort order, ascending or descending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_type: Option<SortType>,
    /// Only users whose name contains this text, under 50 characters. E-mail addresses are not searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "words"))]
    pub phrase: Option<String>,
    /// Users per page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl Endpoint for ShowCampaignsProgress {
    type Response = CampaignsProgress;
    const METADATA: Metadata = Metadata {
        errors: &[
            ErrorSpec::new(400, "assignmentIds and campaignIds are mutually exclusive"),
            ErrorSpec::new(400, "Invalid assignment id: {id}"),
            ErrorSpec::new(400, "Invalid campaign id: {id}"),
            ErrorSpec::new(400, "Invalid role id: {id}"),
            ErrorSpec::new(404, "Campaign(s) not found by id(s): {ids}"),
            ErrorSpec::new(404, "Role(s) not found by id(s): {ids}"),
            ErrorSpec::new(400, "sort is invalid"),
            ErrorSpec::new(400, "sortType is invalid"),
            ErrorSpec::new(400, "limit is invalid"),
            ErrorSpec::new(400, "phrase must be less than 50 characters"),
        ],
        list: Some(List::paged("users", "id", Paging::Pages)),
        ..get("veracode.campaigns_progress", "/api/campaigns/progress")
    };

    fn check(&self) -> Result<(), FieldError> {
        checks::one_narrowing(Self::METADATA.name, &self.assignment_ids, &self.campaign_ids)?;
        checks::phrase(Self::METADATA.name, self.phrase.as_deref())?;
        checks::limit(Self::METADATA.name, self.limit)
    }
}

/// The milestones of the team, of each assignment, and of a page of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignsProgress {
    /// The number of users at each milestone.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub milestones: Milestones,
    /// The assignments.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub assignments: Vec<AssignmentProgress>,
    /// Which page this is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The users on this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<UserMilestone>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An assignment with the team's progress in its labs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentProgress {
    /// The title of the assignment.
    pub title: Option<String>,
    /// The labs of the assignment.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub labs: Vec<LabProgress>,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A lab with the team's progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabProgress {
    /// The title of the lab.
    pub title: Option<String>,
    /// The number of users at each milestone.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub milestones: Milestones,
    /// Undeclared fields, unchanged.
    #[serde(flatten)]
    pub extra: Extra,
}
