//! The progress in each lesson, of the team and of one user.

use drillmaster_models::veracode::{
    ListProgress, Member, MemberLesson, ShowUserProgress, Status, TeamProgress, UserProgress,
    VisitedLesson,
};
use drillmaster_models::{Extra, Moment};
use jiff::Timestamp;
use serde_json::Number;

use super::State;
use super::catalogue::Catalogue;
use super::content::Content;
use super::id::Id;
use super::pages::{FULL, Page};
use super::team::Lab;
use crate::call::{Answer, Call, Refusal, answer};

pub(crate) fn team(state: &mut State, call: &Call) -> Answer {
    let content = Content::all(&state.catalogue);
    let (page, all) = (Page::new(call, FULL)?, state.team.users());
    let places = page.places(all.len());
    let users = places.filter_map(|place| all.get_index(place)).map(|(id, user)| {
        let score = content.score(user);
        Member {
            id: id.to_string(),
            email: Some(user.email.clone()),
            name: user.name.clone(),
            labs_completed: i64::try_from(score.finished).ok(),
            last_active: user.last_active.and_then(date),
            total_points: Some(score.points.into()),
            labs_started: i64::try_from(score.started).ok(),
            account_disabled: Some(user.disabled),
            required_completion_percent: Some(content.percent_required(&score)),
            points_required: Some(content.points_required().into()),
            points_possible: Some(state.catalogue.points_possible(&user.roles).into()),
            lessons: user.labs.iter().map(|lab| member_lesson(&state.catalogue, lab)).collect(),
            roles: state.catalogue.role_names(&user.roles),
            extra: Extra::new(),
        }
    });
    answer::<ListProgress>(&TeamProgress {
        users: users.collect(),
        next_page: page.next_page::<ListProgress>(call, all.len()),
        extra: Extra::new(),
    })
}

pub(crate) fn user(state: &mut State, call: &Call) -> Answer {
    let id = call.text("id").and_then(Id::parse);
    let id = id.ok_or_else(|| Refusal::new(400, "invalid user id"))?;
    let user = state.team.user(id).ok_or_else(|| Refusal::new(404, "user not found"))?;
    let lessons = user.labs.iter().map(|lab| {
        let lesson = state.catalogue.lessons.get(&lab.lesson);
        VisitedLesson {
            module: lesson.map(|lesson| lesson.module.clone()),
            lesson_id: lab.lesson.to_string(),
            lesson_name: lesson.map(|lesson| lesson.title.clone()),
            last_visited: date(lab.last_visited()),
            status: Some(status(lab)),
            minutes: minutes(lab.spent),
            points: Some(points(&state.catalogue, lab)),
            start_rating: lab.start_rating.map(Number::from),
            end_rating: lab.end_rating.map(Number::from),
            extra: Extra::new(),
        }
    });
    answer::<ShowUserProgress>(&UserProgress {
        points_required: Some(Content::all(&state.catalogue).points_required().into()),
        points_possible: Some(state.catalogue.points_possible(&user.roles).into()),
        lessons: lessons.collect(),
        extra: Extra::new(),
    })
}

fn member_lesson(catalogue: &Catalogue, lab: &Lab) -> MemberLesson {
    let lesson = catalogue.lessons.get(&lab.lesson);
    MemberLesson {
        lesson_id: lab.lesson.to_string(),
        lesson_name: lesson.map(|lesson| lesson.title.clone()),
        module: lesson.map(|lesson| lesson.module.clone()),
        start_time: Some(Moment::from_millis(lab.start_time)),
        end_time: lab.end_time.map(Moment::from_millis),
        start_rating: lab.start_rating.map(Number::from),
        end_rating: lab.end_rating.map(Number::from),
        last_step_reached: Some(lab.last_step),
        status: Some(status(lab)),
        points: Some(points(catalogue, lab)),
        extra: Extra::new(),
    }
}

/// The status of a started lab.
pub(crate) fn status(lab: &Lab) -> Status {
    if lab.finished { Status::Finished } else { Status::Started }
}

fn points(catalogue: &Catalogue, lab: &Lab) -> Number {
    if lab.finished { catalogue.points(lab.lesson).into() } else { 0.into() }
}

/// Month, day and year, as in the documentation's examples.
fn date(millis: i64) -> Option<Moment> {
    let time = Timestamp::from_millisecond(millis).ok()?;
    Some(Moment::from_text(time.strftime("%-m/%-d/%Y").to_string()))
}

/// Minutes with one decimal.
#[expect(clippy::cast_precision_loss, reason = "nobody works that long on a lab")]
fn minutes(millis: i64) -> Option<Number> {
    Number::from_f64((millis / 6_000) as f64 / 10.0)
}
