//! What the service can refuse.

use drillmaster_models::ErrorSpec;

/// What the service refused. Read from its words, since statuses vary; the words themselves are kept in
/// [`Error::words`](crate::Error::words).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The credential is missing, unknown, rotated or switched off.
    Credential,
    /// There is an invite to this address.
    InviteExists,
    /// No user has this id.
    UserNotFound,
    /// The user who is to invite does not exist.
    SenderNotFound,
    /// No lesson has this id.
    LessonNotFound,
    /// No role has these ids. Where the request named but one, the service does not repeat it.
    RoleNotFound {
        /// The ids that the service names.
        ids: Vec<String>,
    },
    /// No campaign has these ids.
    CampaignNotFound {
        /// The ids that the service names.
        ids: Vec<String>,
    },
    /// No assignment has these ids.
    AssignmentNotFound {
        /// The ids that the service names.
        ids: Vec<String>,
    },
    /// The role is another team's.
    RoleOfAnotherTeam,
    /// An id does not have the form of one.
    InvalidId {
        /// What it should be the id of: `user`, `sender`, `lesson`, `role`, `campaign` or `assignment`.
        of: &'static str,
        /// The ids that the service names.
        ids: Vec<String>,
    },
    /// A field is missing or wrong.
    InvalidField {
        /// The field of the request.
        field: &'static str,
    },
    /// Campaigns and assignments exclude each other.
    CampaignsAndAssignments,
    /// A refusal that no document names.
    Other,
}

/// The words of the document, as [`ErrorSpec::says`] has them, and what they refuse.
const KNOWN: [(&str, Refusal); 30] = [
    ("{what}already exists", Refusal::InviteExists),
    ("User not found", Refusal::UserNotFound),
    ("Sender not found", Refusal::SenderNotFound),
    ("lesson not found", Refusal::LessonNotFound),
    ("Role not found", Refusal::RoleNotFound { ids: Vec::new() }),
    ("Role(s) not found by id(s): {ids}", Refusal::RoleNotFound { ids: Vec::new() }),
    ("Campaign(s) not found by id(s): {ids}", Refusal::CampaignNotFound { ids: Vec::new() }),
    ("Assignments(s) not found by id(s): {ids}", Refusal::AssignmentNotFound { ids: Vec::new() }),
    ("Role does not belong to team", Refusal::RoleOfAnotherTeam),
    ("User id is invalid", invalid_id("user")),
    ("invalid user id", invalid_id("user")),
    ("Sender id is invalid", invalid_id("sender")),
    ("invalid lesson id", invalid_id("lesson")),
    ("Invalid role id: {id}", invalid_id("role")),
    ("Invalid campaign id: {id}", invalid_id("campaign")),
    ("Invalid assignment id: {id}", invalid_id("assignment")),
    ("Email is invalid", invalid("email")),
    ("Name must be less than 25 characters", invalid("name")),
    ("Invalid roleIds", invalid("roleIds")),
    ("Role ids are invalid", invalid("roleIds")),
    ("startTime is invalid", invalid("startTime")),
    ("startTime is undefined", invalid("startTime")),
    ("endTime is invalid", invalid("endTime")),
    ("endTime is undefined", invalid("endTime")),
    ("sort is invalid", invalid("sort")),
    ("sortType is invalid", invalid("sortType")),
    ("limit is invalid", invalid("limit")),
    ("phrase must be less than 50 characters", invalid("phrase")),
    ("invalid phrase", invalid("phrase")),
    ("assignmentIds and campaignIds are mutually exclusive", Refusal::CampaignsAndAssignments),
];

const fn invalid(field: &'static str) -> Refusal {
    Refusal::InvalidField { field }
}

const fn invalid_id(of: &'static str) -> Refusal {
    Refusal::InvalidId { of, ids: Vec::new() }
}

impl Refusal {
    /// Reads a refusal that is not about the credential.
    pub(crate) fn read(words: &str) -> Self {
        let known = KNOWN.into_iter().find(|(says, _)| ErrorSpec::new(400, says).matches(words));
        known.map_or(Self::Other, |(_, refusal)| refusal.with_ids(words))
    }

    /// The ids stand after the colon, joined by commas.
    fn with_ids(self, words: &str) -> Self {
        let named = words.split_once(": ").map_or("", |(_, named)| named);
        let ids = named
            .split(',')
            .map(|id| id.trim().trim_end_matches('.').to_owned())
            .filter(|id| !id.is_empty())
            .collect();
        match self {
            Self::RoleNotFound { .. } => Self::RoleNotFound { ids },
            Self::CampaignNotFound { .. } => Self::CampaignNotFound { ids },
            Self::AssignmentNotFound { .. } => Self::AssignmentNotFound { ids },
            Self::InvalidId { of, .. } => Self::InvalidId { of, ids },
            other => other,
        }
    }
}
