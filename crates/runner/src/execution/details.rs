//! What rows and issues say about failed calls.

use drillmaster_transport::Error;

use crate::diagnostic::how_to_resolve;

/// What a detail says about a failed call. `resume` is the command that resumes the run.
pub(crate) fn detail_of(error: &Error, resume: Option<&str>) -> String {
    let message = first_line(&error.to_string());
    match (error.words(), error.endpoint()) {
        // A row may make several calls.
        (Some(words), Some(endpoint)) if error.is_refusal() => format!("{endpoint}: {words}"),
        _ if error.is_in_doubt() => match resume {
            Some(resume) => format!("{message}; run `{resume}` to check again"),
            None => format!("{message}; {}", how_to_resolve(error)),
        },
        _ if error.is_throttled() => match resume {
            Some(resume) => format!("{message}; `{resume}` tries again, --retry-for waits longer"),
            None => message,
        },
        _ => message,
    }
}

/// The detail of what was not attempted because of an earlier error.
pub(crate) fn not_attempted(error: &Error) -> String {
    format!("not attempted: {}", first_line(&error.to_string()))
}

/// Whether no request of the run can succeed after this error.
pub(crate) fn is_fatal(error: &Error) -> bool {
    error.is_credential()
        || error.is_replay_mismatch()
        || error.is_setup()
        || error.is_unwritten()
        || error.is_stopped()
}

/// A detail is one line. What stopped the whole run is shown in full elsewhere.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
