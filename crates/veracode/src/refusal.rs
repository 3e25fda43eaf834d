//! The refusals that the documentation names.

use drillmaster_models::ErrorSpec;

/// A refusal by the service, recognised by its message, since the status varies. The message itself is in
/// [`Error::words`](crate::Error::words).
///
/// ```
/// use drillmaster_veracode::Refusal;
/// assert_eq!(Refusal::from_words("User not found"), Refusal::UserNotFound);
/// assert_eq!(Refusal::from_words("It is closed on Sundays."), Refusal::Other);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The credential is missing, unknown, rotated or disabled. No call can succeed.
    Credential,
    /// This e-mail address has an invite or an account already.
    InviteExists,
    /// No user has this id.
    UserNotFound,
    /// The user who should send the invite does not exist.
    SenderNotFound,
    /// No lesson has this id.
    LessonNotFound,
    /// No role has these ids.
    RoleNotFound {
        /// The ids that the service names. If the request named only one, there are none.
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
    /// The role belongs to another team.
    RoleOfAnotherTeam,
    /// An id is malformed.
    InvalidId {
        /// The kind of id: `user`, `sender`, `lesson`, `role`, `campaign` or `assignment`.
        of: &'static str,
        /// The ids that the service names.
        ids: Vec<String>,
    },
    /// A field is missing or invalid.
    InvalidField {
        /// The field of the request.
        field: &'static str,
    },
    /// Only one of campaigns and assignments may be given.
    CampaignsAndAssignments,
    /// A refusal that the documentation does not name.
    Other,
}

/// The documented messages, in the notation of [`ErrorSpec::says`].
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
    /// Recognises a refusal by its message. Case and a final full stop do not matter.
    pub fn from_words(words: &str) -> Self {
        let known = KNOWN.into_iter().find(|(says, _)| ErrorSpec::new(400, says).matches(words));
        known.map_or(Self::Other, |(_, refusal)| refusal.with_ids(words))
    }

    /// The ids follow the colon, separated by commas.
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
