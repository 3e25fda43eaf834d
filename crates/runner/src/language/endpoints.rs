//! Every endpoint as a function: `thm::add_seat(#{ … })`, and every list as a walk: `veracode::all_users()`.
//! Made from the list of endpoints alone.

use std::collections::VecDeque;
use std::sync::Arc;

use drillmaster_models::{EndpointDef, FieldKind, Pager, SERVICES};
use drillmaster_transport::Error;
use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FuncRegistration, Map, Module, NativeCallContext,
    Position,
};
use serde_json::Value;

use crate::execution::context::RunContext;
use crate::execution::memory::EXCEEDED;
use crate::execution::script_error::needs_a_map;
use crate::value::frozen::FrozenMap;
use crate::value::{CallError, call_error, from_json, runtime_error, to_json};

/// Starts the name of a function that walks through a list: `all_users`.
pub(crate) const WALK: &str = "all_";

type Answer = Result<Dynamic, Box<EvalAltResult>>;

/// Registers a module per service.
pub(crate) fn register(engine: &mut Engine, host: &Arc<RunContext>) {
    engine.register_type_with_name::<Walk>("Walk");
    engine.register_iterator_result::<Walk, Dynamic>();
    FuncRegistration::new("to_array")
        .with_params_info(["walk: Walk", "Array"])
        .with_comments(["/// Walks through a list to its end, and gives all its items."])
        .register_into_engine(engine, |walk: Walk| walk.into_iter().collect::<Result<Array, _>>());
    for service in SERVICES {
        let mut module = Module::new();
        module.set_doc(format!("//! {}", service.title));
        for endpoint in service.endpoints() {
            register_call(&mut module, host, endpoint);
            if endpoint.metadata.list.is_some() {
                register_walk(&mut module, host, endpoint);
            }
        }
        module.build_index();
        engine.register_static_module(service.name, module.into());
    }
}

fn register_call(module: &mut Module, host: &Arc<RunContext>, endpoint: &'static EndpointDef) {
    let returns = match endpoint.response_schema()["type"].as_str() {
        Some("array") => "Array",
        _ => "Map",
    };
    let with_fields = FuncRegistration::new(endpoint.metadata.stem())
        .with_params_info(["fields: Map", returns])
        .with_comments(comments(endpoint));
    let world = host.clone();
    with_fields.set_into_module(module, move |ctx: NativeCallContext, fields: Dynamic| -> Answer {
        call(&world, endpoint, &fields, &ctx)
    });
    if endpoint.fields().iter().all(|field| !field.required) {
        let plain = FuncRegistration::new(endpoint.metadata.stem())
            .with_params_info([returns])
            .with_comments(comments(endpoint));
        let world = host.clone();
        plain.set_into_module(module, move |ctx: NativeCallContext| -> Answer {
            call(&world, endpoint, &Map::new().into(), &ctx)
        });
    }
}

fn register_walk(module: &mut Module, host: &Arc<RunContext>, endpoint: &'static EndpointDef) {
    let name = format!("{WALK}{}", endpoint.metadata.stem());
    let comment = format!(
        "/// Walks through the list of `{}`, page by page as it is asked for.",
        endpoint.name()
    );
    let world = host.clone();
    FuncRegistration::new(name.as_str())
        .with_params_info(["fields: Map", "Walk"])
        .with_comments([comment.as_str()])
        .set_into_module(module, move |ctx: NativeCallContext, fields: Dynamic| {
            Walk::new(&world, endpoint, &fields, &ctx)
        });
    if endpoint.fields().iter().all(|field| !field.required) {
        let world = host.clone();
        FuncRegistration::new(name.as_str())
            .with_params_info(["Walk"])
            .with_comments([comment.as_str()])
            .set_into_module(module, move |ctx: NativeCallContext| {
                Walk::new(&world, endpoint, &Map::new().into(), &ctx)
            });
    }
}

/// The function's documentation: the endpoint's, then its fields.
fn comments(endpoint: &EndpointDef) -> Vec<String> {
    let doc = endpoint.doc();
    let fields = endpoint.fields().iter().map(|field| {
        let kind = match &field.kind {
            FieldKind::Choice(words) => words.join(" or "),
            kind => kind.name().to_owned(),
        };
        let need = if field.required { "" } else { ", optional" };
        format!("* `{}` ({kind}{need}): {}", field.name, field.doc)
    });
    let fields: Vec<String> = fields.collect();
    let gap = if fields.is_empty() { None } else { Some("") };
    let lines = doc.lines().chain(gap).chain(fields.iter().map(String::as_str));
    let lines: Vec<String> =
        lines.map(|line| format!("/// {line}").trim_end().to_owned()).collect();
    vec![lines.join("\n")]
}

fn call(
    host: &RunContext,
    endpoint: &'static EndpointDef,
    fields: &Dynamic,
    ctx: &NativeCallContext,
) -> Answer {
    let position = ctx.call_position();
    let fields = fields_of(endpoint, fields, ctx)?;
    let answer = host.call(endpoint, fields).map_err(|error| call_error(error, position))?;
    from_json(&answer)
}

fn fields_of(
    endpoint: &EndpointDef,
    fields: &Dynamic,
    ctx: &NativeCallContext,
) -> Result<Value, Box<EvalAltResult>> {
    let problem = if fields.is_map() || fields.is::<FrozenMap>() {
        match to_json(fields) {
            Ok(fields) => return Ok(fields),
            Err(problem) => problem,
        }
    } else {
        needs_a_map(endpoint.name(), ctx.engine().map_type_name(fields.type_name()))
    };
    Err(runtime_error(&problem, ctx.call_position()))
}

/// An endpoint's list, not yet walked through.
#[derive(Clone)]
pub struct Walk {
    host: Arc<RunContext>,
    endpoint: &'static EndpointDef,
    fields: Value,
    position: Position,
}

impl Walk {
    fn new(
        host: &Arc<RunContext>,
        endpoint: &'static EndpointDef,
        fields: &Dynamic,
        ctx: &NativeCallContext,
    ) -> Result<Self, Box<EvalAltResult>> {
        let position = ctx.call_position();
        let fields = fields_of(endpoint, fields, ctx)?;
        Ok(Self { host: host.clone(), endpoint, fields, position })
    }
}

impl IntoIterator for Walk {
    type Item = Answer;
    type IntoIter = Walking;

    fn into_iter(self) -> Walking {
        let pager = Pager::new(self.endpoint, &self.fields)
            .map_err(|error| CallError::Failed(Error::answer(error.into())));
        Walking { walk: self, pager: Some(pager), items: VecDeque::new() }
    }
}

/// A walk under way: at most a page is held.
pub struct Walking {
    walk: Walk,
    /// `None` after an error, which ends the walk.
    pager: Option<Result<Pager, CallError>>,
    items: VecDeque<Value>,
}

impl Iterator for Walking {
    type Item = Answer;

    fn next(&mut self) -> Option<Answer> {
        let position = self.walk.position;
        while self.items.is_empty() {
            // Whoever takes all of it at once takes no step of the script meanwhile.
            if self.walk.host.memory.is_exceeded() {
                self.pager = None;
                return Some(Err(runtime_error(EXCEEDED, position)));
            }
            let turned = match self.pager.take()? {
                Err(error) => Err(error),
                Ok(mut pager) => {
                    let turned = self.walk.host.turn(self.walk.endpoint, &mut pager)?;
                    self.pager = Some(Ok(pager));
                    turned
                }
            };
            match turned {
                Ok(items) => self.items = items.into(),
                Err(error) => {
                    self.pager = None;
                    return Some(Err(call_error(error, position)));
                }
            }
        }
        self.items.pop_front().map(|item| from_json(&item))
    }
}
