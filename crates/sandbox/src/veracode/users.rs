//! Users: listing, changing, deleting, inviting.

use drillmaster_models::veracode::{
    DeleteUser, Deleted, Invite, Invited, ListUsers, ListUsersDetails, UpdateUser, UpdatedUser,
    User as Listed, UserDetails, Users, UsersDetails,
};
use drillmaster_models::{Endpoint, Extra, Moment};
use serde_json::Value;

use super::State;
use super::content::Content;
use super::id::Id;
use super::pages::{FULL, Page, USUAL};
use super::reading::{Read, email, given, optional_flag, optional_ids, optional_name, window};
use super::summaries::{Filter, role_refs};
use super::team::{Invitation, User};
use crate::call::{Answer, Call, Refusal, answer};
use crate::options::InviteOutcome;
use crate::writes::Writes;

pub(crate) fn list(state: &mut State, call: &Call) -> Answer {
    let (page, all) = (Page::new(call, FULL)?, state.team.users());
    let places = page.places(all.len());
    let users = places.filter_map(|place| all.get_index(place)).map(|(id, user)| Listed {
        id: id.to_string(),
        email: Some(user.email.clone()),
        name: user.name.clone(),
        is_admin: Some(user.admin),
        is_disabled: Some(user.disabled),
        joined: Some(user.joined),
        last_active: user.last_active.map(Moment::from_millis),
        roles: state.catalogue.role_names(&user.roles),
        extra: Extra::new(),
    });
    answer::<ListUsers>(&Users {
        users: users.collect(),
        next_page: page.next_page::<ListUsers>(call, all.len()),
        extra: Extra::new(),
    })
}

pub(crate) fn details(state: &mut State, call: &Call) -> Answer {
    let content = Content::of_campaigns(call, &state.catalogue)?.within(window(call)?);
    let filter = Filter::new(call, &state.catalogue, state.team.id)?;
    let page = Page::new(call, USUAL)?;
    let view = state.team.view(Filter::name::<ListUsersDetails>(call), |users| {
        filter.view(users, &content, |user, score| score.first_lab(user))
    });
    let total = view.places.len();
    let users = state.team.at(&view.places[page.places(total)]).map(|(id, user)| {
        let score = content.score(user);
        UserDetails {
            id: id.to_string(),
            email: Some(user.email.clone()),
            last_active: user.last_active.map(Moment::from_millis),
            labs_completed: i64::try_from(score.finished).ok(),
            percent_required_complete: Some(content.percent_required(&score)),
            points: Some(score.points.into()),
            name: user.name.clone(),
            roles: role_refs(&state.catalogue, user),
            extra: Extra::new(),
        }
    });
    answer::<ListUsersDetails>(&UsersDetails {
        users: users.collect(),
        pages: page.pages::<ListUsersDetails>(call, total),
        extra: Extra::new(),
    })
}

/// Changes the given fields, or nothing if any of them is refused.
pub(crate) fn update(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let id = user_of(call)?;
    if state.team.user(id).is_none() {
        return Err(Refusal::new(400, "User not found"));
    }
    let address = match given(call, "email") {
        None => None,
        Some(value) => Some(email(Some(value))?),
    };
    // The documentation has no message for an address that another user has.
    if address
        .as_ref()
        .and_then(|address| state.team.id_by_email(address))
        .is_some_and(|other| other != id)
    {
        return Err(Refusal::new(400, "Email is invalid"));
    }
    let name = optional_name(call)?;
    let admin = optional_flag(call, "admin", "Admin is invalid")?;
    let disabled = optional_flag(call, "disabled", "Disabled is invalid")?;
    let roles = match call.fields.get("roleIds") {
        Some(Value::Null) => return Err(Refusal::new(400, "Invalid roleIds")),
        _ => optional_ids(call, "roleIds", "Invalid roleIds", |role| {
            state.catalogue.is_role_of(state.team.id, *role)
        })?,
    };
    let user = state.team.change(id, |user| {
        user.email = address.unwrap_or_else(|| std::mem::take(&mut user.email));
        user.name = name.or_else(|| user.name.take());
        user.admin = admin.unwrap_or(user.admin);
        user.disabled = disabled.unwrap_or(user.disabled);
        user.roles = roles.unwrap_or_else(|| std::mem::take(&mut user.roles));
    });
    let user = user.ok_or_else(|| Refusal::new(400, "User not found"))?;
    writes.add(UpdateUser::METADATA.name, &id.to_string());
    answer::<UpdateUser>(&UpdatedUser {
        email: Some(user.email.clone()),
        name: user.name.clone(),
        admin: Some(user.admin),
        disabled: Some(user.disabled),
        role_ids: texts(&user.roles),
        extra: Extra::new(),
    })
}

pub(crate) fn delete(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let id = user_of(call)?;
    if state.team.remove(id).is_none() {
        return Err(Refusal::new(400, "User not found"));
    }
    writes.add(DeleteUser::METADATA.name, &id.to_string());
    answer::<DeleteUser>(&Deleted { extra: Extra::new() })
}

/// Invites a person, who is then a user that has not joined.
pub(crate) fn invite(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let address = email(given(call, "email"))?;
    let is_ours = |role: &Id| state.catalogue.is_role_of(state.team.id, *role);
    let mut roles =
        optional_ids(call, "roleIds", "Role ids are invalid", is_ours)?.unwrap_or_default();
    let sender = given(call, "senderId").and_then(Value::as_str).and_then(Id::parse);
    let sender = sender.ok_or_else(|| Refusal::new(400, "Sender id is invalid"))?;
    if state.team.user(sender).is_none() {
        return Err(Refusal::new(400, "Sender not found"));
    }
    let name = optional_name(call)?;
    let admin = optional_flag(call, "admin", "Admin is invalid")?.unwrap_or(false);
    let mailed = optional_flag(call, "sendEmail", "Send email is invalid")?.unwrap_or(false);
    for role in state.catalogue.default_roles(state.team.id) {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    let user = User {
        email: address.clone(),
        name,
        admin,
        disabled: false,
        joined: false,
        last_active: None,
        roles: roles.clone(),
        invite: Some(Invitation { sender, mailed, at: call.now.as_millisecond() }),
        labs: Vec::new(),
    };
    let is_open = |id: &Id| state.team.user(*id).is_some_and(|user| !user.joined);
    match state.team.id_by_email(&address).filter(|id| state.reinvite && is_open(id)) {
        // The invite is sent again, and nothing else changes.
        Some(id) => drop(state.team.change(id, |invited| invited.invite = user.invite)),
        None => {
            if !state.team.add(Id::from_name(state.seed, "user", &address.to_lowercase()), user) {
                return Err(Refusal::new(400, "Invite already exists"));
            }
        }
    }
    writes.add(Invite::METADATA.name, &address);
    if state.invite_outcome == InviteOutcome::Unknown {
        // Seen: the invite is created, but the answer is an error.
        return Err(Refusal::new(500, "unknown error"));
    }
    answer::<Invite>(&Invited {
        email: Some(address),
        admin: Some(admin),
        role_ids: texts(&roles),
        sender_id: Some(sender.to_string()),
        extra: Extra::new(),
    })
}

fn user_of(call: &Call) -> Read<Id> {
    let id = call.text("id").and_then(Id::parse);
    id.ok_or_else(|| Refusal::new(400, "User id is invalid"))
}

fn texts(ids: &[Id]) -> Vec<String> {
    ids.iter().map(Id::to_string).collect()
}
