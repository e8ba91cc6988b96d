//! Conversion of values, errors and panics between Rust and JavaScript.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use js_sys::{Error, JSON, Reflect, TypeError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsValue, throw_val};

use crate::argument;

thread_local! {
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Turns panics into errors that name their place in the code. A panic leaves values half changed,
/// so from then on this instance of the module fails every call with that error.
pub fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| throw_val(panicked(panic)))));
}

fn panicked(panic: &PanicHookInfo<'_>) -> JsValue {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("a panic");
    let words = format!("HookDesk broke at {place}: {what}. This is a bug; start a new instance.");
    PANICKED.set(Some(words.clone()));
    broken(&words)
}

/// Fails every call after a panic.
///
/// # Errors
/// When there was a panic.
pub fn ensure_usable() -> Result<(), JsValue> {
    PANICKED.with_borrow(|words| words.as_deref().map_or(Ok(()), |words| Err(broken(words))))
}

/// The error of an instance that can no longer be used, named `Broken`.
fn broken(words: &str) -> JsValue {
    let error = Error::new(words);
    error.set_name("Broken");
    error.into()
}

/// Parses an argument.
///
/// # Errors
/// A `TypeError` that names the argument and its fault.
pub fn from_js<T: DeserializeOwned>(name: &str, value: &JsValue) -> Result<T, JsValue> {
    let text = JSON::stringify(value)?;
    // Not text for `undefined`, a function or a symbol.
    let text = text.as_string().ok_or_else(|| bad(name, "it is not a value of JSON"))?;
    argument::read(&text).map_err(|why| TypeError::new(&format!("{name}{why}")).into())
}

/// A text.
///
/// # Errors
/// A `TypeError` when it is something else.
pub fn text(name: &str, value: &JsValue) -> Result<String, JsValue> {
    value.as_string().ok_or_else(|| bad(name, "it must be a string"))
}

/// A time, with the `check` for its unit.
///
/// # Errors
/// A `TypeError` when it is no number, or the check refuses it.
pub fn time(
    name: &str,
    value: &JsValue,
    check: impl FnOnce(f64) -> Result<u64, &'static str>,
) -> Result<u64, JsValue> {
    check(value.as_f64().unwrap_or(f64::NAN)).map_err(|why| bad(name, why))
}

/// The entries of an object.
///
/// # Errors
/// A `TypeError` when it is not an object, or the error that it throws itself.
pub fn entries(name: &str, object: &JsValue) -> Result<Vec<(String, JsValue)>, JsValue> {
    if !object.is_object() {
        return Err(bad(name, "it must be an object"));
    }
    let mut entries = Vec::new();
    for key in Reflect::own_keys(object)?.iter() {
        if let Some(name) = key.as_string() {
            entries.push((name, Reflect::get(object, &key)?));
        }
    }
    Ok(entries)
}

/// Converts a result for JavaScript.
///
/// # Errors
/// Never: every result has a JSON form.
pub fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    let text = serde_json::to_string(value).map_err(|why| bad("the result", &why.to_string()))?;
    JSON::parse(&text)
}

/// The error of an argument that is not as described.
pub fn bad(name: &str, why: &str) -> JsValue {
    TypeError::new(&format!("{name}: {why}")).into()
}
