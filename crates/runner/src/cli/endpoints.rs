//! `drillmaster endpoints`

use drillmaster_models::{Dialect, Effect, Entry, Means, Settle, entries, entry};
use serde_json::{Value, json};

use super::{Format, Shell};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::table::{cell, layout};

pub(crate) fn endpoints(name: Option<&str>, shell: &Shell) -> Result<Exit, Problem> {
    match name {
        Some(name) => {
            let entry = entry(name).map_err(|error| Problem::usage(error.to_string()))?;
            let text = match shell.format {
                Format::Json => format!("{:#}", as_json(entry)),
                _ => describe(entry),
            };
            shell.console.print(&text);
        }
        None => list(shell)?,
    }
    Ok(Exit::Done)
}

fn list(shell: &Shell) -> Result<(), Problem> {
    let entries: Vec<Value> = entries().map(as_json).collect();
    let header = ["entry", "effect", "request", "summary"];
    let cells = |entry: &Value| header.iter().map(|name| cell(&entry[*name])).collect();
    let rows = entries.iter().map(cells);
    let text = match shell.format {
        Format::Json => format!("{:#}", Value::Array(entries)),
        Format::Table => layout(&header, rows, shell.table_width()),
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            let all = std::iter::once(header.iter().map(ToString::to_string).collect()).chain(rows);
            let written = all
                .into_iter()
                .try_for_each(|row: Vec<String>| csv.write_record(row));
            let text = written.map_err(|error| error.to_string());
            let text = text.and_then(|()| csv.into_inner().map_err(|error| error.to_string()));
            let text =
                text.map_err(|error| Problem::usage(format!("cannot write CSV: {error}")))?;
            String::from_utf8_lossy(&text).trim_end().to_owned()
        }
    };
    shell.console.print(&text);
    Ok(())
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
    let faults = entry
        .faults()
        .map(|fault| json!({ "status": fault.status, "says": fault.says }));
    json!({
        "entry": entry.name(),
        "effect": effect(entry),
        "request": request(entry, Dialect::Current),
        "legacy": entry.legacy.is_some().then(|| request(entry, Dialect::Legacy)),
        "summary": entry.summary(),
        "fields": fields.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
    })
}

fn request(entry: &Entry, dialect: Dialect) -> String {
    entry.spec(dialect).map_or(String::new(), |spec| {
        format!("{} {}", spec.method, spec.path)
    })
}

fn effect(entry: &Entry) -> &'static str {
    match entry.spec.effect {
        Effect::Read => "read",
        Effect::Write(write) if write.irreversible => "irreversible",
        Effect::Write(write) if write.removes => "removal",
        Effect::Write(_) => "write",
    }
}

fn describe(entry: &'static Entry) -> String {
    let service = entry.service();
    let mut text = format!("{}  ({})\n\n{}\n", entry.name(), service.title, entry.doc());
    for dialect in Dialect::ALL {
        if dialect == Dialect::Current || service.has_legacy {
            let request = match entry.spec(dialect) {
                Ok(_) => request(entry, dialect),
                Err(_) => "none".to_owned(),
            };
            text += &format!("\n{:<9}{request}", format!("{dialect}:"));
        }
    }
    text += &format!("\neffect:  {}", effect(entry));
    if let Some(write) = entry.spec.effect.write() {
        let settled = match write.settle {
            Settle::Repeat => "a repeat is harmless and answers alike".to_owned(),
            Settle::Refusal => "a repeat is refused when it was done".to_owned(),
            Settle::Probe { entry, .. } => format!("{entry} tells whether it was done"),
        };
        text += &format!("; in doubt, {settled}");
    }
    if !entry.fields().is_empty() {
        let rows = entry.fields().iter().map(|field| {
            let need = if field.required { "required" } else { "" };
            vec![
                field.name.clone(),
                field.kind.name().to_owned(),
                need.to_owned(),
                field.doc.clone(),
            ]
        });
        text += &format!(
            "\n\nFields:\n{}",
            layout(&["field", "kind", "", "meaning"], rows, None)
        );
    }
    let faults: Vec<_> = entry
        .faults()
        .map(|fault| {
            let means = match fault.means {
                Means::Refused => "refused",
                Means::Already => "already so: unchanged",
                Means::Exhausted => "ends all further calls of this entry",
                Means::Credential => "the credential was not accepted: ends the run",
                Means::Answer(answer) => answer,
            };
            vec![
                fault.status.to_string(),
                fault.says.to_owned(),
                means.to_owned(),
            ]
        })
        .collect();
    let faults = layout(&["status", "words", "meaning"], faults, None);
    format!("{text}\n\nRefusals:\n{faults}")
}
