//! The server on a socket, as a client that speaks raw bytes finds it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use drillmaster_models::thm::{Authenticate, ListRooms};
use drillmaster_transport::{Connection, Error, FaultInjector, Http, Retry, SecretString};

use super::*;
use crate::Options;

/// Starts a server on a thread of its own, which ends with the test.
fn start() -> SocketAddr {
    start_with("")
}

/// The same with a fault plan.
fn start_with(plan: &str) -> SocketAddr {
    let plan = plan.parse().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let sandbox = Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() });
            serve_with_faults(sandbox, listener, plan, pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

/// Sends bytes as they are and reads until the server has nothing more to say.
fn exchange(server: SocketAddr, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(server).unwrap();
    connection.write_all(request).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_connection_serves_several_requests() {
    let request = "GET /external/api/rooms HTTP/1.1\r\nhost: localhost\r\n";
    let twice =
        format!("{request}thm-api-key: sandbox-thm-key\r\n\r\n{request}connection: close\r\n\r\n");
    let answer = exchange(start(), twice.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[test]
fn a_body_that_is_too_large_is_refused_in_json() {
    let size = LARGEST_BODY + 1;
    let head = format!(
        "PUT /api/v2/external/seats/users HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {size}\r\n\r\n"
    );
    let request = [head.into_bytes(), vec![b' '; size]].concat();
    let answer = exchange(start(), &request);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("{\"message\":\"the body is larger"), "{answer}");
}

#[tokio::test]
async fn a_shutdown_ends_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = Sandbox::new(Options { learners: 5, seats: 5, ..Options::default() });
    serve_until(sandbox, listener, async {}).await.unwrap();
}

/// Of each kind: a connection that is kept, one that is half way through a head or a body, one whose answer takes an
/// hour, and one that says nothing.
#[tokio::test]
async fn no_client_keeps_the_server_from_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let plan = "thm.authenticate:delay=3600s".parse().unwrap();
    let sandbox = Sandbox::new(Options { learners: 5, seats: 5, ..Options::default() });
    let serving =
        tokio::spawn(serve_with_faults(sandbox, listener, plan, async { drop(ended.await) }));
    let clients = tokio::task::spawn_blocking(move || {
        let kept = ROOMS.replace("connection: close\r\n", "");
        let slow = ada_enters();
        let client = |said: &str| {
            let mut client = TcpStream::connect(server).unwrap();
            client.write_all(said.as_bytes()).unwrap();
            client
        };
        let mut clients = [&kept[..40], &slow[..slow.len() - 5], &slow, "", &kept].map(client);
        assert!(clients[4].read(&mut [0; 10]).unwrap() > 0);
        end.send(()).unwrap();
        clients
    });
    let clients = clients.await.unwrap();
    // It would not end before they do.
    serving.await.unwrap().unwrap();
    drop(clients);
    assert!(TcpStream::connect(server).is_err());
}

#[test]
fn a_request_for_another_host_is_refused() {
    let request = ROOMS.replace("host: localhost", "host: evil.example");
    let answer = exchange(start(), request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(answer.contains("`evil.example` is not a name of this sandbox"), "{answer}");
}

/// A request on a connection of its own, and what comes back before the server closes or breaks it.
fn attempt(server: SocketAddr, request: &str) -> (String, io::Result<()>) {
    let mut connection = TcpStream::connect(server).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let ended = connection.read_to_end(&mut answer).map(drop);
    (String::from_utf8(answer).unwrap(), ended)
}

const ROOMS: &str = "GET /external/api/rooms HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                     thm-api-key: sandbox-thm-key\r\n\r\n";

/// A write: it makes Ada known to TryHackMe.
fn ada_enters() -> String {
    let body = r#"{"extUserId":"ada","roomCode":"linux1"}"#;
    format!(
        "POST /external/api/authenticate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         thm-api-key: sandbox-thm-key\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// How many writes a server has really carried out.
fn writes(server: SocketAddr) -> String {
    let request = "GET /_sandbox/writes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                   thm-api-key: sandbox-thm-key\r\n\r\n";
    let (answer, ended) = attempt(server, request);
    ended.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_fault_happens_before_or_after_the_service_did_as_it_was_asked() {
    for (fault, done) in [
        ("reset-before@1", false),
        ("reset-after@1", true),
        ("429@1", false),
        ("500-before@1", false),
        ("500-after@1", true),
        ("truncate@1", true),
        ("garbage@1", true),
        ("html@1", true),
        ("late-effect/502@1:1ms", true),
        ("late-effect/reset@1:1ms", true),
        ("late-effect@1:60s", false),
        ("slow-effect@1:1ms", true),
        ("visible-after@1:60s", true),
    ] {
        let server = start_with(fault);
        let _ = attempt(server, &ada_enters());
        let expected = if done { r#"{"thm.authenticate":{"ada":1}}"# } else { "{}" };
        until(|| writes(server) == expected);
    }
}

/// Waits for what comes soon.
fn until(come: impl Fn() -> bool) {
    while !come() {
        std::thread::yield_now();
    }
}

/// The client loses its patience long before the effect comes, ever a bit later: a connection that is closed at once
/// may not even be read.
#[test]
fn an_effect_does_not_depend_on_who_asked_for_it() {
    for fault in ["late-effect=2s", "slow-effect=2s"] {
        let server = start_with(fault);
        for patience in (10..200).step_by(10) {
            let mut connection = TcpStream::connect(server).unwrap();
            connection.set_read_timeout(Some(Duration::from_millis(patience))).unwrap();
            connection.write_all(ada_enters().as_bytes()).unwrap();
            let _ = connection.read(&mut [0; 1000]);
        }
        until(|| writes(server) == r#"{"thm.authenticate":{"ada":1}}"#);
    }
}

/// A saved state has what the clients may yet find.
#[tokio::test]
async fn what_is_still_to_take_effect_does_so_when_the_server_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let sandbox = Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() });
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = serve_with_faults(
        sandbox.clone(),
        listener,
        "late-effect/500@1:90s".parse().unwrap(),
        async { drop(ended.await) },
    );
    let asked = tokio::task::spawn_blocking(move || {
        assert!(attempt(server, &ada_enters()).0.starts_with("HTTP/1.1 500"));
        end.send(()).unwrap();
    });
    serving.await.unwrap();
    asked.await.unwrap();
    assert_eq!(sandbox.writes()["thm.authenticate"]["ada"], 1);
}

#[test]
fn a_list_comes_without_its_list() {
    let (answer, _) = attempt(start_with("listless/null@1"), ROOMS);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""roomInfo":null"#),
        "{answer}"
    );
    let (answer, _) = attempt(start_with("listless/204@1"), ROOMS);
    assert!(answer.starts_with("HTTP/1.1 204") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_reset_breaks_the_connection_without_a_byte() {
    for fault in ["reset-before@1", "reset-after@1"] {
        let server = start_with(fault);
        let (answer, ended) = attempt(server, ROOMS);
        assert_eq!((answer.as_str(), ended.unwrap_err().kind()), ("", ErrorKind::ConnectionReset));
        let (answer, ended) = attempt(server, ROOMS);
        assert!(answer.starts_with("HTTP/1.1 200 OK") && ended.is_ok(), "{fault}: {answer}");
    }
}

/// Whether these bytes are an answer with all the body that it told of.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.unwrap().parse() == Ok(body.len())
}

/// Clients keep connections, and a reset may meet any of the requests on one.
#[test]
fn a_reset_leaves_the_answers_before_it_whole() {
    let mut connection = TcpStream::connect(start_with("reset-after@2")).unwrap();
    let kept = ROOMS.replace("connection: close\r\n", "");
    connection.write_all(kept.as_bytes()).unwrap();
    let mut first = Vec::new();
    while !is_whole(&first) {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        first.extend(byte);
    }
    connection.write_all(kept.as_bytes()).unwrap();
    let error = connection.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_cut_answer_is_shorter_than_it_says() {
    let server = start_with("truncate@2");
    let (whole, _) = attempt(server, ROOMS);
    let (half, _) = attempt(server, ROOMS);
    let parts = |answer: &str| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (length.unwrap().parse::<usize>().unwrap(), body.to_owned())
    };
    let ((length, whole), (told, half)) = (parts(&whole), parts(&half));
    assert_eq!((length, told), (whole.len(), whole.len()));
    assert_eq!(half, whole[..whole.len() / 2]);
}

#[test]
fn answers_that_are_none_say_what_they_are() {
    for (fault, head, body) in [
        ("429@1", "HTTP/1.1 429 Too Many Requests\r\n", "Too many requests."),
        ("429-retry@1:2s", "\r\nretry-after: 2\r\n", "Too many requests."),
        ("500-before@1", "HTTP/1.1 500 Internal Server Error\r\n", "unknown error"),
        ("500-after@1", "HTTP/1.1 500 Internal Server Error\r\n", "unknown error"),
        ("garbage@1", "content-type: application/json\r\n", "{\"status\": \"succ"),
        ("html@1", "content-type: text/html\r\n", "<!DOCTYPE html>"),
    ] {
        let (answer, ended) = attempt(start_with(fault), ROOMS);
        assert!(ended.is_ok() && answer.contains(head) && answer.contains(body), "{answer}");
    }
}

#[test]
fn delays_do_not_add_up_between_requests() {
    let server = start_with("delay=300ms");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| attempt(server, ROOMS));
        }
    });
    let took = start.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_millis(2400)).contains(&took), "{took:?}");
}

#[test]
fn a_fault_of_an_entry_spares_the_others_and_the_sandbox_itself() {
    let server = start_with("thm.authenticate:500-after@1,thm.users:html=100%");
    assert!(attempt(server, ROOMS).0.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(writes(server), "{}");
    assert!(attempt(server, &ada_enters()).0.starts_with("HTTP/1.1 500"));
    let server = start_with("html=100%");
    assert_eq!(writes(server), "{}");
    assert!(attempt(server, ROOMS).0.contains("<!DOCTYPE html>"));
}

/// What a client makes of a write that this goes wrong with.
async fn told<T: drillmaster_transport::Transport + 'static>(transport: T) -> Error {
    let ada = Authenticate { ext_user_id: "ada".to_owned(), room_code: "linux1".to_owned() };
    Connection::new(transport).send(&ada).await.unwrap_err()
}

fn client(server: SocketAddr) -> Http {
    Http::new(&format!("http://{server}"), SecretString::from(crate::THM_KEY)).unwrap()
}

#[tokio::test]
async fn a_client_finds_the_same_trouble_in_the_process_and_outside() {
    for fault in [
        "reset-before@1",
        "reset-after@1",
        "429@1",
        "429-retry@1:2s",
        "500-before@1",
        "500-after@1",
        "truncate@1",
        "garbage@1",
        "html@1",
        "late-effect/503@1:9s",
        "late-effect/reset@1:9s",
        "slow-effect/504@1:1ms",
    ] {
        let inside = told(FaultInjector::new(
            Sandbox::new(Options { learners: 40, seats: 30, ..Options::default() }),
            fault.parse().unwrap(),
        ))
        .await;
        let outside = told(client(start_with(fault))).await;
        let answers = |error: &Error| {
            let questions = [error.is_in_doubt(), error.is_retryable(), error.is_throttled()];
            (questions, error.network_error(), error.status(), error.words().map(str::to_owned))
        };
        assert_eq!(answers(&inside), answers(&outside), "{fault}: {inside}; {outside}");
    }
}

#[tokio::test]
async fn reads_get_through_a_service_that_is_often_in_trouble() {
    let server = start_with("reset-before=10%,reset-after=5%,500-before=5%,truncate=5%,seed=1");
    let connection = Connection::new(Retry::new(client(server)).with_seed(1));
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(connection.send(&ListRooms::default()).await.is_err());
    }
    // One in four fails, and so one in 64 three times in a row.
    assert!(refused <= 3, "{refused}");
}
