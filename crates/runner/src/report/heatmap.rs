//! The heatmap: each cell is filled in proportion to the share that is done.
//!
//! The filled part shows the same as the colour, so that the chart works without colours. A long list is split into
//! parts, each with the names of the columns above it.

use std::collections::BTreeMap;

use super::svg::{Drawing, rectangle, short};
use crate::report_data::{Heatmap, Line};

/// The number of rows in a part.
const PART: usize = 50;
/// The space for names on the left and at the top.
const NAMES: f64 = 168.0;
const HEADER: f64 = 120.0;
/// The gap between cells.
const GAP: f64 = 1.0;
/// The number of colours for shares above 0.
pub(super) const SHADES: u8 = 5;

/// The parts of the chart. `label` describes them in words; `table` is the id of the table with the numbers.
pub(super) fn draw(heatmap: &Heatmap, label: &str, table: &str) -> Vec<String> {
    let parts = heatmap.rows.chunks(PART).enumerate();
    parts.map(|(index, rows)| part(heatmap, index * PART, rows, label, table)).collect()
}

fn part(heatmap: &Heatmap, first: usize, rows: &[Line], label: &str, table: &str) -> String {
    let columns = &heatmap.columns;
    let (width, height) = if columns.len() <= 12 { (34.0, 20.0) } else { (17.0, 14.0) };
    let end = NAMES + width * real(columns.len());
    // The last name extends beyond the last column.
    let mut drawing = Drawing::new(end + 70.0);
    for (index, name) in columns.iter().enumerate() {
        let x = NAMES + width * (real(index) + 0.5) + 4.0;
        drawing.slanting((x, HEADER - 6.0), &short(name, 20));
    }
    let (mut ground, mut unknown) = (String::new(), String::new());
    let mut fills: BTreeMap<u8, String> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let y = HEADER + height * real(index);
        drawing.text((NAMES - 8.0, y + height / 2.0 + 4.0), "e", &short(&row.who, 22));
        for (column, share) in row.cells.iter().enumerate() {
            let x = NAMES + width * real(column);
            let cell = |share: f64| rectangle(x, y, (width - GAP) * share, height - GAP);
            match share {
                None => unknown.push_str(&rectangle(
                    x + width / 2.0 - 2.0,
                    y + height / 2.0 - 1.0,
                    4.0,
                    1.0,
                )),
                Some(share) => {
                    if *share < 1.0 {
                        ground.push_str(&cell(1.0));
                    }
                    if *share > 0.0 {
                        // A small share is visible, and a large one does not look finished.
                        let seen = 3.0 / width;
                        let fill = if *share < 1.0 { share.clamp(seen, 1.0 - seen) } else { 1.0 };
                        let fill = cell(fill);
                        fills.entry(shade(*share)).or_default().push_str(&fill);
                    }
                }
            }
        }
    }
    if !ground.is_empty() {
        drawing.path("ground", &ground, "");
    }
    for (shade, line) in fills {
        drawing.path(&format!("h{shade}"), &line, "");
    }
    if !unknown.is_empty() {
        drawing.path("unknown", &unknown, "");
    }
    let last = first + rows.len();
    let label = match heatmap.rows.len() {
        all if all > PART => format!("{label}. Rows {} to {last} of {all}", first + 1),
        _ => label.to_owned(),
    };
    let cells =
        format!(r#" data-cells="{NAMES} {HEADER} {width} {height} {first}" data-table="{table}""#);
    drawing.finish(HEADER + height * real(rows.len()), "heatmap", &label, &cells)
}

/// The colour of a share. The last one is only for finished cells.
pub(super) fn shade(share: f64) -> u8 {
    let below = |shade: &u8| share < f64::from(*shade) / f64::from(SHADES - 1);
    (1..SHADES).find(below).unwrap_or(SHADES)
}

#[expect(clippy::cast_precision_loss, reason = "a position in a chart")]
fn real(index: usize) -> f64 {
    index as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heatmap(rows: usize, cells: &[Option<f64>]) -> Heatmap {
        let columns = (0..cells.len()).map(|index| format!("lab {index}")).collect();
        let line = |index: usize| Line { who: format!("learner {index}"), cells: cells.to_vec() };
        Heatmap { columns, rows: (0..rows).map(line).collect() }
    }

    #[test]
    fn only_finished_cells_have_the_last_colour() {
        assert_eq!([0.01, 0.24, 0.25, 0.74, 0.99, 1.0].map(shade), [1, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_cell_is_filled_in_proportion() {
        let drawn = draw(&heatmap(1, &[Some(0.5), Some(1.0), Some(0.0), None]), "x", "t");
        let [drawn] = drawn.as_slice() else { panic!("expected one part") };
        assert!(drawn.contains(r#"<path class="h3" d="M168 120h16.5v19h-16.5z"/>"#), "{drawn}");
        assert!(drawn.contains(r#"<path class="h5" d="M202 120h33v19h-33z"/>"#), "{drawn}");
        assert!(
            drawn.contains(r#"class="ground" d="M168 120h33v19h-33zM236 120h33v19h-33z""#),
            "{drawn}"
        );
        assert!(drawn.contains(r#"class="unknown" d="M285 129h4v1h-4z""#), "{drawn}");
    }

    #[test]
    fn each_part_of_a_long_list_has_the_names_of_the_columns() {
        let parts = draw(&heatmap(101, &[Some(0.5); 40]), "x", "t");
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.contains("lab 39")));
        assert!(parts[2].contains("Rows 101 to 101 of 101") && parts[2].contains("learner 100"));
    }
}
