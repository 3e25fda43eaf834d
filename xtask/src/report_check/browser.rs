//! A headless browser, controlled through a pair of pipes by the `DevTools` protocol.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Outcome;

/// A running browser with one page.
pub(super) struct Browser {
    process: Child,
    commands: File,
    answers: BufReader<File>,
    session: Option<String>,
    sent: u64,
    /// Messages of its console and its log.
    pub(super) complaints: Vec<String>,
    /// The addresses that its page requested and did not block.
    pub(super) requests: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    pub(super) fn start(program: &str) -> Outcome<Self> {
        let failed = |error: std::io::Error| format!("{program} cannot be started: {error}");
        let folder = tempfile::tempdir().map_err(failed)?;
        let (commands, answers) = (folder.path().join("commands"), folder.path().join("answers"));
        let made = Command::new("mkfifo").args([&commands, &answers]).status().map_err(failed)?;
        if !made.success() {
            return Err("no pipes to a browser can be made".to_owned());
        }
        // The shell opens the pipes as the descriptors that the browser expects.
        let script = r#"exec "$0" --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
            --remote-debugging-pipe --user-data-dir="$3" about:blank 3<"$1" 4>"$2""#;
        let process = Command::new("sh")
            .args(["-c", script, program])
            .args([&commands, &answers, &folder.path().join("profile")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        // In the order in which the shell opens them: each waits for its other end.
        let commands = File::options().write(true).open(commands).map_err(failed)?;
        let answers = BufReader::new(File::open(answers).map_err(failed)?);
        let mut browser = Self {
            process,
            commands,
            answers,
            session: None,
            sent: 0,
            complaints: Vec::new(),
            requests: Vec::new(),
            _folder: folder,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Sets the width of the window, the medium and the colour scheme.
    pub(super) fn show_as(&mut self, width: u32, (medium, scheme): (&str, &str)) -> Outcome {
        let mobile = width < 600;
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile });
        self.ask("Emulation.setDeviceMetricsOverride", &size)?;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "media": medium, "features": features }))?;
        Ok(())
    }

    /// Opens a page and waits until it is loaded.
    pub(super) fn open(&mut self, address: &str) -> Outcome {
        self.ask("Page.navigate", &json!({ "url": address }))?;
        while self.hear()?["method"] != "Page.loadEventFired" {}
        Ok(())
    }

    /// Evaluates an expression on the page, as text.
    pub(super) fn evaluate(&mut self, expression: &str) -> Outcome<String> {
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &asked)?;
        if let Some(text) = answer["exceptionDetails"]["exception"]["description"].as_str() {
            return Err(format!("the page throws: {text}"));
        }
        let value = &answer["result"]["value"];
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// A screenshot of the whole page, as PNG.
    pub(super) fn picture(&mut self) -> Outcome<Vec<u8>> {
        let answer =
            self.ask("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }))?;
        let data = answer["data"].as_str().unwrap_or_default();
        STANDARD.decode(data).map_err(|error| format!("the picture cannot be read: {error}"))
    }

    fn ask(&mut self, method: &str, params: &Value) -> Outcome<Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let failed = |error: std::io::Error| format!("the browser does not listen: {error}");
        write!(self.commands, "{message}\0").map_err(failed)?;
        loop {
            let heard = self.hear()?;
            if heard["id"] != self.sent {
                continue;
            }
            return match &heard["error"] {
                Value::Null => Ok(heard["result"].clone()),
                error => Err(format!("the browser refuses {method}: {error}")),
            };
        }
    }

    fn hear(&mut self) -> Outcome<Value> {
        let mut bytes = Vec::new();
        let failed = |error: std::io::Error| format!("the browser does not answer: {error}");
        self.answers.read_until(0, &mut bytes).map_err(failed)?;
        bytes.pop().ok_or("the browser has gone")?;
        let heard: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let params = &heard["params"];
        match heard["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(params.to_string()),
            Some("Runtime.consoleAPICalled") => self.complaints.push(params["args"].to_string()),
            Some("Log.entryAdded") => self.complaints.push(params["entry"]["text"].to_string()),
            Some("Network.requestWillBeSent") => {
                let address = params["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(address.to_owned());
            }
            _ => {}
        }
        Ok(heard)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It gets time to end its own child processes, and is killed if it does not end.
        let ended = self.session.take().is_some() && self.ask("Browser.close", &json!({})).is_ok();
        if !ended {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
