//! `GET /api/campaigns/progress`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Milestones, Pages, SortType, UserMilestone, checks, get};
use crate::error_spec::ErrorSpec;
use crate::metadata::{List, Metadata, Paging};
use crate::{Endpoint, Extra, FieldError, lenient};

/// Shows how far the team has come with its campaigns or assignments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowCampaignsProgress {
    /// Only what belongs to these campaigns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign_ids: Vec<String>,
    /// Only what belongs to these assignments; excludes `campaignIds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignment_ids: Vec<String>,
    /// Only users who have one of these roles, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
    /// Whether labs count that are not required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_optional_labs: Option<bool>,
    /// The field that orders the users. The document lists none; seen are name, role, milestone, lastActive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Whether the order runs up or down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_type: Option<SortType>,
    /// Only users whose name has this in it, under 50 characters. E-mail addresses are not searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-sensitivity" = "words"))]
    pub phrase: Option<String>,
    /// Users in a page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The page to get, counted from 0.
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

/// The team's milestones, those of each assignment, and a page of users with theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignsProgress {
    /// How many users have reached which milestone.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub milestones: Milestones,
    /// The assignments.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub assignments: Vec<AssignmentProgress>,
    /// Where this page stands.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pages: Pages,
    /// The users of this page.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub users: Vec<UserMilestone>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An assignment and how far the team has come with its labs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentProgress {
    /// The name people know.
    pub title: Option<String>,
    /// Its labs.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub labs: Vec<LabProgress>,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A lab and how far the team has come with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabProgress {
    /// The name people know.
    pub title: Option<String>,
    /// How many users have reached which milestone.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub milestones: Milestones,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}
