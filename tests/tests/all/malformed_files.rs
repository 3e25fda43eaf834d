//! Readers of files face damaged ones: real files, changed in a few places at random. A reader may refuse a text. It
//! must not panic, and what it reads must come back when it is written and read again.
//!
//! `PROPTEST_CASES=100000 cargo test -p drillmaster-tests malformed` looks harder.

use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use drillmaster_interchange::{self as interchange, Format, Options, har, write_cassette};
use drillmaster_models::{endpoint, endpoints};
use drillmaster_transport::cassette::{Interaction, Recording, parse};
use drillmaster_transport::{Error, Purpose, Replay, Request, Response, Transport};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

const CASSETTES: [&str; 3] = [
    include_str!("../../cassettes/two_seats.cassette"),
    include_str!("../../../crates/thm/tests/cassettes/seat.cassette"),
    include_str!("../../../crates/veracode/tests/cassettes/invite.cassette"),
];
const HARS: [&str; 4] = [
    include_str!("../../interchange/chrome.har"),
    include_str!("../../interchange/firefox.har"),
    include_str!("../../interchange/mitmproxy.har"),
    include_str!("../../interchange/tool.har"),
];
const VCRS: [&str; 2] =
    [include_str!("../../interchange/vcrpy.yaml"), include_str!("../../interchange/ruby_vcr.yml")];

/// No text is longer.
const MAX_LENGTH: usize = 256 << 10;

/// What readers of text formats treat in a way of its own.
const WORDS: [&str; 31] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\ud800",
    "\u{feff}",
    "\u{0}",
    "\n",
    "\r\n",
    "\"event\":\"end\"",
    "\"scope\":\"main\",",
    "\u{e4}",
    "\"encoding\":\"base64\",",
    "- ",
    "\n  ",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    "!!binary ",
    "!!python/object:a.b ",
];

/// What opens a level and what closes it.
const LEVELS: [(&str, &str); 5] =
    [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]"), ("[", ""), ("- ", "")];

/// A change to a text.
#[derive(Debug, Clone)]
enum Edit {
    FlipBit(Index, u8),
    Truncate(Index),
    Remove(Part),
    Repeat(Part, u32),
    Insert(Index, &'static str),
    /// Puts a part into many levels, which need not be closed.
    Nest(Part, &'static (&'static str, &'static str), u32),
    Move(Part, Index),
    /// Lines hold events: one is moved, doubled or lost.
    MoveLine {
        from: Index,
        to: Option<Index>,
        keep: bool,
    },
    ReplaceDigit(Index, &'static str),
}

/// A part of a text, at most so long.
#[derive(Debug, Clone)]
struct Part(Index, usize);

impl Part {
    fn range(&self, length: usize) -> Range<usize> {
        let start = self.0.index(length + 1);
        start..(start + self.1).min(length)
    }
}

fn part() -> impl Strategy<Value = Part> {
    // Mostly short.
    (any::<Index>(), 0_u32..13, any::<Index>())
        .prop_map(|(start, bits, length)| Part(start, length.index(1 << bits) + 1))
}

fn edit() -> impl Strategy<Value = Edit> {
    let numbers = ["", "0", "7", "-", "00", "1.5", "4294967296", "9223372036854775808"];
    prop_oneof![
        (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Edit::FlipBit(at, bit)),
        any::<Index>().prop_map(Edit::Truncate),
        part().prop_map(Edit::Remove),
        (part(), 0_u32..10).prop_map(|(part, times)| Edit::Repeat(part, times)),
        (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Edit::Insert(at, word)),
        (part(), select(&LEVELS[..]), 0_u32..14).prop_map(|(part, level, depth)| Edit::Nest(
            part,
            &LEVELS[index_of(level)],
            depth
        )),
        (part(), any::<Index>()).prop_map(|(part, to)| Edit::Move(part, to)),
        (any::<Index>(), any::<Option<Index>>(), any::<bool>())
            .prop_map(|(from, to, keep)| Edit::MoveLine { from, to, keep }),
        (any::<Index>(), select(numbers.to_vec())).prop_map(|(at, n)| Edit::ReplaceDigit(at, n)),
    ]
}

fn index_of(level: (&str, &str)) -> usize {
    LEVELS.iter().position(|own| *own == level).unwrap_or_default()
}

fn apply(edit: &Edit, text: &mut Vec<u8>) {
    match edit {
        Edit::FlipBit(at, bit) if !text.is_empty() => {
            let at = at.index(text.len());
            text[at] ^= 1 << bit;
        }
        Edit::Truncate(at) => text.truncate(at.index(text.len() + 1)),
        Edit::Remove(part) => drop(text.drain(part.range(text.len()))),
        Edit::Repeat(part, times) => {
            let part = part.range(text.len());
            let times = if part.len() > 1 << 10 { 1 } else { 1 << times };
            let (end, repeated) = (part.end, text[part].repeat(times));
            insert(text, end, &repeated);
        }
        Edit::Insert(at, word) => {
            let at = at.index(text.len() + 1);
            insert(text, at, word.as_bytes());
        }
        Edit::Nest(part, (open, close), depth) => {
            let part = part.range(text.len());
            insert(text, part.end, close.repeat(1 << depth).as_bytes());
            insert(text, part.start, open.repeat(1 << depth).as_bytes());
        }
        Edit::Move(part, to) => {
            let moved: Vec<u8> = text.drain(part.range(text.len())).collect();
            let to = to.index(text.len() + 1);
            insert(text, to, &moved);
        }
        Edit::MoveLine { from, to, keep } => move_line(text, *from, to.as_ref(), *keep),
        Edit::ReplaceDigit(at, number) => {
            let digits: Vec<_> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                let at = *at.get(&digits);
                text.splice(at..=at, number.bytes());
            }
        }
        Edit::FlipBit(..) => {}
    }
    text.truncate(MAX_LENGTH);
}

fn insert(text: &mut Vec<u8>, at: usize, part: &[u8]) {
    text.splice(at..at, part.iter().copied());
}

fn move_line(text: &mut Vec<u8>, from: Index, to: Option<&Index>, keep: bool) {
    let mut lines: Vec<Vec<u8>> =
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let from = from.index(lines.len());
    let line = if keep { lines[from].clone() } else { lines.remove(from) };
    if let Some(to) = to {
        lines.insert(to.index(lines.len() + 1), line);
    }
    *text = lines.concat();
}

/// One of these texts with one to four changes.
fn damaged(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (select(samples), vec(edit(), 1..=4)).prop_map(|(mut text, edits)| {
        for edit in &edits {
            apply(edit, &mut text);
        }
        text
    })
}

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Each cassette as it is, and laid out without its checksums, which would find any change before anything else does.
fn cassettes() -> Vec<Vec<u8>> {
    let mut samples = bytes(&CASSETTES);
    for text in CASSETTES {
        let events = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let without_sum = events.map(|event| {
            let mut event = event.unwrap();
            event.as_object_mut().unwrap().shift_remove("sum");
            format!("{event:#}\n")
        });
        samples.push(without_sum.collect::<String>().into_bytes());
    }
    samples
}

fn hars() -> Vec<Vec<u8>> {
    let mut samples = bytes(&HARS);
    samples.push(har_of(&parse(CASSETTES[0]).unwrap()));
    samples
}

proptest! {
    #[test]
    fn a_damaged_cassette_is_read_whole_or_refused(text in damaged(cassettes())) {
        let text = String::from_utf8_lossy(&text);
        match (parse(&text), Replay::parse(text.clone())) {
            (Ok(tape), Ok(replay)) => replay_everything(&tape, &replay),
            (Err(one), Err(other)) => prop_assert_eq!(one, other),
            (one, other) => panic!("read whole: {:?}, opened: {:?}", one.err(), other.err()),
        }
    }

    #[test]
    fn a_damaged_har_file_is_imported_whole_or_refused(text in damaged(hars())) {
        import(Format::Har, &text);
    }

    #[test]
    fn a_damaged_vcr_cassette_is_imported_whole_or_refused(text in damaged(bytes(&VCRS))) {
        import(Format::Vcr, &text);
    }
}

/// Sends every recorded request, in order, and then once more.
fn replay_everything(tape: &Recording, replay: &Replay) {
    let mut recorded: Vec<_> = tape.interactions.iter().collect();
    recorded.sort_by_key(|interaction| interaction.request.ordinal);
    for interaction in &recorded {
        let Some(request) = request(interaction) else { continue };
        match (&interaction.outcome, send(replay, request)) {
            (Ok(answer), Ok(replayed)) => assert_eq!(*answer, replayed),
            (Err(error), Err(replayed)) => {
                assert_eq!(error.network_error(), replayed.network_error());
            }
            (recorded, replayed) => panic!("recorded: {recorded:?}, replayed: {replayed:?}"),
        }
    }
    for request in recorded.iter().filter_map(|interaction| request(interaction)) {
        let elsewhere = Request { scope: "another scope".into(), ..request.clone() };
        for request in [request, elsewhere] {
            assert!(send(replay, request).expect_err("all is consumed").is_replay_mismatch());
        }
    }
    if let Err(unused) = replay.finish() {
        assert!(unused.is_replay_mismatch(), "{unused}");
    }
}

/// The request as it is sent again. An unknown endpoint does not matter: another one stands in.
fn request(interaction: &Interaction) -> Option<Request> {
    let event = &interaction.request;
    let endpoint = endpoint(&event.endpoint).ok().or_else(|| endpoints().next())?;
    Some(Request {
        wire: event.wire().ok()?.into(),
        metadata: &endpoint.metadata,
        scope: event.scope.as_str().into(),
        ordinal: event.ordinal,
        purpose: Purpose::Call,
    })
}

/// A replay answers at once.
fn send(replay: &Replay, request: Request) -> Result<Response, Error> {
    match pin!(replay.send(request)).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a replay waits for nothing"),
    }
}

/// Reads the recording of another tool. What was read comes back from a cassette and from HAR.
fn import(format: Format, bytes: &[u8]) {
    let options =
        Options { format: Some(format), max_decompressed_bytes: 1 << 22, ..Options::default() };
    let Ok(imported) = interchange::read(bytes, &options) else { return };
    let text = text_of(&imported.recording);
    assert_eq!(text_of(&parse(&text).unwrap()), text);
    let back = interchange::read(&har_of(&imported.recording), &Options::default()).unwrap();
    assert_eq!((text_of(&back.recording), back.skipped.count()), (text, 0));
}

fn text_of(tape: &Recording) -> String {
    let mut out = Vec::new();
    write_cassette(tape, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn har_of(tape: &Recording) -> Vec<u8> {
    let mut out = Vec::new();
    har::write(tape, &mut out).unwrap();
    out
}
