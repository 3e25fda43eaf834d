//! Scoreboards, computed from people's answers.

use std::cmp::Reverse;

use drillmaster_models::thm::{Answered, Standing};
use drillmaster_models::{Dialect, Extra, Instant, Moment};
use indexmap::IndexMap;
use jiff::Timestamp;

use super::{Attempt, Member, Room, State, User, id};

impl State {
    /// The company's people in a room, the best first. The legacy dialect lists only api-users.
    pub(super) fn scoreboard(&self, room: &Room, dialect: Dialect) -> Vec<Standing> {
        let listed = |email: &str, user: &User| match dialect {
            Dialect::Current => self.is_ours(email, user),
            Dialect::Legacy => user.ext_user_id.is_some(),
        };
        let mut lines: Vec<(u32, Option<Timestamp>, &User, &Member)> = room
            .members
            .iter()
            .filter(|(_, member)| !member.left)
            .filter_map(|(email, member)| {
                let user = self.users.get(email).filter(|user| listed(email, user))?;
                let score = member.answers.iter().map(|answer| answer.points).sum();
                let last = member.answers.iter().filter_map(|answer| answer.solved).max();
                Some((score, last, user, member))
            })
            .collect();
        // Of people with the same score, the one who finished first is ahead.
        lines
            .sort_by_key(|(score, last, user, _)| (Reverse(*score), *last, user.username.as_str()));
        lines
            .into_iter()
            .zip(1..)
            .map(|((score, _, user, member), rank)| standing(user, member, score, rank))
            .collect()
    }
}

fn standing(user: &User, member: &Member, score: u32, rank: i64) -> Standing {
    let mut tasks: IndexMap<String, Vec<Answered>> = IndexMap::new();
    for attempt in &member.answers {
        tasks.entry((attempt.task + 1).to_string()).or_default().push(answered(user, attempt));
    }
    Standing {
        username: user.username.clone(),
        score: Some(score.into()),
        rank: Some(rank),
        level: Some(user.level()),
        avatar: Some(user.avatar()),
        tasks,
        extra: Extra::new(),
    }
}

fn answered(user: &User, attempt: &Attempt) -> Answered {
    let place = id(attempt.task + 1, attempt.question + 1);
    Answered {
        // Unique: digits of the user and of the question.
        id: Some(format!("{}{}", &user.id[4..16], &place[12..])),
        question_no: Some((attempt.question + 1).into()),
        correct: Some(attempt.solved.is_some()),
        score: Some(attempt.points.into()),
        attempts: Some(attempt.attempts.into()),
        time_correct: attempt.solved.map(spelt),
        extra: Extra::new(),
    }
}

/// A point in time in the format of TryHackMe.
pub(super) fn spelt(time: Timestamp) -> Moment {
    Moment::from_text(Instant(time).to_string())
}
