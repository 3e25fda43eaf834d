//! The users of the team by id and by e-mail address, and cached lists of them.

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
    /// `None` if the invite had no name.
    pub(crate) name: Option<String>,
    pub(crate) admin: bool,
    pub(crate) disabled: bool,
    pub(crate) joined: bool,
    /// In milliseconds since the epoch, like all times here.
    pub(crate) last_active: Option<i64>,
    pub(crate) roles: Vec<Id>,
    /// The user's invite; `None` for users who were in the team from the start.
    pub(crate) invite: Option<Invitation>,
    /// The labs that the user has started, in this order.
    pub(crate) labs: Vec<Lab>,
}

/// The details of an invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) sender: Id,
    /// Whether the service sent an e-mail.
    pub(crate) mailed: bool,
    pub(crate) at: i64,
}

/// A user's work on a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lab {
    pub(crate) lesson: Id,
    pub(crate) start_time: i64,
    /// Does not imply that the lab is finished: a reopened lab keeps it.
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

/// The users in the order in which they came. A change clears the cached lists.
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

/// A filtered and sorted list of users, given by their positions.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) places: Vec<usize>,
    pub(crate) milestones: Milestones,
    pub(crate) assignments: Vec<AssignmentProgress>,
}

/// The maximum number of cached lists: more than a few clients read at a time.
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

    /// The user with this id.
    pub(crate) fn user(&self, id: Id) -> Option<&User> {
        self.users.get(&id)
    }

    /// The id of the user with this e-mail address.
    pub(crate) fn id_by_email(&self, email: &str) -> Option<Id> {
        self.by_email.get(&folded(email)).copied()
    }

    /// Adds a user. Returns `false` if the e-mail address or the id is taken.
    pub(crate) fn add(&mut self, id: Id, user: User) -> bool {
        if self.id_by_email(&user.email).is_some() || self.users.contains_key(&id) {
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

    /// Removes a user with all their work.
    pub(crate) fn remove(&mut self, id: Id) -> Option<User> {
        let user = self.users.shift_remove(&id)?;
        self.views.clear();
        self.by_email.remove(&folded(&user.email));
        Some(user)
    }

    /// The list with this cache key, computed if it is not cached.
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

    /// The users at these positions in [`Self::users`].
    pub(crate) fn at<'a>(
        &'a self,
        places: &'a [usize],
    ) -> impl Iterator<Item = (&'a Id, &'a User)> {
        places.iter().filter_map(|place| self.users.get_index(*place))
    }
}

/// A saved team.
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

/// The normal form of an e-mail address: in lower case.
fn folded(email: &str) -> String {
    email.to_lowercase()
}
