//! Reports: the page, its numbers, the other formats, and what is refused.

use serde_json::{Value, json};

use super::check;
use crate::desk::{CLASS, Desk};
use crate::snapshot::snapshot;

const CLASS_REPORT: &str = r#"
//! Seats a class: and reports on it.
each(roster(), |learner| { thm::add_seat(#{ email: learner.email }); });
report(#{
    needs: [#{ who: "Ayşe Arslan", what: "stuck since 2026-09-12", link: "https://rooms.example/?a=1&b=2" }],
    funnel: #{ notSignedUp: 3, notStarted: 0, started: 1 },
    heatmap: #{ columns: ["Intro", "XSS"], rows: [
        #{ who: "Ayşe Arslan", cells: [1, 0.5] },
        #{ who: "<script>alert(1)</script>", cells: [0, ()] },
    ] },
    burnup: ["2026-09-01", #{ date: "2026-09-03", count: 4 }],
    scoreboard: [#{ who: "Ayşe Arslan", points: 8 }, #{ who: "\"محمد\" & Söhne", points: 20.5 }],
    engagement: [#{ role: "QA & Ops", minutes: 90, people: 4 }],
});
"#;
const RUN: &str = "run report.rhai --roster class.csv --max-rows 8";

fn desk() -> Desk {
    Desk::empty().with("report.rhai", CLASS_REPORT).with("class.csv", CLASS)
}

/// The page without its style and script.
fn bare(page: &str) -> String {
    let mut bare = page.to_owned();
    for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>"), ("sha256-", "&#x27;")]
    {
        let start = bare.find(begin).unwrap() + begin.len();
        let length = bare[start..].find(end).unwrap();
        bare.replace_range(start..start + length, "…");
    }
    bare
}

/// The cells of a section's table.
fn table(page: &str, section: &str) -> Vec<Vec<String>> {
    let begin = page.find(&format!("<table id=\"t-{section}\">")).unwrap();
    let body = page[begin..].split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let text =
        |cell: &str| cell.split_once('>').unwrap().1.split_once("</td>").unwrap().0.to_owned();
    let row = |row: &str| row.split("<td").skip(1).map(text).collect();
    body.split("<tr>").skip(1).map(row).collect()
}

#[test]
fn a_report_is_a_page_csv_json_and_a_summary() {
    let desk = desk();
    let line = format!("{RUN} --report class.html --report class.csv.csv --report class.json");
    check("report", &desk, &line, 1);
    let page = desk.read("class.html");
    assert!(!page.contains("<script>alert"), "a name is not escaped");
    snapshot("cli", "report_page", &bare(&page));
    snapshot("cli", "report_csv", &desk.read("class.csv.csv"));
    snapshot("cli", "report_json", &desk.read("class.json"));
}

#[test]
fn the_numbers_on_the_page_are_those_of_the_data() {
    // Whole percentages, so that the expected values need no rounding.
    let share = |row: usize, column: usize| match (row * 31 + column * 17) % 23 {
        0 => None,
        twentieths => Some(twentieths.min(20) * 5),
    };
    let (rows, columns) = (500, 40);
    let cells = |row: usize| (0..columns).map(move |column| share(row, column));
    #[expect(clippy::cast_precision_loss, reason = "up to a hundred")]
    let fraction = |share: Option<usize>| share.map(|share| share as f64 / 100.0);
    let lines: Vec<Value> = (0..rows)
        .map(|row| json!({ "who": format!("learner {row}"), "cells": cells(row).map(fraction).collect::<Vec<_>>() }))
        .collect();
    let days: Vec<Value> = (1..=28)
        .map(|day| json!({ "date": format!("2026-09-{day:02}"), "count": day * day % 7 }))
        .collect();
    let points = |row: usize| row * 7919 % 1000;
    let board: Vec<Value> = (0..rows)
        .map(|row| json!({ "who": format!("learner {row}"), "points": points(row) }))
        .collect();
    let data = json!({
        "funnel": { "notSignedUp": 17, "notStarted": 4, "started": 321, "finished": 158 },
        "heatmap": { "columns": (0..columns).map(|index| format!("lab {index}")).collect::<Vec<_>>(), "rows": lines },
        "burnup": days,
        "scoreboard": board,
        "engagement": [{ "role": "QA", "minutes": 90, "people": 4 }],
    });
    let script = format!("report({data});").replace('{', "#{").replace("null", "()");
    let desk = Desk::empty().with("big.rhai", script);
    desk.run("run big.rhai --report big.html").exits(0);
    let page = desk.read("big.html");
    assert!(page.len() < 2 << 20, "{} bytes", page.len());

    assert_eq!(
        table(&page, "funnel"),
        [["not signed up", "17"], ["not started", "4"], ["started", "321"], ["finished", "158"]]
    );
    for (row, shown) in table(&page, "heatmap").iter().enumerate() {
        let expected =
            cells(row).map(|share| share.map_or(String::new(), |share| format!("{share}%")));
        let expected: Vec<_> = std::iter::once(format!("learner {row}")).chain(expected).collect();
        assert_eq!(*shown, expected);
    }
    // The chart has a rectangle for each cell of a colour.
    let boxes = |class: &str| -> usize {
        let begin = format!("<path class=\"{class}\" d=\"M");
        let paths = page.split(&begin).skip(1);
        // One is in the legend.
        paths.map(|path| path.split('"').next().unwrap().split('M').count()).sum::<usize>() - 1
    };
    let all: Vec<_> = (0..rows).flat_map(cells).collect();
    let count =
        |fits: &dyn Fn(usize) -> bool| all.iter().flatten().filter(|share| fits(**share)).count();
    assert_eq!(boxes("unknown"), all.iter().filter(|share| share.is_none()).count());
    assert_eq!(boxes("ground"), count(&|share| share < 100));
    for (class, from, below) in
        [("h1", 1, 25), ("h2", 25, 50), ("h3", 50, 75), ("h4", 75, 100), ("h5", 100, 101)]
    {
        assert_eq!(boxes(class), count(&|share| (from..below).contains(&share)), "{class}");
    }
    let mut sum = 0;
    let expected: Vec<_> = (1..=28)
        .map(|day| {
            sum += day * day % 7;
            vec![format!("2026-09-{day:02}"), (day * day % 7).to_string(), sum.to_string()]
        })
        .collect();
    assert_eq!(table(&page, "burnup"), expected);
    let standings = table(&page, "scoreboard");
    assert_eq!(standings.len(), rows);
    for standing in &standings {
        let (place, row) =
            (&standing[0], standing[1].rsplit_once(' ').unwrap().1.parse::<usize>().unwrap());
        assert_eq!(standing[2], points(row).to_string());
        let better = (0..rows).filter(|other| points(*other) > points(row)).count();
        assert_eq!(*place, (better + 1).to_string());
    }
    assert_eq!(table(&page, "engagement"), [["QA", "90", "4"]]);
}

#[test]
fn changes_are_the_writes_of_the_rows() {
    let desk = desk();
    desk.run(&format!("{RUN} --report class.html --results class.out.csv --sections changes"))
        .exits(1);
    let results = desk.read("class.out.csv");
    let done: Vec<_> = results
        .lines()
        .filter(|line| line.contains(",done,"))
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert!(!done.is_empty());
    let changed = table(&desk.read("class.html"), "changes");
    assert_eq!(changed, done.iter().map(|who| [*who, "thm.add_seat"]).collect::<Vec<_>>());
    assert!(!desk.read("class.html").contains("t-needs"), "only one section is requested");
}

#[test]
fn a_pseudonymised_report_names_nobody() {
    let desk = desk();
    let files = ["a.html", "a.csv", "a.json"];
    let flags = files.map(|file| format!(" --report {file}")).concat();
    desk.run(&format!("{RUN} --pseudonymise{flags}")).exits(1);
    for file in files {
        let text = desk.read(file);
        for row in CLASS.lines().skip(1) {
            let cells: Vec<_> = row.split(',').collect();
            assert!(!text.contains(cells[0]) && !text.contains(cells[1]), "{row} in {file}");
        }
        // The first person of the roster, by any of their names.
        assert!(text.contains("learner-0001") && !text.contains("rooms.example"), "{file}");
    }
}

#[test]
fn a_report_of_a_stopped_run_says_so() {
    let script = CLASS_REPORT.replace("report(#{", "throw \"the rest is missing\"; report(#{");
    let desk = desk().with("report.rhai", script);
    desk.run(&format!("{RUN} --report class.html")).exits(3);
    let page = desk.read("class.html");
    assert!(page.contains("This run did not finish.") && page.contains("the rest is missing"));
    assert!(page.contains("t-changes") && !page.contains("t-funnel"));
    let parts = format!("{RUN} --quiet --report part.csv --report part.json");
    let err = desk.run(&parts).exits(3).err.clone();
    assert!(err.contains("report: part.csv (incomplete, because the run stopped)"), "{err}");
    let data: Value = serde_json::from_str(&desk.read("part.json")).unwrap();
    assert_eq!(data["stopped"], "the rest is missing");
    // The report of a complete run is not replaced by an incomplete one.
    let desk = desk.with("class.html", "whole");
    let again = desk.run(&format!("{RUN} --report class.html"));
    assert!(again.exits(3).err.contains("class.html was not replaced"), "{again}");
    assert_eq!(desk.read("class.html"), "whole");
}

#[test]
fn a_report_of_a_dry_run_says_so_and_replaces_no_report() {
    let desk = desk();
    let dry = format!("{RUN} --dry-run --report class.html");
    // A dry run does not know who has no account.
    desk.run(&dry).exits(0);
    let page = desk.read("class.html");
    assert!(page.contains("Dry run.") && page.contains("would change: thm.add_seat"));
    check("report_dry_again", &desk, &dry, 2);
    desk.run(&format!("{RUN} --report class.html")).exits(1);
    assert!(!desk.read("class.html").contains("Dry run."));
}

#[test]
fn a_resumed_run_writes_its_report_again() {
    let desk = desk();
    desk.run(&format!("{RUN} --journal class.journal --report class.json")).exits(1);
    let first = desk.read("class.json");
    std::fs::remove_file(desk.path("class.json")).unwrap();
    desk.run("resume class.journal --failed").exits(1);
    assert_eq!(desk.read("class.json"), first);
}

#[test]
fn another_template_makes_another_page() {
    let desk = desk()
        .with(
            "own.j2",
            "{{ report.title }}{% for section in sections %}; {{ section.name }}{% endfor %}",
        )
        .with("odd.j2", "fine\n{% if %}");
    desk.run(&format!("{RUN} --report own.html --template own.j2")).exits(1);
    let sections = "needs; funnel; heatmap; burnup; scoreboard; engagement; changes";
    assert_eq!(desk.read("own.html"), format!("Seats a class; {sections}"));
    check("report_odd_template", &desk, &format!("{RUN} --report x.html --template odd.j2"), 2);
    check(
        "report_template_of_nothing",
        &desk,
        &format!("{RUN} --report x.csv --template own.j2"),
        2,
    );
    desk.run("definitions words").exits(0);
    desk.run(&format!("{RUN} --report same.html --template words/report.html.j2")).exits(1);
    assert!(desk.read("same.html").contains("t-funnel"));
}

#[test]
fn an_error_in_report_data_has_the_line_of_the_script() {
    let desk = Desk::empty()
        .with("field.rhai", "let n = 3;\nreport(#{ needs: [#{ who: \"ada\", wat: n }] });")
        .with("row.rhai", "each([1], |n| { report(#{ title: \"x\" }); });")
        .with("fine.rhai", "report(#{ funnel: #{ started: 1 } });");
    check("report_wrong_field", &desk, "run field.rhai", 3);
    check("report_in_a_row", &desk, "run row.rhai", 1);
    check("report_unknown_kind", &desk, "run fine.rhai --report class.pdf", 2);
    check("report_unknown_section", &desk, "run fine.rhai --report x.html --sections funel", 2);
    check("report_told_only", &desk, "run fine.rhai", 0);
}
