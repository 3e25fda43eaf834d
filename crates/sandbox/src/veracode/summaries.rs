//! Summaries: onboarding, campaigns and engagement.

use std::cmp::Reverse;
use std::collections::HashMap;

use drillmaster_models::veracode::{
    AssignmentProgress, CampaignsProgress, EngagementTime, LabProgress, Milestone, Milestones,
    Onboarding, RoleRef, ShowCampaignsProgress, ShowEngagementTime, ShowOnboarding, UserMilestone,
};
use drillmaster_models::{Endpoint, Extra, Moment};
use indexmap::IndexMap;
use serde_json::{Number, Value};

use super::State;
use super::catalogue::Catalogue;
use super::content::{Content, Reached, Score};
use super::id::Id;
use super::pages::{Page, USUAL};
use super::reading::{Order, Read, Sort, flag, given, ids, known, order, phrase, window};
use super::team::{User, View};
use crate::call::{Answer, Call, answer};

/// Which users a summary covers, and in which order.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalogue: &'a Catalogue,
    roles: Vec<Id>,
    phrase: String,
    order: Order,
}

impl<'a> Filter<'a> {
    /// Reads `roleIds`, `phrase`, `sort` and `sortType`.
    pub(crate) fn new(call: &Call, catalogue: &'a Catalogue, team: Id) -> Read<Self> {
        let roles = roles_of(call, catalogue, team)?;
        Ok(Self { catalogue, roles, phrase: phrase(call)?, order: order(call)? })
    }

    /// The cache key of a list: the endpoint and all filters, without the page.
    pub(crate) fn name<E: Endpoint>(call: &Call) -> String {
        let mut fields = call.fields.clone();
        fields.shift_remove("page");
        fields.shift_remove("limit");
        fields.sort_keys();
        format!("{} {}", E::METADATA.name, Value::Object(fields))
    }

    fn admits(&self, user: &User) -> bool {
        let has_name =
            || user.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&self.phrase));
        (self.roles.is_empty() || user.has_any(&self.roles))
            && (self.phrase.is_empty() || has_name())
    }

    /// The filtered and sorted list.
    pub(crate) fn view(
        &self,
        users: &IndexMap<Id, User>,
        content: &Content<'_>,
        milestone: impl Fn(&User, &Score) -> Milestone,
    ) -> View {
        let admitted = users.values().enumerate().filter(|(_, user)| self.admits(user));
        let mut rows: Vec<(usize, &User, Milestone)> = admitted
            .map(|(place, user)| (place, user, milestone(user, &content.score(user))))
            .collect();
        match self.order.by {
            None => {}
            Some(Sort::Name) => rows.sort_by_cached_key(|(_, user, _)| {
                user.name.as_ref().map(|name| name.to_lowercase())
            }),
            Some(Sort::Role) => rows.sort_by_cached_key(|(_, user, _)| {
                self.catalogue.role_names(&user.roles).into_iter().min()
            }),
            Some(Sort::Milestone) => rows.sort_by_key(|(_, _, milestone)| {
                Reverse(STAGES.iter().position(|stage| stage == milestone))
            }),
            Some(Sort::LastActive) => rows.sort_by_key(|(_, user, _)| user.last_active),
        }
        if self.order.descending {
            rows.reverse();
        }
        View {
            milestones: tally(rows.iter().map(|(_, _, milestone)| milestone)),
            places: rows.into_iter().map(|(place, _, _)| place).collect(),
            assignments: Vec::new(),
        }
    }
}

/// The milestones, the last one first.
const STAGES: [Milestone; 4] =
    [Milestone::Finished, Milestone::Started, Milestone::NotStarted, Milestone::NotSignedUp];

fn tally<'m>(reached: impl Iterator<Item = &'m Milestone>) -> Milestones {
    let mut counts = [0; STAGES.len()];
    for milestone in reached {
        if let Some(stage) = STAGES.iter().position(|stage| stage == milestone) {
            counts[stage] += 1;
        }
    }
    let [finished, started, not_started, not_signed_up] = counts;
    Milestones {
        total: Some(counts.iter().sum()),
        finished: Some(finished),
        not_started: Some(not_started),
        not_signed_up: Some(not_signed_up),
        started: Some(started),
        extra: Extra::new(),
    }
}

/// Reads `roleIds`. A role of another team is unknown.
fn roles_of(call: &Call, catalogue: &Catalogue, team: Id) -> Read<Vec<Id>> {
    let roles = ids(call, "roleIds", "role")?;
    known(&roles, "Role(s)", |role| catalogue.is_role_of(team, *role))?;
    Ok(roles)
}

pub(crate) fn onboarding(state: &mut State, call: &Call) -> Answer {
    let content = Content::of_campaigns(call, &state.catalogue)?.within(window(call)?);
    let filter = Filter::new(call, &state.catalogue, state.team.id)?;
    let page = Page::new(call, USUAL)?;
    let view = state.team.view(Filter::name::<ShowOnboarding>(call), |users| {
        filter.view(users, &content, |user, score| score.first_lab(user))
    });
    let total = view.places.len();
    let users = state.team.at(&view.places[page.places(total)]).map(|(id, user)| {
        let milestone = content.score(user).first_lab(user);
        user_milestone(&state.catalogue, *id, user, milestone)
    });
    answer::<ShowOnboarding>(&Onboarding {
        users: users.collect(),
        milestones: view.milestones.clone(),
        pages: page.pages::<ShowOnboarding>(call, total),
        extra: Extra::new(),
    })
}

pub(crate) fn campaigns(state: &mut State, call: &Call) -> Answer {
    let content = Content::of_campaigns_or_assignments(call, &state.catalogue)?;
    let content = match given(call, "includeOptionalLabs").and_then(flag) {
        Some(true) => content.with_optional_labs(),
        _ => content.with_required_labs(),
    };
    let labs = content.count();
    let filter = Filter::new(call, &state.catalogue, state.team.id)?;
    let page = Page::new(call, USUAL)?;
    let view = state.team.view(Filter::name::<ShowCampaignsProgress>(call), |users| {
        let view = filter.view(users, &content, |_, score| score.all_labs(labs));
        View {
            // Campaigns have no milestone for users who have not signed up.
            milestones: Milestones { not_signed_up: None, ..view.milestones },
            assignments: assignments(users, &view.places, &content, &state.catalogue),
            places: view.places,
        }
    });
    let total = view.places.len();
    let users = state.team.at(&view.places[page.places(total)]).map(|(id, user)| {
        let milestone = content.score(user).all_labs(labs);
        user_milestone(&state.catalogue, *id, user, milestone)
    });
    answer::<ShowCampaignsProgress>(&CampaignsProgress {
        users: users.collect(),
        milestones: view.milestones.clone(),
        assignments: view.assignments.clone(),
        pages: page.pages::<ShowCampaignsProgress>(call, total),
        extra: Extra::new(),
    })
}

/// The progress of the listed users in each lab of the assignments.
fn assignments(
    users: &IndexMap<Id, User>,
    places: &[usize],
    content: &Content<'_>,
    catalogue: &Catalogue,
) -> Vec<AssignmentProgress> {
    let mut reached: HashMap<Id, [i64; 2]> = HashMap::new();
    let listed = places.iter().filter_map(|place| users.get_index(*place));
    for lab in listed.flat_map(|(_, user)| &user.labs) {
        let [started, finished] = reached.entry(lab.lesson).or_default();
        match content.reached(lab) {
            Some(Reached::Started) => *started += 1,
            Some(Reached::Finished) => *finished += 1,
            None => {}
        }
    }
    let total = i64::try_from(places.len()).unwrap_or(i64::MAX);
    let lab = |id: &Id| {
        let [started, finished] = reached.get(id).copied().unwrap_or_default();
        LabProgress {
            title: catalogue.lessons.get(id).map(|lesson| lesson.title.clone()),
            milestones: Milestones {
                total: Some(total),
                finished: Some(finished),
                not_started: Some(total - started - finished),
                not_signed_up: None,
                started: Some(started),
                extra: Extra::new(),
            },
            extra: Extra::new(),
        }
    };
    let counts = |id: &&Id| content.labs.as_ref().is_none_or(|labs| labs.contains(*id));
    content
        .assignments
        .iter()
        .map(|assignment| AssignmentProgress {
            title: Some(assignment.title.clone()),
            labs: assignment
                .labs
                .iter()
                .chain(&assignment.optional)
                .filter(counts)
                .map(lab)
                .collect(),
            extra: Extra::new(),
        })
        .collect()
}

pub(crate) fn engagement(state: &mut State, call: &Call) -> Answer {
    let content = Content::of_campaigns_or_assignments(call, &state.catalogue)?;
    let roles = roles_of(call, &state.catalogue, state.team.id)?;
    let users = state.team.users().values().filter(|user| roles.is_empty() || user.has_any(&roles));
    let labs = users.flat_map(|user| &user.labs).filter(|lab| content.reached(lab).is_some());
    let mut spent: Vec<i64> = labs.map(|lab| lab.spent).collect();
    answer::<ShowEngagementTime>(&EngagementTime {
        duration: median(&mut spent).map(Number::from),
        extra: Extra::new(),
    })
}

/// The middle value, or the lower of two.
fn median(values: &mut [i64]) -> Option<i64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(middle).1)
}

fn user_milestone(
    catalogue: &Catalogue,
    id: Id,
    user: &User,
    milestone: Milestone,
) -> UserMilestone {
    UserMilestone {
        id: id.to_string(),
        last_active: user.last_active.map(Moment::from_millis),
        milestone: Some(milestone),
        name: user.name.clone(),
        roles: role_refs(catalogue, user),
        extra: Extra::new(),
    }
}

/// A user's roles in the format of the summaries.
pub(crate) fn role_refs(catalogue: &Catalogue, user: &User) -> Vec<RoleRef> {
    let refs = user.roles.iter().map(|id| RoleRef {
        id: id.to_string(),
        name: catalogue.roles.get(id).map(|role| role.name.clone()),
        extra: Extra::new(),
    });
    refs.collect()
}
