//! A journal with changed lines is refused unless it was only cut at its end. No change makes a run send a write again.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use drillmaster_journal::{History, Journal};
use drillmaster_models::endpoint;
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::cassette::EventReader;
use drillmaster_transport::cassette::{Event, Header, identity};
use drillmaster_transport::{Capture, Connection, Scope, Transport};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{going_on, place};

const PEOPLE: [&str; 4] = ["ada", "bob", "eve", "kim"];

const OTHERS: [&str; 4] = ["ida", "bob", "eve", "kim"];

static JOURNALS: OnceCell<(Vec<u8>, Vec<u8>)> = OnceCell::const_new();

/// A change to the lines of a journal.
#[derive(Debug, Clone)]
enum Change {
    Remove(Range<usize>),
    Swap(usize, usize),
    /// A line, inserted again before another.
    Double(usize, usize),
    /// A line of another run, inserted before one.
    Splice(usize, usize),
    /// A line, replaced by one of another run.
    Exchange(usize),
    /// A flipped bit.
    Flip(usize),
    /// A cut after this many bytes.
    Cut(usize),
}

impl Change {
    fn make(&self, text: &[u8], other: &[u8]) -> Vec<u8> {
        let (mut all, others) = (lines(text), lines(other));
        match *self {
            Self::Remove(ref range) => drop(all.drain(range.clone())),
            Self::Swap(a, b) => all.swap(a, b),
            Self::Double(from, to) => all.insert(to, all[from]),
            Self::Splice(from, to) => all.insert(to, others[from.min(others.len() - 1)]),
            Self::Exchange(at) => all[at] = others[at.min(others.len() - 1)],
            Self::Flip(bit) => {
                let mut text = text.to_vec();
                text[bit / 8] ^= 1 << (bit % 8);
                return text;
            }
            Self::Cut(length) => return text[..length].to_vec(),
        }
        all.concat()
    }
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn academy() -> Sandbox {
    Sandbox::new(Options { learners: 4, reinvite: true, ..Options::default() })
}

/// A read and two writes for each.
async fn work(transport: impl Transport + 'static, people: &[&str]) {
    let connection = Connection::new(transport);
    let call = async |scope: &Connection, name: &str, fields| {
        // A refusal is fine, too.
        let _ = scope.call(endpoint(name).unwrap(), &fields).await;
    };
    for name in people {
        let row = connection.within(Arc::new(Scope::new(*name)));
        let email = format!("{name}@example.com");
        call(&row, "thm.scoreboard", json!({ "roomCode": "linux1" })).await;
        call(&row, "thm.add_seat", json!({ "email": email })).await;
        call(&row, "veracode.invite", json!({ "email": email, "senderId": "nobody" })).await;
    }
}

/// The text of the journal of a run in two parts.
async fn journal(people: &[&str]) -> Vec<u8> {
    let (_folder, path) = place();
    // Makes the headers of two runs differ.
    let run = [("id".to_owned(), json!(people[0]))].into_iter().collect();
    drop(Journal::create(&path, Header { run, ..Header::default() }).unwrap());
    let (first, all) = (&people[..people.len() - 1], people);
    for people in [first, all] {
        let (journal, history, transport) = going_on(&path, academy());
        work(transport, people).await;
        journal.close().await.unwrap();
        drop((journal, history));
    }
    fs::read(&path).unwrap()
}

/// The writes in a journal, each with its scope.
fn written(path: &Path) -> HashSet<(String, String)> {
    let events = EventReader::open(path).unwrap().map(Result::unwrap);
    let writes = events.filter_map(|event| match event {
        Event::Request(request) => {
            let metadata = &endpoint(&request.endpoint).unwrap().metadata;
            (!metadata.effect.is_read()).then_some((request.scope, request.hash))
        }
        _ => None,
    });
    writes.collect()
}

/// Whether a changed journal is refused. One that is not must be the beginning of the original, and resuming it must not
/// send a write that it holds.
async fn is_refused(path: &Path, text: &[u8], changed: &[u8]) -> bool {
    fs::write(path, changed).unwrap();
    if History::read(path).is_err() {
        assert!(Journal::open(path).is_err());
        assert_eq!(fs::read(path).unwrap(), changed, "it is left as it is");
        return true;
    }
    let whole: Vec<_> = lines(changed).into_iter().filter(|line| line.ends_with(b"\n")).collect();
    // An invalid last line counts as torn, whatever it ends with.
    let (_, but_last) = whole.split_last().unwrap();
    let is_beginning = |lines: &[&[u8]]| text.starts_with(&lines.concat());
    assert!(is_beginning(&whole) || is_beginning(but_last), "{}", String::from_utf8_lossy(changed));
    let known = written(path);
    let service = Arc::new(Capture::new(academy()));
    let (journal, history, transport) = going_on(path, service.clone());
    work(transport, &PEOPLE).await;
    drop((journal, history));
    for request in service.requests() {
        let write = (request.scope.to_string(), identity(&request.wire));
        assert!(!known.contains(&write), "{} was sent again", request.line());
    }
    false
}

#[tokio::test]
async fn every_change_of_lines_but_a_cut_at_the_end_is_refused() {
    let (text, other) = (journal(&PEOPLE).await, journal(&OTHERS).await);
    let count = lines(&text).len();
    assert_eq!(count, lines(&other).len());
    let all = || 0..count;
    let removed = all().flat_map(|from| (from..count).map(move |to| Change::Remove(from..to + 1)));
    let swapped = all().flat_map(|a| (a + 1..count).map(move |b| Change::Swap(a, b)));
    let doubled = all().flat_map(|from| all().map(move |to| Change::Double(from, to + 1)));
    let spliced = all().map(|at| Change::Splice(at, at));
    let exchanged = all().map(Change::Exchange);
    let cut = (0..=text.len()).rev().step_by(97).map(Change::Cut);
    let changes = removed.chain(swapped).chain(doubled).chain(spliced).chain(exchanged).chain(cut);
    let (_folder, path) = place();
    let (mut refused, mut cuts) = (0, 0);
    for change in changes {
        if is_refused(&path, &text, &change.make(&text, &other)).await {
            refused += 1;
        } else {
            let is_at_the_end = match &change {
                Change::Remove(range) => range.end == count,
                Change::Cut(_) => true,
                _ => false,
            };
            assert!(is_at_the_end, "{change:?} was taken for what was written");
            cuts += 1;
        }
    }
    assert!(refused > 1_000 && cuts > count, "{refused} refused, {cuts} cuts");
}

/// A change of any kind at any place, in thousandths of the text.
fn change() -> impl Strategy<Value = (u8, usize, usize)> {
    (0..7_u8, 0..1000_usize, 0..1000_usize)
}

fn placed((kind, one, two): (u8, usize, usize), text: &[u8]) -> Change {
    let count = lines(text).len();
    let of = |part: usize, whole: usize| part * whole / 1000;
    let (a, b) = (of(one, count), of(two, count));
    match kind {
        0 => Change::Remove(a.min(b)..a.max(b) + 1),
        1 => Change::Swap(a, b),
        2 => Change::Double(a, b + 1),
        3 => Change::Splice(a, b + 1),
        4 => Change::Exchange(a),
        5 => Change::Flip(8 * of(one, text.len()) + two % 8),
        _ => Change::Cut(of(one, text.len())),
    }
}

proptest! {
    /// Several changes, one after the other.
    #[test]
    fn no_changes_make_a_write_be_sent_again(changes in vec(change(), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (text, other) = JOURNALS.get_or_init(|| async {
                (journal(&PEOPLE).await, journal(&OTHERS).await)
            }).await;
            let mut changed = text.clone();
            for change in changes {
                // Nothing is left to change.
                if lines(&changed).len() < 2 {
                    break;
                }
                changed = placed(change, &changed).make(&changed, other);
            }
            let (_folder, path) = place();
            is_refused(&path, text, &changed).await;
        });
    }
}
