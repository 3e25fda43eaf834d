//! The time that people spent in rooms.

use drillmaster_models::Extra;
use drillmaster_models::thm::{TimeReport, TimeSpent};
use jiff::Timestamp;

use super::{Kind, State, User, key};

/// What a time report covers.
pub(super) struct Question {
    pub(super) emails: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The kinds of rooms that count.
    pub(super) kinds: Vec<Kind>,
}

impl State {
    /// The time of the requested people of the company. Unknown addresses are left out.
    pub(super) fn time_report(&self, question: &Question) -> TimeReport {
        let ours = |email: &String| {
            let key = key(email);
            let user = self.users.get(&key)?;
            self.is_ours(&key, user).then_some((key, user))
        };
        let spent: Vec<(u64, &User)> = question
            .emails
            .iter()
            .filter_map(ours)
            .map(|(email, user)| (self.seconds(&email, question), user))
            .collect();
        TimeReport {
            min_seconds: spent.iter().map(|(seconds, _)| *seconds).min().map(Into::into),
            max_seconds: spent.iter().map(|(seconds, _)| *seconds).max().map(Into::into),
            users: spent.into_iter().map(line).collect(),
            extra: Extra::new(),
        }
    }

    fn seconds(&self, email: &str, question: &Question) -> u64 {
        self.rooms
            .values()
            .filter(|room| question.kinds.contains(&room.kind))
            .filter_map(|room| room.members.get(email))
            .flat_map(|member| &member.sessions)
            .filter(|session| (question.from..question.to).contains(&session.start))
            .map(|session| u64::from(session.seconds))
            .sum()
    }
}

fn line((seconds, user): (u64, &User)) -> TimeSpent {
    TimeSpent {
        id: Some(user.id.clone()),
        username: Some(user.username.clone()),
        email: user.email.clone(),
        total_seconds: Some(seconds.into()),
        extra: Extra::new(),
    }
}
