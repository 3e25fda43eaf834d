//! Recordings of other tools: what of them is imported, what is refused, and that a cassette comes back.

mod refusals;
mod round_trip;
mod samples;

use std::fmt::Write as _;

use drillmaster_interchange::{Format, Imported, Options, Refused, read};
use drillmaster_models::wire;

/// What tools write; small ones, made by hand.
const CHROME: &str = include_str!("../../interchange/chrome.har");
const FIREFOX: &str = include_str!("../../interchange/firefox.har");
const MITMPROXY: &str = include_str!("../../interchange/mitmproxy.har");
const TOOL: &str = include_str!("../../interchange/tool.har");
const VCRPY: &str = include_str!("../../interchange/vcrpy.yaml");
const RUBY_VCR: &str = include_str!("../../interchange/ruby_vcr.yml");

const HARS: [&str; 4] = [CHROME, FIREFOX, MITMPROXY, TOOL];
const VCRS: [&str; 2] = [VCRPY, RUBY_VCR];

#[track_caller]
fn import(text: &str) -> Imported {
    read(text.as_bytes(), &Options::default()).unwrap()
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, options: &Options) -> Refused {
    read(bytes.as_ref(), options).unwrap_err()
}

fn as_format(format: Format) -> Options {
    Options { format: Some(format), ..Options::default() }
}

/// A tape for people: each request and what became of it, and what was left out.
fn told(imported: &Imported) -> String {
    let mut text = String::new();
    for interaction in &imported.tape.interactions {
        let request = &interaction.request;
        let _ = writeln!(text, "== {} {} {}", request.scope, request.ordinal, request.endpoint);
        let _ = writeln!(text, "{}", request.wire().unwrap());
        let _ = match &interaction.outcome {
            Ok(answer) => writeln!(text, "-- {answer}\n"),
            Err(error) => writeln!(text, "-- {error}\n"),
        };
    }
    let _ = write!(text, "left out {}:\n{}", imported.left_out.count(), imported.left_out);
    text
}

/// All that a tape holds, as text, to look for what must not be in it.
fn all_of(imported: &Imported) -> String {
    let mut out = Vec::new();
    drillmaster_interchange::write_cassette(&imported.tape, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn body(imported: &Imported, index: usize) -> &[u8] {
    let answer: &wire::Response = imported.tape.interactions[index].outcome.as_ref().unwrap();
    &answer.body
}
