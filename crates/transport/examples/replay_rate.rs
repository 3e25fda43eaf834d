//! How fast a large cassette is opened and replayed. `cargo xtask bench replay` runs it, as a process of its
//! own, and measures its memory:
//!
//! ```text
//! replay_rate write plain|sealed CASSETTE INTERACTIONS        makes a cassette as a run over a roster would
//! replay_rate play plain|sealed CASSETTE INTERACTIONS FILE    replays it on two threads, and writes its
//!                                                             seconds as JSON
//! ```
//!
//! A sealed one is replayed with the real roster: whatever is asked is made what the recording has, and what
//! is answered is made what the script knows.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::thread;
use std::time::Instant;

use drillmaster_models::{Dialect, endpoint};
use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{Event, Header, RequestEvent, ResponseEvent, Sanitizer};
use drillmaster_transport::redact::Rows;
use drillmaster_transport::{Purpose, Replay, Request, Response, Transport};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const THREADS: usize = 2;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", "plain", path, interactions] => write(path, interactions.parse()?),
        ["write", "sealed", path, interactions] => seal(path, interactions.parse()?),
        ["play", kind, path, interactions, figures] => {
            let count = interactions.parse()?;
            let roster = (*kind == "sealed").then(|| roster(count));
            play(path, count, roster.as_ref(), figures)
        }
        _ => Err("usage: replay_rate write|play plain|sealed CASSETTE INTERACTIONS [FILE]".into()),
    }
}

/// A row seats a learner and makes a link.
fn request(index: usize) -> Outcome<Request> {
    let [email, id] = cells(index / 2);
    let (name, fields) = if index.is_multiple_of(2) {
        ("thm.add_seat", json!({ "email": email }))
    } else {
        ("thm.authenticate", json!({ "extUserId": id, "roomCode": "linux1" }))
    };
    let endpoint = endpoint(name)?;
    let scope = email.into();
    let wire = endpoint.request(&fields, Dialect::Current)?;
    Ok(Request {
        wire: wire.into(),
        metadata: &endpoint.metadata,
        scope,
        ordinal: index as u64 % 2,
        purpose: Purpose::Call,
    })
}

/// The address and the id of a row.
fn cells(row: usize) -> [String; 2] {
    [format!("person.{row:06}@corp.example"), format!("badge-{row:06}")]
}

fn roster(interactions: usize) -> Rows {
    Rows {
        columns: vec!["email".to_owned(), "id".to_owned()],
        cells: (0..interactions.div_ceil(2)).map(|row| cells(row).into()).collect(),
    }
}

fn answer(index: usize) -> Response {
    let row = index / 2;
    let data = if index.is_multiple_of(2) {
        json!({ "username": format!("learner{row:06}") })
    } else {
        json!({ "url": format!("https://links.invalid/external/login?token={row:064}") })
    };
    Response::json(200, &json!({ "status": "success", "data": data }))
}

fn write(path: &str, interactions: usize) -> Outcome {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&line(&Event::Cassette(Header::default())))?;
    for index in 0..interactions {
        let request = request(index)?;
        let answer = ResponseEvent::from_response(&request.scope, request.ordinal, &answer(index));
        file.write_all(&line(&Event::Request(RequestEvent::from_request(&request))))?;
        file.write_all(&line(&Event::Response(answer)))?;
    }
    file.write_all(&line(&Event::End { interactions }))?;
    Ok(file.flush()?)
}

fn seal(path: &str, interactions: usize) -> Outcome {
    let mut events = Vec::new();
    for index in 0..interactions {
        let request = request(index)?;
        let answer = ResponseEvent::from_response(&request.scope, request.ordinal, &answer(index));
        events.push(Event::Request(RequestEvent::from_request(&request)));
        events.push(Event::Response(answer));
    }
    let seal = Sanitizer::default().roster(roster(interactions));
    seal.events(Header::default(), events)?.write(Path::new(path))?;
    Ok(())
}

fn play(path: &str, interactions: usize, roster: Option<&Rows>, figures: &str) -> Outcome {
    let start = Instant::now();
    let mut replay = Replay::open(path)?;
    if let Some(roster) = roster {
        replay = replay.with_roster(roster)?;
    }
    let open = start.elapsed().as_secs_f64();

    let start = Instant::now();
    thread::scope(|scope| {
        let turn = |first| {
            let replay = &replay;
            let indices = (first..interactions).step_by(THREADS);
            scope.spawn(move || ask(replay, indices, roster.is_some()))
        };
        let threads: Vec<_> = (0..THREADS).map(turn).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    let play = start.elapsed().as_secs_f64();
    replay.finish()?;
    Ok(std::fs::write(figures, json!({ "open": open, "play": play }).to_string())?)
}

/// What a sealed one answers has no secret of what was answered.
fn ask(replay: &Replay, indices: impl Iterator<Item = usize>, is_sealed: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for index in indices {
            let (given, recorded) = (replay.send(request(index)?).await?, answer(index));
            if given.status != recorded.status || (!is_sealed && given != recorded) {
                return Err(format!("interaction {index} has another answer").into());
            }
        }
        Ok(())
    })
}
