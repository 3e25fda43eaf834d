//! What of a file is not for a cassette.

use std::collections::BTreeMap;
use std::fmt;

use super::messages::shorten;

/// How many things of a kind are named.
const NAMED: usize = 5;

/// Why a request is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It went to a host that stands for neither service.
    OtherHost,
    /// The services have no such endpoint.
    NoEndpoint,
    /// The file has its length, but not its text: an empty one would be another answer.
    NotSaved,
    /// It did not travel over HTTP.
    NotHttp,
    /// It is none: it has no address.
    NoAddress,
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Self::OtherHost => "to other hosts",
            Self::NoEndpoint => "to no endpoint of the two services",
            Self::NotHttp => "not over HTTP",
            Self::NotSaved => "of which the file does not have the body",
            Self::NoAddress => "without an address",
        }
    }

    const fn way_out(self) -> Option<&'static str> {
        match self {
            Self::OtherHost => Some("--host HOST takes those of a host, too"),
            Self::NotSaved => Some("save it with content"),
            Self::NoEndpoint | Self::NotHttp | Self::NoAddress => None,
        }
    }
}

/// What of a file was left out, and why: for each reason what it was, and how often. Shown as a line a
/// reason, without queries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    by_reason: BTreeMap<Reason, BTreeMap<String, usize>>,
    /// The file is a cassette that was exported: it needs no request.
    of_ours: bool,
}

impl LeftOut {
    /// How many requests were left out.
    pub fn count(&self) -> usize {
        self.by_reason.values().flat_map(BTreeMap::values).sum()
    }

    pub(super) fn add(&mut self, reason: Reason, what: &str) {
        let what = shorten(what);
        *self.by_reason.entry(reason).or_default().entry(what).or_default() += 1;
    }

    pub(super) fn is_of_ours(&mut self) {
        self.of_ours = true;
    }

    pub(super) fn may_be_all(&self) -> bool {
        self.of_ours && self.count() == 0
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (reason, things)) in self.by_reason.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let count: usize = things.values().sum();
            let mut named: Vec<_> = things.iter().filter(|(what, _)| !what.is_empty()).collect();
            // Stable: among equals the alphabet decides.
            named.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let more = named.len().saturating_sub(NAMED);
            let mut named: Vec<String> = named
                .into_iter()
                .take(NAMED)
                .map(|(what, count)| match count {
                    1 => what.clone(),
                    _ => format!("{what} ({count})"),
                })
                .collect();
            if more > 0 {
                named.push(format!("and {more} more"));
            }
            write!(f, "{count} {}", reason.words())?;
            if !named.is_empty() {
                write!(f, ": {}", named.join(", "))?;
            }
            if let Some(way_out) = reason.way_out() {
                write!(f, "; {way_out}")?;
            }
        }
        Ok(())
    }
}
