//! What there is to see in each section: a sentence, a chart where one helps, and always the numbers as a table.

use serde::Serialize;

use super::charts::{Bar, bars, growth};
use super::svg::number;
use super::{Report, heatmap};
use crate::outcome::Change;
use crate::outcome::State;
use crate::report_data::Heatmap;
use crate::report_data::Section;

/// A section of a report.
#[derive(Debug, Clone, Serialize)]
pub struct SectionView {
    /// Its name in flags and files.
    pub name: &'static str,
    /// Its heading.
    title: &'static str,
    /// What it shows, in a sentence that names nobody.
    pub told: String,
    /// SVG, safe to put into a page.
    pub(super) charts: Vec<String>,
    /// What the colours of the chart mean, where it has some.
    legend: Vec<Shade>,
    pub(super) table: Table,
}

/// A colour of a chart.
#[derive(Debug, Clone, Serialize)]
struct Shade {
    class: String,
    means: &'static str,
}

/// Rows of cells under their columns.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// How many rows are left out of this form of the report.
    pub(super) left_out: usize,
}

/// The head of a column.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// Whether it holds numbers.
    is_number: bool,
}

/// A cell.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Where it leads.
    pub(super) link: Option<String>,
    /// How a row ended, where the cell tells that.
    state: Option<State>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, link: None, state: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        count.to_string().into()
    }
}

/// What is not known is an empty cell.
impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| "".into(), Into::into)
    }
}

impl SectionView {
    /// The same with only the first rows of its table.
    pub(super) fn at_most(&self, rows: usize) -> Self {
        let mut short = self.clone();
        short.table.left_out = short.table.rows.len().saturating_sub(rows);
        short.table.rows.truncate(rows);
        short
    }
}

pub(super) fn of(facts: &Report) -> Vec<SectionView> {
    let draw = |section| match section {
        Section::Needs => needs(facts),
        Section::Funnel => funnel(facts),
        Section::Heatmap => facts.heatmap.as_ref().map(done),
        Section::Burnup => burnup(facts),
        Section::Scoreboard => scoreboard(facts),
        Section::Engagement => engagement(facts),
        Section::Changes => changes(facts),
    };
    Section::ALL.into_iter().filter_map(draw).collect()
}

fn view(section: Section, told: String, charts: Vec<String>, table: Table) -> SectionView {
    SectionView {
        name: section.name(),
        title: section.title(),
        told,
        charts,
        legend: Vec::new(),
        table,
    }
}

/// A table; the columns whose names begin with `#` hold numbers.
fn table<S: AsRef<str>>(columns: impl IntoIterator<Item = S>, rows: Vec<Vec<Cell>>) -> Table {
    let column = |name: S| {
        let name = name.as_ref();
        let plain = name.strip_prefix('#');
        Column { name: plain.unwrap_or(name).to_owned(), is_number: plain.is_some() }
    };
    Table { columns: columns.into_iter().map(column).collect(), rows, left_out: 0 }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn needs(facts: &Report) -> Option<SectionView> {
    let cases = &facts.needs;
    if cases.is_empty() {
        return None;
    }
    let of_state = |state: Option<State>| cases.iter().filter(|case| case.state == state).count();
    let states = State::ALL.into_iter().map(|state| (state.name(), of_state(Some(state))));
    let states = states.chain([("told by the script", of_state(None))]);
    let told: Vec<_> = states
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let rows = cases.iter().map(|case| {
        let state = Cell { state: case.state, ..case.state.map(State::name).into() };
        let link = Cell { link: case.link.clone(), ..case.link.as_ref().map(|_| "open").into() };
        vec![case.who.as_str().into(), state, case.what.as_str().into(), link]
    });
    let mut table = table(["who", "state", "what", "link"], rows.collect());
    // A column of nothing helps nobody.
    for column in [3, 1] {
        if table.rows.iter().all(|row| row[column].text.is_empty()) {
            table.columns.remove(column);
            table.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }
    Some(view(Section::Needs, told.join(", "), Vec::new(), table))
}

fn funnel(facts: &Report) -> Option<SectionView> {
    let stages = &facts.funnel;
    if stages.is_empty() {
        return None;
    }
    let told: Vec<_> =
        stages.iter().map(|stage| format!("{} {}", stage.count, stage.name)).collect();
    let told = told.join(", ");
    let drawn: Vec<_> = stages
        .iter()
        .map(|stage| Bar {
            name: stage.name.clone(),
            value: real(stage.count),
            shown: stage.count.to_string(),
        })
        .collect();
    let rows = stages.iter().map(|stage| vec![stage.name.as_str().into(), stage.count.into()]);
    let table = table(["stage", "#people"], rows.collect());
    let chart = bars(&drawn, &format!("Bars: {told}"));
    Some(view(Section::Funnel, told, vec![chart], table))
}

fn done(map: &Heatmap) -> SectionView {
    let known: Vec<f64> =
        map.rows.iter().flat_map(|row| row.cells.iter().flatten().copied()).collect();
    let learners = counted(map.rows.len(), "row", "rows");
    let columns = counted(map.columns.len(), "column", "columns");
    let mut told = format!("{learners} and {columns}");
    if !known.is_empty() {
        let all = real(known.len() as u64);
        let finished = known.iter().filter(|share| **share >= 1.0).count();
        let mean = percent(known.iter().sum::<f64>() / all);
        told = format!("{told}; {mean} done on average, {finished} of {} finished", known.len());
    }
    let rows = map.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|share| share.map(percent).into());
        std::iter::once(row.who.as_str().into()).chain(cells).collect()
    });
    let columns = map.columns.iter().map(|name| format!("#{name}"));
    let table = table(std::iter::once("who".to_owned()).chain(columns), rows.collect());
    let told_of = format!("Heatmap: {told}");
    let legend = ["up to a quarter", "to a half", "to three quarters", "almost", "finished"];
    let shade = |(index, means)| Shade { class: format!("h{}", index + 1), means };
    let none = Shade { class: "ground".to_owned(), means: "nothing yet" };
    SectionView {
        legend: std::iter::once(none).chain(legend.into_iter().enumerate().map(shade)).collect(),
        ..view(Section::Heatmap, told, heatmap::draw(map, &told_of, "t-heatmap"), table)
    }
}

/// A share as a person has it. What is not finished is never called so.
fn percent(share: f64) -> String {
    let shown = (share * 100.0).round();
    let shown = if share < 1.0 { shown.min(99.0) } else { shown };
    let shown = if share > 0.0 { shown.max(1.0) } else { shown };
    format!("{shown}%")
}

fn burnup(facts: &Report) -> Option<SectionView> {
    let (first, last) = (facts.burnup.first()?, facts.burnup.last()?);
    let mut sum = 0_u64;
    let grown: Vec<_> = facts
        .burnup
        .iter()
        .map(|day| {
            sum = sum.saturating_add(day.count);
            (day.date, sum)
        })
        .collect();
    let told = format!("{sum} completed from {} to {}", first.date, last.date);
    let rows =
        facts.burnup.iter().zip(&grown).map(|(day, (_, sum))| {
            vec![day.date.to_string().into(), day.count.into(), (*sum).into()]
        });
    let table = table(["date", "#completed", "#in all"], rows.collect());
    let chart = growth(&grown, &format!("Line: {told}"));
    Some(view(Section::Burnup, told, vec![chart], table))
}

fn scoreboard(facts: &Report) -> Option<SectionView> {
    let mut standings: Vec<_> = facts.scoreboard.iter().collect();
    if standings.is_empty() {
        return None;
    }
    standings.sort_by(|one, other| other.points.total_cmp(&one.points));
    let points = |place: usize| number(standings[place].points);
    let people = counted(standings.len(), "person", "people");
    let told = format!("{people}, from {} to {} points", points(standings.len() - 1), points(0));
    let mut place = 0;
    let rows = standings.iter().enumerate().map(|(index, standing)| {
        // The same points make the same place.
        if index == 0 || standings[index - 1].points > standing.points {
            place = index as u64 + 1;
        }
        vec![
            Cell::from(place),
            standing.who.as_str().into(),
            number(standing.points).into(),
            standing.correct.into(),
            standing.attempts.into(),
            standing.progress.map(percent).into(),
        ]
    });
    let names = ["#place", "who", "#points", "#correct", "#attempts", "#progress"];
    let mut table = table(names, rows.collect());
    for column in (3..names.len()).rev() {
        if table.rows.iter().all(|row| row[column].text.is_empty()) {
            table.columns.remove(column);
            table.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }
    Some(view(Section::Scoreboard, told, Vec::new(), table))
}

fn engagement(facts: &Report) -> Option<SectionView> {
    let shares = &facts.engagement;
    if shares.is_empty() {
        return None;
    }
    let most = shares.iter().map(|share| share.minutes).fold(0.0, f64::max);
    let roles = counted(shares.len(), "role", "roles");
    let told = format!("{roles}, up to {} minutes each", number(most));
    let drawn: Vec<_> = shares
        .iter()
        .map(|share| Bar {
            name: share.role.clone(),
            value: share.minutes,
            shown: format!("{} min each", number(share.minutes)),
        })
        .collect();
    let rows = shares.iter().map(|share| {
        vec![share.role.as_str().into(), number(share.minutes).into(), share.people.into()]
    });
    let table = table(["role", "#minutes each", "#people"], rows.collect());
    let chart = bars(&drawn, &format!("Bars of the minutes that one of each role spent: {told}"));
    Some(view(Section::Engagement, told, vec![chart], table))
}

fn changes(facts: &Report) -> Option<SectionView> {
    let changes = &facts.changes;
    if changes.is_empty() {
        return None;
    }
    let counts: Vec<_> = changes
        .counts
        .iter()
        .map(|Change { endpoint, count }| format!("{endpoint} {count}"))
        .collect();
    let would = if facts.dry_run { "would be changed: " } else { "" };
    let told = format!("{would}{}", counts.join(", "));
    let rows = changes.rows.iter().map(|row| {
        let endpoints: Vec<_> = row.endpoints.iter().map(ToString::to_string).collect();
        vec![row.who.as_deref().unwrap_or(super::OUTSIDE).into(), endpoints.join(", ").into()]
    });
    let table = table(["who", "changed"], rows.collect());
    Some(view(Section::Changes, told, Vec::new(), table))
}

#[expect(clippy::cast_precision_loss, reason = "people and minutes are counted")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_told_as_more_or_less_than_it_is() {
        assert_eq!(
            [0.0, 0.001, 0.456, 0.999, 1.0].map(percent),
            ["0%", "1%", "46%", "99%", "100%"]
        );
    }
}
