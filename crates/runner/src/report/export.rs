//! The file formats of a report.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::page::Template;
use super::{Report, SectionView};
use crate::diagnostic::Diagnostic;
use crate::fs::{Visibility, write_atomic};
use crate::output::table::sheet_text;

/// The format of a report file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A web page.
    Page,
    /// The tables of all sections one after another. Each has its own columns.
    Csv,
    /// The whole report as data.
    Json,
}

impl Kind {
    /// The format that a file name implies.
    pub fn from_path(path: &Path) -> Result<Self, Diagnostic> {
        let extension = path.extension().map(|own| own.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("html" | "htm") => Ok(Self::Page),
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            _ => {
                let message = format!("{}: unknown format of a report", path.display());
                Err(Diagnostic::usage(message)
                    .with_help("use a file name that ends in .html, .csv or .json"))
            }
        }
    }
}

/// Writes a report to a file.
pub fn write(
    path: &Path,
    report: &Report,
    views: &[SectionView],
    template: &Template,
) -> Result<(), Diagnostic> {
    let text = match Kind::from_path(path)? {
        Kind::Page => template.render(report, views)?,
        Kind::Csv => csv(views),
        Kind::Json => format!("{:#}\n", serde_json::to_value(report).unwrap_or(Value::Null)),
    };
    let written =
        write_atomic(path, Visibility::Owner, |out| io::Write::write_all(out, text.as_bytes()));
    written.map_err(|error| Diagnostic::cannot_write(path, &error))
}

fn csv(views: &[SectionView]) -> String {
    let mut header = vec!["section".to_owned()];
    // Sections share columns with the same name. Columns of one section are never merged.
    let mut known = HashMap::new();
    let mut places = Vec::new();
    for view in views {
        let mut own = HashMap::new();
        let names = view.table.columns.iter().map(|column| column.name.as_str());
        let place = names.map(|name| {
            let again = own.entry(name).and_modify(|again| *again += 1).or_insert(0);
            *known.entry((name, *again)).or_insert_with(|| {
                header.push(name.to_owned());
                header.len() - 1
            })
        });
        places.push(place.collect::<Vec<_>>());
    }
    let mut rows = Vec::new();
    for (view, places) in views.iter().zip(places) {
        for row in &view.table.rows {
            let mut cells = vec![String::new(); header.len()];
            view.name.clone_into(&mut cells[0]);
            for (place, cell) in places.iter().zip(row) {
                cells[*place].clone_from(cell.link.as_ref().unwrap_or(&cell.text));
            }
            rows.push(cells);
        }
    }
    sheet_text(&header, &rows) + "\n"
}
