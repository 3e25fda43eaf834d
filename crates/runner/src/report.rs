//! Reports: what a run came to and what its script found, as a page to look at, as a table, as JSON, and in a few
//! lines for the terminal.
//!
//! All of them are made from the same [`Report`]: the script's data ([`ReportData`]) and what the run knows by itself, the
//! rows that need a person and what was changed. [`Report::views`] makes each section's words, chart and table of
//! them, once for all.

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
use crate::run;

/// Who needs a person because of a call outside of rows.
const OUTSIDE: &str = "outside of rows";

/// What is known of a run besides its rows.
pub struct About {
    /// The script's first words on itself, for a report without a title.
    pub title: String,
    /// The script's file name.
    pub script: String,
    /// When the run began.
    pub began: jiff::Timestamp,
    /// Which services answered, in words.
    pub on: &'static str,
    /// Whether writes were only rehearsed.
    pub is_rehearsal: bool,
    /// Why the run did not come to its end.
    pub stopped: Option<String>,
}

/// Everything that a report tells. As JSON it is the report for other programs.
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
    needs: Vec<SnapshotTest>,
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

/// Somebody who needs a person, with how a row of this run ended where it is about one.
#[derive(Debug, Clone, Serialize)]
struct SnapshotTest {
    who: String,
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
    /// The row's key; nothing for what was changed outside of rows.
    who: Option<String>,
    endpoints: Vec<Change>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn take(&mut self, who: Option<&str>, endpoints: &[Change]) {
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
    /// What is known of a run, in the sections that were chosen: by the caller, else by the script, else all.
    pub fn of(
        about: About,
        report: &run::RunSummary,
        chosen: Option<&[Section]>,
    ) -> io::Result<Self> {
        let handed = report.report_data.clone();
        let chosen = chosen.or(handed.sections.as_deref()).unwrap_or(&Section::ALL);
        let has = |section: Section| chosen.contains(&section);
        let mut facts = Self {
            title: handed.title.unwrap_or(about.title),
            script: about.script,
            began: about.began.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            on: about.on,
            dry_run: about.is_rehearsal,
            stopped: about.stopped,
            rows: report.summary(),
            needs: Vec::new(),
            funnel: handed.funnel.filter(|_| has(Section::Funnel)).unwrap_or_default(),
            heatmap: handed.heatmap.filter(|map| has(Section::Heatmap) && !map.rows.is_empty()),
            burnup: handed.burnup.filter(|_| has(Section::Burnup)).unwrap_or_default(),
            scoreboard: handed.scoreboard.filter(|_| has(Section::Scoreboard)).unwrap_or_default(),
            engagement: handed.engagement.filter(|_| has(Section::Engagement)).unwrap_or_default(),
            changes: Changes::default(),
        };
        for outcome in report.outcomes() {
            let outcome = outcome?;
            if has(Section::Needs) && !outcome.state.is_fine() {
                facts.needs.push(SnapshotTest {
                    state: Some(outcome.state),
                    what: outcome.detail,
                    who: outcome.key.clone(),
                    link: None,
                });
            }
            if has(Section::Changes) {
                facts.changes.take(Some(&outcome.key), &outcome.changes);
            }
        }
        if has(Section::Changes) {
            facts.changes.take(None, &report.changes_outside);
        }
        if has(Section::Needs) {
            let outside = report.outside.iter();
            facts.needs.extend(outside.map(|(state, detail)| SnapshotTest {
                who: OUTSIDE.to_owned(),
                state: Some(*state),
                what: detail.clone(),
                link: None,
            }));
            // The worst first; among equals the roster's order.
            facts.needs.sort_by_key(|case| case.state.map(urgency));
            let handed = handed.needs.unwrap_or_default().into_iter();
            facts.needs.extend(handed.map(|need| SnapshotTest {
                who: need.who,
                state: None,
                what: need.what,
                link: need.link,
            }));
        }
        Ok(facts)
    }

    /// Puts `learner-0001` and so on in the place of people, the same everywhere. Those of the roster have the
    /// numbers of its rows; `key` is the column that names them.
    pub fn pseudonymise(&mut self, roster: Option<Rows>, key: Option<&str>) {
        pseudonyms::pseudonymise(self, roster, key);
    }

    /// What a page says above its sections.
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

    /// What there is to see, section by section.
    pub fn views(&self) -> Vec<SectionView> {
        views::of(self)
    }
}

fn urgency(state: State) -> usize {
    let order = [State::InDoubt, State::Refused, State::Failed, State::Skipped];
    order.iter().position(|own| *own == state).unwrap_or(order.len())
}
