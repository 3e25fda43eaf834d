//! Veracode Security Labs.
//!
//! Source: the vendor's API page, with the readings of its contradictions that the endpoints name.

mod campaigns_progress;
mod checks;
mod delete_user;
mod engagement_time;
mod invite;
mod lesson_progress;
mod lessons;
mod onboarding;
mod progress;
mod role_progress;
mod roles;
mod search_lessons;
mod shapes;
mod update_user;
mod user_progress;
mod users;
mod users_details;

pub use campaigns_progress::{
    AssignmentProgress, CampaignsProgress, LabProgress, ShowCampaignsProgress,
};
pub use delete_user::{DeleteUser, Deleted};
pub use engagement_time::{EngagementTime, ShowEngagementTime};
pub use invite::{Invite, Invited};
pub use lesson_progress::{Learner, LessonProgress, ShowLessonProgress};
pub use lessons::{Lesson, Lessons, ListLessons};
pub use onboarding::{Onboarding, ShowOnboarding};
pub use progress::{ListProgress, Member, MemberLesson, TeamProgress};
pub use role_progress::{RoleMember, RoleProgress, ShowRoleProgress};
pub use roles::{ListRoles, Role, Roles};
pub use search_lessons::{FoundLesson, FoundLessons, SearchLessons};
pub use shapes::{Milestone, Milestones, Pages, RoleRef, SortType, Status, UserMilestone};
pub use update_user::{UpdateUser, UpdatedUser};
pub use user_progress::{ShowUserProgress, UserProgress, VisitedLesson};
pub use users::{ListUsers, User, Users};
pub use users_details::{ListUsersDetails, UserDetails, UsersDetails};

use crate::endpoint_def::EndpointDef;
use crate::error_spec::{ErrorSpec, Means};
use crate::metadata::{Credential, Metadata};
use crate::service::Service;

/// The service.
pub static SERVICE: Service = Service {
    name: "veracode",
    title: "Veracode Security Labs",
    base_url: "https://securitylabs.veracode.com",
    credential_variable: "DRILLMASTER_VERACODE_KEY",
    credential_form: "KEY:SECRET",
    has_legacy: false,
    probe: "veracode.roles",
    // A 404 may be an authentication failure (seen), so the words are looked at before the status.
    errors: &[
        ErrorSpec::new(403, "ApiCredential {what}").meaning(Means::Credential),
        ErrorSpec::new(404, "missing").meaning(Means::Credential),
        ErrorSpec::new(401, "rotated").meaning(Means::Credential),
        ErrorSpec::new(401, "disabled").meaning(Means::Credential),
        ErrorSpec::new(403, "invalid").meaning(Means::Credential),
    ],
};

/// Every endpoint, once.
pub static ENDPOINTS: [EndpointDef; 15] = [
    EndpointDef::new::<ListUsers>(&SERVICE),
    EndpointDef::new::<ListUsersDetails>(&SERVICE),
    EndpointDef::new::<ShowUserProgress>(&SERVICE),
    EndpointDef::new::<UpdateUser>(&SERVICE),
    EndpointDef::new::<DeleteUser>(&SERVICE),
    EndpointDef::new::<ShowOnboarding>(&SERVICE),
    EndpointDef::new::<ShowCampaignsProgress>(&SERVICE),
    EndpointDef::new::<ShowEngagementTime>(&SERVICE),
    EndpointDef::new::<ListProgress>(&SERVICE),
    EndpointDef::new::<ListLessons>(&SERVICE),
    EndpointDef::new::<ShowLessonProgress>(&SERVICE),
    EndpointDef::new::<SearchLessons>(&SERVICE),
    EndpointDef::new::<ListRoles>(&SERVICE),
    EndpointDef::new::<ShowRoleProgress>(&SERVICE),
    EndpointDef::new::<Invite>(&SERVICE),
];

const KEY: Credential = Credential::Header("auth");

const fn get(name: &'static str, path: &'static str) -> Metadata {
    Metadata { credential: KEY, ..Metadata::get(name, path) }
}

const fn post(name: &'static str, path: &'static str, subject: &'static str) -> Metadata {
    Metadata { credential: KEY, ..Metadata::post(name, path, subject) }
}

const fn put(name: &'static str, path: &'static str, subject: &'static str) -> Metadata {
    Metadata { credential: KEY, ..Metadata::put(name, path, subject) }
}
