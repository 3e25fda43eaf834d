//! Security Labs: a team, what it may learn, and how far it has come.
//!
//! Summaries follow from the labs that users have begun and finished; nothing is counted beside them. Lists
//! that are filtered or sorted are made once and kept until the team changes, so that a page costs no more
//! than what is on it.

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

/// Everything that Security Labs knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// New users' ids follow from it.
    seed: u64,
    catalogue: Catalogue,
    team: Team,
    /// How an invite is answered that was carried out. A choice of whoever starts the sandbox, not state.
    #[serde(skip)]
    invite_outcome: InviteOutcome,
    /// Whether an open invite is sent again rather than refused. Such a choice as well.
    #[serde(skip)]
    reinvite: bool,
}

impl State {
    /// Chooses how an invite is answered that was carried out.
    pub(crate) fn set_invite_outcome(&mut self, outcome: InviteOutcome) {
        self.invite_outcome = outcome;
    }

    /// Chooses whether an open invite is sent again.
    pub(crate) fn set_reinvite(&mut self, reinvite: bool) {
        self.reinvite = reinvite;
    }
}

/// What each endpoint does.
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
