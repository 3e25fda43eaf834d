//! Recordings of other tools: what is read of one is a cassette, and comes back from one and from HAR.

use drillmaster_interchange::{self, Format, Options, har, write_cassette};
use drillmaster_transport::cassette::{Recording, parse};

use super::{Said, sample};
use crate::Outcome;

/// As tools write them.
const HARS: [&str; 4] = ["chrome.har", "firefox.har", "mitmproxy.har", "tool.har"];
const VCRS: [&str; 2] = ["vcrpy.yaml", "ruby_vcr.yml"];

/// A recording of ours, which travels in fields of our own.
const EXPORTED: &str = "tests/cassettes/two_seats.cassette";

pub(super) fn hars() -> Outcome<Vec<Vec<u8>>> {
    let tape = parse(&sample(EXPORTED)?).map_err(|damage| format!("{EXPORTED}: {damage}"))?;
    let mut samples = files(&HARS)?;
    samples.push(har_of(&tape));
    Ok(samples)
}

pub(super) fn vcrs() -> Outcome<Vec<Vec<u8>>> {
    files(&VCRS)
}

fn files(names: &[&str]) -> Outcome<Vec<Vec<u8>>> {
    let file = |name| sample(&format!("tests/interchange/{name}")).map(String::into_bytes);
    names.iter().map(file).collect()
}

/// Reads it; what was read must come back.
pub(super) fn read(format: Format, bytes: &[u8]) -> Said {
    let options = Options { format: Some(format), unpacked: 1 << 22, ..Options::default() };
    let tape = match drillmaster_interchange::read(bytes, &options) {
        Ok(imported) => imported.tape,
        Err(refused) => {
            assert!(!refused.to_string().is_empty());
            return Said::No;
        }
    };
    let text = text_of(&tape);
    let again = parse(&text).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!(text_of(&again), text);
    let back = drillmaster_interchange::read(&har_of(&tape), &Options::default());
    let back = back.unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!((text_of(&back.tape), back.left_out.count()), (text, 0));
    Said::Yes
}

fn text_of(tape: &Recording) -> String {
    let mut out = Vec::new();
    write_cassette(tape, &mut out).expect("a tape can be written");
    String::from_utf8(out).expect("a cassette is text")
}

fn har_of(tape: &Recording) -> Vec<u8> {
    let mut out = Vec::new();
    har::write(tape, &mut out).expect("a tape can be exported");
    out
}
