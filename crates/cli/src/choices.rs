//! Flags that take one of a few words: the words, and what help says of each.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use drillmaster_runner::output::table::Format;
use drillmaster_runner::report_data::Section;
use drillmaster_runner::run_spec::Environment;

/// A word of the command line, what it stands for, and its line of help.
type Choice<T> = (&'static str, T, &'static str);

/// Takes one of these words.
fn one_of<T: Copy + Send + Sync + 'static>(
    choices: &'static [Choice<T>],
) -> impl TypedValueParser<Value = T> {
    let words = choices.iter().map(|(word, _, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words).try_map(|text| {
        let chosen = choices.iter().find(|(word, ..)| *word == text);
        chosen.map(|(_, value, _)| *value).ok_or("not one of the words")
    })
}

pub(crate) fn formats() -> impl TypedValueParser<Value = Format> {
    one_of(&[
        ("table", Format::Table, "Columns for a person"),
        ("json", Format::Json, "JSON, as the service has it"),
        ("csv", Format::Csv, "Comma-separated values"),
    ])
}

pub(crate) fn environments() -> impl TypedValueParser<Value = Environment> {
    one_of(&[
        ("sandbox", Environment::Sandbox, "The embedded sandbox: nothing leaves this machine"),
        ("live", Environment::Live, "The services at their addresses, with your credentials"),
    ])
}

pub(crate) fn exchange_formats() -> impl TypedValueParser<Value = drillmaster_interchange::Format> {
    use drillmaster_interchange::Format;
    one_of(&[
        ("har", Format::Har, "HAR 1.2, of browsers, proxies and API tools"),
        ("vcr", Format::Vcr, "YAML or JSON of vcrpy, or of VCR for Ruby"),
    ])
}

pub(crate) fn sections() -> impl TypedValueParser<Value = Section> {
    one_of(&[
        ("needs", Section::Needs, "Who needs somebody today"),
        ("funnel", Section::Funnel, "How many are at which stage"),
        ("heatmap", Section::Heatmap, "Who has done how much of what"),
        ("burnup", Section::Burnup, "What was completed over time"),
        ("scoreboard", Section::Scoreboard, "Points"),
        ("engagement", Section::Engagement, "The time that was spent, by role"),
        ("changes", Section::Changes, "What this run changed"),
    ])
}
