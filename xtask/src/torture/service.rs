//! The services that a class is onboarded at: a sandbox as a process of its own, which makes trouble.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use drillmaster_sandbox::{InviteOutcome, Options, THM_KEY};
use fastrand::Rng;
use serde_json::Value;

use crate::Outcome;

/// `drillmaster sandbox`, until this is dropped.
pub(super) struct Service {
    child: Child,
    pub(super) url: String,
    // Kept open, or the server's next line would fail.
    _out: BufReader<ChildStdout>,
}

impl Service {
    pub(super) fn start(
        program: &Path,
        options: Options,
        trouble: &Trouble,
        words: File,
    ) -> Outcome<Self> {
        let mut command = Command::new(program);
        command.args(["sandbox", "--invite-again", "--fault", &trouble.faults]);
        command.args(["--invite-outcome", &trouble.invites.to_string()]);
        for (flag, number) in [
            ("--learners", options.learners as u64),
            ("--seats", options.seats as u64),
            ("--seed", options.seed),
        ] {
            command.args([flag, &number.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words);
        let mut child =
            command.spawn().map_err(|error| format!("cannot start the sandbox: {error}"))?;
        let told = child.stdout.take().map(BufReader::new);
        let mut out = told.ok_or("the sandbox has no output")?;
        let mut line = String::new();
        out.read_line(&mut line).map_err(|error| format!("the sandbox cannot be read: {error}"))?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let service = Self { child, url, _out: out };
        if service.url.is_empty() {
            return Err(format!("the sandbox does not listen with `--fault {}`", trouble.faults));
        }
        Ok(service)
    }

    /// How often each effect was really carried out, by entry and by whom it was about.
    pub(super) fn writes(&self) -> Outcome<Value> {
        let failed = |error| format!("{}: the writes cannot be read: {error}", self.url);
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).map_err(failed)?;
        let request = format!(
            "GET /_sandbox/writes HTTP/1.0\r\nHost: {address}\r\nTHM-API-KEY: {THM_KEY}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body)
            .map_err(|error| format!("{}: the writes make no sense: {error}", self.url))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has nothing to save, and may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What goes wrong in a round.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) faults: String,
    pub(super) invites: InviteOutcome,
}

/// Each fault, and the largest share of the calls that it falls on.
const FAULTS: [(&str, f64); 8] = [
    ("reset-before", 3.0),
    ("reset-after", 3.0),
    ("500-before", 3.0),
    ("500-after", 3.0),
    ("truncate", 2.0),
    ("garbage", 2.0),
    ("html", 2.0),
    ("429", 1.0),
];

impl Trouble {
    pub(super) fn draw(chance: &mut Rng) -> Self {
        let mut faults: Vec<String> = FAULTS
            .iter()
            .map(|(name, most)| format!("{name}={:.1}%", chance.f64() * most))
            .collect();
        faults.push(format!("delay={}ms", chance.u64(0..10)));
        if chance.u8(..4) == 0 {
            faults.push("429-retry=0.2%:1s".to_owned());
        }
        // Now and then invites have a bad day.
        if chance.bool() {
            faults.push(format!("veracode.invite:reset-after={}%", chance.u8(5..40)));
        }
        faults.push(format!("seed={}", chance.u32(..)));
        // The service's own way of making doubts is a third of the rounds.
        let invites = InviteOutcome::ALL[chance.usize(..InviteOutcome::ALL.len())];
        Self { faults: faults.join(","), invites }
    }
}

/// How long anything may take that has no reason to take long.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
