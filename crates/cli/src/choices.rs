//! Flags that take one of a few words: the words, and the help for each.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use drillmaster_runner::output::table::Format;
use drillmaster_runner::report_data::Section;
use drillmaster_runner::run_spec::Environment;

/// A word on the command line, its value, and its help.
type Choice<T> = (&'static str, T, &'static str);

/// Parses one of these words.
fn one_of<T: Copy + Send + Sync + 'static>(
    choices: &'static [Choice<T>],
) -> impl TypedValueParser<Value = T> {
    let words = choices.iter().map(|(word, _, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words).try_map(|text| {
        let chosen = choices.iter().find(|(word, ..)| *word == text);
        chosen.map(|(_, value, _)| *value).ok_or("unknown word")
    })
}

pub(crate) fn formats() -> impl TypedValueParser<Value = Format> {
    one_of(&[
        ("table", Format::Table, "Aligned columns"),
        ("json", Format::Json, "JSON, with field names as in the API"),
        ("csv", Format::Csv, "Comma-separated values"),
    ])
}

pub(crate) fn environments() -> impl TypedValueParser<Value = Environment> {
    one_of(&[
        ("sandbox", Environment::Sandbox, "Embedded sandbox; nothing leaves this machine"),
        ("live", Environment::Live, "Live services, with your API keys"),
    ])
}

pub(crate) fn exchange_formats() -> impl TypedValueParser<Value = drillmaster_interchange::Format> {
    use drillmaster_interchange::Format;
    one_of(&[
        ("har", Format::Har, "HAR 1.2, written by browsers, proxies and API tools"),
        ("vcr", Format::Vcr, "YAML or JSON, written by vcrpy or VCR for Ruby"),
    ])
}

pub(crate) fn sections() -> impl TypedValueParser<Value = Section> {
    one_of(&[
        ("needs", Section::Needs, "People who need attention"),
        ("funnel", Section::Funnel, "Number of people at each stage"),
        ("heatmap", Section::Heatmap, "Progress of each person in each room or lesson"),
        ("burnup", Section::Burnup, "Completions over time"),
        ("scoreboard", Section::Scoreboard, "Points per person"),
        ("engagement", Section::Engagement, "Time spent, by role"),
        ("changes", Section::Changes, "Changes made by this run"),
    ])
}
