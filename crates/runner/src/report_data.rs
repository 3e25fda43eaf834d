//! The data that a script passes to `report(…)`, and its errors.
//!
//! Unknown fields are errors, so that a report contains nothing else, such as the answer to a question.

use std::collections::BTreeMap;

use drillmaster_models::{Misfit, Mismatch, Moment, nearest};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// A part of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// Who needs attention
    Needs,
    /// How many are at which stage
    Funnel,
    /// Who has done how much of what
    Heatmap,
    /// What was completed over time
    Burnup,
    /// Points
    Scoreboard,
    /// The time that was spent, by role
    Engagement,
    /// What this run changed
    Changes,
}

impl Section {
    /// All of them, in the order in which a report has them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Needs,
        Self::Funnel,
        Self::Heatmap,
        Self::Burnup,
        Self::Scoreboard,
        Self::Engagement,
        Self::Changes,
    ];

    /// The name in scripts, flags and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Funnel => "funnel",
            Self::Heatmap => "heatmap",
            Self::Burnup => "burnup",
            Self::Scoreboard => "scoreboard",
            Self::Engagement => "engagement",
            Self::Changes => "changes",
        }
    }

    /// The heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Needs => "Needs attention",
            Self::Funnel => "From sign-up to finish",
            Self::Heatmap => "Who has done what",
            Self::Burnup => "Completed over time",
            Self::Scoreboard => "Scoreboard",
            Self::Engagement => "Time spent, by role",
            Self::Changes => "What this run changed",
        }
    }
}

/// The data of one or several calls of `report(…)`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReportData {
    pub(crate) title: Option<String>,
    pub sections: Option<Vec<Section>>,
    pub(crate) needs: Option<Vec<Need>>,
    pub(crate) funnel: Option<Vec<Stage>>,
    pub(crate) heatmap: Option<Heatmap>,
    pub(crate) burnup: Option<Vec<Day>>,
    pub(crate) scoreboard: Option<Vec<Standing>>,
    pub(crate) engagement: Option<Vec<Share>>,
}

/// A person who needs attention.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Need {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) link: Option<String>,
}

/// How many people are at a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) count: u64,
}

/// The stages that both services know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stages {
    not_signed_up: Option<u64>,
    not_started: Option<u64>,
    started: Option<u64>,
    finished: Option<u64>,
}

/// Who has done how much of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heatmap {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Line>,
}

/// A person's row: values from 0 to 1, or `None` if unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) who: String,
    pub(crate) cells: Vec<Option<f64>>,
}

/// What was completed on a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Day {
    pub(crate) date: Date,
    pub(crate) count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    date: Moment,
    count: u64,
}

/// A person's points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    pub(crate) who: String,
    pub(crate) points: f64,
    /// How many questions were answered correctly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) correct: Option<u64>,
    /// How many tries that took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u64>,
    /// How much is done, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<f64>,
}

/// The time that people with a role spent, as a median or mean, and how many people these are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    pub(crate) role: String,
    pub(crate) minutes: f64,
    pub(crate) people: u64,
}

impl ReportData {
    /// Adds the sections of another call; a section that exists is replaced. An error changes nothing.
    pub(crate) fn take(&mut self, data: &Value) -> Result<(), String> {
        let Some(fields) = data.as_object() else {
            return Err(
                "`report` takes a map of sections, such as #{ title: \"…\", funnel: … }".to_owned()
            );
        };
        let mut new = self.clone();
        for (name, value) in fields {
            match name.as_str() {
                "title" => new.title = Some(read(name, value)?),
                "sections" => new.sections = Some(chosen(value)?),
                "needs" => new.needs = Some(needs(value)?),
                "funnel" => new.funnel = Some(funnel(value)?),
                "heatmap" => new.heatmap = Some(heatmap(value)?),
                "burnup" => new.burnup = Some(burnup(value)?),
                "scoreboard" => new.scoreboard = Some(scoreboard(value)?),
                "engagement" => new.engagement = Some(engagement(value)?),
                "changes" => {
                    return Err("`changes` are recorded by the run: remove the field".to_owned());
                }
                _ => {
                    let sections = Section::ALL.into_iter().filter(|own| *own != Section::Changes);
                    let known =
                        ["title", "sections"].into_iter().chain(sections.map(Section::name));
                    return Err(unknown(name, known));
                }
            }
        }
        *self = new;
        Ok(())
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(meant) => format!("`{name}` is unknown; did you mean `{meant}`?"),
        None => format!("`{name}` is unknown; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn chosen(value: &Value) -> Result<Vec<Section>, String> {
    let names: Vec<String> = read("sections", value)?;
    let section = |name: &String| {
        let mut all = Section::ALL.into_iter();
        all.find(|section| section.name() == name).ok_or_else(|| {
            format!("`sections`: {}", unknown(name, Section::ALL.into_iter().map(Section::name)))
        })
    };
    names.iter().map(section).collect()
}

fn needs(value: &Value) -> Result<Vec<Need>, String> {
    let needs: Vec<Need> = read("needs", value)?;
    for (index, need) in needs.iter().enumerate() {
        let Some(link) = &need.link else { continue };
        // People trust the links of a report, so none may run a script.
        let is_safe =
            Url::parse(link).is_ok_and(|url| ["http", "https", "mailto"].contains(&url.scheme()));
        if !is_safe {
            return Err(format!("`needs[{index}].link` must begin with https:, http: or mailto:"));
        }
    }
    Ok(needs)
}

fn funnel(value: &Value) -> Result<Vec<Stage>, String> {
    if value.is_array() {
        return read("funnel", value);
    }
    let Stages { not_signed_up, not_started, started, finished } = read("funnel", value)?;
    let stages = [
        ("not signed up", not_signed_up),
        ("not started", not_started),
        ("started", started),
        ("finished", finished),
    ];
    let stage =
        |(name, count): (&str, Option<u64>)| Some(Stage { name: name.to_owned(), count: count? });
    Ok(stages.into_iter().filter_map(stage).collect())
}

fn heatmap(value: &Value) -> Result<Heatmap, String> {
    let heatmap: Heatmap = read("heatmap", value)?;
    let columns = heatmap.columns.len();
    for (index, row) in heatmap.rows.iter().enumerate() {
        if row.cells.len() != columns {
            let count = row.cells.len();
            return Err(format!(
                "`heatmap.rows[{index}].cells` has {count} cells for {columns} columns"
            ));
        }
        for (cell, share) in row.cells.iter().enumerate() {
            is_share(&format!("heatmap.rows[{index}].cells[{cell}]"), *share)?;
        }
    }
    Ok(heatmap)
}

fn is_share(place: &str, share: Option<f64>) -> Result<(), String> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => {
            Err(format!("`{place}` must be a number from 0 to 1, or () if unknown, not {share}"))
        }
        _ => Ok(()),
    }
}

/// Days with the number of completions. Items of the same day are added up.
fn burnup(value: &Value) -> Result<Vec<Day>, String> {
    let items: Vec<Value> = read("burnup", value)?;
    let mut days = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let mut place = format!("burnup[{index}]");
        let Counted { date, count } = if item.is_object() {
            let counted = read(&place, item)?;
            place.push_str(".date");
            counted
        } else {
            Counted { date: read(&place, item)?, count: 1 }
        };
        let Some(moment) = date.timestamp() else {
            return Err(format!(
                "`{place}` is not a date: write it as 2026-09-01, or as the services do"
            ));
        };
        let day = days.entry(moment.to_zoned(TimeZone::UTC).date()).or_insert(0_u64);
        *day = day.saturating_add(count);
    }
    Ok(days.into_iter().map(|(date, count)| Day { date, count }).collect())
}

fn scoreboard(value: &Value) -> Result<Vec<Standing>, String> {
    let standings: Vec<Standing> = read("scoreboard", value)?;
    for (index, standing) in standings.iter().enumerate() {
        is_share(&format!("scoreboard[{index}].progress"), standing.progress)?;
    }
    Ok(standings)
}

fn engagement(value: &Value) -> Result<Vec<Share>, String> {
    let shares: Vec<Share> = read("engagement", value)?;
    match shares.iter().position(|share| share.minutes < 0.0) {
        Some(index) => Err(format!("`engagement[{index}].minutes` must not be negative")),
        None => Ok(shares),
    }
}

/// Reads a value; an error names the field that is wrong.
fn read<T: DeserializeOwned>(place: &str, value: &Value) -> Result<T, String> {
    Mismatch::read(value).map_err(|Mismatch { path, misfit }| {
        let path = match path.as_str() {
            "." => place.to_owned(),
            path if path.starts_with('[') => format!("{place}{path}"),
            path => format!("{place}.{path}"),
        };
        match misfit {
            Misfit::UnknownField { field, known } => {
                format!("`{path}`: {}", unknown(&field, known.iter().copied()))
            }
            misfit => format!("`{path}` {misfit}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_data(data: &Value) -> Result<ReportData, String> {
        let mut read = ReportData::default();
        read.take(data).map(|()| read)
    }

    #[track_caller]
    fn assert_error(data: &Value, error: &str) {
        assert_eq!(read_data(data).unwrap_err(), error);
    }

    #[test]
    fn an_error_names_its_field() {
        assert_error(
            &json!([]),
            "`report` takes a map of sections, such as #{ title: \"…\", funnel: … }",
        );
        assert_error(&json!({"titel": "x"}), "`titel` is unknown; did you mean `title`?");
        assert_error(&json!({"title": 3}), "`title` must be text, not `3`");
        assert_error(
            &json!({"needs": [{"who": "ada", "wat": "x"}]}),
            "`needs[0]`: `wat` is unknown; did you mean `what`?",
        );
        assert_error(&json!({"needs": [{"who": "ada"}]}), "`needs[0]` has no `what`");
        assert_error(
            &json!({"funnel": {"started": -1}}),
            "`funnel.started` must be a whole number of 0 or more, not `-1`",
        );
        assert_error(
            &json!({"funnel": {"begun": 1}}),
            "`funnel`: `begun` is unknown; known are notSignedUp, notStarted, started, finished",
        );
        assert_error(
            &json!({"heatmap": {"columns": ["a"], "rows": [{"who": "ada", "cells": [1, 2]}]}}),
            "`heatmap.rows[0].cells` has 2 cells for 1 columns",
        );
        assert_error(
            &json!({"heatmap": {"columns": ["a"], "rows": [{"who": "ada", "cells": [42]}]}}),
            "`heatmap.rows[0].cells[0]` must be a number from 0 to 1, or () if unknown, not 42",
        );
        assert_error(
            &json!({"burnup": [{"date": "soon", "count": 1}]}),
            "`burnup[0].date` is not a date: write it as 2026-09-01, or as the services do",
        );
        assert_error(
            &json!({"engagement": [{"role": "QA", "minutes": -1, "people": 1}]}),
            "`engagement[0].minutes` must not be negative",
        );
        assert_error(
            &json!({"sections": ["fun"]}),
            "`sections`: `fun` is unknown; known are needs, funnel, heatmap, burnup, scoreboard, engagement, changes",
        );
        assert_error(
            &json!({"changes": []}),
            "`changes` are recorded by the run: remove the field",
        );
    }

    #[test]
    fn the_answer_to_a_question_is_an_unknown_field() {
        assert_error(
            &json!({"scoreboard": [{"who": "ada", "points": 8, "answer": "THM{flag}"}]}),
            "`scoreboard[0]`: `answer` is unknown; known are who, points, correct, attempts, progress",
        );
    }

    #[test]
    fn a_link_cannot_run_a_script() {
        let error = "`needs[0].link` must begin with https:, http: or mailto:";
        for link in
            ["javascript:alert(1)", "data:text/html,x", "//elsewhere.example", "readme.html"]
        {
            assert_error(&json!({"needs": [{"who": "ada", "what": "x", "link": link}]}), error);
        }
        read_data(&json!({"needs": [{"who": "ada", "what": "x", "link": "https://x.example/"}]}))
            .unwrap();
    }

    #[test]
    fn an_error_changes_nothing_and_another_call_replaces_its_sections() {
        let mut data = read_data(&json!({"title": "one", "funnel": {"started": 1}})).unwrap();
        let before = data.clone();
        data.take(&json!({"title": "two", "funnel": 3})).unwrap_err();
        assert_eq!(data, before);
        data.take(&json!({"funnel": [{"name": "new", "count": 2}]})).unwrap();
        assert_eq!(data.title.as_deref(), Some("one"));
        assert_eq!(data.funnel.unwrap(), [Stage { name: "new".to_owned(), count: 2 }]);
    }

    #[test]
    fn completions_are_counted_by_day_in_any_form_of_date() {
        let dates = json!(["2026-09-02", 1_788_220_800_000_i64, {"date": "2026-09-01T10:00:00Z", "count": 4}]);
        let days = read_data(&json!({"burnup": dates})).unwrap().burnup.unwrap();
        let days: Vec<_> = days.iter().map(|day| format!("{} {}", day.date, day.count)).collect();
        assert_eq!(days, ["2026-09-01 5", "2026-09-02 1"]);
    }
}
