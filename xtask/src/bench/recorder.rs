//! A proxy in front of the server that records when requests arrive.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Passes on everything unchanged. Its threads end with the connections and the process.
pub(super) struct Recorder {
    pub(super) url: String,
    arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Recorder {
    /// In front of the server at this address, such as `http://127.0.0.1:1234`.
    pub(super) fn before(server: &str) -> Outcome<Self> {
        let failed = |error| format!("cannot listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let server = server.trim_start_matches("http://").to_owned();
        let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
        let noted = arrivals.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (noted, server) = (noted.clone(), server.clone());
                // Both ends see the connection break.
                thread::spawn(move || wire(&client, &server, &noted));
            }
        });
        Ok(Self { url, arrivals })
    }

    /// When requests arrived, in order.
    pub(super) fn arrivals(&self) -> Vec<Instant> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        arrivals.sort_unstable();
        arrivals
    }
}

fn wire(client: &TcpStream, server: &str, arrivals: &Mutex<Vec<Instant>>) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    for end in [client, &server] {
        end.set_nodelay(true)?;
    }
    thread::scope(|scope| {
        scope.spawn(|| hand_on(&server, client, |_| ()));
        hand_on(client, &server, |bytes| {
            // A client that waits for each response sends one small request at a time.
            if bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ") {
                arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
        })
    })
}

fn hand_on(mut from: &TcpStream, mut to: &TcpStream, note: impl Fn(&[u8])) -> std::io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        note(&buffer[..count]);
        if count == 0 {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(&buffer[..count])?;
    }
}

/// The most arrivals within a second, wherever it begins.
pub(super) fn most_in_a_second(arrivals: &[Instant]) -> usize {
    let second = Duration::from_secs(1);
    let mut first = 0;
    let counts = arrivals.iter().enumerate().map(|(last, arrival)| {
        while *arrival - arrivals[first] >= second {
            first += 1;
        }
        last + 1 - first
    });
    counts.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_second_begins_anywhere() {
        let start = Instant::now();
        let at = |millis: &[u64]| -> Vec<Instant> {
            millis.iter().map(|millis| start + Duration::from_millis(*millis)).collect()
        };
        assert_eq!(most_in_a_second(&at(&[])), 0);
        assert_eq!(most_in_a_second(&at(&[0, 900, 1000, 1800, 1899, 1999])), 4);
    }
}
