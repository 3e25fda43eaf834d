//! The sections as people see them: a summary, a chart if one helps, and always a table of the numbers.

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
    /// A summary in one sentence, which names nobody. Templates know it as `told`.
    #[serde(rename = "told")]
    pub summary: String,
    /// SVG that is safe in a page.
    pub(super) charts: Vec<String>,
    /// The meaning of the chart's colours, if it has any.
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
    /// How many rows this form of the report leaves out.
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
    /// Where it links to.
    pub(super) link: Option<String>,
    /// The state of a row, if the cell shows one.
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

/// An unknown value is an empty cell.
impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| "".into(), Into::into)
    }
}

impl SectionView {
    /// The same with at most this many rows in its table.
    pub(super) fn at_most(&self, rows: usize) -> Self {
        let mut short = self.clone();
        short.table.left_out = short.table.rows.len().saturating_sub(rows);
        short.table.rows.truncate(rows);
        short
    }
}

pub(super) fn views(report: &Report) -> Vec<SectionView> {
    let view = |section| match section {
        Section::Needs => needs(report),
        Section::Funnel => funnel(report),
        Section::Heatmap => report.heatmap.as_ref().map(heatmap_view),
        Section::Burnup => burnup(report),
        Section::Scoreboard => scoreboard(report),
        Section::Engagement => engagement(report),
        Section::Changes => changes(report),
    };
    Section::ALL.into_iter().filter_map(view).collect()
}

fn view(section: Section, summary: String, charts: Vec<String>, table: Table) -> SectionView {
    SectionView {
        name: section.name(),
        title: section.title(),
        summary,
        charts,
        legend: Vec::new(),
        table,
    }
}

/// A table. Columns whose names start with `#` hold numbers.
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

fn needs(report: &Report) -> Option<SectionView> {
    let needs = &report.needs;
    if needs.is_empty() {
        return None;
    }
    let of_state = |state: Option<State>| needs.iter().filter(|need| need.state == state).count();
    let states = State::ALL.into_iter().map(|state| (state.name(), of_state(Some(state))));
    let named = of_state(None);
    let people = if named == 1 { "person" } else { "people" };
    let states = states.map(|(name, count)| (name.to_owned(), count));
    let states = states.chain([(format!("{people} named by the script"), named)]);
    let parts: Vec<_> = states
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let rows = needs.iter().map(|need| {
        let state = Cell { state: need.state, ..need.state.map(State::name).into() };
        let link = Cell { link: need.link.clone(), ..need.link.as_ref().map(|_| "open").into() };
        vec![need.who.as_str().into(), state, need.what.as_str().into(), link]
    });
    let mut table = table(["who", "state", "what", "link"], rows.collect());
    // Empty columns are removed.
    for column in [3, 1] {
        if table.rows.iter().all(|row| row[column].text.is_empty()) {
            table.columns.remove(column);
            table.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }
    Some(view(Section::Needs, parts.join(", "), Vec::new(), table))
}

fn funnel(report: &Report) -> Option<SectionView> {
    let stages = &report.funnel;
    if stages.is_empty() {
        return None;
    }
    let parts: Vec<_> =
        stages.iter().map(|stage| format!("{} {}", stage.count, stage.name)).collect();
    let summary = parts.join(", ");
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
    let chart = bars(&drawn, &format!("Bars: {summary}"));
    Some(view(Section::Funnel, summary, vec![chart], table))
}

fn heatmap_view(map: &Heatmap) -> SectionView {
    let known: Vec<f64> =
        map.rows.iter().flat_map(|row| row.cells.iter().flatten().copied()).collect();
    let learners = counted(map.rows.len(), "row", "rows");
    let columns = counted(map.columns.len(), "column", "columns");
    let mut summary = format!("{learners} and {columns}");
    if !known.is_empty() {
        let all = real(known.len() as u64);
        let finished = known.iter().filter(|share| **share >= 1.0).count();
        let mean = percent(known.iter().sum::<f64>() / all);
        summary =
            format!("{summary}; {mean} done on average, {finished} of {} finished", known.len());
    }
    let rows = map.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|share| share.map(percent).into());
        std::iter::once(row.who.as_str().into()).chain(cells).collect()
    });
    let columns = map.columns.iter().map(|name| format!("#{name}"));
    let table = table(std::iter::once("who".to_owned()).chain(columns), rows.collect());
    let label = format!("Heatmap: {summary}");
    let legend = ["up to a quarter", "to a half", "to three quarters", "almost", "finished"];
    let shade = |(index, means)| Shade { class: format!("h{}", index + 1), means };
    let none = Shade { class: "ground".to_owned(), means: "nothing yet" };
    SectionView {
        legend: std::iter::once(none).chain(legend.into_iter().enumerate().map(shade)).collect(),
        ..view(Section::Heatmap, summary, heatmap::draw(map, &label, "t-heatmap"), table)
    }
}

/// A share in percent. Only a finished share is 100%, and only an untouched one is 0%.
fn percent(share: f64) -> String {
    let shown = (share * 100.0).round();
    let shown = if share < 1.0 { shown.min(99.0) } else { shown };
    let shown = if share > 0.0 { shown.max(1.0) } else { shown };
    format!("{shown}%")
}

fn burnup(report: &Report) -> Option<SectionView> {
    let (first, last) = (report.burnup.first()?, report.burnup.last()?);
    let mut sum = 0_u64;
    let grown: Vec<_> = report
        .burnup
        .iter()
        .map(|day| {
            sum = sum.saturating_add(day.count);
            (day.date, sum)
        })
        .collect();
    let summary = format!("{sum} completed from {} to {}", first.date, last.date);
    let rows =
        report.burnup.iter().zip(&grown).map(|(day, (_, sum))| {
            vec![day.date.to_string().into(), day.count.into(), (*sum).into()]
        });
    let table = table(["date", "#completed", "#in all"], rows.collect());
    let chart = growth(&grown, &format!("Line: {summary}"));
    Some(view(Section::Burnup, summary, vec![chart], table))
}

fn scoreboard(report: &Report) -> Option<SectionView> {
    let mut standings: Vec<_> = report.scoreboard.iter().collect();
    if standings.is_empty() {
        return None;
    }
    standings.sort_by(|one, other| other.points.total_cmp(&one.points));
    let points = |place: usize| number(standings[place].points);
    let people = counted(standings.len(), "person", "people");
    let summary = format!("{people}, from {} to {} points", points(standings.len() - 1), points(0));
    let mut place = 0;
    let rows = standings.iter().enumerate().map(|(index, standing)| {
        // People with the same points share a place.
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
    Some(view(Section::Scoreboard, summary, Vec::new(), table))
}

fn engagement(report: &Report) -> Option<SectionView> {
    let shares = &report.engagement;
    if shares.is_empty() {
        return None;
    }
    let most = shares.iter().map(|share| share.minutes).fold(0.0, f64::max);
    let roles = counted(shares.len(), "role", "roles");
    let summary = format!("{roles}, up to {} minutes each", number(most));
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
    let chart = bars(&drawn, &format!("Bars of the minutes per person of each role: {summary}"));
    Some(view(Section::Engagement, summary, vec![chart], table))
}

fn changes(report: &Report) -> Option<SectionView> {
    let changes = &report.changes;
    if changes.is_empty() {
        return None;
    }
    let counts: Vec<_> = changes
        .counts
        .iter()
        .map(|Change { endpoint, count }| format!("{endpoint} {count}"))
        .collect();
    let would = if report.dry_run { "would change: " } else { "" };
    let summary = format!("{would}{}", counts.join(", "));
    let rows = changes.rows.iter().map(|row| {
        let endpoints: Vec<_> = row.endpoints.iter().map(ToString::to_string).collect();
        vec![row.who.as_deref().unwrap_or(super::OUTSIDE).into(), endpoints.join(", ").into()]
    });
    let table = table(["who", "changed"], rows.collect());
    Some(view(Section::Changes, summary, Vec::new(), table))
}

#[expect(clippy::cast_precision_loss, reason = "counts of people and minutes are small")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_to_all() {
        assert_eq!(
            [0.0, 0.001, 0.456, 0.999, 1.0].map(percent),
            ["0%", "1%", "46%", "99%", "100%"]
        );
    }
}
