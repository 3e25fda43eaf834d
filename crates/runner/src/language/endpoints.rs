//! Every endpoint as a function: `thm::add_seat(#{ … })`, and every list as an iterator: `veracode::all_users()`. Both
//! are made from the list of endpoints alone.

use std::collections::VecDeque;
use std::sync::Arc;

use drillmaster_models::{EndpointDef, FieldKind, Pager, SERVICES};
use drillmaster_transport::Error;
use rhai::{Array, Dynamic, Engine, FuncRegistration, Map, Module, NativeCallContext, Position};
use serde_json::Value;

use crate::execution::memory::EXCEEDED;
use crate::execution::script_context::ScriptContext;
use crate::execution::script_error::needs_a_map;
use crate::value::frozen::FrozenMap;
use crate::value::{CallError, ScriptResult, call_error, from_json, runtime_error, to_json};

/// Starts the name of a function that walks through a list: `all_users`.
pub const WALK: &str = "all_";

/// Registers a module per service.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Walk>("Walk");
    engine.register_iterator_result::<Walk, Dynamic>();
    FuncRegistration::new("to_array")
        .with_params_info(["walk: Walk", "Array"])
        .with_comments(["/// Reads a list to its end and gives all items."])
        .register_into_engine(engine, |walk: Walk| walk.into_iter().collect::<Result<Array, _>>());
    for service in SERVICES {
        let mut module = Module::new();
        module.set_doc(format!("//! {}", service.title));
        for endpoint in service.endpoints() {
            register_call(&mut module, endpoint);
            if endpoint.metadata.list.is_some() {
                register_walk(&mut module, endpoint);
            }
        }
        module.build_index();
        engine.register_static_module(service.name, module.into());
    }
}

fn register_call(module: &mut Module, endpoint: &'static EndpointDef) {
    let returns = match endpoint.response_schema()["type"].as_str() {
        Some("array") => "Array",
        _ => "Map",
    };
    let with_fields = FuncRegistration::new(endpoint.metadata.stem())
        .with_params_info(["fields: Map", returns])
        .with_comments(comments(endpoint));
    with_fields.set_into_module(
        module,
        move |ctx: NativeCallContext, fields: Dynamic| -> ScriptResult<Dynamic> {
            call(&ctx, endpoint, &fields)
        },
    );
    if endpoint.fields().iter().all(|field| !field.required) {
        let plain = FuncRegistration::new(endpoint.metadata.stem())
            .with_params_info([returns])
            .with_comments(comments(endpoint));
        plain.set_into_module(module, move |ctx: NativeCallContext| -> ScriptResult<Dynamic> {
            call(&ctx, endpoint, &Map::new().into())
        });
    }
}

fn register_walk(module: &mut Module, endpoint: &'static EndpointDef) {
    let name = format!("{WALK}{}", endpoint.metadata.stem());
    let comment = format!(
        "/// Iterates over the list of `{}`, and requests a page when it is needed.",
        endpoint.name()
    );
    FuncRegistration::new(name.as_str())
        .with_params_info(["fields: Map", "Walk"])
        .with_comments([comment.as_str()])
        .set_into_module(module, move |ctx: NativeCallContext, fields: Dynamic| {
            Walk::new(&ctx, endpoint, &fields)
        });
    if endpoint.fields().iter().all(|field| !field.required) {
        FuncRegistration::new(name.as_str())
            .with_params_info(["Walk"])
            .with_comments([comment.as_str()])
            .set_into_module(module, move |ctx: NativeCallContext| {
                Walk::new(&ctx, endpoint, &Map::new().into())
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
    ctx: &NativeCallContext,
    endpoint: &'static EndpointDef,
    fields: &Dynamic,
) -> ScriptResult<Dynamic> {
    let position = ctx.call_position();
    let fields = fields_of(ctx, endpoint, fields)?;
    let answer = ScriptContext::of(ctx)?
        .calls
        .call(endpoint, fields)
        .map_err(|error| call_error(error, position))?;
    from_json(&answer)
}

fn fields_of(
    ctx: &NativeCallContext,
    endpoint: &EndpointDef,
    fields: &Dynamic,
) -> ScriptResult<Value> {
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

/// The list of an endpoint, which a script iterates over.
#[derive(Clone)]
pub struct Walk {
    context: Arc<ScriptContext>,
    endpoint: &'static EndpointDef,
    fields: Value,
    position: Position,
}

impl Walk {
    fn new(
        ctx: &NativeCallContext,
        endpoint: &'static EndpointDef,
        fields: &Dynamic,
    ) -> ScriptResult<Self> {
        let position = ctx.call_position();
        let fields = fields_of(ctx, endpoint, fields)?;
        Ok(Self { context: ScriptContext::of(ctx)?, endpoint, fields, position })
    }
}

impl IntoIterator for Walk {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = WalkItems;

    fn into_iter(self) -> WalkItems {
        let pager = Pager::new(self.endpoint, &self.fields)
            .map_err(|error| CallError::Failed(Error::answer(error.into())));
        WalkItems { walk: self, pager: Some(pager), items: VecDeque::new() }
    }
}

/// An iteration over a list, which holds one page at a time.
pub struct WalkItems {
    walk: Walk,
    /// `None` after an error, which ends the iteration.
    pager: Option<Result<Pager, CallError>>,
    items: VecDeque<Value>,
}

impl Iterator for WalkItems {
    type Item = ScriptResult<Dynamic>;

    fn next(&mut self) -> Option<ScriptResult<Dynamic>> {
        let position = self.walk.position;
        while self.items.is_empty() {
            // `to_array` takes no step of the script in which its limits are checked.
            if self.walk.context.calls.memory.is_exceeded() {
                self.pager = None;
                return Some(Err(runtime_error(EXCEEDED, position)));
            }
            let page = match self.pager.take()? {
                Err(error) => Err(error),
                Ok(mut pager) => {
                    let page = self.walk.context.calls.next_page(self.walk.endpoint, &mut pager)?;
                    self.pager = Some(Ok(pager));
                    page
                }
            };
            match page {
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
