//! Sealing: the same run gives the same bytes, with nothing private in them.

use std::fs;
use std::sync::Arc;

use drillmaster_journal::Journal;
use drillmaster_models::{Dialect, endpoint};
use drillmaster_transport::cassette::{
    ErrorEvent, Event, Header, RequestEvent, ResponseEvent, Sanitizer, SealError, SealedCassette,
    ValueEvent,
};
use drillmaster_transport::redact::{Policy, Rows, Sensitivity};
use drillmaster_transport::{
    Connection, Error, NetworkError, Purpose, Replay, Request, Response, Scope, Transport,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn text(text: &str) -> String {
    text.to_owned()
}

/// A request in a scope, and its response.
pub(crate) fn exchange(
    scope: &str,
    ordinal: u64,
    name: &str,
    fields: &Value,
    answer: &Response,
) -> [Event; 2] {
    let endpoint = endpoint(name).unwrap();
    let request = Request {
        wire: endpoint.request(fields, Dialect::Current).unwrap().into(),
        metadata: &endpoint.metadata,
        scope: scope.into(),
        ordinal,
        purpose: Purpose::Call,
    };
    [
        Event::Request(RequestEvent::from_request(&request)),
        Event::Response(ResponseEvent::from_response(scope, ordinal, answer)),
    ]
}

fn seat(scope: &str, ordinal: u64, email: &str, username: &str) -> [Event; 2] {
    let answer = json!({ "status": "success", "data": { "username": username } });
    let fields = json!({ "email": email });
    exchange(scope, ordinal, "thm.add_seat", &fields, &Response::json(200, &answer))
}

fn sealed(events: impl IntoIterator<Item = Event>) -> SealedCassette {
    Sanitizer::default().events(Header::default(), events).unwrap()
}

pub(crate) fn roster(columns: &[&str], rows: &[&[&str]]) -> Rows {
    let texts = |texts: &&[&str]| texts.iter().map(|cell| text(cell)).collect();
    Rows { columns: texts(&columns), cells: rows.iter().map(texts).collect() }
}

/// Services repeat a request's harmless fields in the URLs of their pages, where they are no secrets either.
#[test]
fn request_fields_in_a_page_url_are_no_secrets() {
    let address = "/api/onboarding?startTime=1772323200000&endTime=1788249600000&limit=50&page=0";
    let pages = json!({ "current": 0, "currentUrl": address });
    let answer = json!({ "milestones": {}, "pages": pages, "users": [] });
    let fields = json!({ "startTime": 1_772_323_200_000_u64, "endTime": 1_788_249_600_000_u64, "limit": 50 });
    let onboarding =
        exchange("main", 0, "veracode.onboarding", &fields, &Response::json(200, &answer));
    let pages =
        json!({ "current": 0, "currentUrl": "/api/campaigns/progress?includeOptionalLabs=false" });
    let answer = json!({ "milestones": {}, "assignments": [], "pages": pages, "users": [] });
    let fields = json!({ "includeOptionalLabs": false });
    let campaigns =
        exchange("main", 1, "veracode.campaigns_progress", &fields, &Response::json(200, &answer));
    let cassette = sealed(onboarding.into_iter().chain(campaigns));
    let text = cassette.text();
    assert_eq!(text.matches("startTime=1772323200000").count(), 2, "{text}");
    assert_eq!(text.matches("includeOptionalLabs=false").count(), 2, "{text}");
}

/// Fields that only resemble them may be secrets: the request does not have them, or not with such a value.
#[test]
fn other_fields_in_a_url_may_be_secrets() {
    for query in ["includeOptionalLabs=s3same-open", "ticket=1788249600000"] {
        let pages = json!({ "currentUrl": format!("/api/campaigns/progress?{query}") });
        let answer = json!({ "milestones": {}, "assignments": [], "pages": pages, "users": [] });
        let answer = Response::json(200, &answer);
        let events = exchange("main", 0, "veracode.campaigns_progress", &json!({}), &answer);
        let cassette = sealed(events);
        let text = cassette.text();
        assert!(!text.contains(query.split_once('=').unwrap().1), "{text}");
    }
}

#[test]
fn a_sealed_cassette_is_formatted_for_people() {
    let users = json!({ "status": true, "users": [
        { "username": "ada1815", "email": "ada@corp.example", "totalPoint": 3, "avatar": "https://cdn.example/1.png" },
        { "username": "zoë", "email": "zoe@corp.example", "extUserId": "E-2" },
    ]});
    let link = json!({ "url": "https://thm.example/external/api/register?token=0a1b2c3d" });
    let mut events =
        exchange("main", 0, "thm.users", &json!({}), &Response::json(200, &users)).to_vec();
    events.extend(exchange(
        "zoe@corp.example",
        0,
        "thm.authenticate",
        &json!({ "extUserId": "E-2", "roomCode": "linux1" }),
        &Response::json(200, &link),
    ));
    events.extend(seat("ada@corp.example", 0, "ada@corp.example", "ada1815"));
    let header = Header {
        script: Some(text("aa")),
        roster: Some(text("bb")),
        run: json!({
            "script": "/desk/onboard.rhai", "roster": "/desk/class.csv", "max_rows": null,
            "set": [["room", "linux1"], ["manager", "Grace Hopper"]], "results": "/desk/out.csv",
        })
        .as_object()
        .unwrap()
        .clone(),
        ..Header::default()
    };
    let sealed = Sanitizer::default().events(header, events).unwrap();
    insta::assert_snapshot!(sealed.text().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

/// The sandbox has people with such names: an encoded pseudonym is not taken for the value that it begins with.
#[test]
fn an_encoded_address_is_sealed_though_people_are_named_like_pseudonyms() {
    let users = json!({ "status": true, "users": [
        { "username": "learner-0002", "email": "ada@corp.example" },
    ]});
    let events = exchange("main", 0, "thm.users", &json!({}), &Response::json(200, &users));
    let run = json!({ "set": [["once", "b%40corp.example"], ["twice", "b%2540corp.example"]] });
    let header = Header { run: run.as_object().unwrap().clone(), ..Header::default() };
    let sealed = Sanitizer::default().events(header, events).unwrap();
    assert!(sealed.text().contains("learner-0002%40example.com"), "{}", sealed.text());
    assert!(sealed.text().contains("learner-0002%2540example.com"), "{}", sealed.text());
    assert!(!sealed.text().contains("corp"));
}

/// The events of six rows, each in its order.
fn rows() -> Vec<Vec<Event>> {
    let row = |row: usize| {
        let email = format!("row{row}@corp.example");
        let mut steps = seat(&email, 0, &email, &format!("user{row}")).to_vec();
        steps.push(Event::Value(ValueEvent {
            scope: email.clone(),
            ordinal: 1,
            name: text("now"),
            value: json!(row),
        }));
        steps.extend(seat(&email, 2, &email, &format!("user{row}")));
        steps
    };
    (0..6).map(row).collect()
}

proptest! {
    #[test]
    fn the_order_does_not_depend_on_which_row_was_faster(
        turns in prop::collection::vec(0..6_usize, 100),
    ) {
        let mut left: Vec<_> = rows().into_iter().map(Vec::into_iter).collect();
        let turns = turns.iter().filter_map(|turn| left[*turn].next());
        let mut events: Vec<_> = turns.collect();
        events.extend(left.into_iter().flatten());
        let (turned, straight) = (sealed(events), sealed(rows().into_iter().flatten()));
        prop_assert_eq!(turned.text(), straight.text());
    }
}

#[test]
fn sealing_gives_the_same_bytes_again_and_keeps_a_sealed_cassette() {
    let users = json!({ "users": [{ "username": "zed", "email": "zed@corp.example" }, { "username": "ada" }] });
    let mut events =
        exchange("main", 0, "thm.users", &json!({}), &Response::json(200, &users)).to_vec();
    for name in ["bob", "zed", "ada"] {
        let email = format!("{name}@corp.example");
        events.extend(seat(&email, 0, &email, name));
    }
    let once = sealed(events.clone());
    assert_eq!(sealed(events).text(), once.text());
    let again = Sanitizer::default().tape(once.tape().unwrap()).unwrap();
    assert_eq!(again.text(), once.text());
}

#[test]
fn people_of_a_roster_have_the_numbers_of_its_rows() {
    let rows = roster(
        &["email", "Vorname", "team", "room"],
        &[
            &["zoe@corp.example", "Zoë", "red", "linux1"],
            &["ada@corp.example", "Ada", "red", "linux1"],
        ],
    );
    let mut events = seat("ada@corp.example", 0, "ada@corp.example", "ada1815").to_vec();
    events.extend(seat("zoe@corp.example", 0, "Zoe@Corp.example", "zoe1"));
    let sealed = Sanitizer::default().roster(rows).events(Header::default(), events).unwrap();
    let tape = sealed.tape().unwrap();
    let scopes: Vec<_> = tape.interactions.iter().map(|one| one.request.scope.as_str()).collect();
    assert_eq!(scopes, ["learner-0001@example.com", "learner-0002@example.com"]);
    let expected = "email,Vorname,team,room\n\
        learner-0001@example.com,Learner 0001,red,linux1\n\
        learner-0002@example.com,Learner 0002,red,linux1\n";
    assert_eq!(sealed.roster().unwrap().to_csv(), expected);
    let columns = tape.header.sealed.unwrap().columns;
    assert_eq!(
        columns,
        [(text("email"), Sensitivity::Email), (text("Vorname"), Sensitivity::Name)]
    );
}

#[test]
fn a_roster_of_rooms_stays_a_roster_of_rooms() {
    let rows = roster(&["room"], &[&["linux1"], &["webowasp"]]);
    let events = ["linux1", "webowasp"].into_iter().flat_map(|room| {
        let answer = Response::json(200, &json!({ "status": "success", "data": [] }));
        exchange(room, 0, "thm.scoreboard", &json!({ "roomCode": room }), &answer)
    });
    let sealed =
        Sanitizer::default().roster(rows.clone()).events(Header::default(), events).unwrap();
    assert_eq!(sealed.roster(), Some(&rows));
    assert!(sealed.text().contains("\"scope\": \"webowasp\""), "{}", sealed.text());
}

#[test]
fn only_the_headers_that_matter_stay() {
    let answer = |status| Response {
        status,
        headers: ["content-type", "date", "retry-after", "x-ratelimit-remaining", "set-cookie"]
            .map(|name| (text(name), text("5")))
            .into(),
        body: Vec::new(),
    };
    for (status, stay) in [(200, vec!["content-type"]), (429, vec!["content-type", "retry-after"])]
    {
        let events = exchange("main", 0, "thm.rooms", &json!({}), &answer(status));
        let tape = sealed(events).tape().unwrap();
        let outcome = tape.interactions[0].outcome.as_ref().unwrap();
        let names: Vec<_> = outcome.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, stay);
        assert!(tape.interactions[0].request.headers.is_empty(), "a request without a body");
    }
}

#[test]
fn the_answers_to_questions_are_removed() {
    let questions = json!({ "questions": [{ "taskNo": 1, "infoList": [
        { "questionNo": 1, "question": "What is it?", "answer": "THM{fl4g-in-a-file}", "hint": "not THM{fl4g-in-a-file}" },
        { "questionNo": 2, "question": "Really?", "answer": "Yes" },
    ]}]});
    let answer = Response::json(200, &questions);
    let sealed =
        sealed(exchange("main", 0, "thm.questions", &json!({ "roomCode": "yes" }), &answer));
    let tape = sealed.tape().unwrap();
    let body = &tape.interactions[0].outcome.as_ref().unwrap().body;
    let body: Value = serde_json::from_slice(body).unwrap();
    let asked = &body["questions"][0]["infoList"];
    assert_eq!((&asked[0]["answer"], &asked[1]["answer"]), (&json!(""), &json!("")));
    assert_eq!(asked[0]["hint"], "not answer-0001");
    assert!(sealed.text().contains("roomCode=yes"), "an answer's word stays elsewhere");
}

#[tokio::test]
async fn a_sealed_cassette_replays() {
    let events = seat("main", 0, "ada@corp.example", "ada1815");
    let sealed = sealed(events.into_iter().chain(seat("main", 1, "bob@corp.example", "bob")));
    let replay = Replay::parse(sealed.text()).unwrap();
    for (email, username) in
        [("learner-0002@example.com", "learner-0002"), ("learner-0001@example.com", "learner-0001")]
    {
        let seat = drillmaster_models::thm::AddSeat { email: text(email) };
        let answer = replay.send(crate::scripted::request(&seat)).await.unwrap();
        let body = String::from_utf8(answer.body).unwrap();
        assert!(body.contains(&format!("\"{username}\"")), "{body}");
    }
    replay.finish().unwrap();
}

#[cfg(unix)]
#[test]
fn both_files_appear_together_and_can_be_shared() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("class.cassette");
    let rows = roster(&["email"], &[&["ada@corp.example"]]);
    let events = seat("ada@corp.example", 0, "ada@corp.example", "ada");
    let sealed = Sanitizer::default().roster(rows).events(Header::default(), events).unwrap();
    let beside = sealed.write(&path).unwrap().unwrap();
    assert_eq!(beside, folder.path().join("class.roster.csv"));
    let usual = fs::File::create(folder.path().join("usual")).unwrap();
    let usual = usual.metadata().unwrap().permissions().mode();
    for path in [&path, &beside] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode(), usual);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), sealed.text());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left beside them");
}

#[test]
fn policy_fields_and_values_are_private() {
    let policy = Policy::default().field("badge_number", Sensitivity::Id).value("Project Bluebird");
    let answer = json!({ "users": [{ "username": "ada", "badgeNumber": 1815, "note": "on project%20bluebird" }] });
    let events = exchange("main", 0, "thm.users", &json!({}), &Response::json(200, &answer));
    let sealed = Sanitizer::default().policy(policy).events(Header::default(), events).unwrap();
    let tape = sealed.tape().unwrap();
    let body: Value =
        serde_json::from_slice(&tape.interactions[0].outcome.as_ref().unwrap().body).unwrap();
    let user = &body["users"][0];
    assert_eq!(user["badgeNumber"], "learner-0001-2");
    assert_eq!(user["note"], "on value-0001");
    assert_eq!(tape.header.sealed.unwrap().fields.get("badgenumber"), Some(&Sensitivity::Id));
}

/// Seals the journal of a run that was resumed.
fn journal(parts: &[Vec<Event>]) -> SealedCassette {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.journal");
    let journal = Journal::create(&path, Header::default()).unwrap();
    for event in parts.iter().flatten() {
        journal.append(event).unwrap();
    }
    drop(journal);
    Sanitizer::default().journal(&path).unwrap()
}

fn asked(scope: &str, ordinal: u64, name: &str, fields: &Value) -> Event {
    let [request, _] = exchange(scope, ordinal, name, fields, &Response::json(200, &json!({})));
    request
}

fn lost(scope: &str, ordinal: u64, how: NetworkError) -> Event {
    let (kind, detail) = (text(how.name()), text("too late"));
    Event::Error(ErrorEvent { scope: text(scope), ordinal, kind, detail, in_doubt_since: None })
}

#[test]
fn a_resumed_run_is_sealed_as_one_that_went_straight_through() {
    let rooms = |ordinal| asked("main", ordinal, "thm.rooms", &json!({}));
    let good = |ordinal| {
        let answer = Response::json(200, &json!({ "roomInfo": [] }));
        exchange("main", ordinal, "thm.rooms", &json!({}), &answer)
    };
    let users = |ordinal| {
        let answer = Response::json(200, &json!({ "users": [] }));
        exchange("main", ordinal, "thm.users", &json!({}), &answer)
    };
    let fine = |ordinal| seat("main", ordinal, "ada@corp.example", "ada");
    let mut first = vec![rooms(0), lost("main", 0, NetworkError::Timeout)];
    first.extend(users(1));
    first.push(rooms(2));
    let parts = [first, good(0).to_vec(), good(2).into_iter().chain(fine(3)).collect()];
    let straight: Vec<_> =
        good(0).into_iter().chain(users(1)).chain(good(2)).chain(fine(3)).collect();
    assert_eq!(journal(&parts).text(), sealed(straight).text());
}

#[test]
fn a_write_without_an_outcome_counts_as_lost() {
    let seat = asked("main", 0, "thm.add_seat", &json!({ "email": "ada@corp.example" }));
    let tape = journal(&[vec![seat]]).tape().unwrap();
    let error = tape.interactions[0].outcome.as_ref().unwrap_err();
    assert!(error.to_string().contains("no answer was recorded"), "{error}");
}

#[test]
fn a_retried_request_is_replaced_by_its_retry() {
    let fields = json!({ "email": "ada@corp.example" });
    let no = json!({ "status": "error", "message": "email not found." });
    let refused = exchange("row", 0, "thm.add_seat", &fields, &Response::json(400, &no));
    let again = Event::Retry { scope: text("row") };
    let first: Vec<_> = refused.into_iter().chain([again]).collect();
    let second = seat("row", 0, "ada@corp.example", "ada").to_vec();
    let both = journal(&[first.clone(), second.clone()]);
    assert_eq!(both.text(), sealed(second).text());
    // A refusal that was not retried stays.
    let kept = journal(&[first[..2].to_vec(), seat("row", 0, "ada@corp.example", "ada").to_vec()]);
    assert_eq!(kept.tape().unwrap().interactions.len(), 2);
}

/// Seals a journal and replays it to a script that makes one write and does not check it.
async fn replays(parts: &[Vec<Event>], name: &str, fields: &Value) -> Result<Value, Error> {
    let replay = Arc::new(Replay::parse(journal(parts).text()).unwrap());
    let connection = Connection::new(replay.clone());
    let outcome = connection.call_and_resolve(endpoint(name).unwrap(), fields).await;
    connection.call(endpoint("thm.rooms").unwrap(), &json!({})).await.unwrap();
    replay.finish().unwrap();
    outcome
}

#[tokio::test]
async fn a_write_in_doubt_is_replayed_as_it_was_resolved() {
    let rooms = |ordinal| {
        let answer = Response::json(200, &json!({ "roomInfo": [] }));
        exchange("main", ordinal, "thm.rooms", &json!({}), &answer).to_vec()
    };
    let fields = json!({ "email": "ada@corp.example", "senderId": "7" });
    let invite = |ordinal| asked("main", ordinal, "veracode.invite", &fields);
    let answer = Response::json(200, &json!({ "email": "ada@corp.example" }));
    let look = |ordinal| {
        let answer = Response::json(200, &json!({ "nextPage": null, "users": [] }));
        let page = json!({ "page": 0, "limit": 50 });
        exchange(Scope::PROBES, ordinal, "veracode.users", &page, &answer).to_vec()
    };
    let repeat = |ordinal, of| match invite(ordinal) {
        Event::Request(event) => Event::Request(RequestEvent { repeats: Some(of), ..event }),
        _ => unreachable!(),
    };
    let answered =
        |ordinal| Event::Response(ResponseEvent::from_response("main", ordinal, &answer));
    let resolved = Event::Resolved(ResponseEvent::from_response("main", 0, &answer));

    // Killed during the write; checked in vain, and then found.
    let found = [vec![invite(0)], look(0), [look(0), vec![resolved], rooms(1)].concat()];
    assert!(replays(&found, "veracode.invite", &fields).await.is_ok());
    // Lost, and repeated.
    let again =
        vec![invite(0), lost("main", 0, NetworkError::ConnectionLost), repeat(1, 0), answered(1)];
    let again = [again, rooms(2)].concat();
    assert!(replays(&[again], "veracode.invite", &fields).await.is_ok());
    // Lost, repeated by a later part that was killed, and again by the next.
    let lost = vec![invite(0), lost("main", 0, NetworkError::ConnectionLost)];
    let killed = vec![repeat(1, 0)];
    let parts = [lost.clone(), killed, [vec![repeat(1, 0), answered(1)], rooms(2)].concat()];
    assert!(replays(&parts, "veracode.invite", &fields).await.is_ok());
    // Never resolved: it is in doubt in the replay, too.
    let open = [lost, look(0), rooms(1)];
    assert!(replays(&open, "veracode.invite", &fields).await.unwrap_err().is_in_doubt());
}

#[test]
fn of_a_repeated_value_the_first_one_counts() {
    let now = |value: u64| {
        let (scope, name, value) = (text("main"), text("now"), json!(value));
        vec![Event::Value(ValueEvent { scope, ordinal: 0, name, value })]
    };
    let both = journal(&[now(17), now(18)]);
    assert_eq!(both.text(), sealed(now(17)).text());
}

#[test]
fn an_inconsistent_recording_is_refused() {
    let [_, answer] = seat("main", 0, "ada@corp.example", "ada");
    let error = Sanitizer::default().events(Header::default(), [answer]).unwrap_err();
    assert!(matches!(error, SealError::Recording(_)), "{error}");
    assert!(!error.to_string().contains("ada"));
}
