//! What each mode does with a cassette, and what finishing reports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drillmaster_models::thm::{AddSeat, Register, ShowScoreboard};
use drillmaster_transport::cassette::{Recording, parse};
use drillmaster_transport::{
    Connection, Error, Mismatch, Mode, NetworkError, Recorder, RejectAll, Response, Scope,
    Transport, VerifyWrites,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scripted::Scripted;

fn desk() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.cassette");
    (folder, path)
}

/// A name that sealing itself would use is kept.
const ADA: &str = "learner-0001";
const BOB: &str = "learner-0002";
const CEM: &str = "learner-0003";
const DAN: &str = "learner-0004";

fn standing(name: &str) -> Value {
    json!({ "status": "success", "data": [{ "username": name }] })
}

/// A cassette over a service that answers with these names.
fn open(path: &Path, mode: Mode, names: &[&str]) -> Recorder {
    let service = Scripted::saying(names.iter().map(|name| standing(name)));
    Recorder::builder(path).mode(mode).open(move || Ok(service)).unwrap()
}

/// A cassette whose service must not be connected.
fn alone(path: &Path, mode: Mode) -> Result<Recorder, Error> {
    Recorder::builder(path)
        .mode(mode)
        .open(|| -> Result<RejectAll, Error> { panic!("it is not needed") })
}

async fn name(cassette: &Recorder, room: &str) -> Result<String, Error> {
    let request = ShowScoreboard { room_code: room.to_owned() };
    Ok(Connection::new(cassette.clone()).send(&request).await?[0].username.clone())
}

/// Records who is first in each of these rooms.
async fn record(path: &Path, standings: &[(&str, &str)]) {
    let names: Vec<_> = standings.iter().map(|(_, name)| *name).collect();
    let cassette = open(path, Mode::Record, &names);
    for (room, first) in standings {
        assert_eq!(name(&cassette, room).await.unwrap(), *first);
    }
    cassette.finish().unwrap();
}

fn tape(path: &Path) -> Recording {
    parse(&fs::read_to_string(path).unwrap()).unwrap()
}

fn targets(path: &Path) -> Vec<String> {
    tape(path).interactions.into_iter().map(|interaction| interaction.request.target).collect()
}

#[test]
fn modes_have_names_and_those_of_vcr() {
    for (name, mode) in [
        ("replay", Mode::Replay),
        ("none", Mode::Replay),
        ("record", Mode::Record),
        ("all", Mode::Record),
        ("append", Mode::Append),
        ("new_episodes", Mode::Append),
        ("verify", Mode::Verify),
        ("once", Mode::Once),
    ] {
        assert_eq!(name.parse(), Ok(mode));
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    let error = "Replay".parse::<Mode>().unwrap_err();
    assert!(error.to_string().contains("use replay, record, append, verify or once"), "{error}");
}

#[tokio::test]
async fn a_replay_needs_no_service() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    for mode in [Mode::Replay, Mode::Once] {
        let cassette = alone(&path, mode).unwrap();
        assert_eq!(name(&cassette, "linux1").await.unwrap(), ADA);
        let error = name(&cassette, "linux7").await.unwrap_err();
        assert_eq!(error.mismatch(), Some(Mismatch::Missing));
        cassette.finish().unwrap();
    }
}

#[tokio::test]
async fn a_replay_without_a_file_says_how_to_record_one() {
    let (_folder, path) = desk();
    for mode in [Mode::Replay, Mode::Verify] {
        let error = alone(&path, mode).err().unwrap();
        assert!(error.is_setup());
        assert!(error.to_string().ends_with("with DRILLMASTER_CASSETTE=record"), "{error}");
    }
}

#[tokio::test]
async fn once_records_where_there_is_no_file() {
    let (_folder, path) = desk();
    let cassette = open(&path, Mode::Once, &[ADA]);
    name(&cassette, "linux1").await.unwrap();
    assert!(!path.exists(), "only the whole one is put there");
    cassette.finish().unwrap();
    assert_eq!(tape(&path).interactions.len(), 1);
}

#[tokio::test]
async fn what_is_unused_fails_at_the_end_and_names_the_cassette() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let error = alone(&path, Mode::Replay).unwrap().finish().unwrap_err();
    assert_eq!(error.mismatch(), Some(Mismatch::Unused));
    assert!(error.to_string().contains("test.cassette: 1 interaction was recorded"), "{error}");
    let never = || Ok(RejectAll);
    Recorder::builder(&path).allow_unused().open(never).unwrap().finish().unwrap();
}

#[tokio::test]
async fn append_keeps_what_was_there_and_adds_what_is_new() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA), ("linux2", BOB)]).await;
    let cassette = open(&path, Mode::Append, &[CEM, DAN]);
    // The second question about this room is new, and so is one that stands between two that are not.
    let mut names = Vec::new();
    for room in ["linux1", "linux3", "linux1"] {
        names.push(name(&cassette, room).await.unwrap());
    }
    cassette.value(&Scope::new("main"), "now", json!(7)).unwrap();
    assert_eq!(names, [ADA, CEM, DAN]);
    assert_eq!(tape(&path).interactions.len(), 2, "nothing changes before the end");
    cassette.finish().unwrap();
    assert_eq!(tape(&path).interactions.len(), 4);

    let replayed = alone(&path, Mode::Replay).unwrap();
    for (room, first) in [("linux1", ADA), ("linux3", CEM), ("linux1", DAN), ("linux2", BOB)] {
        assert_eq!(name(&replayed, room).await.unwrap(), first);
    }
    assert_eq!(replayed.value(&Scope::new("main"), "now", json!(8)).unwrap(), 7);
    replayed.finish().unwrap();
}

#[tokio::test]
async fn append_leaves_the_file_alone_where_nothing_is_new_and_makes_one_where_there_is_none() {
    let (_folder, path) = desk();
    let cassette = open(&path, Mode::Append, &[ADA]);
    name(&cassette, "linux1").await.unwrap();
    cassette.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let cassette = alone(&path, Mode::Append).unwrap();
    assert_eq!(name(&cassette, "linux1").await.unwrap(), ADA);
    cassette.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_loss_is_appended_as_one() {
    let (_folder, path) = desk();
    let service = Scripted::new([Err(Error::network(NetworkError::Timeout, "too late"))]);
    let cassette = Recorder::builder(&path).mode(Mode::Append).open(|| Ok(service)).unwrap();
    name(&cassette, "linux1").await.unwrap_err();
    cassette.finish().unwrap();
    let error = tape(&path).interactions[0].outcome.clone().unwrap_err();
    assert_eq!(error.network_error(), Some(NetworkError::Timeout));
}

#[tokio::test]
async fn who_appends_to_what_another_has_changed_is_refused() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let [first, second] = [[BOB], [CEM]].map(|names| open(&path, Mode::Append, &names));
    name(&first, "linux2").await.unwrap();
    name(&second, "linux3").await.unwrap();
    first.finish().unwrap();
    let error = second.finish().unwrap_err();
    assert!(error.to_string().contains("another program changed the cassette"), "{error}");
    assert_eq!(targets(&path).len(), 2);
    assert!(targets(&path)[1].ends_with("linux2"));
}

/// Each file has all of its own interactions, and none of the other's.
#[tokio::test]
async fn of_two_that_record_into_one_file_the_later_stands_there_whole() {
    let (_folder, path) = desk();
    let first = open(&path, Mode::Record, &["a", "b"]);
    let second = open(&path, Mode::Record, &["c", "d"]);
    for (cassette, room) in [(&first, "one"), (&second, "two"), (&first, "one"), (&second, "two")] {
        name(cassette, room).await.unwrap();
    }
    second.finish().unwrap();
    first.finish().unwrap();
    let targets = targets(&path);
    assert!(targets.len() == 2 && targets.iter().all(|target| target.ends_with("one")));
}

#[tokio::test]
async fn two_clients_over_one_cassette_do_not_number_their_requests_alike() {
    let (_folder, path) = desk();
    // `name` connects anew each time.
    record(&path, &[("linux1", ADA), ("linux1", BOB)]).await;
    let ordinals: Vec<_> =
        tape(&path).interactions.iter().map(|interaction| interaction.request.ordinal).collect();
    assert_eq!(ordinals, [0, 1]);
}

#[tokio::test]
async fn verify_passes_where_the_service_says_the_same_in_another_layout() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let text = format!("{:#}", standing(ADA)).replace("\"status\"", "\"\\u0073tatus\"");
    let answer = Response { body: text.into_bytes(), ..Response::json(200, &json!({})) };
    let service = Scripted::new([Ok(answer)]);
    let cassette = Recorder::builder(&path).mode(Mode::Verify).open(|| Ok(service)).unwrap();
    name(&cassette, "linux1").await.unwrap();
    cassette.finish().unwrap();
}

#[tokio::test]
async fn verify_tells_each_drift_and_what_was_not_asked() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA), ("linux2", BOB), ("linux3", CEM)]).await;
    // Another name is none of its business, where people have made-up ones.
    let eve = json!({ "status": "success", "data": [{ "username": "eve", "score": 3 }] });
    let service = Scripted::new([
        Ok(Response::json(200, &eve)),
        Err(Error::network(NetworkError::Timeout, "too late")),
    ]);
    let cassette = Recorder::builder(&path).mode(Mode::Verify).open(|| Ok(service)).unwrap();
    assert_eq!(name(&cassette, "linux1").await.unwrap(), "eve", "what the service says");
    name(&cassette, "linux2").await.unwrap_err();
    let error = cassette.finish().unwrap_err();
    assert_eq!(error.mismatch(), Some(Mismatch::Drifted));
    let text = error.to_string();
    let expected = [
        "2 interactions have drifted (- recorded, + now):",
        "GET /api/v2/external/scoreboard?roomCode=linux1 in `main`",
        "  …",
        "    \"data\": [",
        "      {",
        "+       \"score\": 3,",
        "        \"username\": \"(username)\"",
        "      }",
        "  …",
        "GET /api/v2/external/scoreboard?roomCode=linux2 in `main`",
        "- status: 200",
    ];
    let (_, told) = text.split_once(": ").unwrap();
    assert!(told.starts_with(&expected.join("\n")), "{text}");
    assert!(told.contains("\n+ timed out: too late"), "{text}");
    assert!(told.contains("\n1 interaction was recorded and not used:"), "{text}");
}

/// A request that was not recorded might write something unexpected.
#[tokio::test]
async fn verify_makes_the_recorded_writes_unless_told_otherwise() {
    let (_folder, path) = desk();
    let seat = || AddSeat { email: "ada@corp.example".to_owned() };
    let answer = json!({ "status": "success", "data": { "username": ADA } });
    let recorded = Scripted::saying([answer.clone(), standing(BOB)]);
    let cassette = Recorder::builder(&path).mode(Mode::Record).open(move || Ok(recorded)).unwrap();
    Connection::new(cassette.clone()).send(&seat()).await.unwrap();
    name(&cassette, "linux1").await.unwrap();
    cassette.finish().unwrap();
    for (writes, says) in [
        (VerifyWrites::Skip, vec![standing(BOB)]),
        (VerifyWrites::Send, vec![answer, standing(BOB)]),
    ] {
        let left_out = 2 - says.len();
        let service = Arc::new(Scripted::saying(says));
        let below = service.clone();
        let builder = Recorder::builder(&path).mode(Mode::Verify).writes(writes);
        let cassette = builder.open(move || Ok(below)).unwrap();
        let seat = Connection::new(cassette.clone()).send(&seat()).await.unwrap();
        assert!(seat.username.is_some());
        assert_eq!(name(&cassette, "linux1").await.unwrap(), BOB);
        cassette.finish().unwrap();
        assert_eq!(cassette.skipped_writes(), left_out);
    }
}

#[tokio::test]
async fn verify_sends_nothing_that_was_not_recorded() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let cassette = open(&path, Mode::Verify, &[ADA]);
    let error = name(&cassette, "linux2").await.unwrap_err();
    assert_eq!(error.mismatch(), Some(Mismatch::Missing));
    name(&cassette, "linux1").await.unwrap();
    cassette.finish().unwrap();
}

#[tokio::test]
async fn a_recorded_loss_is_not_compared() {
    let (_folder, path) = desk();
    let service = Scripted::new([Err(Error::network(NetworkError::ConnectionLost, "gone"))]);
    let cassette = Recorder::builder(&path).mode(Mode::Record).open(|| Ok(service)).unwrap();
    name(&cassette, "linux1").await.unwrap_err();
    cassette.finish().unwrap();
    let cassette = open(&path, Mode::Verify, &[ADA]);
    name(&cassette, "linux1").await.unwrap();
    cassette.finish().unwrap();
}

#[tokio::test]
async fn a_drift_of_a_secret_answer_is_told_without_it() {
    let (_folder, path) = desk();
    let page = |word: &str| {
        let headers = vec![("location".to_owned(), "/signup".to_owned())];
        Ok(Response { status: 302, headers, body: word.as_bytes().to_vec() })
    };
    for (mode, word) in [(Mode::Record, "token-one"), (Mode::Verify, "token-two")] {
        let service = Scripted::new([page(word)]);
        let cassette = Recorder::builder(&path).mode(mode).open(|| Ok(service)).unwrap();
        let register = Register { token: "token-six".to_owned() };
        Connection::new(cassette.clone()).send(&register).await.unwrap();
        if let Err(error) = cassette.finish() {
            assert_eq!((mode, error.mismatch()), (Mode::Verify, Some(Mismatch::Drifted)));
            assert!(!error.to_string().contains("token-"), "{error}");
        } else {
            assert_eq!(mode, Mode::Record);
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_told_when_it_is_needed() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let opened = |mode| {
        let no_key = || -> Result<RejectAll, Error> { Err(Error::setup("no key is set")) };
        Recorder::builder(&path).mode(mode).open(no_key)
    };
    for mode in [Mode::Record, Mode::Verify] {
        assert!(opened(mode).err().unwrap().to_string().contains("no key"));
    }
    let append = opened(Mode::Append).unwrap();
    name(&append, "linux1").await.unwrap();
    let error = name(&append, "linux2").await.unwrap_err();
    assert!(error.is_setup() && error.to_string().contains("no key is set"), "{error}");
    append.finish().unwrap();
}

#[tokio::test]
async fn play_finishes_what_succeeds_and_hands_on_what_fails() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let builder = || Recorder::builder(&path);
    let never = || Ok(RejectAll);
    let first = builder().run(never, async |cassette| name(&cassette, "linux1").await).await;
    assert_eq!(first.unwrap(), ADA);
    let unused = builder().run(never, async |_| Ok::<_, Error>(())).await.unwrap_err();
    assert_eq!(unused.mismatch(), Some(Mismatch::Unused));
    let failed = builder().run(never, async |_| Err::<(), _>(Error::setup("mine"))).await;
    assert_eq!(failed.unwrap_err().to_string(), "mine");
}

/// Drops a cassette after this, and returns what it panics with.
async fn dropped(path: &Path, after: impl AsyncFnOnce(&Recorder)) -> Option<String> {
    let cassette = alone(path, Mode::Replay).unwrap();
    after(&cassette).await;
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(cassette))).err()?;
    Some(*panic.downcast::<String>().unwrap())
}

#[tokio::test]
async fn a_cassette_that_is_forgotten_does_not_pass() {
    let (_folder, path) = desk();
    record(&path, &[("linux1", ADA)]).await;
    let forgotten = dropped(&path, async |cassette| drop(name(cassette, "linux1").await)).await;
    assert!(forgotten.unwrap().contains("test.cassette was dropped without `finish`"));
    // Whoever was told of a mismatch, or has finished, knows.
    assert_eq!(dropped(&path, async |cassette| drop(name(cassette, "no").await)).await, None);
    assert_eq!(dropped(&path, async |cassette| drop(cassette.finish())).await, None);
    drop(Recorder::builder(&path).allow_unfinished().open(|| Ok(RejectAll)).unwrap());
}

/// Many at once with one file, each with its own position in it.
#[test]
fn cassettes_at_the_same_time_do_not_disturb_each_other() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_folder, path) = desk();
    runtime().block_on(record(&path, &[("linux1", ADA), ("linux1", BOB)]));
    let path = Arc::new(path);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                runtime().block_on(async {
                    let cassette = alone(&path, Mode::Replay).unwrap();
                    for first in [ADA, BOB] {
                        assert_eq!(name(&cassette, "linux1").await.unwrap(), first);
                    }
                    cassette.finish().unwrap();
                });
            });
        }
    });
}
