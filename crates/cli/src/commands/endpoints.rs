//! `drillmaster endpoints`

use clap::Args;
use drillmaster_models::{self as models, Dialect, EndpointDef, Field, Resolve};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_runner::output::table::{Format, layout};
use serde_json::{Value, json};

use crate::complete;
use crate::ui::Ui;

/// What to do about a missing or misspelt endpoint.
pub(crate) const LIST_ENDPOINTS: &str = "to list endpoints, run `drillmaster endpoints`";

/// The arguments of `endpoints`.
#[derive(Debug, Args)]
pub(crate) struct EndpointsArgs {
    /// Endpoint to describe, such as thm.rooms
    #[arg(add = complete::endpoint_names())]
    endpoint: Option<String>,
}

pub(crate) fn run(args: &EndpointsArgs, ui: &Ui) -> Result<Exit, Diagnostic> {
    match &args.endpoint {
        Some(name) => {
            let endpoint = models::endpoint(name)
                .map_err(|error| Diagnostic::usage(error.to_string()).with_help(LIST_ENDPOINTS))?;
            match ui.format {
                Format::Json => ui.console.print(&format!("{:#}", as_json(endpoint))),
                // The part of the description that is a list.
                Format::Csv => {
                    let fields = endpoint.fields().iter();
                    ui.rows(
                        &["field", "kind", "required", "description"],
                        fields.map(in_cells).collect(),
                    );
                }
                Format::Table => ui.console.print(&describe(endpoint, ui.console.width())),
            }
        }
        None => {
            let header = ["endpoint", "effect", "request", "summary"];
            ui.list(&header, models::endpoints().map(as_json).collect());
        }
    }
    Ok(Exit::Done)
}

fn as_json(endpoint: &'static EndpointDef) -> Value {
    let fields = endpoint.fields().iter().map(|field| {
        json!({
            "name": field.name,
            "kind": field.kind.name(),
            "required": field.required,
            "doc": field.doc,
        })
    });
    let errors = endpoint.errors().map(|spec| json!({ "status": spec.status, "says": spec.says }));
    json!({
        "endpoint": endpoint.name(),
        "effect": endpoint.metadata.effect.word(),
        "request": request(endpoint, Dialect::Current),
        "legacy": endpoint.legacy.and_then(|_| request(endpoint, Dialect::Legacy)),
        "summary": endpoint.summary(),
        "fields": fields.collect::<Vec<_>>(),
        "faults": errors.collect::<Vec<_>>(),
    })
}

fn request(endpoint: &EndpointDef, dialect: Dialect) -> Option<String> {
    endpoint.metadata(dialect).ok().map(|metadata| format!("{} {}", metadata.method, metadata.path))
}

fn in_cells(field: &Field) -> Vec<String> {
    let need = if field.required { "required" } else { "" };
    vec![field.name.clone(), field.kind.name().to_owned(), need.to_owned(), field.doc.clone()]
}

fn describe(endpoint: &'static EndpointDef, width: Option<u16>) -> String {
    let service = endpoint.service();
    let mut parts = vec![format!("{}  ({})", endpoint.name(), service.title), endpoint.doc()];
    let dialects = Dialect::ALL.into_iter().filter(|dialect| match dialect {
        Dialect::Current => true,
        Dialect::Legacy => service.has_legacy,
    });
    let lines = dialects.map(|dialect| {
        let request = request(endpoint, dialect).unwrap_or_else(|| "none".to_owned());
        format!("{:<9}{request}", format!("{dialect}:"))
    });
    let effect =
        format!("{:<9}{}{}", "effect:", endpoint.metadata.effect.word(), in_doubt(endpoint));
    parts.push(lines.chain([effect]).collect::<Vec<_>>().join("\n"));
    if !endpoint.fields().is_empty() {
        let rows = endpoint.fields().iter().map(in_cells);
        let table = layout(&["field", "kind", "", "description"], rows, width);
        parts.push(format!("Fields:\n{table}"));
    }
    let errors = endpoint
        .errors()
        .map(|spec| vec![spec.status.to_string(), spec.says.to_owned(), spec.means.to_string()]);
    let table = layout(&["status", "message", "meaning"], errors, width);
    parts.push(format!("Errors:\n{table}"));
    parts.join("\n\n")
}

fn in_doubt(endpoint: &EndpointDef) -> String {
    match endpoint.metadata.effect.write().map(|write| write.resolve) {
        None => String::new(),
        Some(Resolve::Repeat) => "; in doubt, a repeat is harmless and answers alike".to_owned(),
        Some(Resolve::Refusal) => "; in doubt, a repeat is refused when it was done".to_owned(),
        Some(Resolve::Probe { endpoint, .. }) => {
            format!("; in doubt, {endpoint} tells whether it was done")
        }
    }
}
