//! What a recording holds, and when its file appears.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use drillmaster_models::thm::{AddSeat, ShowScoreboard};
use drillmaster_transport::cassette::{Header, Sanitizer, parse};
use drillmaster_transport::{Connection, Record, Transport};
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::{Act, SECRET, Server, answer, json as json_answer};

fn scoreboard() -> ShowScoreboard {
    ShowScoreboard { room_code: "linux1".to_owned() }
}

fn names(folder: &Path) -> Vec<String> {
    let endpoints = fs::read_dir(folder).unwrap();
    let names = endpoints.map(|endpoint| endpoint.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test]
async fn the_file_appears_whole_and_only_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    fs::write(&path, "an older recording").unwrap();
    let transport = Scripted::saying([json!({ "status": "success", "data": [] })]);
    let record = Arc::new(Record::to_file(&path, Header::default(), transport).unwrap());
    Connection::new(record.clone()).send(&scoreboard()).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "an older recording");

    record.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(parse(&text).unwrap().interactions.len(), 1);
    assert_eq!(names(folder.path()), ["run.cassette"], "nothing is left beside it");
    record.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn an_unfinished_recording_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let record = Record::to_file(&path, Header::default(), Scripted::new([])).unwrap();
    drop(record);
    assert!(names(folder.path()).is_empty());
}

/// Messages are in no file with a name until the recording is finished, and then they are sealed.
#[cfg(unix)]
#[tokio::test]
async fn what_travels_is_nobody_elses_until_it_is_sealed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let answer = json!({ "status": "success", "data": { "username": "ada1815" } });
    let transport = Scripted::saying([answer]);
    let record = Arc::new(Record::to_file(&path, Header::default(), transport).unwrap());
    let seat = AddSeat { email: "ada@corp.example".to_owned() };
    let seat = Connection::new(record.clone()).send(&seat).await.unwrap();
    assert_eq!(seat.username.as_deref(), Some("ada1815"));
    assert!(names(folder.path()).is_empty());

    record.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("ada") && text.contains("learner-0001@example.com"), "{text}");
    let usual = fs::File::create(folder.path().join("usual")).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode, usual.metadata().unwrap().permissions().mode());
}

#[tokio::test]
async fn the_roster_of_pseudonyms_is_put_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let rows = crate::seal::roster(&["email"], &[&["bob@corp.example"], &["ada@corp.example"]]);
    let transport = Scripted::saying([json!({ "status": "success", "data": {} })]);
    let record = Record::to_file(&path, Header::default(), transport).unwrap();
    let record = Arc::new(record.sealed_by(Sanitizer::default().roster(rows)));
    let seat = AddSeat { email: "ada@corp.example".to_owned() };
    Connection::new(record.clone()).send(&seat).await.unwrap();
    record.finish().unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("learner-0002@example.com"));
    let roster = fs::read_to_string(folder.path().join("run.roster.csv")).unwrap();
    assert_eq!(roster, "email\nlearner-0001@example.com\nlearner-0002@example.com\n");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder").join("run.cassette");
    assert!(Record::to_file(path, Header::default(), Scripted::new([])).is_err());
}

/// In a header, in a form, echoed in a response, and in an error: the file never contains the key.
#[tokio::test]
async fn the_credential_is_not_in_the_file() {
    let echo = format!(r#"{{"status":"error","message":"no: {SECRET}"}}"#);
    let server = Server::doing([
        Act::Say(json_answer("200 OK", r#"{"status":"success","data":[]}"#)),
        Act::Say(json_answer("400 Bad Request", &echo)),
        Act::Say(answer("302 Found", &format!("location: /?k={SECRET}\r\n"), "")),
        Act::HangUp,
    ])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let record = Record::to_file(&path, Header::default(), server.http()).unwrap();
    let record = Arc::new(record);
    let connection = Connection::new(record.clone());
    connection.send(&scoreboard()).await.unwrap();
    let seat = AddSeat { email: "ada@example.com".to_owned() };
    for _ in 0..3 {
        connection.send(&seat).await.unwrap_err();
    }
    record.finish().unwrap();
    assert!(server.seen().iter().all(|sent| sent.contains(SECRET)));
    let text = fs::read_to_string(&path).unwrap();
    for part in SECRET.split(':') {
        assert!(!text.contains(part), "{text}");
    }
    assert_eq!(parse(&text).unwrap().interactions.len(), 4);
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_recorded_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let server = Server::doing([Act::Stall(Vec::new())]).await;
    let record = Record::to_file(&path, Header::default(), server.http()).unwrap();
    let mut waiting = record.send(crate::scripted::request(&scoreboard()));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(waiting);
    record.finish().unwrap();
    let tape = parse(&fs::read_to_string(&path).unwrap()).unwrap();
    let error = tape.interactions[0].outcome.clone().unwrap_err();
    assert!(error.to_string().contains("no answer was recorded"), "{error}");
}

#[tokio::test]
async fn what_comes_after_the_end_is_passed_on_unrecorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let transport = Scripted::saying([json!({})]);
    let record = Record::to_file(&path, Header::default(), transport).unwrap();
    record.finish().unwrap();
    let answer = record.send(crate::scripted::request(&scoreboard())).await;
    assert_eq!(answer.unwrap().status, 200);
    let text = fs::read_to_string(&path).unwrap();
    assert!(parse(&text).unwrap().interactions.is_empty());
}
