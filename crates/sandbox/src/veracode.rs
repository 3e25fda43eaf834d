//! Security Labs: a team, its content and its progress.
//!
//! Summaries are computed from the labs that users have started and finished. Filtered or sorted lists are cached
//! until the team changes, so that the cost of a page depends only on its items.

mod catalogue;
mod content;
mod id;
mod lessons;
mod pages;
mod population;
mod progress;
mod reading;
mod roles;
mod summaries;
mod team;
mod users;

#[cfg(test)]
mod tests;

use drillmaster_models::veracode::{
    DeleteUser, Invite, ListLessons, ListProgress, ListRoles, ListUsers, ListUsersDetails,
    SearchLessons, ShowCampaignsProgress, ShowEngagementTime, ShowLessonProgress, ShowOnboarding,
    ShowRoleProgress, ShowUserProgress, UpdateUser,
};
use serde::{Deserialize, Serialize};

use self::catalogue::Catalogue;
use self::team::Team;
use crate::handler::Handler;
use crate::options::InviteOutcome;

/// The state of Security Labs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// The ids of new users are derived from it.
    seed: u64,
    catalogue: Catalogue,
    team: Team,
    /// How a successful invite is answered. An option of the sandbox, not state.
    #[serde(skip)]
    invite_outcome: InviteOutcome,
    /// Whether an open invite is repeated instead of refused. An option of the sandbox, not state.
    #[serde(skip)]
    reinvite: bool,
}

impl State {
    /// Sets how a successful invite is answered.
    pub(crate) fn set_invite_outcome(&mut self, outcome: InviteOutcome) {
        self.invite_outcome = outcome;
    }

    /// Sets whether an open invite is repeated.
    pub(crate) fn set_reinvite(&mut self, reinvite: bool) {
        self.reinvite = reinvite;
    }
}

/// The handlers of the endpoints.
pub(crate) static HANDLERS: [Handler<State>; 15] = [
    Handler::read::<ListUsers>(users::list),
    Handler::read::<ListUsersDetails>(users::details),
    Handler::read::<ShowUserProgress>(progress::user),
    Handler::write::<UpdateUser>(users::update),
    Handler::write::<DeleteUser>(users::delete),
    Handler::read::<ShowOnboarding>(summaries::onboarding),
    Handler::read::<ShowCampaignsProgress>(summaries::campaigns),
    Handler::read::<ShowEngagementTime>(summaries::engagement),
    Handler::read::<ListProgress>(progress::team),
    Handler::read::<ListLessons>(lessons::list),
    Handler::read::<ShowLessonProgress>(lessons::progress),
    Handler::read::<SearchLessons>(lessons::search),
    Handler::read::<ListRoles>(roles::list),
    Handler::read::<ShowRoleProgress>(roles::progress),
    Handler::write::<Invite>(users::invite).with_status(|state| state.invite_outcome.status()),
];
