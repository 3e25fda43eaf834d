//! People in all stages of joining, with plausible work.

use indexmap::{IndexMap, IndexSet};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{
    ApiUser, Attempt, Kind, Member, Owner, Room, Session, State, User, catalogue, id, key,
};
use crate::population::{Person, rng};

/// How far a person has come in joining.
#[derive(Debug, Clone, Copy)]
struct Stage {
    registered: bool,
    seated: bool,
    api_user: bool,
}

impl Stage {
    /// The first 60 % have registered, most of them have seats, and every second person is an api-user. 24 of the
    /// first 60 people have registered and wait for a seat, so that a class can be taken from them.
    fn new(number: usize, learners: usize) -> Self {
        let registered = number * 10 < learners * 6;
        let waits = match number {
            0..60 => matches!(number % 5, 1 | 3),
            _ => number % 10 == 9,
        };
        Self { registered, seated: registered && !waits, api_user: number.is_multiple_of(2) }
    }
}

impl State {
    /// A company with these people and this many seats.
    pub(crate) fn populated(people: &[Person], seed: u64, seats: usize, now: Timestamp) -> Self {
        let mut state = Self {
            seed,
            capacity: seats,
            seated: IndexSet::new(),
            users: IndexMap::with_capacity(people.len()),
            api_users: IndexMap::with_capacity(people.len()),
            register_tokens: IndexMap::new(),
            rooms: catalogue::rooms(),
        };
        let mut rng = rng(seed, "thm");
        for (number, person) in people.iter().enumerate() {
            state.add(number, person, Stage::new(number, people.len()), now, &mut rng);
        }
        state
    }

    fn add(
        &mut self,
        number: usize,
        person: &Person,
        stage: Stage,
        now: Timestamp,
        rng: &mut ChaCha8Rng,
    ) {
        let email = key(&person.email);
        if stage.api_user {
            let registered = stage.registered.then(|| email.clone());
            self.api_users.insert(person.external_id.clone(), ApiUser { email: registered });
            if !stage.registered {
                self.register_token(&person.external_id);
            }
        }
        if !stage.registered {
            return;
        }
        let age = rng.random_range(30..500);
        let mut user = User {
            id: id(number, 0),
            username: person.username.clone(),
            email: person.email.clone(),
            total_points: rng.random_range(0..3_000),
            monthly_points: 0,
            signed_up: ago(now, age, rng),
            ext_user_id: stage.api_user.then(|| person.external_id.clone()),
        };
        let month = now - SignedDuration::from_hours(30 * 24);
        for room in self.rooms.values_mut() {
            let share = match room.owner {
                Owner::Everyone => 0.2,
                Owner::Company => 0.5,
                Owner::Another => 0.0,
            };
            if rng.random_bool(share) {
                let member = room.work(now, age.min(180), rng);
                for attempt in &member.answers {
                    user.total_points += attempt.points;
                    if attempt.solved.is_some_and(|solved| solved >= month) {
                        user.monthly_points += attempt.points;
                    }
                }
                room.members.insert(email.clone(), member);
            }
        }
        if stage.seated && self.seated.len() < self.capacity {
            self.seated.insert(email.clone());
        }
        self.users.insert(email, user);
    }
}

impl Room {
    /// A person's work in this room in the last days.
    fn work(&self, now: Timestamp, days: i64, rng: &mut ChaCha8Rng) -> Member {
        let usual = match self.kind {
            Kind::Walkthrough => 8,
            Kind::Challenge => 30,
        };
        let mut member = Member::default();
        let mut time = ago(now, rng.random_range(1..days), rng);
        let mut start = time;
        let diligence = rng.random_range(0.6..1.0);
        'work: for (task, questions) in self.tasks.iter().enumerate() {
            for (question, asked) in questions.iter().enumerate() {
                let took = SignedDuration::from_secs(rng.random_range(60..1_500));
                // People who get stuck stop at the question, with attempts but without an answer.
                let solved = rng.random_bool(diligence);
                time = (time + took).min(now);
                member.answers.push(Attempt {
                    task,
                    question,
                    attempts: 1 + rng.random_range(0_u32..4) * rng.random_range(0_u32..2),
                    points: if solved { usual + asked.extra_points } else { 0 },
                    solved: solved.then_some(time),
                });
                if !solved {
                    break 'work;
                }
            }
            // A task is done in one session, the next one perhaps on another day.
            if rng.random_bool(0.3) {
                member.sessions.push(Session::between(start, time));
                time = (time + SignedDuration::from_hours(rng.random_range(12..72))).min(now);
                start = time;
            }
        }
        if time > start {
            member.sessions.push(Session::between(start, time));
        }
        member
    }
}

impl Session {
    fn between(start: Timestamp, end: Timestamp) -> Self {
        let seconds = end.duration_since(start).as_secs();
        Self { start, seconds: u32::try_from(seconds).unwrap_or_default() }
    }
}

/// A time some days ago, in whole seconds.
fn ago(now: Timestamp, days: i64, rng: &mut ChaCha8Rng) -> Timestamp {
    now - SignedDuration::from_secs(days * 86_400 + rng.random_range(0..36_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::population::people;

    fn company(learners: usize, seats: usize) -> State {
        let now = Options::default().now;
        State::populated(&people(1, learners), 1, seats, now)
    }

    #[test]
    fn a_class_of_24_waits_for_seats_among_the_first_60() {
        let state = company(200, 250);
        let waiting = people(1, 60)
            .iter()
            .filter(|person| state.user(&person.email).is_some())
            .filter(|person| !state.seated.contains(&key(&person.email)))
            .count();
        assert_eq!(waiting, 24);
        assert!(state.capacity - state.seated.len() >= 30);
    }

    #[test]
    fn there_are_people_in_every_stage() {
        let state = company(200, 250);
        assert_eq!(state.users.len(), 120);
        assert_eq!(state.seated.len(), 90);
        let unregistered = state.api_users.values().filter(|one| one.email.is_none());
        assert_eq!(unregistered.count(), state.register_tokens.len());
        assert!(!state.register_tokens.is_empty());
    }

    #[test]
    fn no_more_people_are_seated_than_there_are_seats() {
        assert_eq!(company(200, 7).seated.len(), 7);
    }

    #[test]
    fn nobody_works_in_the_future_or_in_another_companys_room() {
        let now = Options::default().now;
        let state = company(300, 250);
        for room in state.rooms.values() {
            assert!(room.is_visible() || room.members.is_empty());
            for answer in room.members.values().flat_map(|member| &member.answers) {
                assert!(answer.solved.is_none_or(|solved| solved <= now));
            }
        }
    }
}
