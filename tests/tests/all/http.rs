//! A class has the same result in the process, over HTTP, and from a recording.

use std::sync::Arc;

use drillmaster_models::Dialect;
use drillmaster_sandbox::{Options, Sandbox, THM_KEY, VERACODE_KEY, serve};
use drillmaster_transport::cassette::{Header, Sanitizer};
use drillmaster_transport::redact::Rows;
use drillmaster_transport::{Http, Record, Replay, Route, SecretString};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::desk::CLASS;
use crate::scripts::{Onboarded, onboard};

/// Serves a sandbox and connects to it as to the live services.
fn served(runtime: &Runtime, sandbox: Sandbox) -> Route {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(serve(sandbox, listener));
    let http = |key: &str| Http::new(&url, SecretString::from(key)).unwrap();
    Route::default().to("thm", http(THM_KEY)).to("veracode", http(VERACODE_KEY))
}

#[track_caller]
fn same(one: &Onboarded, other: &Onboarded) {
    assert_eq!(one.out, other.out);
    assert_eq!(one.calls, other.calls);
    assert_eq!(one.results, other.results);
    assert_eq!(one.report.exit(), other.report.exit());
}

/// The roster, for sanitizing a recording.
fn class() -> Rows {
    let mut lines = CLASS.lines().map(|line| line.split(',').map(str::to_owned).collect());
    Rows { columns: lines.next().unwrap(), cells: lines.collect() }
}

#[test]
fn a_class_is_the_same_in_the_process_over_http_and_from_a_recording() {
    for dialect in Dialect::ALL {
        let academy = || Sandbox::new(Options { dialect, ..Options::default() });
        let (inside, outside) = (academy(), academy());
        let in_the_process = onboard(inside.clone(), dialect, &[]);

        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cassette = folder.path().join("class.cassette");
        let http = served(&runtime, outside.clone());
        let record = Record::to_file(&cassette, Header::default(), http).unwrap();
        let record = Arc::new(record.sealed_by(Sanitizer::default().roster(class())));
        let over_http = onboard(record.clone(), dialect, &[]);
        record.finish().unwrap();
        same(&in_the_process, &over_http);
        assert_eq!(inside.writes(), outside.writes());

        let replay = Arc::new(Replay::open(&cassette).unwrap().with_roster(&class()).unwrap());
        let replayed = onboard(replay.clone(), dialect, &[]);
        replay.finish().unwrap();
        assert_eq!(in_the_process.out, replayed.out);
        // People who are not in the roster have other ids in a recording.
        assert_eq!(in_the_process.calls.lines().count(), replayed.calls.lines().count());
        assert_eq!(in_the_process.report.exit(), replayed.report.exit());
    }
}

#[test]
fn no_recording_of_http_holds_a_credential() {
    for dialect in Dialect::ALL {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cassette = folder.path().join("class.cassette");
        let sandbox = Sandbox::new(Options { dialect, ..Options::default() });
        let http = served(&runtime, sandbox);
        let record = Arc::new(Record::to_file(&cassette, Header::default(), http).unwrap());
        onboard(record.clone(), dialect, &[]);
        record.finish().unwrap();
        let text = std::fs::read_to_string(&cassette).unwrap();
        for secret in [THM_KEY, "sandbox-secret"] {
            assert!(!text.contains(secret));
        }
    }
}
