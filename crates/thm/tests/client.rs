//! The client's calls to the sandbox, and its errors.

use std::collections::HashSet;
use std::sync::Arc;

use drillmaster_models::{Dialect, Failure, Means, thm};
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_thm::{Authenticate, Client, Error, LeaveRoom, Refusal, ReportTime, RoomType};
use drillmaster_transport::{Capture, NetworkError, RejectAll};

fn academy() -> Sandbox {
    Sandbox::new(Options { learners: 60, seats: 70, ..Options::default() })
}

/// The e-mail address of someone with an account and without a seat.
async fn unseated(client: &Client) -> String {
    for user in client.users().await.unwrap() {
        let email = user.email.unwrap();
        let error = client.remove_seat(&email).await.err();
        if error.is_some_and(|error| error.refusal() == Some(Refusal::NotSeated)) {
            return email;
        }
    }
    panic!("everybody has a seat");
}

#[tokio::test]
async fn a_seat_is_taken_once_and_left_once() {
    let client = Client::new(academy());
    let email = unseated(&client).await;

    assert!(client.add_seat(&email).await.unwrap().username.is_some());
    let again = client.add_seat(&email).await.unwrap_err();
    assert_eq!(again.refusal(), Some(Refusal::AlreadySeated));
    assert!(again.is_already());

    client.remove_seat(&email).await.unwrap();
    let again = client.remove_seat(&email).await.unwrap_err();
    assert_eq!(again.refusal(), Some(Refusal::NotSeated));
    assert!(again.is_already());
}

#[tokio::test]
async fn refusals_have_types() {
    let client = Client::new(academy());
    let nobody = client.add_seat("nobody@example.com").await.unwrap_err();
    assert_eq!(nobody.refusal(), Some(Refusal::EmailNotFound));
    let blank = client.add_seat("").await.unwrap_err();
    assert_eq!(blank.refusal(), Some(Refusal::EmailMissing));
    let nowhere = client.scoreboard("no-such-room").await.unwrap_err();
    assert_eq!(nowhere.refusal(), Some(Refusal::RoomNotFound));
    let blank = client.scoreboard("").await.unwrap_err();
    assert_eq!(blank.refusal(), Some(Refusal::RoomCodeMissing));

    let full = Client::new(Sandbox::new(Options { learners: 60, seats: 0, ..Options::default() }));
    let email = unseated(&full).await;
    let refused = full.add_seat(email).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NoSeatsLeft));
    assert_eq!(refused.words(), Some("no available seats in dashboard."));
}

#[tokio::test]
async fn a_link_leads_to_a_registration_until_it_is_used() {
    let client = Client::new(academy());
    let link = client
        .authenticate(&Authenticate {
            ext_user_id: "new-hire-1".to_owned(),
            room_code: "linux1".to_owned(),
        })
        .await
        .unwrap();
    let (_, token) = link.url.split_once("token=").unwrap();
    assert!(client.register(token).await.unwrap().accepted);
    assert!(!client.register("made-up").await.unwrap().accepted);
}

#[tokio::test]
async fn rooms_have_questions_and_scoreboards() {
    for dialect in Dialect::ALL {
        let client = match dialect {
            Dialect::Current => Client::new(academy()),
            Dialect::Legacy => Client::new(academy().speaking(dialect)).legacy(),
        };
        let rooms = client.rooms().await.unwrap();
        assert!(!rooms.is_empty());
        for room in rooms {
            assert!(client.room_exists(&room.code).await.unwrap());
            assert!(!client.questions(&room.code).await.unwrap().is_empty());
            client.scoreboard(&room.code).await.unwrap();
        }
        assert!(!client.room_exists("no-such-room").await.unwrap());
        let users = client.users().await.unwrap();
        assert!(users.iter().all(|user| user.email.is_some()));
    }
}

#[tokio::test]
async fn a_user_who_leaves_a_room_is_no_longer_on_its_scoreboard() {
    let client = Client::new(academy());
    let users = client.users().await.unwrap();
    let (mut before, mut leaver) = (Vec::new(), None);
    for room in client.rooms().await.unwrap() {
        before = client.scoreboard(&room.code).await.unwrap();
        let member = users.iter().find(|user| {
            user.ext_user_id.is_some() && before.iter().any(|own| own.username == user.username)
        });
        if let Some(user) = member {
            leaver = Some((user, room.code));
            break;
        }
    }
    let (user, room) = leaver.expect("an api-user is in some room");
    let ext_user_id = user.ext_user_id.clone().unwrap();
    let request = LeaveRoom { ext_user_id, room_code: room.clone() };
    client.leave_room(&request).await.unwrap();
    client.leave_room(&request).await.unwrap();
    let after = client.scoreboard(&room).await.unwrap();
    assert_eq!(after.len(), before.len() - 1);
    assert!(after.iter().all(|own| own.username != user.username));
}

#[tokio::test]
async fn a_time_report_lists_the_requested_users() {
    let client = Client::new(academy());
    let emails: Vec<_> = client.users().await.unwrap();
    let emails: Vec<_> = emails.into_iter().take(3).filter_map(|user| user.email).collect();
    let request = ReportTime {
        user_emails: emails.clone(),
        from: "2026-01-01".parse().unwrap(),
        to: "2026-12-31".parse().unwrap(),
        room_types: Some(vec![RoomType::Challenge]),
    };
    let report = client.time_report(&request).await.unwrap();
    let listed: HashSet<_> = report.users.into_iter().map(|user| user.email).collect();
    assert_eq!(listed, emails.into_iter().collect());

    let nobody = ReportTime { user_emails: Vec::new(), ..request };
    assert!(client.time_report(&nobody).await.unwrap_err().transport().is_invalid());
}

#[tokio::test]
async fn calls_that_legacy_lacks_are_not_sent() {
    let capture = Arc::new(Capture::new(RejectAll));
    let client = Client::new(capture.clone()).legacy();
    assert!(client.add_seat("ada@example.com").await.unwrap_err().is_unsupported());
    assert!(client.register("token").await.unwrap_err().is_unsupported());
    assert!(capture.requests().is_empty());
}

fn refused(words: &str, means: Means) -> Error {
    let failure = Failure::Refused { status: 403, words: words.to_owned(), means };
    drillmaster_transport::Error::answer(failure).into()
}

#[test]
fn a_refused_key_is_recognised_whatever_the_message() {
    for words in ["API Key is invalid or has expired.", "Unauthorized"] {
        let error = refused(words, Means::Credential);
        assert_eq!(error.refusal(), Some(Refusal::Credential));
        assert_eq!(error.words(), Some(words));
        assert!(error.is_credential());
    }
}

#[test]
fn a_network_error_is_not_a_refusal() {
    let error =
        Error::from(drillmaster_transport::Error::network(NetworkError::Timeout, "after 60 s"));
    assert_eq!(error.refusal(), None);
    assert!(error.is_retryable());
}

#[test]
fn every_documented_refusal_has_its_own_variant() {
    let mut names = HashSet::new();
    for spec in thm::ENDPOINTS.iter().flat_map(drillmaster_models::EndpointDef::errors) {
        let refusal = Refusal::from_words(spec.says);
        assert_ne!(refusal, Refusal::Other, "{}", spec.says);
        names.insert(refusal);
    }
    assert_eq!(names.len(), 8);
}
