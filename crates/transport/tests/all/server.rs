//! A loopback server that sends raw bytes, so that tests can misbehave as they like.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use drillmaster_transport::{Connection, Http, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The credential of these tests, long enough not to appear in an answer by chance.
pub(crate) const SECRET: &str = "a-key-of-the-tests:a-secret-of-the-tests";

/// What the server does after it has read a request.
pub(crate) enum Act {
    /// Writes these bytes and keeps the connection.
    Say(Vec<u8>),
    /// Writes these bytes and closes the connection without announcing it.
    SayAndClose(Vec<u8>),
    /// Closes the connection.
    HangUp,
    /// Resets the connection.
    Reset,
    /// Writes these bytes and then nothing.
    Stall(Vec<u8>),
}

#[derive(Default)]
struct State {
    acts: VecDeque<Act>,
    /// Each request as text, with the number of its connection.
    seen: Vec<(usize, String)>,
}

pub(crate) struct Server {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Listens, and does one act for each request. After that it hangs up.
    pub(crate) async fn doing(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(Mutex::new(State { acts: acts.into_iter().collect(), seen: Vec::new() }));
        let shared = state.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(attend(stream, number, shared.clone()));
            }
        });
        Self { address, state }
    }

    /// Answers the first request with these bytes.
    pub(crate) async fn saying(bytes: Vec<u8>) -> Self {
        Self::doing([Act::Say(bytes)]).await
    }

    pub(crate) fn http(&self) -> Http {
        Http::new(&self.address, SecretString::from(SECRET)).unwrap()
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.http())
    }

    /// The requests so far, as text.
    pub(crate) fn seen(&self) -> Vec<String> {
        let state = lock(&self.state);
        state.seen.iter().map(|(_, text)| text.clone()).collect()
    }

    /// The numbers of the connections of the requests.
    pub(crate) fn connections(&self) -> Vec<usize> {
        let state = lock(&self.state);
        state.seen.iter().map(|(number, _)| *number).collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

async fn attend(mut stream: TcpStream, number: usize, state: Arc<Mutex<State>>) {
    while let Some(request) = read_request(&mut stream).await {
        let act = {
            let mut state = lock(&state);
            state.seen.push((number, request));
            state.acts.pop_front().unwrap_or(Act::HangUp)
        };
        match act {
            Act::Say(bytes) => stream.write_all(&bytes).await.unwrap(),
            Act::SayAndClose(bytes) => return stream.write_all(&bytes).await.unwrap(),
            Act::HangUp => return,
            Act::Reset => return stream.set_zero_linger().unwrap(),
            Act::Stall(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Reads head and body. `None` if the client closed the connection before a whole request.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// A complete answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A complete answer with a JSON body.
pub(crate) fn json(status: &str, body: &str) -> Vec<u8> {
    answer(status, "content-type: application/json\r\n", body)
}
