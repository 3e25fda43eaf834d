//! `drillmaster sandbox` as a process, and raw requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command};

use drillmaster_sandbox::{THM_KEY, VERACODE_KEY};
use serde_json::Value;

use crate::desk::{Desk, Ended};

/// A running sandbox, which ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
    line: String,
}

/// A connection that stays open between requests.
pub(crate) struct Caller {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Starts a sandbox with these flags.
    pub(crate) fn start(flags: &str) -> Self {
        Self::at(&Desk::empty(), flags)
    }

    /// Starts a sandbox at a desk, where its state may lie.
    pub(crate) fn at(desk: &Desk, flags: &str) -> Self {
        let usual = if flags.contains("--listen") { "" } else { "--listen 127.0.0.1:0 " };
        let line = format!("sandbox {usual}{flags}");
        let mut process = desk.start(&line);
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        let url = first.trim_end().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("the first line is {first:?}")).to_owned();
        Self { process, out, url, line }
    }

    pub(crate) fn call(&self) -> Caller {
        let address = self.url.strip_prefix("http://").unwrap();
        Caller { stream: BufReader::new(TcpStream::connect(address).unwrap()) }
    }

    /// The flags that make a command call this sandbox.
    pub(crate) fn flags(&self) -> String {
        format!("--on live --thm-url {0} --veracode-url {0}", self.url)
    }

    /// The writes that took effect.
    pub(crate) fn writes(&self) -> Value {
        self.call().send("GET /_sandbox/writes", "").json()
    }

    /// Sends a signal to the process and waits until it ends.
    pub(crate) fn end(mut self, signal: &str) -> Ended {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let mut text = [String::new(), String::new()];
        self.out.read_to_string(&mut text[0]).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut text[1]).unwrap();
        let exit = self.process.wait().unwrap().code();
        let [out, err] = text;
        Ended { line: self.line.clone(), exit, out, err }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Caller {
    /// Sends a request such as `PUT /api/v2/external/seats/users`, with the keys of both services and a JSON body, if
    /// there is one.
    pub(crate) fn send(&mut self, line: &str, body: &str) -> Answer {
        let keys = [("THM-API-KEY", THM_KEY), ("auth", VERACODE_KEY)];
        self.send_with(line, &keys, body.as_bytes())
    }

    /// Sends a request with only these headers.
    pub(crate) fn send_with(
        &mut self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let has_kind = headers.iter().any(|(name, _)| *name == "Content-Type");
        let mut request = format!("{line} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() && !has_kind {
            request.extend(b"Content-Type: application/json\r\n");
        }
        write!(request, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        request.extend(body);
        self.stream.get_mut().write_all(&request).unwrap();
        self.receive(line)
    }

    fn receive(&mut self, line: &str) -> Answer {
        let mut read = || {
            let mut text = String::new();
            self.stream.read_line(&mut text).unwrap();
            assert!(!text.is_empty(), "the connection was closed at {line}");
            text.trim_end().to_owned()
        };
        let first = read();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let lines = std::iter::from_fn(|| Some(read()).filter(|line| !line.is_empty()));
        let headers: Vec<_> = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
                (name.to_lowercase(), value.to_owned())
            })
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status: status.unwrap_or_else(|| panic!("{first}")), headers, body }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(own, _)| own == name);
        named.next().map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The message of a refusal.
    #[track_caller]
    pub(crate) fn words(&self) -> String {
        let words = self.json()["message"].take();
        words.as_str().unwrap_or_else(|| panic!("no message: {}", self.json())).to_owned()
    }
}
