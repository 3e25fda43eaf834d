//! The handlers of the endpoints.

use drillmaster_models::thm::{
    AddSeat, Authenticate, CheckRoom, LeaveRoom, LeftRoom, Link, ListQuestions, ListRooms,
    ListUsers, Question, Questions, Register, Registration, RemoveSeat, ReportTime, Room,
    RoomExists, Rooms, Seat, ShowScoreboard, Task, User, Users,
};
use drillmaster_models::{Dialect, Endpoint, Extra, Instant};
use serde_json::Value;

use super::scoreboard::spelt;
use super::{ApiUser, Kind, Owner, State, key, report};
use crate::call::{Answer, Call, Refusal, answer};
use crate::handler::Handler;
use crate::writes::Writes;

/// A handler for each endpoint of the service.
pub(crate) static HANDLERS: [Handler<State>; 11] = [
    Handler::read::<Register>(register),
    Handler::write::<Authenticate>(authenticate),
    Handler::write::<AddSeat>(add_seat),
    Handler::write::<RemoveSeat>(remove_seat),
    Handler::read::<ShowScoreboard>(show_scoreboard),
    Handler::read::<ListUsers>(list_users),
    Handler::write::<LeaveRoom>(leave_room),
    Handler::read::<ListRooms>(list_rooms),
    Handler::read::<CheckRoom>(check_room),
    Handler::read::<ListQuestions>(list_questions),
    Handler::read::<ReportTime>(report_time),
];

/// The host in links. Not the live service: a link of a sandbox must not lead there.
const SITE: &str = "https://tryhackme.example";

fn register(state: &mut State, call: &Call) -> Answer {
    let token = call.text("token").unwrap_or_default();
    // The token becomes invalid when the person has registered.
    let open = state
        .register_tokens
        .get(token)
        .and_then(|ext_user_id| state.api_users.get(ext_user_id))
        .is_some_and(|api_user| api_user.email.is_none());
    answer::<Register>(&Registration::from_location(if open { "/signup" } else { "/404" }))
}

fn authenticate(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let ext_user_id = required(call, "extUserId")?;
    let code = required(call, "roomCode")?;
    if state.room(code).is_none() {
        return Err(room_not_found());
    }
    if !state.api_users.contains_key(ext_user_id) {
        state.api_users.insert(ext_user_id.to_owned(), ApiUser { email: None });
        writes.add(Authenticate::METADATA.name, ext_user_id);
    }
    let registered =
        state.api_users.get(ext_user_id).is_some_and(|api_user| api_user.email.is_some());
    let url = if registered {
        let token = state.token("join", &format!("{ext_user_id} {code}"));
        format!("{SITE}/external/join?token={token}")
    } else {
        let token = state.register_token(ext_user_id);
        format!("{SITE}/external/api/register?token={token}")
    };
    let extra = Extra::new();
    answer::<Authenticate>(&Link { url, extra })
}

fn add_seat(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let email = required(call, "email")?;
    let Some(user) = state.user(email) else {
        return Err(Refusal::new(400, "email not found."));
    };
    let seat = seat_of(&user.username);
    if state.seated.contains(&key(email)) {
        return Err(Refusal::new(400, "User already assigned to seat."));
    }
    if state.seated.len() >= state.capacity {
        return Err(Refusal::new(400, "no available seats in dashboard."));
    }
    state.seated.insert(key(email));
    writes.add(AddSeat::METADATA.name, &key(email));
    answer::<AddSeat>(&seat)
}

fn remove_seat(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let email = required(call, "email")?;
    if !state.seated.shift_remove(&key(email)) {
        return Err(Refusal::new(400, "User is not currently in a company seat."));
    }
    writes.add(RemoveSeat::METADATA.name, &key(email));
    let user = state.user(email);
    answer::<RemoveSeat>(&seat_of(user.map_or("", |user| &user.username)))
}

fn show_scoreboard(state: &mut State, call: &Call) -> Answer {
    let code = room_code(call)?;
    let room = state.room(code).ok_or_else(room_not_found)?;
    answer::<ShowScoreboard>(&state.scoreboard(room, call.dialect)).map(without_nulls)
}

fn list_users(state: &mut State, call: &Call) -> Answer {
    let listed = state.users.iter().filter(|(email, user)| match call.dialect {
        Dialect::Current => state.is_ours(email, user),
        Dialect::Legacy => user.ext_user_id.is_some(),
    });
    let users = listed.map(|(_, user)| User {
        username: user.username.clone(),
        email: Some(user.email.clone()),
        avatar: Some(user.avatar()),
        total_point: Some(user.total_points.into()),
        monthly_points: Some(user.monthly_points.into()),
        date_signed_up: Some(spelt(user.signed_up)),
        ext_user_id: user.ext_user_id.clone(),
        extra: Extra::new(),
    });
    answer::<ListUsers>(&Users { status: true.into(), users: users.collect(), extra: Extra::new() })
        .map(without_nulls)
}

fn leave_room(state: &mut State, call: &Call, writes: &mut Writes) -> Answer {
    let ext_user_id = required(call, "extUserId")?;
    let code = required(call, "roomCode")?;
    let Some(api_user) = state.api_users.get(ext_user_id) else {
        return Err(Refusal::new(404, "User not found."));
    };
    let Some(room) = state.rooms.get_mut(code).filter(|room| room.is_visible()) else {
        return Err(room_not_found());
    };
    let email = api_user.email.as_deref().unwrap_or_default();
    if let Some(member) = room.members.get_mut(email).filter(|member| !member.left) {
        member.left = true;
        writes.add(LeaveRoom::METADATA.name, ext_user_id);
    }
    answer::<LeaveRoom>(&LeftRoom::default())
}

fn list_rooms(state: &mut State, call: &Call) -> Answer {
    let listed = state.rooms.iter().filter(|(_, room)| room.is_visible());
    let room_info = listed.map(|(code, room)| Room {
        code: code.clone(),
        title: Some(room.title.clone()),
        description: Some(room.description.clone()),
        public: Some(room.owner == Owner::Everyone),
        users: (call.dialect == Dialect::Legacy && room.owner == Owner::Company)
            .then(|| state.usernames(room)),
        extra: Extra::new(),
    });
    answer::<ListRooms>(&Rooms { room_info: room_info.collect(), extra: Extra::new() })
}

fn check_room(state: &mut State, call: &Call) -> Answer {
    let code = room_code(call)?;
    // The service has two negative answers: `false`, and a refusal. Here the refusal hides another company's room.
    let room = state.rooms.get(code);
    if room.is_some_and(|room| !room.is_visible()) {
        return Err(room_not_found());
    }
    answer::<CheckRoom>(&RoomExists { room_exists: room.is_some(), extra: Extra::new() })
}

fn list_questions(state: &mut State, call: &Call) -> Answer {
    let code = room_code(call)?;
    let room = state.room(code).ok_or_else(room_not_found)?;
    let question = |(question, question_no): (&super::Question, i64)| Question {
        question_no,
        question: Some(question.asks.clone()),
        answer: Some(question.answer.clone()),
        hint: Some(question.hint.clone()),
        extra_points: Some(question.extra_points.into()),
        extra: Extra::new(),
    };
    let task = |(questions, task_no): (&Vec<super::Question>, i64)| Task {
        task_no,
        info_list: questions.iter().zip(1..).map(question).collect(),
        extra: Extra::new(),
    };
    answer::<ListQuestions>(&Questions {
        questions: room.tasks.iter().zip(1..).map(task).collect(),
        extra: Extra::new(),
    })
}

fn report_time(state: &mut State, call: &Call) -> Answer {
    let emails = match texts(call, "userEmails") {
        Some(emails) if !emails.is_empty() => emails,
        _ => return Err(Refusal::new(400, "userEmails is required.")),
    };
    let time = |field| {
        let text = required(call, field)?;
        let time: Instant = text
            .parse()
            .map_err(|_| Refusal::new(400, format!("{field} must be an ISO 8601 date.")))?;
        Ok(time.0)
    };
    let (from, to) = (time("from")?, time("to")?);
    let kinds = match call.fields.get("roomTypes") {
        None | Some(Value::Null) => vec![Kind::Walkthrough, Kind::Challenge],
        Some(kinds) => serde_json::from_value(kinds.clone()).map_err(|_| {
            Refusal::new(400, "roomTypes must be a list of walkthrough and challenge.")
        })?,
    };
    answer::<ReportTime>(&state.time_report(&report::Question { emails, from, to, kinds }))
}

impl State {
    fn usernames(&self, room: &super::Room) -> Vec<String> {
        let members = room.members.iter().filter(|(_, member)| !member.left);
        members
            .filter_map(|(email, _)| self.users.get(email))
            .map(|user| user.username.clone())
            .collect()
    }
}

fn seat_of(username: &str) -> Seat {
    Seat { username: Some(username.to_owned()), extra: Extra::new() }
}

fn room_not_found() -> Refusal {
    Refusal::new(404, "Room not found.")
}

fn required<'a>(call: &'a Call, field: &str) -> Result<&'a str, Refusal> {
    call.text(field).ok_or_else(|| Refusal::new(400, format!("{field} is required.")))
}

fn room_code(call: &Call) -> Result<&str, Refusal> {
    call.text("roomCode").ok_or_else(|| Refusal::new(400, "roomCode query parameter is mandatory"))
}

fn texts(call: &Call, field: &str) -> Option<Vec<String>> {
    let items = call.fields.get(field)?.as_array()?;
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Removes null fields, like TryHackMe.
fn without_nulls(answer: Value) -> Value {
    match answer {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
