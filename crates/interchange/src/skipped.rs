//! Requests of a file that are not imported.

use std::collections::BTreeMap;
use std::fmt;

use super::text::shorten;

/// How many requests or hosts are named for each reason.
const NAMED: usize = 5;

/// Why a request is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// Its host is not one of a service.
    OtherHost,
    /// No endpoint has its method and path.
    NoEndpoint,
    /// The file has the size of a body, but not the body itself.
    NotSaved,
    /// It was not sent over HTTP.
    NotHttp,
    /// It has no valid URL.
    NoUrl,
}

impl Reason {
    const fn description(self) -> &'static str {
        match self {
            Self::OtherHost => "to other hosts",
            Self::NoEndpoint => "to paths that are not endpoints of the two services",
            Self::NotHttp => "not over HTTP",
            Self::NotSaved => "whose body the file does not contain",
            Self::NoUrl => "without a valid URL",
        }
    }

    const fn help(self) -> Option<&'static str> {
        match self {
            Self::OtherHost => Some("add --host HOST to import those to a host"),
            Self::NotSaved => Some("save the file with content"),
            Self::NoEndpoint | Self::NotHttp | Self::NoUrl => None,
        }
    }
}

/// The requests of a file that were not imported, counted by reason. Displayed with one line for each reason,
/// without queries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    by_reason: BTreeMap<Reason, BTreeMap<String, usize>>,
}

impl Skipped {
    /// The number of requests that were not imported.
    pub fn count(&self) -> usize {
        self.by_reason.values().flat_map(BTreeMap::values).sum()
    }

    pub(super) fn add(&mut self, reason: Reason, what: &str) {
        let what = shorten(what);
        *self.by_reason.entry(reason).or_default().entry(what).or_default() += 1;
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (reason, things)) in self.by_reason.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let count: usize = things.values().sum();
            let mut named: Vec<_> = things.iter().filter(|(what, _)| !what.is_empty()).collect();
            // The sort is stable, so equal counts stay in alphabetical order.
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
            write!(f, "{count} {}", reason.description())?;
            if !named.is_empty() {
                write!(f, ": {}", named.join(", "))?;
            }
            if let Some(help) = reason.help() {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}
