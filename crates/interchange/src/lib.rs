//! Recordings of other tools: [HAR 1.2](har), which browsers, proxies and API tools write, and the YAML of
//! vcrpy and VCR. They are read leniently, for each tool writes them in its own way, but never guessed at: a
//! file that is something else, is cut off, or has nothing of the two services in it is refused.
//!
//! What is imported is what drillmaster itself would have sent. Requests are recognised by method and path
//! among the declared endpoints and written anew from their fields, so that a script's request is the same
//! one. Credentials and cookies are left behind. What is [left out](LeftOut) is counted and told.
//!
//! A cassette that was exported comes back as it was: what HAR has no place for travels in fields of our own.
//!
//! ```
//! use drillmaster_interchange::{self, Options};
//!
//! let har = r#"{ "log": { "entries": [{
//!     "request": { "method": "GET", "url": "https://tryhackme.com/external/api/roomExists?roomCode=a",
//!                  "headers": [{ "name": "THM-API-KEY", "value": "secret" }] },
//!     "response": { "status": 200, "content": { "text": "{\"roomExists\":true}" } }
//! }] } }"#;
//! let imported = interchange::read(har.as_bytes(), &Options::default()).unwrap();
//! let [interaction] = &imported.tape.interactions[..] else { panic!() };
//! assert_eq!(interaction.request.endpoint, "thm.room_exists");
//! assert_eq!(interaction.request.headers.len(), 1, "the key is left behind");
//!
//! let error = interchange::read(b"<html>", &Options::default()).unwrap_err();
//! assert!(error.to_string().contains("looks like a web page"));
//! ```
use drillmaster_models::json;

mod bodies;
mod call;
mod error;
pub mod har;
mod messages;
mod skipped;
mod sniff;
mod vcr;

use std::io::{self, Write};

use drillmaster_transport::cassette::lines::line;
use drillmaster_transport::cassette::{
    ErrorEvent, Event, Header, Interaction, Recording, RequestEvent, ResponseEvent,
};
use drillmaster_transport::{Error, Response, Scope};

pub use error::Refused;
pub use skipped::LeftOut;

use bodies::Unpacking;
use call::Call;
use sniff::Looks;

/// A format of other tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HAR 1.2, of browsers, proxies and API tools
    Har,
    /// YAML or JSON of vcrpy, or of VCR for Ruby
    Vcr,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Har, Self::Vcr];

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Har => "HAR file",
            Self::Vcr => "vcr cassette",
        }
    }

    const fn with_article(self) -> &'static str {
        match self {
            Self::Har => "a HAR file",
            Self::Vcr => "a vcr cassette",
        }
    }
}

/// How a file of another tool is read.
///
/// ```
/// use drillmaster_interchange::Options;
/// let options = Options { hosts: vec!["gateway.example.com".to_owned()], ..Options::default() };
/// assert!(options.format.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its format; told from its content unless given.
    pub format: Option<Format>,
    /// Hosts that stand for the services, besides their own and those of this machine.
    pub hosts: Vec<String>,
    /// The largest file that is read, in bytes.
    pub largest: usize,
    /// The most bytes that its compressed bodies may hold in all.
    pub unpacked: usize,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self { format: None, hosts: Vec::new(), largest: 256 * MIB, unpacked: 256 * MIB }
    }
}

/// What a file of another tool held.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The requests to the two services, and what became of them.
    pub tape: Recording,
    /// What else there was.
    pub left_out: LeftOut,
}

/// Reads a file of another tool.
pub fn read(bytes: &[u8], options: &Options) -> Result<Imported, Refused> {
    let text = sniff::text_of(bytes, options)?;
    if text.trim_start().starts_with('{') {
        json::check(text.as_bytes())?;
    }
    let wanted = options.format.map_or(sniff::ANY, Format::title);
    let format = match sniff::looks_like(text) {
        Looks::Like(format) if options.format.is_none_or(|wanted| wanted == format) => format,
        Looks::Like(format) => {
            return Err(Refused::Other { wanted, looks: format.with_article() });
        }
        Looks::Other(looks) => return Err(Refused::Other { wanted, looks }),
    };
    let gathering = Gathering::new(options);
    let gathered = match format {
        Format::Har => har::gather(text, gathering),
        Format::Vcr => vcr::gather(text, gathering),
    };
    // Bytes are told as they are counted in the file.
    let before = bytes.len() - text.len();
    gathered.map_err(|refused| refused.after(before))?.finish()
}

/// Writes a tape as a cassette.
///
/// ```
/// use drillmaster_interchange::write_cassette;
/// use drillmaster_transport::cassette;
///
/// let text = "{\"event\":\"cassette\",\"version\":1,\"program\":\"by hand\"}{\"event\":\"end\",\"interactions\":0}";
/// let mut out = Vec::new();
/// write_cassette(&cassette::parse(text).unwrap(), &mut out).unwrap();
/// assert!(cassette::parse(&String::from_utf8(out).unwrap()).is_ok());
/// ```
pub fn write_cassette(tape: &Recording, mut out: impl Write) -> io::Result<()> {
    let mut write = |event: &Event| out.write_all(&line(event));
    write(&Event::Cassette(tape.header.clone()))?;
    for Interaction { request, outcome } in &tape.interactions {
        let (scope, ordinal) = (&request.scope, request.ordinal);
        write(&Event::Request(request.clone()))?;
        write(&match outcome {
            Ok(answer) => Event::Response(ResponseEvent::from_response(scope, ordinal, answer)),
            Err(error) => Event::Error(lost(scope, ordinal, error)),
        })?;
    }
    for value in &tape.values {
        write(&Event::Value(value.clone()))?;
    }
    write(&Event::End { interactions: tape.interactions.len() })
}

/// An error as a cassette has it. One that does not happen on the way can only stand in a tape that was made
/// by hand.
fn lost(scope: &str, ordinal: u64, error: &Error) -> ErrorEvent {
    ErrorEvent::from_error(scope, ordinal, error).unwrap_or_else(|| ErrorEvent {
        scope: scope.to_owned(),
        ordinal,
        kind: drillmaster_transport::NetworkError::ConnectionLost.name().to_owned(),
        detail: error.to_string(),
        in_doubt_since: None,
    })
}

/// A tape while the requests of a file come in.
struct Gathering<'a> {
    hosts: &'a [String],
    unpacking: Unpacking,
    tape: Recording,
    left_out: LeftOut,
    /// The number of the next request of another tool; `None` where ours have used up the last.
    next: Option<u64>,
}

impl<'a> Gathering<'a> {
    fn new(options: &'a Options) -> Self {
        let tape =
            Recording { header: Header::default(), interactions: Vec::new(), values: Vec::new() };
        Self {
            hosts: &options.hosts,
            unpacking: Unpacking::at_most(options.unpacked),
            tape,
            left_out: LeftOut::default(),
            next: Some(0),
        }
    }

    /// The call that a request is, if it is one.
    fn recognise(&mut self, method: &str, url: &str) -> Option<Call> {
        match Call::of(method, url, self.hosts) {
            Ok(call) => Some(call),
            Err((reason, what)) => {
                self.left_out.add(reason, &what);
                None
            }
        }
    }

    /// Remembers that a number is taken, so that no request of another tool gets it.
    fn reserve(&mut self, scope: &str, ordinal: u64) {
        if scope == Scope::MAIN {
            self.next = self.next.and_then(|next| Some(next.max(ordinal.checked_add(1)?)));
        }
    }

    /// Adds a request as it is.
    fn add(&mut self, request: RequestEvent, outcome: Result<Response, Error>) {
        self.reserve(&request.scope, request.ordinal);
        self.tape.interactions.push(Interaction { request, outcome });
    }

    /// Adds a request of another tool, as the next of the scope outside any row.
    fn add_next(
        &mut self,
        place: &str,
        call: &Call,
        headers: &[(String, String)],
        body: &[u8],
        outcome: Result<Response, Error>,
    ) -> Result<(), Refused> {
        let left = || Refused::wrong(place, "no number is left for it in the scope `main`");
        let number = self.next.ok_or_else(left)?;
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        let request = call.request(kind.map(|(_, kind)| kind.as_str()), body, number);
        let credentials = call::credentials(headers, body);
        self.add(request, outcome.map(|answer| credentials.mask_response(answer)));
        Ok(())
    }

    fn finish(self) -> Result<Imported, Refused> {
        let Self { tape, left_out, .. } = self;
        // A cassette in which nothing happened is exported and comes back; a file of others without a
        // request was another file than was meant.
        if tape.interactions.is_empty() && !left_out.may_be_all() {
            return Err(Refused::Nothing(left_out));
        }
        Ok(Imported { tape, left_out })
    }
}
