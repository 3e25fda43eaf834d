//! The options of a sandbox.

use drillmaster_models::Dialect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of learners. More would not fit into memory.
pub const MOST_LEARNERS: usize = 1_000_000;

/// The options of a sandbox.
///
/// ```
/// use drillmaster_sandbox::{Options, Sandbox};
///
/// let crowded = Sandbox::new(Options { learners: 50, seats: 25, ..Options::default() });
/// # let _ = crowded;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The seed. The same seed gives the same people.
    pub seed: u64,
    /// The number of people in all stages of joining, at most [`MOST_LEARNERS`].
    pub learners: usize,
    /// The number of seats that the company has at TryHackMe, including occupied ones.
    pub seats: usize,
    /// The dialect of TryHackMe. A sandbox serves one dialect at a time.
    pub dialect: Dialect,
    /// How Security Labs answers a successful invite.
    pub invite_outcome: InviteOutcome,
    /// Whether Security Labs repeats an open invite, answers it like the first and counts two effects, instead of
    /// refusing it. With this, a test can prove that a client does not send an invite twice.
    pub reinvite: bool,
    /// The time of the sandbox. Its clock stands still, so that the same calls get the same answers.
    pub now: Timestamp,
}

impl Options {
    /// The same options with at most [`MOST_LEARNERS`].
    pub(crate) fn within_bounds(self) -> Self {
        Self { learners: self.learners.min(MOST_LEARNERS), ..self }
    }
}

impl Default for Options {
    /// 200 learners, and enough seats for another class of 30.
    fn default() -> Self {
        Self {
            seed: 1,
            learners: 200,
            seats: 250,
            dialect: Dialect::Current,
            invite_outcome: InviteOutcome::Created,
            reinvite: false,
            now: Timestamp::constant(1_788_249_600, 0),
        }
    }
}

/// How Security Labs answers a successful invite. All three answers were seen on the live service.
///
/// ```
/// use drillmaster_sandbox::InviteOutcome;
/// assert_eq!("500".parse(), Ok(InviteOutcome::Unknown));
/// assert!("404".parse::<InviteOutcome>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InviteOutcome {
    /// 201 with the invite.
    #[default]
    Created,
    /// 200 with the invite.
    Ok,
    /// 500 "unknown error", although the invite was created.
    Unknown,
}

impl InviteOutcome {
    /// All outcomes, the default first.
    pub const ALL: [Self; 3] = [Self::Created, Self::Ok, Self::Unknown];

    /// The HTTP status, which is also the name in options.
    pub const fn status(self) -> u16 {
        match self {
            Self::Created => 201,
            Self::Ok => 200,
            Self::Unknown => 500,
        }
    }
}

impl std::fmt::Display for InviteOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status())
    }
}

impl std::str::FromStr for InviteOutcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.to_string() == text)
            .ok_or_else(|| format!("unknown invite outcome `{text}`; use 201, 200 or 500"))
    }
}
