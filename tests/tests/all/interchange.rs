//! Import of other tools' recordings: what is imported, which files are errors, and round trips through HAR.

mod errors;
mod round_trip;
mod samples;

use std::fmt::Write as _;

use drillmaster_interchange::{Format, ImportError, Imported, Options, read};
use drillmaster_models::wire;

/// Small files as the tools write them, made by hand.
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
fn import_error(bytes: impl AsRef<[u8]>, options: &Options) -> ImportError {
    read(bytes.as_ref(), options).unwrap_err()
}

fn as_format(format: Format) -> Options {
    Options { format: Some(format), ..Options::default() }
}

/// A recording as text: each request with its outcome, and what was skipped.
fn describe(imported: &Imported) -> String {
    let mut text = String::new();
    for interaction in &imported.recording.interactions {
        let request = &interaction.request;
        let _ = writeln!(text, "== {} {} {}", request.scope, request.ordinal, request.endpoint);
        let _ = writeln!(text, "{}", request.wire().unwrap());
        let _ = match &interaction.outcome {
            Ok(answer) => writeln!(text, "-- {answer}\n"),
            Err(error) => writeln!(text, "-- {error}\n"),
        };
    }
    let _ = write!(text, "skipped {}:\n{}", imported.skipped.count(), imported.skipped);
    text
}

/// A recording as a cassette, to search for what must not be in it.
fn cassette_of(imported: &Imported) -> String {
    let mut out = Vec::new();
    drillmaster_interchange::write_cassette(&imported.recording, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn body(imported: &Imported, index: usize) -> &[u8] {
    let answer: &wire::Response = imported.recording.interactions[index].outcome.as_ref().unwrap();
    &answer.body
}
