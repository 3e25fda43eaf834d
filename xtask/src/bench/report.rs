//! The results as a table and as JSON.

use serde_json::{Value, json};

/// One measurement.
#[derive(Debug)]
pub(super) struct Line {
    what: String,
    value: f64,
    unit: &'static str,
    /// The minimum and the maximum of the repetitions.
    spread: Option<(f64, f64)>,
    ratio: Option<f64>,
    goal: Option<Goal>,
    note: String,
}

/// The bound of a ratio or, without a ratio, of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measured >= bound,
            Self::AtMost(bound) => measured <= bound,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
        }
    }
}

impl Line {
    pub(super) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let (what, note) = (what.into(), String::new());
        Self { what, value, unit, spread: None, ratio: None, goal: None, note }
    }

    /// The median of several measurements.
    pub(super) fn of(what: impl Into<String>, values: &[f64], unit: &'static str) -> Self {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = (values.len() > 1).then_some((least, most));
        Self { spread, ..Self::new(what, median(values), unit) }
    }

    /// Adds the ratio to another measurement.
    pub(super) fn ratio(self, ratio: f64) -> Self {
        Self { ratio: Some(ratio), ..self }
    }

    pub(super) fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Whether the goal is met, if there is one.
    fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| goal.is_met(self.ratio.unwrap_or(self.value)))
    }

    fn cells(&self) -> [String; 7] {
        let or_nothing = Option::unwrap_or_default;
        [
            self.what.clone(),
            format!("{} {}", number(self.value), self.unit),
            or_nothing(
                self.spread.map(|(least, most)| format!("{} - {}", number(least), number(most))),
            ),
            or_nothing(self.ratio.map(|ratio| format!("{ratio:.3}"))),
            or_nothing(self.goal.map(Goal::words)),
            or_nothing(self.is_met().map(|met| if met { "met" } else { "MISSED" }.to_owned())),
            self.note.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "least": self.spread.map(|(least, _)| least),
            "most": self.spread.map(|(_, most)| most),
            "ratio": self.ratio,
            "goal": self.goal.map(Goal::words),
            "met": self.is_met(),
            "note": self.note,
        })
    }
}

/// The measurements that missed their goal.
pub(super) fn missed(lines: &[Line]) -> Vec<&str> {
    let missed = lines.iter().filter(|line| line.is_met() == Some(false));
    missed.map(|line| line.what.as_str()).collect()
}

/// A table for people.
pub(super) fn table(facts: &[(String, String)], lines: &[Line]) -> String {
    let head = ["", "median", "spread", "ratio", "goal", "", ""].map(str::to_owned);
    let rows: Vec<[String; 7]> = [head].into_iter().chain(lines.iter().map(Line::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let facts = facts.iter().map(|(name, value)| format!("{name}: {value}"));
    let rows = rows.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    facts.chain([String::new()]).chain(rows).collect::<Vec<_>>().join("\n")
}

/// The results as JSON.
pub(super) fn json(facts: &[(String, String)], lines: &[Line]) -> Value {
    let machine: serde_json::Map<String, Value> =
        facts.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({ "machine": machine, "lines": lines.iter().map(Line::json).collect::<Vec<_>>() })
}

/// The median; NaN for no values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => f64::NAN,
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(values[middle - 1], *value),
    }
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!(median(&[]).is_nan());
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])].map(number), ["2.00", "2.50"]);
    }

    #[test]
    fn a_goal_is_asked_of_the_ratio_and_else_of_the_value() {
        let fast = Line::new("a", 10.0, "rows/s").ratio(0.9).goal(Goal::AtLeast(0.8));
        let slow = Line::new("b", 10.0, "rows/s").ratio(0.7).goal(Goal::AtLeast(0.8));
        let large = Line::new("c", 10.0, "MB").goal(Goal::AtMost(9.0));
        assert_eq!(missed(&[fast, slow, large]), ["b", "c"]);
    }

    #[test]
    fn columns_stand_below_each_other() {
        let lines = [
            Line::of("reads", &[100.0, 300.0, 200.0], "rows/s").ratio(0.5).goal(Goal::AtLeast(0.8)),
            Line::new("writes, 64 at a time", 1.5, "s").note("alone"),
        ];
        let facts = [("cores".to_owned(), "2".to_owned())];
        let table = table(&facts, &lines);
        let expected = [
            "cores: 2",
            "",
            "                      median      spread     ratio  goal",
            "reads                 200 rows/s  100 - 300  0.500  >= 0.8  MISSED",
            "writes, 64 at a time  1.50 s                                        alone",
        ];
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }
}
