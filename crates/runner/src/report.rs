//! Reports of a run: a page, CSV, JSON, and a few lines for the terminal.
//!
//! All forms are made from the same [`Report`]: the data that the script passed to `report(…)`, the rows that need
//! attention, and what the run changed. [`Report::views`] turns each section into a summary, charts and a table, which
//! all forms share.
//!
//! ```
//! use std::path::Path;
//!
//! use drillmaster_runner::report::Kind;
//!
//! assert_eq!(Kind::from_path(Path::new("class.html")).unwrap(), Kind::Page);
//! assert!(Kind::from_path(Path::new("class.pdf")).is_err());
//! ```

mod charts;
mod export;
mod heatmap;
mod page;
mod pseudonyms;
mod svg;
mod views;

use std::io;

use drillmaster_transport::redact::Rows;
use serde::Serialize;

pub use self::export::{Kind, write};
pub use self::page::{TEMPLATE, Template};
pub(crate) use self::views::SectionView;
use crate::outcome::{Change, State};
use crate::report_data::{Day, Heatmap, Section, Share, Stage, Standing};
use crate::run::RunSummary;

/// Stands for a call outside of rows in the list of what needs attention.
const OUTSIDE: &str = "outside of rows";

/// What a report says about a run besides its rows.
pub struct About {
    /// The title, if the script gives none.
    pub title: String,
    /// The script's file name.
    pub script: String,
    /// When the run started.
    pub began: jiff::Timestamp,
    /// Which services the run called, in words.
    pub on: &'static str,
    /// Whether it was a dry run.
    pub is_rehearsal: bool,
    /// Why the run stopped early.
    pub stopped: Option<String>,
}

/// The content of a report. Serialized, it is the report's JSON form.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    title: String,
    script: String,
    began: String,
    on: &'static str,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<NeedsAttention>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    funnel: Vec<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heatmap: Option<Heatmap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    burnup: Vec<Day>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scoreboard: Vec<Standing>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    engagement: Vec<Share>,
    #[serde(skip_serializing_if = "Changes::is_empty")]
    changes: Changes,
}

/// A person or row that needs attention.
#[derive(Debug, Clone, Serialize)]
struct NeedsAttention {
    who: String,
    /// How the row ended; none for people that the script named.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// What a run changed.
#[derive(Debug, Clone, Default, Serialize)]
struct Changes {
    /// How often each endpoint changed something.
    counts: Vec<Change>,
    /// The rows that changed something, in their order.
    rows: Vec<RowChanges>,
}

/// What a row changed.
#[derive(Debug, Clone, Serialize)]
struct RowChanges {
    /// The row's key; none for changes outside of rows.
    who: Option<String>,
    endpoints: Vec<Change>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn add(&mut self, who: Option<&str>, endpoints: &[Change]) {
        if endpoints.is_empty() {
            return;
        }
        for endpoint in endpoints {
            endpoint.add_to(&mut self.counts);
        }
        self.rows.push(RowChanges { who: who.map(str::to_owned), endpoints: endpoints.to_vec() });
    }
}

impl Report {
    /// The report of a run, with the sections that the caller chose, or else the script, or else all.
    pub fn new(
        about: About,
        summary: &RunSummary,
        sections: Option<&[Section]>,
    ) -> io::Result<Self> {
        let data = summary.report_data.clone();
        let sections = sections.or(data.sections.as_deref()).unwrap_or(&Section::ALL);
        let has = |section: Section| sections.contains(&section);
        let mut report = Self {
            title: data.title.unwrap_or(about.title),
            script: about.script,
            began: about.began.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            on: about.on,
            dry_run: about.is_rehearsal,
            stopped: about.stopped,
            rows: summary.summary(),
            needs: Vec::new(),
            funnel: data.funnel.filter(|_| has(Section::Funnel)).unwrap_or_default(),
            heatmap: data.heatmap.filter(|map| has(Section::Heatmap) && !map.rows.is_empty()),
            burnup: data.burnup.filter(|_| has(Section::Burnup)).unwrap_or_default(),
            scoreboard: data.scoreboard.filter(|_| has(Section::Scoreboard)).unwrap_or_default(),
            engagement: data.engagement.filter(|_| has(Section::Engagement)).unwrap_or_default(),
            changes: Changes::default(),
        };
        for outcome in summary.outcomes() {
            let outcome = outcome?;
            if has(Section::Needs) && !outcome.state.is_fine() {
                report.needs.push(NeedsAttention {
                    state: Some(outcome.state),
                    what: outcome.detail,
                    who: outcome.key.clone(),
                    link: None,
                });
            }
            if has(Section::Changes) {
                report.changes.add(Some(&outcome.key), &outcome.changes);
            }
        }
        if has(Section::Changes) {
            report.changes.add(None, &summary.changes_outside);
        }
        if has(Section::Needs) {
            let outside = summary.outside.iter();
            report.needs.extend(outside.map(|(state, detail)| NeedsAttention {
                who: OUTSIDE.to_owned(),
                state: Some(*state),
                what: detail.clone(),
                link: None,
            }));
            // The most urgent come first, and equals stay in the roster's order.
            report.needs.sort_by_key(|need| need.state.map(urgency));
            let needs = data.needs.unwrap_or_default().into_iter();
            report.needs.extend(needs.map(|need| NeedsAttention {
                who: need.who,
                state: None,
                what: need.what,
                link: need.link,
            }));
        }
        Ok(report)
    }

    /// Replaces people by `learner-0001` and so on, consistently. People of the roster get the numbers of its rows; `key`
    /// is the key column.
    pub fn pseudonymise(&mut self, roster: Option<Rows>, key: Option<&str>) {
        pseudonyms::pseudonymise(self, roster, key);
    }

    /// The head of a page, for its template.
    fn head(&self) -> minijinja::Value {
        minijinja::context! {
            title => self.title.clone(),
            script => self.script.clone(),
            began => self.began.clone(),
            on => self.on,
            dry_run => self.dry_run,
            stopped => self.stopped.clone(),
            rows => self.rows.clone(),
        }
    }

    /// The sections as people see them.
    pub fn views(&self) -> Vec<SectionView> {
        views::views(self)
    }
}

fn urgency(state: State) -> usize {
    let order = [State::InDoubt, State::Refused, State::Failed, State::Skipped];
    order.iter().position(|own| *own == state).unwrap_or(order.len())
}
