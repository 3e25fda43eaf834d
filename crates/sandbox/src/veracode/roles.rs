//! Roles: listing them with their users, and the progress of the users with one.

use drillmaster_models::Extra;
use drillmaster_models::veracode::{
    ListRoles, Role as Listed, RoleMember, RoleProgress, Roles, ShowRoleProgress,
};
use indexmap::IndexMap;

use super::State;
use super::content::{Content, percent};
use super::id::Id;
use super::pages::{FULL, Page};
use super::summaries::Filter;
use super::team::{User, View};
use crate::call::{Answer, Call, Refusal, answer};

pub(crate) fn list(state: &mut State, _: &Call) -> Answer {
    let ours = state.catalogue.roles.iter().filter(|(_, role)| role.team == state.team.id);
    let mut roles: IndexMap<Id, Listed> = ours
        .map(|(id, role)| {
            let listed = Listed {
                id: id.to_string(),
                name: Some(role.name.clone()),
                default: Some(role.default),
                public: Some(role.public),
                users: Vec::new(),
                invited_users: Vec::new(),
                extra: Extra::new(),
            };
            (*id, listed)
        })
        .collect();
    for (id, user) in state.team.users() {
        for role in &user.roles {
            let Some(role) = roles.get_mut(role) else {
                continue;
            };
            let list = if user.joined { &mut role.users } else { &mut role.invited_users };
            list.push(id.to_string());
        }
    }
    answer::<ListRoles>(&Roles(roles.into_values().collect()))
}

pub(crate) fn progress(state: &mut State, call: &Call) -> Answer {
    let unknown = || Refusal::new(404, "Role not found");
    let id = call.text("id").and_then(Id::parse).ok_or_else(unknown)?;
    let role = state.catalogue.roles.get(&id).ok_or_else(unknown)?;
    if role.team != state.team.id {
        return Err(Refusal::new(403, "Role does not belong to team"));
    }
    let page = Page::new(call, FULL)?;
    let has_role = |user: &User| user.joined && user.roles.contains(&id);
    let view = state.team.view(Filter::name::<ShowRoleProgress>(call), |users| View {
        places: (0..users.len()).filter(|place| has_role(&users[*place])).collect(),
        ..View::default()
    });
    let total = view.places.len();
    let all = Content::all(&state.catalogue);
    let of_role = Content::all(&state.catalogue).with_lessons_of(id);
    let possible = state.catalogue.points_possible(&[id]);
    let users = state.team.at(&view.places[page.places(total)]).map(|(id, user)| RoleMember {
        id: id.to_string(),
        email: Some(user.email.clone()),
        name: user.name.clone(),
        percent_complete: Some(percent(of_role.score(user).points, possible)),
        percent_required_complete: Some(all.percent_required(&all.score(user))),
        extra: Extra::new(),
    });
    answer::<ShowRoleProgress>(&RoleProgress {
        next_page: page.next_page::<ShowRoleProgress>(call, total),
        id: id.to_string(),
        name: Some(role.name.clone()),
        users: users.collect(),
        extra: Extra::new(),
    })
}
