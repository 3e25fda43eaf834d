//! What a sandbox is started with.

use drillmaster_models::Dialect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most learners that an academy has. More are asked for by a slip, and could not be held in memory.
pub const MOST_LEARNERS: usize = 1_000_000;

/// What a sandbox is started with.
///
/// ```
/// use drillmaster_sandbox::{Options, Sandbox};
///
/// let crowded = Sandbox::new(Options { learners: 50, seats: 25, ..Options::default() });
/// # let _ = crowded;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The same seed gives the same academy.
    pub seed: u64,
    /// How many people there are, in all stages of joining; [`MOST_LEARNERS`] where it says more.
    pub learners: usize,
    /// How many seats the company has at TryHackMe, those taken among them.
    pub seats: usize,
    /// The dialect in which TryHackMe is simulated; it serves one at a time.
    pub dialect: Dialect,
    /// How Security Labs answers an invite that it carried out.
    pub invite_outcome: InviteOutcome,
    /// Whether Security Labs sends an open invite a second time, answers it like the first and counts two,
    /// instead of refusing it: for proving that a client sends nothing twice.
    pub reinvite: bool,
    /// The sandbox's time. Its clock stands still, so that the same calls get the same answers.
    pub now: Timestamp,
}

impl Options {
    /// The same, with no more learners than there may be.
    pub(crate) fn within_bounds(self) -> Self {
        Self { learners: self.learners.min(MOST_LEARNERS), ..self }
    }
}

impl Default for Options {
    /// 200 learners, and seats enough for another class of 30.
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

/// How Security Labs answers an invite that it carried out. All three were seen on the live service.
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
    /// All of them, the usual one first.
    pub const ALL: [Self; 3] = [Self::Created, Self::Ok, Self::Unknown];

    /// The HTTP status, which is also the name in flags.
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
            .ok_or_else(|| format!("`{text}` is no invite outcome; use 201, 200 or 500"))
    }
}
