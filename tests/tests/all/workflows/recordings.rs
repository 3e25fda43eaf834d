//! The shipped scripts are a project with tests: `scripts/recordings` has a sealed recording of each.
//!
//! `DRILLMASTER_RECORDINGS=write` records them again, on a small sandbox; then read `git diff scripts/recordings`.

use std::path::{Path, PathBuf};

use super::{example, scripts};
use crate::desk::Desk;
use crate::server::Server;

/// Recordings are for reading, and are cloned with everything else.
const MOST_BYTES: u64 = 800_000;

fn folder() -> PathBuf {
    std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts")).unwrap()
}

/// Records the example of each script and accepts its outcome.
fn record() {
    let folder = folder();
    let root = folder.parent().unwrap();
    for (file, source) in scripts() {
        // Each script starts from the same state.
        let server = Server::start("--learners 44 --seats 60");
        let line = example(&source).replace(" --dry-run", "");
        let cassette = format!("scripts/recordings/{}", file.replace(".rhai", ".cassette"));
        let line = format!("{line} --yes --max-removals 200 --record {cassette}");
        let desk = Desk::empty().with_keys();
        let line = format!("{line} {}", server.flags());
        let ended = desk.run_in(root.to_str().unwrap(), &line);
        assert!(matches!(ended.exit, Some(0 | 1)), "{ended}");
    }
    Desk::empty().run(&format!("test {} --accept", folder.display())).exits(0);
}

#[test]
fn the_shipped_scripts_pass_their_tests() {
    if std::env::var_os("DRILLMASTER_RECORDINGS").is_some_and(|mode| mode == "write") {
        record();
    }
    let folder = folder();
    let ended = Desk::empty().run(&format!("test {}", folder.display()));
    let passed: Vec<_> = ended.exits(0).out.lines().collect();
    let expected: Vec<_> =
        scripts().keys().map(|file| format!("ok        {}", file.replace(".rhai", ""))).collect();
    assert_eq!(passed, expected, "{ended}");
}

#[test]
fn the_recordings_are_small() {
    let files = std::fs::read_dir(folder().join("recordings")).unwrap().map(|file| file.unwrap());
    let recordings =
        files.filter(|file| file.path().extension().is_some_and(|end| end == "cassette"));
    let bytes: u64 = recordings.map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes > 0 && bytes < MOST_BYTES, "{bytes} bytes");
}

#[test]
fn the_recordings_are_sealed() {
    for file in scripts().into_keys() {
        let cassette = folder().join("recordings").join(file.replace(".rhai", ".cassette"));
        let shown = Desk::empty().run(&format!("cassette show {}", cassette.display()));
        assert!(shown.exits(0).out.contains("learner-0") || !shown.out.contains('@'), "{shown}");
    }
}
