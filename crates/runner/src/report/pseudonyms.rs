//! Replaces people in a report by pseudonyms.

use std::collections::HashMap;

use drillmaster_transport::redact::{Redactor, Rows, Sensitivity};

use super::Report;

/// The column that is added to a roster for people who are only in the report. No roster can have it.
const REPORTED: &str = "\u{0}who";

/// A text of a report.
enum Text<'a> {
    /// The name of a person.
    Name(&'a mut String),
    /// Prose, which may contain names.
    Prose(&'a mut String),
}

pub(super) fn pseudonymise(report: &mut Report, roster: Option<Rows>, key: Option<&str>) {
    let mut people = roster.unwrap_or_default();
    let mut scheme = people.scheme();
    let key = key.or(people.columns.first().map(String::as_str)).map(str::to_owned);
    if let Some(key) = key.filter(|key| scheme.columns.iter().all(|(name, _)| name != key)) {
        scheme.columns.push((key, Sensitivity::Id));
    }
    let private: Vec<_> = (people.columns.iter())
        .map(|name| scheme.columns.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)))
        .collect();
    let mut numbers = HashMap::new();
    for (row, cells) in people.cells.iter().enumerate() {
        let named = cells.iter().zip(&private).filter(|(cell, is)| **is && !cell.trim().is_empty());
        for (cell, _) in named {
            numbers.entry(folded(cell)).or_insert(row + 1);
        }
    }
    // People who are not in the roster come after it, in the order of the report.
    let width = people.columns.len();
    people.columns.push(REPORTED.to_owned());
    scheme.columns.push((REPORTED.to_owned(), Sensitivity::Id));
    each_text(report, &mut |text| {
        let Text::Name(who) = text else { return };
        if !who.trim().is_empty() && !numbers.contains_key(&folded(who)) {
            let mut cells = vec![String::new(); width];
            cells.push(who.clone());
            people.cells.push(cells);
            numbers.insert(folded(who), people.cells.len());
        }
    });
    let redactor = Redactor::new(&scheme, Some(&people));
    each_text(report, &mut |text| match text {
        Text::Name(who) => {
            if let Some(number) = numbers.get(&folded(who)) {
                *who = format!("learner-{number:04}");
            }
        }
        Text::Prose(words) => *words = redactor.text(words),
    });
    for need in &mut report.needs {
        // Whoever opens a personal link acts as that person.
        need.link = None;
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn each_text(report: &mut Report, visit: &mut dyn FnMut(Text<'_>)) {
    let outside = |need: &super::NeedsAttention| need.state.is_some() && need.who == super::OUTSIDE;
    visit(Text::Prose(&mut report.title));
    report.stopped.iter_mut().for_each(|text| visit(Text::Prose(text)));
    for need in &mut report.needs {
        if !outside(need) {
            visit(Text::Name(&mut need.who));
        }
        visit(Text::Prose(&mut need.what));
    }
    report.funnel.iter_mut().for_each(|stage| visit(Text::Prose(&mut stage.name)));
    if let Some(heatmap) = &mut report.heatmap {
        heatmap.columns.iter_mut().for_each(|name| visit(Text::Prose(name)));
        heatmap.rows.iter_mut().for_each(|row| visit(Text::Name(&mut row.who)));
    }
    report.scoreboard.iter_mut().for_each(|standing| visit(Text::Name(&mut standing.who)));
    report.engagement.iter_mut().for_each(|share| visit(Text::Prose(&mut share.role)));
    report
        .changes
        .rows
        .iter_mut()
        .filter_map(|row| row.who.as_mut())
        .for_each(|who| visit(Text::Name(who)));
}
