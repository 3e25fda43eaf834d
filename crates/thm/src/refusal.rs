//! The refusals that the documents name.

use drillmaster_models::ErrorSpec;

/// A refusal by the service, by what it says. The raw words are in [`Error::words`](crate::Error::words).
///
/// ```
/// use drillmaster_thm::Refusal;
/// assert_eq!(Refusal::of("Email not found"), Refusal::EmailNotFound);
/// assert_eq!(Refusal::of("It is closed on Sundays."), Refusal::Other);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The key is wrong, or it has expired: no call can succeed.
    KeyRefused,
    /// The request has no address.
    EmailMissing,
    /// Nobody has an account under this address yet.
    EmailNotFound,
    /// All seats are taken: nobody else can be seated.
    NoSeatsLeft,
    /// The user has a seat already.
    AlreadySeated,
    /// The user has no seat to be taken off.
    NotSeated,
    /// The request has no room code.
    RoomCodeMissing,
    /// There is no such room, or it belongs to others.
    RoomNotFound,
    /// Words that are in none of the documents.
    Other,
}

/// The documented words. They alone tell refusals apart.
const DOCUMENTED: [(ErrorSpec, Refusal); 8] = [
    (ErrorSpec::new(403, "API Key is invalid or has expired."), Refusal::KeyRefused),
    (ErrorSpec::new(400, "email is required."), Refusal::EmailMissing),
    (ErrorSpec::new(400, "email not found."), Refusal::EmailNotFound),
    (ErrorSpec::new(400, "no available seats in dashboard."), Refusal::NoSeatsLeft),
    (ErrorSpec::new(400, "User already assigned to seat."), Refusal::AlreadySeated),
    (ErrorSpec::new(400, "User is not currently in a company seat."), Refusal::NotSeated),
    (ErrorSpec::new(400, "roomCode query parameter is mandatory"), Refusal::RoomCodeMissing),
    (ErrorSpec::new(404, "Room not found."), Refusal::RoomNotFound),
];

impl Refusal {
    /// The refusal that speaks these words. Case and a final full stop do not matter.
    pub fn of(words: &str) -> Self {
        DOCUMENTED
            .iter()
            .find(|(spec, _)| spec.matches(words))
            .map_or(Self::Other, |(_, refusal)| *refusal)
    }
}
