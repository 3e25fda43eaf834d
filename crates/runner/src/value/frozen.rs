//! Maps and arrays that rows capture: frozen once, shared by all workers, never copied as a whole.
//!
//! Rhai copies a captured map to answer `key in map`, so a row would cost as much as what its function captured. A
//! frozen map or array is a type of its own behind an `Arc`, and a copy of it is a new reference. Scripts cannot
//! tell it from a plain one: questions that need no walk through the value are answered here, everything else by
//! the function for plain values, on a copy whose nested values stay shared. A script that changes a copy of its
//! own turns that copy into a plain value first.

use std::any::TypeId;
use std::sync::Arc;

use drillmaster_models::nearest;
use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, Identifier, ImmutableString,
    Map, Module, NativeCallContext, Position, RhaiFunc,
};

use super::ScriptResult;

/// Functions that change the map or array they are called on.
const MUTATORS: [&str; 24] = [
    "+=",
    "append",
    "chop",
    "clear",
    "dedup",
    "drain",
    "fill_with",
    "for_each",
    "insert",
    "mixin",
    "pad",
    "pop",
    "push",
    "remove",
    "retain",
    "reverse",
    "set",
    "shift",
    "sort",
    "sort_by",
    "sort_desc",
    "splice",
    "split",
    "truncate",
];

/// Rhai's name for what `map[key] = value` calls.
const INDEX_SETTER: &str = "index$set$";

/// A map that many rows read.
#[derive(Debug, Clone)]
pub(crate) struct FrozenMap(Arc<Map>);

impl FrozenMap {
    pub(crate) fn as_map(&self) -> &Map {
        &self.0
    }
}

/// An array that many rows read.
#[derive(Debug, Clone)]
pub(crate) struct FrozenArray(Arc<Array>);

impl FrozenArray {
    pub(crate) fn as_array(&self) -> &Array {
        &self.0
    }
}

impl IntoIterator for FrozenArray {
    type Item = Dynamic;
    type IntoIter = Box<dyn Iterator<Item = Dynamic>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new((0..self.0.len()).map(move |at| self.0[at].clone()))
    }
}

/// The value with every map and array in it frozen. One that holds functions stays plain, because workers must not
/// share the variables that a function captured.
pub(crate) fn freeze(value: &Dynamic) -> Dynamic {
    if let Some(items) = value.read_lock::<Array>() {
        let items: Array = items.iter().map(freeze).collect();
        return if items.iter().all(is_shareable) {
            Dynamic::from(FrozenArray(items.into()))
        } else {
            items.into()
        };
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let fields: Map =
            fields.iter().map(|(name, value)| (name.clone(), freeze(value))).collect();
        return if fields.values().all(is_shareable) {
            Dynamic::from(FrozenMap(fields.into()))
        } else {
            fields.into()
        };
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return freeze_captures(&function).into();
    }
    value.flatten_clone()
}

/// The function with what it captured frozen.
pub(crate) fn freeze_captures(function: &FnPtr) -> FnPtr {
    let mut frozen = function.clone();
    for captured in frozen.iter_curry_mut() {
        *captured = freeze(captured);
    }
    frozen
}

fn is_shareable(frozen: &Dynamic) -> bool {
    !(frozen.is_array() || frozen.is_map() || frozen.is_fnptr())
}

/// The value with every frozen map and array in it made plain again, for code that only knows those of Rhai.
pub(crate) fn thaw(value: &Dynamic) -> Dynamic {
    let is_array = |value: &Dynamic| value.is_array() || value.is::<FrozenArray>();
    if is_array(value) {
        return with_items(value, |items| items.iter().map(thaw).collect::<Array>()).into();
    }
    if value.is_map() || value.is::<FrozenMap>() {
        let thaw = |(name, value): (&Identifier, &Dynamic)| (name.clone(), thaw(value));
        return with_fields(value, |fields| fields.iter().map(thaw).collect::<Map>()).into();
    }
    value.flatten_clone()
}

/// Looks at the items of an array, frozen or plain.
fn with_items<T: Default>(value: &Dynamic, look: impl FnOnce(&Array) -> T) -> T {
    if let Some(frozen) = value.read_lock::<FrozenArray>() {
        return look(frozen.as_array());
    }
    value.read_lock::<Array>().map(|items| look(&items)).unwrap_or_default()
}

/// Looks at the fields of a map, frozen or plain.
fn with_fields<T: Default>(value: &Dynamic, look: impl FnOnce(&Map) -> T) -> T {
    if let Some(frozen) = value.read_lock::<FrozenMap>() {
        return look(frozen.as_map());
    }
    value.read_lock::<Map>().map(|fields| look(&fields)).unwrap_or_default()
}

/// A plain map or array with the same values, which stay frozen.
fn thaw_top(value: &Dynamic) -> Option<Dynamic> {
    if let Some(frozen) = value.read_lock::<FrozenMap>() {
        return Some(frozen.as_map().clone().into());
    }
    value.read_lock::<FrozenArray>().map(|frozen| frozen.as_array().clone().into())
}

/// The field of a map, frozen or plain.
pub(crate) fn field(value: &Dynamic, name: &str) -> Option<Dynamic> {
    with_fields(value, |fields| fields.get(name).cloned())
}

/// The error for a map without this key.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
pub(crate) fn missing_key(map: &Map, name: &str) -> Box<EvalAltResult> {
    let text = match nearest(name, map.keys().map(Identifier::as_str)) {
        Some(meant) => format!("there is no `{name}` here; did you mean `{meant}`?"),
        None => format!(
            "there is no `{name}` here; check with \"{name}\" in … first, or add it with .set(\"{name}\", …)"
        ),
    };
    EvalAltResult::ErrorRuntime(text.into(), Position::NONE).into()
}

/// Registers what scripts can do with frozen values. Call it last: it covers every function for maps and arrays
/// that the engine has.
pub(crate) fn register(engine: &mut Engine) {
    register_functions_for_plain_values(engine);
    // The names that `type_of` and errors give.
    engine
        .register_type_with_name::<FrozenMap>("map")
        .register_type_with_name::<FrozenArray>("array")
        .register_iterator::<FrozenArray>();
    register_map(engine);
    register_array(engine);
}

// Their first parameter is taken by value, a new reference: Rhai writes what a method leaves in a reference back
// into the map or array that it came from.
fn register_map(engine: &mut Engine) {
    engine
        .register_indexer_get(field_at)
        .register_fn("contains", |map: FrozenMap, key: &str| map.0.contains_key(key))
        .register_fn("get", |map: FrozenMap, key: &str| {
            map.0.get(key).cloned().unwrap_or(Dynamic::UNIT)
        })
        .register_fn("len", |map: FrozenMap| length(map.0.len()))
        .register_fn("is_empty", |map: FrozenMap| map.0.is_empty())
        .register_fn("keys", |map: FrozenMap| {
            map.0.keys().map(|key| key.to_string().into()).collect::<Array>()
        })
        .register_fn("values", |map: FrozenMap| map.0.values().cloned().collect::<Array>());
}

fn register_array(engine: &mut Engine) {
    engine
        .register_indexer_get(item_at)
        .register_get("len", |items: &mut FrozenArray| length(items.0.len()))
        .register_get("is_empty", |items: &mut FrozenArray| items.0.is_empty())
        .register_fn("len", |items: FrozenArray| length(items.0.len()))
        .register_fn("is_empty", |items: FrozenArray| items.0.is_empty());
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "Rhai passes its values like this")]
fn field_at(ctx: NativeCallContext, map: &mut FrozenMap, name: Dynamic) -> ScriptResult<Dynamic> {
    let name = key_of(&ctx, &name)?;
    map.0.get(name.as_str()).cloned().ok_or_else(|| missing_key(&map.0, &name))
}

#[expect(clippy::needless_pass_by_value, reason = "Rhai passes its values like this")]
fn item_at(ctx: NativeCallContext, items: &mut FrozenArray, at: Dynamic) -> ScriptResult<Dynamic> {
    let at = position_of(&ctx, items.0.len(), &at)?;
    Ok(items.0[at].clone())
}

fn key_of(ctx: &NativeCallContext, index: &Dynamic) -> ScriptResult<ImmutableString> {
    index
        .clone()
        .into_immutable_string()
        .map_err(|_| mismatch::<ImmutableString>(ctx, index.type_name()))
}

/// Where in an array an index points: a negative one counts from the end.
fn position_of(ctx: &NativeCallContext, len: usize, index: &Dynamic) -> ScriptResult<usize> {
    if index.is_string() {
        // Rhai asks for `items.name` as `items["name"]`, and puts an error about the property in the place of this.
        let what = "array [string]".to_owned();
        return Err(EvalAltResult::ErrorIndexingType(what, ctx.call_position()).into());
    }
    let index = index.as_int().map_err(|kind| mismatch::<i64>(ctx, kind))?;
    let at = if index < 0 { length(len).saturating_add(index) } else { index };
    let at = usize::try_from(at).ok().filter(|at| *at < len);
    at.ok_or_else(|| EvalAltResult::ErrorArrayBounds(len, index, ctx.call_position()).into())
}

#[expect(clippy::unnecessary_box_returns, reason = "Rhai boxes its errors")]
fn mismatch<T>(ctx: &NativeCallContext, got: &str) -> Box<EvalAltResult> {
    let wanted = ctx.engine().map_type_name(std::any::type_name::<T>());
    let got = ctx.engine().map_type_name(got);
    EvalAltResult::ErrorMismatchDataType(wanted.into(), got.into(), ctx.call_position()).into()
}

/// For every function with parameters that are maps or arrays: the same function with frozen ones.
fn register_functions_for_plain_values(engine: &mut Engine) {
    let signatures = engine.collect_fn_metadata(
        None,
        |function| {
            let types = &function.metadata.param_types;
            let is_ours =
                function.namespace.is_empty() && types.iter().any(|id| frozen(*id).is_some());
            is_ours.then(|| (function.metadata.name.clone(), types.to_vec()))
        },
        true,
    );
    let mut module = Module::new();
    for (name, types) in signatures {
        let places: Vec<_> = (0..types.len()).filter(|at| frozen(types[*at]).is_some()).collect();
        // Every choice of parameters that are frozen while the others are plain.
        for choice in 1..1_usize << places.len() {
            let is_chosen = |(bit, _): &(usize, &usize)| choice >> bit & 1 == 1;
            let chosen: Vec<_> =
                places.iter().enumerate().filter(is_chosen).map(|(_, at)| *at).collect();
            register_thawing(&mut module, &name, &types, chosen);
        }
    }
    for kind in [TypeId::of::<FrozenMap>(), TypeId::of::<FrozenArray>()] {
        let types = [kind, TypeId::of::<Dynamic>(), TypeId::of::<Dynamic>()];
        let function = RhaiFunc::Method {
            func: Arc::new(|ctx, args| {
                let [target, index, value] = args else { return Ok(Dynamic::UNIT) };
                set_item(&context(ctx), target, index, value.take()).map(|()| Dynamic::UNIT)
            }),
            has_context: true,
            is_pure: false,
            is_volatile: true,
        };
        set_raw(&mut module, INDEX_SETTER, &types, function);
    }
    engine.register_global_module(module.into());
}

/// Whether this is the type of a frozen value, which scripts see as a map or array.
pub(crate) fn is_frozen(id: TypeId) -> bool {
    [TypeId::of::<FrozenMap>(), TypeId::of::<FrozenArray>()].contains(&id)
}

/// The frozen type of a map or array.
fn frozen(plain: TypeId) -> Option<TypeId> {
    if plain == TypeId::of::<Map>() {
        Some(TypeId::of::<FrozenMap>())
    } else if plain == TypeId::of::<Array>() {
        Some(TypeId::of::<FrozenArray>())
    } else {
        None
    }
}

/// Registers a function that makes the chosen arguments plain and calls the one of the same name.
fn register_thawing(module: &mut Module, name: &Identifier, plain: &[TypeId], chosen: Vec<usize>) {
    let types: Vec<_> = plain
        .iter()
        .enumerate()
        .map(|(at, plain)| {
            if chosen.contains(&at) { frozen(*plain) } else { None }.unwrap_or(*plain)
        })
        .collect();
    let is_pure = !MUTATORS.contains(&name.as_str());
    // These look into nested values, or name their types when they fail.
    let is_deep =
        name == "to_json" || plain.len() == 1 && (name.contains("sort") || name.contains("order"));
    let thaw = if is_deep { |value: &Dynamic| Some(thaw(value)) } else { thaw_top };
    // Rhai prints what these give.
    let callee = match name.as_str() {
        "print" => "to_string".into(),
        "debug" => "to_debug".into(),
        _ => name.clone(),
    };
    let is_on_frozen = chosen.contains(&0);
    let func = Arc::new(move |ctx: Option<NativeCallContext>, args: &mut [&mut Dynamic]| {
        for at in &chosen {
            let Some(thawed) = thaw(args[*at]) else { continue };
            if *at == 0 && !is_pure {
                replace(args[0], thawed);
            } else {
                *args[*at] = thawed;
            }
        }
        context(ctx).call_native_fn_raw(&callee, true, args)
    });
    let (has_context, is_volatile) = (true, true);
    let function = if is_pure && is_on_frozen {
        RhaiFunc::Pure { func, has_context, is_pure, is_volatile }
    } else {
        RhaiFunc::Method { func, has_context, is_pure, is_volatile }
    };
    set_raw(module, name, &types, function);
}

/// Gives a variable or field a new value, where it is shared too.
fn replace(target: &mut Dynamic, value: Dynamic) {
    if let Some(mut target) = target.write_lock::<Dynamic>() {
        *target = value;
    }
}

fn set_item(
    ctx: &NativeCallContext,
    target: &mut Dynamic,
    index: &Dynamic,
    value: Dynamic,
) -> ScriptResult<()> {
    if let Some(plain) = thaw_top(target) {
        replace(target, plain);
    }
    if let Some(mut items) = target.write_lock::<Array>() {
        let at = position_of(ctx, items.len(), index)?;
        items[at] = value;
    } else if let Some(mut fields) = target.write_lock::<Map>() {
        let key = key_of(ctx, index)?;
        match fields.get_mut(key.as_str()) {
            Some(field) => *field = value,
            None => return Err(missing_key(&fields, &key)),
        }
    }
    Ok(())
}

fn context(ctx: Option<NativeCallContext<'_>>) -> NativeCallContext<'_> {
    ctx.expect("Rhai hands a context to functions that ask for one")
}

/// Registers a function by the types of its parameters.
fn set_raw(module: &mut Module, name: &str, types: &[TypeId], function: RhaiFunc) {
    FuncRegistration::new(name).in_global_namespace().set_into_module_raw(module, types, function);
}

#[cfg(test)]
mod tests;
