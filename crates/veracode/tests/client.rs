//! The client's calls to the sandbox, and its streams across pages.

use std::collections::HashSet;
use std::sync::Arc;

use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::Capture;
use drillmaster_veracode::{
    Client, Invite, ListUsersDetails, Refusal, ShowCampaignsProgress, ShowEngagementTime,
    ShowOnboarding, UpdateUser,
};
use futures::TryStreamExt;

/// A team of more than two pages.
fn client() -> Client {
    Client::new(Sandbox::new(Options { learners: 400, ..Options::default() }))
}

/// The ids of a list, which must not be empty or contain an id twice.
macro_rules! ids {
    ($items:expr) => {{
        let items: Vec<_> = $items.try_collect().await.unwrap();
        let ids: HashSet<_> = items.iter().map(|item| item.id.clone()).collect();
        assert!(!items.is_empty());
        assert_eq!(ids.len(), items.len());
        ids
    }};
}

#[tokio::test]
async fn both_paging_styles_reach_every_user() {
    let client = client();
    let users = ids!(client.users());
    assert!(users.len() > 100);
    assert_eq!(ids!(client.progress()).difference(&users).count(), 0);
    assert_eq!(
        ids!(client.users_details(&ListUsersDetails::default())).difference(&users).count(),
        0
    );
}

#[tokio::test]
async fn a_stream_requests_a_page_when_it_is_needed() {
    let capture = Arc::new(Capture::new(Sandbox::default()));
    let mut users = Client::new(capture.clone()).users();
    assert_eq!(capture.requests().len(), 0);
    for _ in 0..50 {
        users.try_next().await.unwrap().unwrap();
    }
    assert_eq!(capture.requests().len(), 1);
    users.try_next().await.unwrap().unwrap();
    assert_eq!(capture.requests().len(), 2);
}

#[tokio::test]
async fn a_stream_sends_its_filters_with_every_page() {
    let capture = Arc::new(Capture::new(Sandbox::default()));
    let client = Client::new(capture.clone());
    let request = ListUsersDetails {
        sort: Some("name".to_owned()),
        limit: Some(20),
        ..ListUsersDetails::default()
    };
    ids!(client.users_details(&request));
    let lines: Vec<_> =
        capture.requests().iter().map(drillmaster_transport::Request::line).collect();
    assert!(lines.len() > 2);
    for (page, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("GET /api/users/details?sort=name&limit=20&page={page}"));
    }
}

#[tokio::test]
async fn an_invited_person_is_listed_and_can_be_changed_and_deleted() {
    let client = client();
    let users: Vec<_> = client.users().try_collect().await.unwrap();
    let sender = users.iter().find(|user| user.is_admin == Some(true)).unwrap();
    let email = "ada@example.com";
    client.invite(&Invite::new(email, &sender.id)).await.unwrap();

    let again = client.invite(&Invite::new(email, &sender.id)).await.unwrap_err();
    assert_eq!(again.refusal(), Some(Refusal::InviteExists));
    assert!(again.is_already());

    let users: Vec<_> = client.users().try_collect().await.unwrap();
    let ada = users.iter().find(|user| user.email.as_deref() == Some(email)).unwrap();
    let update = UpdateUser { disabled: Some(true), ..UpdateUser::new(&ada.id) };
    assert_eq!(client.update_user(&update).await.unwrap().disabled, Some(true));

    client.delete_user(&ada.id).await.unwrap();
    let again = client.delete_user(&ada.id).await.unwrap_err();
    assert_eq!(again.refusal(), Some(Refusal::UserNotFound));
    assert!(again.is_already());
}

#[tokio::test]
async fn summaries_agree_with_their_users() {
    let client = client();
    let request = ShowOnboarding::default();
    let total = client.onboarding(&request).await.unwrap().milestones.total.unwrap();
    assert_eq!(ids!(client.onboarding_users(&request)).len(), usize::try_from(total).unwrap());

    let request = ShowCampaignsProgress::default();
    let summary = client.campaigns_progress(&request).await.unwrap();
    let total = summary.milestones.total.unwrap();
    assert!(!summary.assignments.is_empty());
    assert_eq!(ids!(client.campaigns_users(&request)).len(), usize::try_from(total).unwrap());

    let time = client.engagement_time(&ShowEngagementTime::default()).await.unwrap();
    assert!(time.duration.is_some());
}

#[tokio::test]
async fn lessons_and_their_users() {
    let client = client();
    let lessons = ids!(client.lessons());
    let found: Vec<_> = client.search_lessons("OWASP").try_collect().await.unwrap();
    assert!(!found.is_empty() && found.len() <= lessons.len());

    let id = lessons.iter().next().unwrap();
    assert_eq!(client.lesson_progress(id).await.unwrap().id, *id);
    ids!(client.lesson_users(id));
    let error = client.lesson_progress("no id").await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::InvalidId { of: "lesson", ids: Vec::new() }));
}

#[tokio::test]
async fn roles_and_their_users() {
    let client = client();
    let roles = client.roles().await.unwrap();
    let role = roles.0.iter().max_by_key(|role| role.users.len()).unwrap();
    assert_eq!(roles.named(role.name.as_deref().unwrap()), Some(role));
    assert_eq!(client.role_progress(&role.id).await.unwrap().id, role.id);
    let users = ids!(client.role_users(&role.id));
    assert_eq!(users, role.users.iter().cloned().collect());
}

#[tokio::test]
async fn a_users_progress() {
    let client = client();
    let mut members = client.progress();
    let busy = loop {
        let member = members.try_next().await.unwrap().expect("somebody has begun a lesson");
        if !member.lessons.is_empty() {
            break member;
        }
    };
    let progress = client.user_progress(&busy.id).await.unwrap();
    assert_eq!(progress.lessons.len(), busy.lessons.len());
}
