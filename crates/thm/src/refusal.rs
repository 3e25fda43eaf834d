//! The refusals that the documentation names.

use drillmaster_models::ErrorSpec;

/// A refusal by the service, recognised by its message, since the status varies. The message itself is in
/// [`Error::words`](crate::Error::words).
///
/// ```
/// use drillmaster_thm::Refusal;
/// assert_eq!(Refusal::from_words("Email not found"), Refusal::EmailNotFound);
/// assert_eq!(Refusal::from_words("It is closed on Sundays."), Refusal::Other);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The key is wrong or has expired. No call can succeed.
    Credential,
    /// The request has no e-mail address.
    EmailMissing,
    /// No account has this e-mail address.
    EmailNotFound,
    /// All seats are taken.
    NoSeatsLeft,
    /// The user has a seat already.
    AlreadySeated,
    /// The user has no seat.
    NotSeated,
    /// The request has no room code.
    RoomCodeMissing,
    /// There is no such room, or it is private and not yours.
    RoomNotFound,
    /// A refusal that the documentation does not name.
    Other,
}

/// The documented messages.
const DOCUMENTED: [(ErrorSpec, Refusal); 8] = [
    (ErrorSpec::new(403, "API Key is invalid or has expired."), Refusal::Credential),
    (ErrorSpec::new(400, "email is required."), Refusal::EmailMissing),
    (ErrorSpec::new(400, "email not found."), Refusal::EmailNotFound),
    (ErrorSpec::new(400, "no available seats in dashboard."), Refusal::NoSeatsLeft),
    (ErrorSpec::new(400, "User already assigned to seat."), Refusal::AlreadySeated),
    (ErrorSpec::new(400, "User is not currently in a company seat."), Refusal::NotSeated),
    (ErrorSpec::new(400, "roomCode query parameter is mandatory"), Refusal::RoomCodeMissing),
    (ErrorSpec::new(404, "Room not found."), Refusal::RoomNotFound),
];

impl Refusal {
    /// Recognises a refusal by its message. Case and a final full stop do not matter.
    pub fn from_words(words: &str) -> Self {
        DOCUMENTED
            .iter()
            .find(|(spec, _)| spec.matches(words))
            .map_or(Self::Other, |(_, refusal)| *refusal)
    }
}
