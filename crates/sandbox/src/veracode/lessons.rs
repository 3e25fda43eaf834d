//! Lessons: listing, searching, and progress in one.

use drillmaster_models::veracode::{
    FoundLesson, FoundLessons, Learner, Lesson as Listed, LessonProgress, Lessons, ListLessons,
    SearchLessons, ShowLessonProgress, Status,
};
use drillmaster_models::{Extra, Moment};
use serde_json::Number;

use super::State;
use super::catalogue::Lesson;
use super::id::Id;
use super::pages::{FULL, Page, USUAL};
use super::progress::status;
use super::summaries::Filter;
use super::team::{User, View};
use crate::call::{Answer, Call, Refusal, answer};

pub(crate) fn list(state: &mut State, call: &Call) -> Answer {
    let catalogue = &state.catalogue;
    let (page, all) = (Page::new(call, FULL)?, &catalogue.lessons);
    let places = page.places(all.len());
    let lessons = places.filter_map(|place| all.get_index(place)).map(|(id, lesson)| Listed {
        id: id.to_string(),
        title: Some(lesson.title.clone()),
        module: Some(lesson.module.clone()),
        points: Some(lesson.points.into()),
        roles: catalogue.role_names(&lesson.roles),
        extra: Extra::new(),
    });
    answer::<ListLessons>(&Lessons {
        lessons: lessons.collect(),
        next_page: page.next_page::<ListLessons>(call, all.len()),
        extra: Extra::new(),
    })
}

/// Finds lessons with the phrase in one of their tags.
pub(crate) fn search(state: &mut State, call: &Call) -> Answer {
    let phrase = call.text("phrase").unwrap_or_default();
    if phrase.chars().count() > 300 {
        return Err(Refusal::new(400, "invalid phrase"));
    }
    let phrase = phrase.to_lowercase();
    let page = Page::new(call, USUAL)?;
    let is_found = |lesson: &&Lesson| {
        phrase.is_empty() || lesson.tags.iter().any(|tag| tag.to_lowercase().contains(&phrase))
    };
    let found: Vec<&Lesson> = state.catalogue.lessons.values().filter(is_found).collect();
    let lessons = found[page.places(found.len())].iter().map(|lesson| FoundLesson {
        challenge: Some(lesson.challenge),
        description: Some(lesson.description.clone()),
        stack: Some(lesson.stack.clone()),
        tags: lesson.tags.clone(),
        title: Some(lesson.title.clone()),
        topic: Some(lesson.topic.clone()),
        url: Some(lesson.url.clone()),
        extra: Extra::new(),
    });
    answer::<SearchLessons>(&FoundLessons {
        lessons: lessons.collect(),
        pages: page.pages::<SearchLessons>(call, found.len()),
        extra: Extra::new(),
    })
}

/// Lists users who have started the lesson, and users who can take it.
pub(crate) fn progress(state: &mut State, call: &Call) -> Answer {
    let id = call.text("id").and_then(Id::parse);
    let id = id.ok_or_else(|| Refusal::new(400, "invalid lesson id"))?;
    let lesson = state.catalogue.lessons.get(&id);
    let lesson = lesson.ok_or_else(|| Refusal::new(404, "lesson not found"))?;
    let page = Page::new(call, FULL)?;
    let has_to_do = |user: &User| {
        let is_open = user.joined && user.has_any(&lesson.roles);
        is_open || user.labs.iter().any(|lab| lab.lesson == id)
    };
    let view = state.team.view(Filter::name::<ShowLessonProgress>(call), |users| View {
        places: (0..users.len()).filter(|place| has_to_do(&users[*place])).collect(),
        ..View::default()
    });
    let total = view.places.len();
    let users = state.team.at(&view.places[page.places(total)]);
    answer::<ShowLessonProgress>(&LessonProgress {
        next_page: page.next_page::<ShowLessonProgress>(call, total),
        id: id.to_string(),
        title: Some(lesson.title.clone()),
        module: Some(lesson.module.clone()),
        points: Some(lesson.points.into()),
        roles: state.catalogue.role_names(&lesson.roles),
        users: users.map(|(user, own)| learner(*user, own, id)).collect(),
        extra: Extra::new(),
    })
}

fn learner(id: Id, user: &User, lesson: Id) -> Learner {
    let lab = user.labs.iter().find(|lab| lab.lesson == lesson);
    Learner {
        id: id.to_string(),
        start_time: lab.map(|lab| Moment::from_millis(lab.start_time)),
        end_time: lab.and_then(|lab| lab.end_time).map(Moment::from_millis),
        start_rating: lab.and_then(|lab| lab.start_rating).map(Number::from),
        end_rating: lab.and_then(|lab| lab.end_rating).map(Number::from),
        last_step_reached: lab.map(|lab| lab.last_step),
        status: Some(lab.map_or(Status::NotStarted, status)),
        extra: Extra::new(),
    }
}
