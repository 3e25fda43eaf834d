//! Replaying a recording, and refusing everything else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drillmaster_journal::{History, Journal, Journaled};
use drillmaster_models::thm::{AddSeat, Register, ShowScoreboard};
use drillmaster_transport::cassette::Header;
use drillmaster_transport::{
    Capture, Connection, Error, Mismatch, NetworkError, Record, RejectAll, Replay, Request,
    Response, Scope, Transport,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scripted::{Scripted, request};

/// A name that sealing itself would use is kept.
const EMAIL: &str = "learner-0001@example.com";
const ROW: &str = "learner-0003";

fn scoreboard(room: &str) -> ShowScoreboard {
    ShowScoreboard { room_code: room.to_owned() }
}

fn seat(email: &str) -> AddSeat {
    AddSeat { email: email.to_owned() }
}

fn standing(name: &str) -> Value {
    json!({ "status": "success", "data": [{ "username": name }] })
}

/// A recording over this transport, and the path of its file.
fn recording(transport: Scripted) -> (TempDir, PathBuf, Arc<Record<Scripted>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let record = Record::to_file(&path, Header::default(), transport).unwrap();
    (folder, path, Arc::new(record))
}

/// A recording with real names: a journal, because a cassette would be sealed.
fn unsealed(transport: Scripted) -> (TempDir, PathBuf, Arc<Journaled<Scripted>>, Arc<Journal>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.journal");
    let journal = Arc::new(Journal::create(&path, Header::default()).unwrap());
    let journaled = Journaled::new(transport, journal.clone(), Arc::new(History::default()));
    (folder, path, Arc::new(journaled), journal)
}

fn replay(path: &Path) -> (Arc<Replay>, Connection) {
    let replay = Arc::new(Replay::open(path).unwrap());
    (replay.clone(), Connection::new(replay))
}

async fn first_name(connection: &Connection, room: &str) -> String {
    let standings = connection.send(&scoreboard(room)).await.unwrap();
    standings[0].username.clone()
}

#[tokio::test]
async fn answers_come_back_as_they_were() {
    let answers = [
        Response::json(200, &standing("learner-0001")),
        Response {
            status: 302,
            headers: vec![("location".to_owned(), "/login".to_owned())],
            body: Vec::new(),
        },
        Response { status: 502, headers: Vec::new(), body: b"<html>\xff".to_vec() },
        Response {
            status: 200,
            headers: Vec::new(),
            body: b"{ \"status\": \"success\", \"data\": [] }".to_vec(),
        },
    ];
    let rooms = ["a", "b", "c", "d"].map(scoreboard);
    let (_folder, path, record) = recording(Scripted::new(answers.clone().map(Ok)));
    let numbered = |index: usize| {
        let mut request = request(&rooms[index]);
        request.ordinal = index as u64;
        request
    };
    for index in 0..rooms.len() {
        record.send(numbered(index)).await.unwrap();
    }
    record.finish().unwrap();
    let replay = Replay::open(&path).unwrap();
    for index in (0..rooms.len()).rev() {
        let answer = replay.send(numbered(index)).await.unwrap();
        assert_eq!(
            (answer.status, &answer.headers),
            (answers[index].status, &answers[index].headers)
        );
        let json = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
        assert_eq!(json(&answer.body), json(&answers[index].body));
        assert!(json(&answer.body).is_some() || answer.body == answers[index].body);
    }
    replay.finish().unwrap();
}

#[tokio::test]
async fn equal_requests_are_answered_in_their_order_and_scopes_apart() {
    let names = ["learner-0001", "learner-0004", "learner-0002", "learner-0005"];
    let (_folder, path, record) = recording(Scripted::saying(names.map(standing)));
    let main = Connection::new(record.clone());
    let row = main.within(Arc::new(Scope::new(ROW)));
    for connection in [&main, &row, &main, &row] {
        first_name(connection, "linux1").await;
    }
    record.finish().unwrap();

    let (replay, main) = replay(&path);
    let row = main.within(Arc::new(Scope::new(ROW)));
    let mut played = Vec::new();
    // The row runs first this time.
    for connection in [&row, &row, &main, &main] {
        played.push(first_name(connection, "linux1").await);
    }
    assert_eq!(played, ["learner-0004", "learner-0005", "learner-0001", "learner-0002"]);
    replay.finish().unwrap();
}

#[tokio::test]
async fn missing_consumed_and_unused_are_told_apart() {
    let (_folder, path, record) = recording(Scripted::saying(["a", "b"].map(standing)));
    let connection = Connection::new(record.clone());
    first_name(&connection, "linux1").await;
    first_name(&connection, "linux2").await;
    record.finish().unwrap();

    let (replay, connection) = replay(&path);
    first_name(&connection, "linux1").await;
    let consumed = connection.send(&scoreboard("linux1")).await.unwrap_err();
    let missing = connection.send(&scoreboard("linux7")).await.unwrap_err();
    let unused = replay.finish().unwrap_err();
    for error in [&consumed, &missing, &unused] {
        assert!(error.is_replay_mismatch());
        assert!(!error.is_in_doubt() && !error.is_retryable());
    }
    let texts = [&consumed, &missing, &unused].map(ToString::to_string);
    assert!(texts[0].contains("recorded once and was sent once more"), "{}", texts[0]);
    assert!(texts[1].contains("roomCode=linux7 in `main` was not recorded"), "{}", texts[1]);
    assert!(texts[1].contains("nearest: GET /api/v2/external/scoreboard"), "{}", texts[1]);
    assert!(texts[2].contains("1 interaction was recorded and not used"), "{}", texts[2]);
    assert!(texts[2].contains("roomCode=linux2 (`main`)"), "{}", texts[2]);
    let kinds = [consumed, missing, unused].map(|error| error.mismatch());
    let expected = [Mismatch::Consumed, Mismatch::Missing, Mismatch::Unused];
    assert_eq!(kinds, expected.map(Some));
}

#[tokio::test]
async fn a_request_in_another_scope_is_missing_there() {
    let (_folder, path, record) = recording(Scripted::saying([standing("a")]));
    first_name(&Connection::new(record.clone()), "linux1").await;
    record.finish().unwrap();
    let (_, connection) = replay(&path);
    let row = connection.within(Arc::new(Scope::new(ROW)));
    let error = row.send(&scoreboard("linux1")).await.unwrap_err();
    assert!(error.to_string().contains("in `learner-0003` was not recorded"), "{error}");
    assert!(error.to_string().contains("in `main`"), "{error}");
}

#[tokio::test]
async fn the_nearest_request_is_shown_with_what_differs() {
    let answer = json!({ "status": "success", "data": {} });
    let (_folder, path, record, journal) = unsealed(Scripted::saying([answer]));
    let connection = Connection::new(record.clone());
    connection.send(&seat("ada@example.com")).await.unwrap();
    journal.close().await.unwrap();
    let (_, connection) = replay(&path);
    let error = connection.send(&seat("bob@example.com")).await.unwrap_err();
    let text = error.to_string();
    let shown = [
        "thm.add_seat: PUT /api/v2/external/seats/users in `main` was not recorded",
        "nearest: PUT /api/v2/external/seats/users in `main` (- recorded, + sent)",
        "  \u{2026}",
        "  content-type: application/json",
        "  {",
        r#"-   "email": "ada@example.com""#,
        r#"+   "email": "bob@example.com""#,
        "  }",
    ];
    assert_eq!(text, shown.join("\n"));
}

/// The same endpoint comes before the same scope, and that before similarity, whatever the order in the file.
#[tokio::test]
async fn the_nearest_is_the_same_in_any_order_of_the_file() {
    let recorded = [
        ("ada", 0, "bob@example.info"),
        ("bob", 0, "bob@example.com"),
        ("bob", 1, "bob@example.org"),
        ("cem", 0, "bob@example.net"),
    ];
    let mut told = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let answers = [(); 4].map(|()| json!({ "status": "success", "data": {} }));
        let (_folder, path, record, journal) = unsealed(Scripted::saying(answers));
        for (scope, ordinal, email) in order.map(|index: usize| recorded[index]) {
            let request = Request { scope: scope.into(), ordinal, ..request(&seat(email)) };
            record.send(request).await.unwrap();
        }
        journal.close().await.unwrap();
        let (_, connection) = replay(&path);
        let row = |scope: &str| connection.within(Arc::new(Scope::new(scope)));
        let asked = ["bob", "eva"].map(|scope| (row(scope), seat("bob@example.info")));
        for (row, seat) in asked {
            told.push(row.send(&seat).await.unwrap_err().to_string());
        }
    }
    let [in_bob, in_eva] = [&told[0], &told[1]];
    assert!(in_bob.contains("nearest: PUT /api/v2/external/seats/users in `bob`"), "{in_bob}");
    assert!(in_bob.contains("-   \"email\": \"bob@example.com\""), "{in_bob}");
    assert!(in_eva.ends_with("\nnearest: the same request in `ada`"), "{in_eva}");
    assert!(told.chunks(2).all(|texts| texts == &told[..2]), "{told:?}");
}

/// The token of a registration is in its query, and is as sensitive as a key.
#[tokio::test]
async fn a_token_is_in_no_error() {
    let register = |token: &str| Register { token: token.to_owned() };
    let answer = || {
        let headers = vec![("location".to_owned(), "/signup".to_owned())];
        Ok(Response { status: 302, headers, body: Vec::new() })
    };
    let (_folder, path, record, journal) = unsealed(Scripted::new([answer(), answer()]));
    let connection = Connection::new(record.clone());
    for token in ["token-0001", "token-0002"] {
        connection.send(&register(token)).await.unwrap();
    }
    journal.close().await.unwrap();
    let (replay, connection) = replay(&path);
    let missing = connection.send(&register("token-six")).await.unwrap_err();
    connection.send(&register("token-0001")).await.unwrap();
    let consumed = connection.send(&register("token-0001")).await.unwrap_err();
    let unused = replay.finish().unwrap_err();
    let refused = Connection::new(RejectAll).send(&register("token-six")).await.unwrap_err();
    for error in [missing, consumed, unused, refused] {
        let text = error.to_string();
        assert!(text.contains("GET /external/api/register?token=\u{2026}"), "{text}");
        assert!(!text.contains("token-"), "{text}");
    }
}

#[tokio::test]
async fn what_was_lost_is_lost_again_in_the_same_way() {
    let errors = [
        Error::network(NetworkError::Connect, "refused"),
        Error::network(NetworkError::Timeout, "too late"),
        Error::network(NetworkError::ConnectionLost, "gone"),
        Error::setup("no such proxy"),
    ];
    let (_folder, path, record) = recording(Scripted::new(errors.clone().map(Err)));
    let connection = Connection::new(record.clone());
    let mut live = Vec::new();
    for _ in &errors {
        live.push(connection.send(&seat(EMAIL)).await.unwrap_err());
    }
    record.finish().unwrap();
    let (replay, connection) = replay(&path);
    for live in live {
        let error = connection.send(&seat(EMAIL)).await.unwrap_err();
        assert_eq!(error.to_string(), live.to_string());
        assert_eq!(error.network_error(), live.network_error());
        assert_eq!(error.is_in_doubt(), live.is_in_doubt(), "{error}");
        assert_eq!(error.is_setup(), live.is_setup(), "{error}");
    }
    replay.finish().unwrap();
}

#[test]
fn values_from_outside_are_recorded_and_played_back() {
    let (_folder, path, record) = recording(Scripted::new([]));
    // Whatever wraps a recorder hands its values on.
    let connection = Connection::new(Capture::new(record.clone()));
    let row = connection.within(Arc::new(Scope::new("learner-0001")));
    for (connection, name, value) in [
        (&connection, "now", json!(1)),
        (&connection, "random", json!([0.5])),
        (&row, "now", json!("row")),
        (&connection, "now", json!(2)),
    ] {
        assert_eq!(connection.value(name, value.clone()).unwrap(), value);
    }
    record.finish().unwrap();

    let (replay, connection) = replay(&path);
    let row = connection.within(Arc::new(Scope::new("learner-0001")));
    let fresh = || json!("fresh");
    assert_eq!(row.value("now", fresh()).unwrap(), "row");
    assert_eq!(connection.value("now", fresh()).unwrap(), 1);
    assert_eq!(connection.value("now", fresh()).unwrap(), 2);
    assert_eq!(connection.value("random", fresh()).unwrap(), json!([0.5]));
    let error = connection.value("now", fresh()).unwrap_err();
    assert_eq!(error.mismatch(), Some(Mismatch::Consumed), "{error}");
    let error = connection.value("dice", fresh()).unwrap_err();
    assert_eq!(error.mismatch(), Some(Mismatch::Missing), "{error}");
    replay.finish().unwrap();
}

#[test]
fn values_that_are_not_asked_for_are_unused_unless_that_is_allowed() {
    let (_folder, path, record) = recording(Scripted::new([]));
    let connection = Connection::new(record.clone());
    connection.value("now", json!(1)).unwrap();
    connection.value("now", json!(2)).unwrap();
    record.finish().unwrap();
    let (replay, connection) = replay(&path);
    connection.value("now", json!(3)).unwrap();
    let unused = replay.finish().unwrap_err();
    assert_eq!(unused.mismatch(), Some(Mismatch::Unused));
    let text = "1 value was recorded and not used:\n  now() (`main`)";
    assert_eq!(unused.to_string(), text);
    Replay::open(&path).unwrap().allow_unused().finish().unwrap();
}

#[tokio::test]
async fn what_is_unused_is_told_as_a_run_would_have_it_main_first() {
    let (_folder, path, record, journal) =
        unsealed(Scripted::saying((0..8).map(|_| standing("a"))));
    let main = Connection::new(record.clone());
    for scope in ["zoe", "ada", "main", "bob", "cem", "dan", "eva"] {
        main.within(Arc::new(Scope::new(scope))).send(&scoreboard("linux1")).await.unwrap();
    }
    journal.close().await.unwrap();
    let (replay, _) = replay(&path);
    let text = replay.finish().unwrap_err().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "7 interactions were recorded and not used:");
    assert!(lines[1].ends_with("(`main`)") && lines[2].ends_with("(`ada`)"), "{text}");
    assert_eq!(lines[6..], ["  and 2 more"]);
}

/// Concurrent requests each get a response of their own.
#[test]
fn many_threads_get_each_answer_once() {
    const TIMES: usize = 200;
    let names: Vec<_> = (0..4 * TIMES).map(|name| name.to_string()).collect();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_folder, path, record, journal) =
        unsealed(Scripted::saying(names.iter().map(|name| standing(name))));
    let connection = Connection::new(record.clone());
    runtime().block_on(async {
        for _ in &names {
            first_name(&connection, "linux1").await;
        }
    });
    runtime().block_on(journal.close()).unwrap();
    let (replay, connection) = replay(&path);
    let mut played: Vec<String> = std::thread::scope(|scope| {
        let turn = || (0..TIMES).map(|_| runtime().block_on(first_name(&connection, "linux1")));
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(move || turn().collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    played.sort_unstable_by_key(|name| name.parse::<usize>().unwrap());
    assert_eq!(played, names);
    replay.finish().unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.cassette");
    let told = || {
        let error = Replay::open(&path).err().unwrap();
        assert!(error.is_setup());
        error.to_string()
    };
    assert!(told().contains("run.cassette"));
    fs::write(&path, b"{\"event\":\"cassette\",\"version\":1,\"program\":\"\xc3").unwrap();
    assert!(told().contains("damaged at byte 43: invalid UTF-8"), "{}", told());
    fs::write(&path, "{\"event\":\"cassette\",\"version\":1,\"program\":\"x\"}\n").unwrap();
    assert!(told().contains("run.cassette: the cassette is cut off"), "{}", told());
}
