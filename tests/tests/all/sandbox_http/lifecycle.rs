//! How the server starts, keeps its state and ends.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::desk::{Desk, check};
use crate::server::Server;

const SEATS: &str = "PUT /api/v2/external/seats/users";
const AYSE: &str = r#"{"email": "ayse.arslan@example.com"}"#;

#[test]
fn it_ends_well_when_it_is_asked_to() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let ended = Server::start("").end(signal);
        ended.exits(0);
        assert_eq!(ended.out, "", "the address is all that it prints");
    }
}

#[test]
fn it_shows_its_keys_to_people_unless_it_is_quiet() {
    let ended = Server::start("").end("-TERM");
    assert_eq!(
        ended.err,
        "keys: sandbox-thm-key and sandbox-key:sandbox-secret; press Ctrl-C to stop\n"
    );
    assert_eq!(Server::start("--quiet").end("-TERM").err, "");
}

#[test]
fn an_idle_connection_does_not_keep_it_from_ending() {
    let server = Server::start("");
    let mut caller = server.call();
    assert_eq!(caller.send("GET /external/api/rooms", "").status, 200);
    server.end("-TERM").exits(0);
}

/// Half a head, half a body, and an answer that takes an hour.
#[test]
fn no_client_keeps_it_from_ending_or_from_saving_its_state() {
    let desk = Desk::empty();
    let server = Server::at(&desk, "--state academy.json --fault thm.rooms:delay=3600s");
    let address = server.url.strip_prefix("http://").unwrap();
    let body = "PUT /api/v2/external/seats/users HTTP/1.1\r\ncontent-length: 100\r\n\r\n{";
    let clients = ["GET /api/us", body, "GET /external/api/rooms HTTP/1.1\r\n\r\n"].map(|said| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(said.as_bytes()).unwrap();
        client
    });
    // They are all heard before this one is.
    assert_eq!(server.call().send(SEATS, AYSE).status, 200);
    server.end("-HUP").exits(0);
    assert!(desk.read("academy.json").contains("ayse"));
    drop(clients);
}

#[test]
fn it_listens_by_a_name_or_a_port_as_well() {
    for listen in ["localhost:0", "0", ":0"] {
        let server = Server::start(&format!("--listen {listen}"));
        assert_eq!(server.writes(), json!({}), "{listen}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_with_examples() {
    let line = "sandbox --listen localhost";
    check("sandbox", "an_address_that_is_none_is_refused_with_examples", &Desk::empty(), line, 2);
}

#[test]
fn nothing_is_written_at_first() {
    assert_eq!(Server::start("").writes(), json!({}));
}

#[test]
fn the_state_is_saved_at_the_end_and_loaded_at_the_beginning() {
    let desk = Desk::empty();
    let server = Server::at(&desk, "--state academy.json");
    assert_eq!(server.call().send(SEATS, AYSE).status, 200);
    let (users, writes) =
        (server.call().send("GET /external/api/users", "").json(), server.writes());
    server.end("-TERM").exits(0);

    let server = Server::at(&desk, "--state academy.json");
    assert_eq!(server.writes(), writes);
    assert_eq!(server.call().send("GET /external/api/users", "").json(), users);
    let answer = server.call().send(SEATS, AYSE);
    assert_eq!(answer.words(), "User already assigned to seat.");
    let before = desk.read("academy.json");
    server.end("-INT").exits(0);
    assert_eq!(desk.read("academy.json"), before, "nothing changed since");
}

#[test]
fn a_saved_academy_speaks_the_dialect_that_is_asked_for() {
    let desk = Desk::empty();
    Server::at(&desk, "--state academy.json").end("-TERM").exits(0);
    let server = Server::at(&desk, "--state academy.json --dialect legacy");
    assert_eq!(server.call().send("GET /external/api/roomExists/linux1", "").status, 200);
}

#[test]
fn a_damaged_state_is_refused() {
    let desk = Desk::empty().with("academy.json", "{\"now\": \"2026-");
    check("sandbox", "a_damaged_state_is_refused", &desk, "sandbox --state academy.json", 2);
    assert_eq!(desk.read("academy.json"), "{\"now\": \"2026-", "it is left as it was");
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let server = Server::start("");
    let address = server.url.strip_prefix("http://").unwrap();
    let line = format!("sandbox --listen {address}");
    check("sandbox", "an_address_that_is_taken_is_refused", &Desk::empty(), &line, 2);
}

#[test]
fn an_invite_outcome_that_is_none_is_refused() {
    let line = "sandbox --invite-outcome 404";
    check("sandbox", "an_invite_outcome_that_is_none_is_refused", &Desk::empty(), line, 2);
}

#[test]
fn the_same_seed_has_the_same_people_and_another_has_others() {
    let users = |flags| Server::start(flags).call().send("GET /api/users", "").json();
    assert_eq!(users("--seed 7"), users("--seed 7"));
    assert_ne!(users("--seed 7"), users("--seed 8"));
}

#[test]
fn as_many_people_and_seats_as_are_asked_for() {
    let server = Server::start("--learners 10 --seats 3");
    let users = server.call().send("GET /external/api/users", "").json();
    let seated =
        users["users"].as_array().unwrap().iter().filter(|user| user["extUserId"].is_null());
    assert!(seated.count() <= 3, "{users}");
    let nobody = Server::start("--learners 0 --seats 0");
    assert_eq!(nobody.call().send("GET /external/api/users", "").json()["users"], json!([]));
}
