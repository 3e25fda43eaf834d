//! How fast a large cassette is opened and replayed. `cargo xtask bench replay` runs it, as a process of its
//! own, and measures its memory:
//!
//! ```text
//! replay_rate write CASSETTE INTERACTIONS        makes a cassette as a run over a roster would
//! replay_rate play CASSETTE INTERACTIONS FILE    replays it on two threads, and writes its seconds as JSON
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::thread;
use std::time::Instant;

use drillmaster_models::{Dialect, entry};
use drillmaster_transport::cassette::{Event, Header, RequestEvent, ResponseEvent};
use drillmaster_transport::journal::line;
use drillmaster_transport::{Replay, Request, Response, Transport};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const THREADS: usize = 2;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", path, interactions] => write(path, interactions.parse()?),
        ["play", path, interactions, figures] => play(path, interactions.parse()?, figures),
        _ => Err("usage: replay_rate write|play CASSETTE INTERACTIONS [FILE]".into()),
    }
}

/// A row seats a learner and makes a link.
fn request(index: usize) -> Outcome<Request> {
    let row = index / 2;
    let (name, fields) = if index.is_multiple_of(2) {
        ("thm.add_seat", json!({ "email": format!("learner-{row:06}@example.com") }))
    } else {
        let ext_user_id = format!("learner-{row:06}");
        ("thm.authenticate", json!({ "extUserId": ext_user_id, "roomCode": "linux1" }))
    };
    let entry = entry(name)?;
    let scope = format!("learner-{row:06}@example.com").into();
    let wire = entry.request(&fields, Dialect::Current)?;
    Ok(Request { wire, spec: &entry.spec, scope, ordinal: index as u64 % 2 })
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
        let answer = ResponseEvent::of(&request.scope, request.ordinal, &answer(index));
        file.write_all(&line(&Event::Request(RequestEvent::of(&request))))?;
        file.write_all(&line(&Event::Response(answer)))?;
    }
    file.write_all(&line(&Event::End { interactions }))?;
    Ok(file.flush()?)
}

fn play(path: &str, interactions: usize, figures: &str) -> Outcome {
    let start = Instant::now();
    let replay = Replay::open(path)?;
    let open = start.elapsed().as_secs_f64();

    let start = Instant::now();
    thread::scope(|scope| {
        let turn = |first| {
            let replay = &replay;
            scope.spawn(move || ask(replay, (first..interactions).step_by(THREADS)))
        };
        let threads: Vec<_> = (0..THREADS).map(turn).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    let play = start.elapsed().as_secs_f64();
    replay.finish()?;
    Ok(std::fs::write(figures, json!({ "open": open, "play": play }).to_string())?)
}

fn ask(replay: &Replay, indices: impl Iterator<Item = usize>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for index in indices {
            if replay.send(request(index)?).await? != answer(index) {
                return Err(format!("interaction {index} has another answer").into());
            }
        }
        Ok(())
    })
}
