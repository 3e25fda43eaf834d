//! Pseudonyms in the place of people.

use std::collections::HashMap;

use drillmaster_transport::redact::{Redactor, Rows, Sensitivity};

use super::Report;

/// The column that is added to a roster for the people whom only the report names. No roster can have it.
const OURS: &str = "\u{0}who";

/// A text of a report.
enum Text<'a> {
    /// It names somebody.
    Who(&'a mut String),
    /// It may name anybody.
    Words(&'a mut String),
}

pub fn pseudonymise(facts: &mut Report, roster: Option<Rows>, key: Option<&str>) {
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
    // Whom the roster does not have comes after it, in the order in which the report names them.
    let width = people.columns.len();
    people.columns.push(OURS.to_owned());
    scheme.columns.push((OURS.to_owned(), Sensitivity::Id));
    each_text(facts, &mut |text| {
        let Text::Who(who) = text else { return };
        if !who.trim().is_empty() && !numbers.contains_key(&folded(who)) {
            let mut cells = vec![String::new(); width];
            cells.push(who.clone());
            people.cells.push(cells);
            numbers.insert(folded(who), people.cells.len());
        }
    });
    let redactor = Redactor::new(&scheme, Some(&people));
    each_text(facts, &mut |text| match text {
        Text::Who(who) => {
            if let Some(number) = numbers.get(&folded(who)) {
                *who = format!("learner-{number:04}");
            }
        }
        Text::Words(words) => *words = redactor.text(words),
    });
    for case in &mut facts.needs {
        // A link of somebody's own may let others in.
        case.link = None;
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn each_text(facts: &mut Report, look: &mut dyn FnMut(Text<'_>)) {
    let outside = |case: &super::SnapshotTest| case.state.is_some() && case.who == super::OUTSIDE;
    look(Text::Words(&mut facts.title));
    facts.stopped.iter_mut().for_each(|text| look(Text::Words(text)));
    for case in &mut facts.needs {
        if !outside(case) {
            look(Text::Who(&mut case.who));
        }
        look(Text::Words(&mut case.what));
    }
    facts.funnel.iter_mut().for_each(|stage| look(Text::Words(&mut stage.name)));
    if let Some(heatmap) = &mut facts.heatmap {
        heatmap.columns.iter_mut().for_each(|name| look(Text::Words(name)));
        heatmap.rows.iter_mut().for_each(|row| look(Text::Who(&mut row.who)));
    }
    facts.scoreboard.iter_mut().for_each(|standing| look(Text::Who(&mut standing.who)));
    facts.engagement.iter_mut().for_each(|share| look(Text::Words(&mut share.role)));
    facts
        .changes
        .rows
        .iter_mut()
        .filter_map(|row| row.who.as_mut())
        .for_each(|who| look(Text::Who(who)));
}
