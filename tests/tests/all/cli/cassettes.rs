//! Cassettes and the recordings of other tools.

use super::check;
use crate::desk::Desk;

const CHROME: &str = include_str!("../../../interchange/chrome.har");
const VCRPY: &str = include_str!("../../../interchange/vcrpy.yaml");
const TWO_SEATS: &str = include_str!("../../../cassettes/two_seats.cassette");

fn desk() -> Desk {
    Desk::empty()
        .with("chrome.har", CHROME)
        .with("vcrpy.yaml", VCRPY)
        .with("two_seats.cassette", TWO_SEATS)
}

#[test]
fn help_is_at_hand() {
    check("help_cassette", &desk(), "cassette --help", 0);
    check("help_cassette_import", &desk(), "cassette import --help", 0);
}

#[test]
fn an_import_tells_what_it_took_and_what_not() {
    check("cassette_import_har", &desk(), "cassette import chrome.har -o a.cassette", 0);
    check("cassette_import_vcr", &desk(), "cassette import vcrpy.yaml --from vcr -o a.cassette", 0);
}

#[test]
fn what_was_imported_is_replayed() {
    let script = "print(thm::users().users.len());\n\
                  try { thm::add_seat(#{ email: \"ada@example.com\" }) } catch (e) { print(e.message) }\n\
                  print(thm::room_exists(#{ roomCode: \"linux1\" }).roomExists);";
    let har = |answer: &str| VCRPY.replace("https://pypi.example.org/simple/", answer);
    let room = har("https://tryhackme.com/external/api/roomExists?roomCode=linux1")
        .replace("string: ''", "string: '{\"roomExists\":true}'");
    let desk = Desk::empty().with("run.rhai", script).with("vcrpy.yaml", room);
    desk.run("cassette import vcrpy.yaml -o a.cassette").exits(0);
    let ended = desk.run("run run.rhai --replay a.cassette");
    assert!(ended.out.starts_with("1\n"), "{ended}");
    // The form of the legacy dialect was not asked for.
    assert!(ended.err.contains("1 interaction was recorded and not used"), "{ended}");
}

#[test]
fn an_export_comes_back() {
    let desk = desk();
    desk.run("cassette export two_seats.cassette -o a.har").exits(0);
    desk.run("cassette import a.har -o again.cassette").exits(0);
    desk.run("cassette export again.cassette -o again.har").exits(0);
    assert_eq!(desk.read("again.har"), desk.read("a.har"));
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_what_is_written() {
    use std::os::unix::fs::PermissionsExt;
    let desk = desk();
    desk.run("cassette import chrome.har -o a.cassette").exits(0);
    desk.run("cassette export two_seats.cassette -o a.har").exits(0);
    for file in ["a.cassette", "a.har"] {
        let mode = std::fs::metadata(desk.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_file_that_is_refused_leaves_what_was_there() {
    let cut_off = &CHROME[..CHROME.len() / 2];
    let desk =
        desk().with("cut.har", cut_off).with("page.html", "<html>").with("a.cassette", "mine");
    check("cassette_import_cut_off", &desk, "cassette import cut.har -o a.cassette", 2);
    check("cassette_import_page", &desk, "cassette import page.html -o a.cassette", 2);
    check("cassette_import_cassette", &desk, "cassette import two_seats.cassette -o a.cassette", 2);
    check("cassette_import_over_itself", &desk, "cassette import chrome.har -o chrome.har", 2);
    check("cassette_import_absent", &desk, "cassette import absent.har -o a.cassette", 2);
    check("cassette_export_har", &desk, "cassette export chrome.har -o a.cassette", 2);
    assert_eq!(desk.read("a.cassette"), "mine");
    assert_eq!(desk.read("chrome.har"), CHROME);
}
