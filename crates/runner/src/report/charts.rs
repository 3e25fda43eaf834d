//! Bar charts, and line charts over time.

use jiff::civil::Date;

use super::svg::{Drawing, number, rectangle, short};

/// A bar: its name, its length, and the number next to it.
pub(super) struct Bar {
    pub(super) name: String,
    pub value: f64,
    pub(super) shown: String,
}

const BARS_WIDTH: f64 = 420.0;
/// The length of the longest bar; the rest of the width is for numbers.
const LONGEST: f64 = 300.0;
const BAR: f64 = 18.0;
const STEP: f64 = 46.0;

/// A bar chart. The longest bar takes the available width.
pub(super) fn bars(bars: &[Bar], label: &str) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let mut drawing = Drawing::new(BARS_WIDTH);
    let mut y = 0.0;
    for Bar { name, value, shown } in bars {
        // A bar for zero is visible, too.
        let length = (length(*value, most) * LONGEST).max(1.0);
        drawing.text((0.0, y + 14.0), "l", &short(name, 48));
        let tip = format!("{name}: {shown}");
        drawing.path("bar", &rectangle(0.0, y + 20.0, length, BAR), &tip);
        drawing.text((length + 8.0, y + 34.0), "n", shown);
        y += STEP;
    }
    drawing.finish(y, "bars", label, "")
}

/// The length relative to the longest one.
fn length(value: f64, most: f64) -> f64 {
    if most > 0.0 { value / most } else { 0.0 }
}

const LINE_WIDTH: f64 = 480.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 464.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 196.0;
const LINE_HEIGHT: f64 = 226.0;
/// Up to this many days get a dot each.
const MAX_DOTS: usize = 80;

/// A line chart of a sum that grows from day to day.
pub(super) fn growth(days: &[(Date, u64)], label: &str) -> String {
    let mut drawing = Drawing::new(LINE_WIDTH);
    let most = days.last().map_or(0, |(_, sum)| *sum);
    let step = tick(most);
    // The scale ends on a tick.
    let top = most.div_ceil(step).max(1) * step;
    let y = |sum: u64| BOTTOM - length(real(sum), real(top)) * (BOTTOM - TOP);
    let mut sum = 0;
    while sum <= top {
        let at = number(y(sum));
        drawing.path("grid", &format!("M{LEFT} {at}H{RIGHT}"), "");
        drawing.text((LEFT - 6.0, y(sum) + 4.0), "e", &sum.to_string());
        sum += step;
    }
    let first = days.first().map_or(Date::MIN, |(day, _)| *day);
    let since = |day: Date| f64::from(day.since(first).map_or(0, |span| span.get_days()));
    let whole = days.last().map_or(0.0, |(day, _)| since(*day));
    // A single day is centred.
    let x = |day: Date| {
        if whole > 0.0 {
            LEFT + since(day) / whole * (RIGHT - LEFT)
        } else {
            f64::midpoint(LEFT, RIGHT)
        }
    };
    let points: Vec<_> = days.iter().map(|(day, sum)| (x(*day), y(*sum))).collect();
    let line: Vec<_> =
        points.iter().map(|(x, y)| format!("{} {}", number(*x), number(*y))).collect();
    let line = line.join("L");
    if let (Some((begin, _)), Some((end, _))) = (points.first(), points.last()) {
        let (begin, end) = (number(*begin), number(*end));
        drawing.path("area", &format!("M{begin} {BOTTOM}L{line}L{end} {BOTTOM}z"), "");
        drawing.path("line", &format!("M{line}"), "");
    }
    if days.len() <= MAX_DOTS {
        for ((x, y), (day, sum)) in points.iter().zip(days) {
            let (x, y) = (number(*x - 3.0), number(*y));
            let tip = format!("{day}: {sum}");
            drawing.path("dot", &format!("M{x} {y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"), &tip);
        }
    }
    let ends = [days.first(), days.last().filter(|_| days.len() > 1)];
    for ((day, _), class) in
        ends.into_iter().flatten().zip([if whole > 0.0 { "l" } else { "m" }, "e"])
    {
        drawing.text((x(*day), BOTTOM + 20.0), class, &day.to_string());
    }
    drawing.finish(LINE_HEIGHT, "growth", label, "")
}

/// The distance of ticks: 1, 2 or 5 times a power of ten, with at most five ticks.
fn tick(most: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = step.saturating_mul(factor);
            if most.div_ceil(step) <= 5 {
                return step;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the difference is invisible in a chart")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let bar =
            |name: &str, value: f64| Bar { name: name.to_owned(), value, shown: number(value) };
        let drawn = bars(&[bar("all", 40.0), bar("a quarter", 10.0), bar("none", 0.0)], "x");
        for length in ["h300v18", "h75v18", "h1v18"] {
            assert!(drawn.contains(length), "{drawn}");
        }
        assert!(!bars(&[bar("none", 0.0)], "x").contains("NaN"));
    }

    #[test]
    fn ticks_are_round_and_few() {
        let steps = [0, 1, 5, 6, 11, 26, 999, u64::MAX].map(tick);
        assert_eq!(&steps[..7], [1, 1, 1, 2, 5, 10, 200]);
        assert!(u64::MAX.div_ceil(steps[7]) <= 5);
    }

    #[test]
    fn time_goes_to_the_right_in_proportion_and_the_sum_up() {
        let day = |text: &str, sum| (text.parse::<Date>().unwrap(), sum);
        let days = [day("2026-09-01", 5), day("2026-09-11", 10), day("2026-10-01", 50)];
        let drawn = growth(&days, "x");
        // Ten days of thirty, and a fifth of the scale.
        assert!(drawn.contains("M48 177.6L186.7 159.2L464 12"), "{drawn}");
        assert!(!growth(&days[..1], "x").contains("NaN"));
        assert!(!growth(&[], "x").contains("NaN"));
    }
}
