//! Writing a whole cassette.

use std::io::{self, Write};
use std::path::Path;

use super::{ErrorEvent, Event, RequestEvent, Tape};
use crate::journal::line;

/// Writes a cassette beside its place and puts it there whole. Only its owner may read it.
pub(crate) fn write(path: &Path, tape: &Tape) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".recording-").tempfile_in(folder)?;
    file.write_all(text(tape).as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A cassette as text, an event a line.
pub(crate) fn text(tape: &Tape) -> String {
    let header = Event::Cassette(tape.header.clone());
    let interactions = tape.interactions.iter().flat_map(|interaction| {
        let request = &interaction.request;
        let RequestEvent { scope, ordinal, .. } = request;
        let outcome = Event::outcome(scope, *ordinal, &interaction.outcome);
        // Of an error that does not happen on the way nobody knows what it left behind.
        let outcome =
            outcome.unwrap_or_else(|| Event::Error(ErrorEvent::unanswered(scope, *ordinal)));
        [Event::Request(request.clone()), outcome]
    });
    let values = tape.values.iter().cloned().map(Event::Value);
    let end = Event::End { interactions: tape.interactions.len() };
    let events = [header].into_iter().chain(interactions).chain(values).chain([end]);
    events.map(|event| String::from_utf8_lossy(&line(&event)).into_owned()).collect()
}
