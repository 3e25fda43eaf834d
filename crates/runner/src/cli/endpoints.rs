//! `drillmaster endpoints`

use drillmaster_models::{Dialect, Entry, Field, Settle, entries, entry};
use serde_json::{Value, json};

use super::{Format, Shell};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::table::layout;

pub(crate) fn endpoints(name: Option<&str>, shell: &Shell) -> Result<Exit, Problem> {
    match name {
        Some(name) => {
            let entry = entry(name).map_err(|error| Problem::usage(error.to_string()))?;
            match shell.format {
                Format::Json => shell.console.print(&format!("{:#}", as_json(entry))),
                // What can be listed of it.
                Format::Csv => {
                    let fields = entry.fields().iter();
                    shell.rows(
                        &["field", "kind", "required", "meaning"],
                        fields.map(in_cells).collect(),
                    )?;
                }
                Format::Table => shell.console.print(&describe(entry, shell.console.width())),
            }
        }
        None => {
            let header = ["entry", "effect", "request", "summary"];
            shell.list(&header, entries().map(as_json).collect())?;
        }
    }
    Ok(Exit::Done)
}

fn as_json(entry: &'static Entry) -> Value {
    let fields = entry.fields().iter().map(|field| {
        json!({
            "name": field.name,
            "kind": field.kind.name(),
            "required": field.required,
            "doc": field.doc,
        })
    });
    let faults = entry.faults().map(|fault| json!({ "status": fault.status, "says": fault.says }));
    json!({
        "entry": entry.name(),
        "effect": entry.spec.effect.word(),
        "request": request(entry, Dialect::Current),
        "legacy": entry.legacy.and_then(|_| request(entry, Dialect::Legacy)),
        "summary": entry.summary(),
        "fields": fields.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
    })
}

fn request(entry: &Entry, dialect: Dialect) -> Option<String> {
    entry.spec(dialect).ok().map(|spec| format!("{} {}", spec.method, spec.path))
}

fn in_cells(field: &Field) -> Vec<String> {
    let need = if field.required { "required" } else { "" };
    vec![field.name.clone(), field.kind.name().to_owned(), need.to_owned(), field.doc.clone()]
}

fn describe(entry: &'static Entry, width: Option<u16>) -> String {
    let service = entry.service();
    let mut parts = vec![format!("{}  ({})", entry.name(), service.title), entry.doc()];
    let dialects = Dialect::ALL.into_iter().filter(|dialect| match dialect {
        Dialect::Current => true,
        Dialect::Legacy => service.has_legacy,
    });
    let lines = dialects.map(|dialect| {
        let request = request(entry, dialect).unwrap_or_else(|| "none".to_owned());
        format!("{:<9}{request}", format!("{dialect}:"))
    });
    let effect = format!("{:<9}{}{}", "effect:", entry.spec.effect.word(), settled(entry));
    parts.push(lines.chain([effect]).collect::<Vec<_>>().join("\n"));
    if !entry.fields().is_empty() {
        let rows = entry.fields().iter().map(in_cells);
        let table = layout(&["field", "kind", "", "meaning"], rows, width);
        parts.push(format!("Fields:\n{table}"));
    }
    let faults = entry.faults().map(|fault| {
        vec![fault.status.to_string(), fault.says.to_owned(), fault.means.to_string()]
    });
    let table = layout(&["status", "words", "meaning"], faults, width);
    parts.push(format!("Refusals:\n{table}"));
    parts.join("\n\n")
}

fn settled(entry: &Entry) -> String {
    match entry.spec.effect.write().map(|write| write.settle) {
        None => String::new(),
        Some(Settle::Repeat) => "; in doubt, a repeat is harmless and answers alike".to_owned(),
        Some(Settle::Refusal) => "; in doubt, a repeat is refused when it was done".to_owned(),
        Some(Settle::Probe { entry, .. }) => {
            format!("; in doubt, {entry} tells whether it was done")
        }
    }
}
