//! The users of the team, found by id and by address, and the lists that were cut from them.

use std::collections::HashMap;
use std::sync::Arc;

use drillmaster_models::veracode::{AssignmentProgress, Milestones};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::id::Id;

/// A user of the team; one who has not joined yet is an open invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) email: String,
    /// Absent where an invite gave none.
    pub(crate) name: Option<String>,
    pub(crate) admin: bool,
    pub(crate) disabled: bool,
    pub(crate) joined: bool,
    /// In milliseconds since the epoch, as all times here.
    pub(crate) last_active: Option<i64>,
    pub(crate) roles: Vec<Id>,
    /// How the user came to the team; absent for those who were there from the start.
    pub(crate) invite: Option<Invitation>,
    /// The labs the user has begun, each once, in the order of beginning.
    pub(crate) labs: Vec<Lab>,
}

/// What an invite leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) sender: Id,
    /// Whether the service wrote to the address.
    pub(crate) mailed: bool,
    pub(crate) at: i64,
}

/// What a user did with one lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lab {
    pub(crate) lesson: Id,
    pub(crate) start_time: i64,
    /// Not the same as finished: a lab that was opened again keeps it.
    pub(crate) end_time: Option<i64>,
    pub(crate) finished: bool,
    /// Milliseconds of work.
    pub(crate) spent: i64,
    pub(crate) last_step: i64,
    pub(crate) start_rating: Option<u8>,
    pub(crate) end_rating: Option<u8>,
}

impl Lab {
    /// When the lab was last open.
    pub(crate) fn last_visited(&self) -> i64 {
        self.end_time.unwrap_or(self.start_time.saturating_add(self.spent))
    }
}

impl User {
    /// Whether the user has any of these roles.
    pub(crate) fn has_any(&self, roles: &[Id]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// The users, in the order in which they came. Changing them forgets the lists that were cut from them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub(crate) struct Team {
    pub(crate) id: Id,
    users: IndexMap<Id, User>,
    #[serde(skip)]
    by_email: HashMap<String, Id>,
    #[serde(skip)]
    views: HashMap<String, Arc<View>>,
}

/// A filtered and sorted list of users, by their places, from which pages are cut.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) places: Vec<usize>,
    pub(crate) milestones: Milestones,
    pub(crate) assignments: Vec<AssignmentProgress>,
}

/// More than the lists that a few clients page through at a time.
const MOST_VIEWS: usize = 64;

impl Team {
    /// A team without users.
    pub(crate) fn new(id: Id) -> Self {
        Self { id, users: IndexMap::new(), by_email: HashMap::new(), views: HashMap::new() }
    }

    /// All users.
    pub(crate) fn users(&self) -> &IndexMap<Id, User> {
        &self.users
    }

    /// The user of an id.
    pub(crate) fn user(&self, id: Id) -> Option<&User> {
        self.users.get(&id)
    }

    /// Whose address this is.
    pub(crate) fn whose(&self, email: &str) -> Option<Id> {
        self.by_email.get(&folded(email)).copied()
    }

    /// Takes in a user whose address nobody else has, or says by `false` that it is taken.
    pub(crate) fn add(&mut self, id: Id, user: User) -> bool {
        if self.whose(&user.email).is_some() || self.users.contains_key(&id) {
            return false;
        }
        self.views.clear();
        self.by_email.insert(folded(&user.email), id);
        self.users.insert(id, user);
        true
    }

    /// Changes a user, if there is one.
    pub(crate) fn change(&mut self, id: Id, change: impl FnOnce(&mut User)) -> Option<&User> {
        let user = self.users.get_mut(&id)?;
        self.views.clear();
        self.by_email.remove(&folded(&user.email));
        change(user);
        self.by_email.insert(folded(&user.email), id);
        Some(user)
    }

    /// Removes a user with all that is theirs.
    pub(crate) fn remove(&mut self, id: Id) -> Option<User> {
        let user = self.users.shift_remove(&id)?;
        self.views.clear();
        self.by_email.remove(&folded(&user.email));
        Some(user)
    }

    /// The list of this name, made now unless it was made since the last change.
    pub(crate) fn view(
        &mut self,
        name: String,
        make: impl FnOnce(&IndexMap<Id, User>) -> View,
    ) -> Arc<View> {
        if let Some(view) = self.views.get(&name) {
            return Arc::clone(view);
        }
        if self.views.len() >= MOST_VIEWS {
            self.views.clear();
        }
        let view = Arc::new(make(&self.users));
        self.views.insert(name, Arc::clone(&view));
        view
    }

    /// The users at these places of [`Self::users`].
    pub(crate) fn at<'a>(
        &'a self,
        places: &'a [usize],
    ) -> impl Iterator<Item = (&'a Id, &'a User)> {
        places.iter().filter_map(|place| self.users.get_index(*place))
    }
}

/// A team as it is written down.
#[derive(Deserialize)]
struct Saved {
    id: Id,
    users: IndexMap<Id, User>,
}

impl TryFrom<Saved> for Team {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let mut team = Self::new(saved.id);
        for (id, user) in saved.users {
            let email = user.email.clone();
            if !team.add(id, user) {
                return Err(format!("two users of the team have the address {email}"));
            }
        }
        Ok(team)
    }
}

/// Addresses that differ by case only are the same.
fn folded(email: &str) -> String {
    email.to_lowercase()
}
