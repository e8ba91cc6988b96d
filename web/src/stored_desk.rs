//! A desk over a store of its host, and functions that a host needs beside it.

use std::cell::{RefCell, RefMut};

use hookdesk_core::api::{self, MAX_BODY, Problem};
use hookdesk_core::{Answer, Variable};
use js_sys::{Error, Number, TypeError, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::driver::Driver;
use crate::effects::Response;
use crate::host_store::{HostStore, Storage};
use crate::input::{Call, JsMoment, Report};
use crate::js::{bad, ensure_usable, entries, from_js, to_js, watch_panics};
use crate::options::Options;

/// A desk over a store of its host. The host passes it calls, sends the requests that it returns,
/// reports how each ended, and wakes it when `nextWakeMs` is reached.
#[wasm_bindgen]
pub struct StoredDesk {
    driver: RefCell<Driver<HostStore>>,
}

#[wasm_bindgen]
impl StoredDesk {
    /// Opens the desk in `storage`, or a new one, and migrates its tables.
    ///
    /// # Errors
    /// A `TypeError` when an argument is not as described. An error of the name `Fault` when the
    /// store cannot be opened.
    #[wasm_bindgen(constructor)]
    pub fn new(
        storage: Storage,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Options")] options: &JsValue,
    ) -> Result<Self, JsValue> {
        watch_panics();
        ensure_usable()?;
        let (at, options): (JsMoment, Options) = (from_js("at", at)?, from_js("options", options)?);
        let store = HostStore::open(storage).map_err(|fault| failed(&fault.to_string()))?;
        let driver = Driver::new(store, &options, &at).map_err(|why| bad("options", &why))?;
        Ok(Self { driver: RefCell::new(driver) })
    }

    /// Handles a call. At most `mostBody()` bytes of its body plus one are needed: with that one it
    /// is refused as too large.
    ///
    /// # Errors
    /// A `TypeError` when an argument is not as described. An error of the name `Broken` when this
    /// instance of the module can no longer be used: open the desk again in a new one.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn call(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Call")] call: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] body: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut driver = self.driver()?;
        let bytes = body.dyn_ref::<Uint8Array>().ok_or_else(|| bad("body", "it has no bytes"))?;
        let body = &bytes.to_vec();
        let (at, call): (JsMoment, Call) = (from_js("at", at)?, from_js("call", call)?);
        to_js(&driver.call(&at, &call.with_body(body)))
    }

    /// What the head of a call decides: ask before reading the body, and pass the call on unless it
    /// is refused. Callers are counted here towards their rate limits.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Admission")]
    pub fn admit(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Call")] call: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let (at, call): (JsMoment, Call) = (from_js("at", at)?, from_js("call", call)?);
        to_js(&self.driver()?.admit(&at, &call.with_body(b"")))
    }

    /// Handles the report of a request that ended.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn report(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Report")] report: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut driver = self.driver()?;
        let (at, report): (JsMoment, Report) = (from_js("at", at)?, from_js("report", report)?);
        to_js(&driver.report(&at, report).map_err(|why| bad("report", why))?)
    }

    /// Decides what is due: call it at the start, and whenever `nextWakeMs` is reached.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn wake(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut driver = self.driver()?;
        to_js(&driver.wake(&from_js("at", at)?))
    }

    /// The next part of the body of a response that has a `list`.
    ///
    /// # Errors
    /// An error of the name `Fault` when the list was closed, the store cannot be read, or the caller
    /// may not read any more.
    #[wasm_bindgen(unchecked_return_type = "Page")]
    pub fn page(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        list: u32,
    ) -> Result<JsValue, JsValue> {
        let page = self.driver()?.page(&from_js("at", at)?, list);
        to_js(&page.map_err(|fault| failed(&fault))?)
    }

    /// Releases a list that is not read to its end.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(js_name = closeList)]
    pub fn close_list(&self, list: u32) -> Result<(), JsValue> {
        self.driver()?.close_list(list);
        Ok(())
    }

    fn driver(&self) -> Result<RefMut<'_, Driver<HostStore>>, JsValue> {
        ensure_usable()?;
        self.driver.try_borrow_mut().map_err(|_| failed("the desk is called while it works"))
    }
}

/// The options of a Worker, from its bindings: named as the server's environment variables, and
/// `HOOKDESK_KEY` or `HOOKDESK_OPEN`.
///
/// # Errors
/// A `TypeError` that names the binding and how to correct it.
#[wasm_bindgen(js_name = workerOptions, unchecked_return_type = "Options")]
pub fn worker_options(
    #[wasm_bindgen(unchecked_param_type = "object")] env: &JsValue,
) -> Result<JsValue, JsValue> {
    let texts = bindings(env)?;
    let bindings = texts.iter().map(|(name, value)| (&**name, &**value));
    to_js(&Options::of_worker(bindings).map_err(|why| TypeError::new(&why))?)
}

/// The bindings named `HOOKDESK_…` that are no options of a Worker, and are ignored.
///
/// # Errors
/// A `TypeError` when `env` is not as described.
#[wasm_bindgen(js_name = unknownBindings)]
pub fn unknown_bindings(
    #[wasm_bindgen(unchecked_param_type = "object")] env: &JsValue,
) -> Result<Vec<String>, JsValue> {
    let texts = bindings(env)?;
    let bindings = texts.iter().map(|(name, value)| (&**name, &**value));
    Ok(Options::unknown(bindings).map(str::to_owned).collect())
}

/// The bindings that may be options, as texts.
fn bindings(env: &JsValue) -> Result<Vec<(String, String)>, JsValue> {
    let mut texts = Vec::new();
    for (name, value) in entries("env", env)? {
        if !name.to_ascii_uppercase().starts_with(Variable::PREFIX) {
            continue;
        }
        // Only a safe integer reads as text exactly as it was given.
        let number = value.as_f64().filter(|_| Number::is_safe_integer(&value));
        let text = value.as_string().or_else(|| number.map(|number| number.to_string()));
        texts.push((name.clone(), text.ok_or_else(|| bad(&name, "it must be a text"))?));
    }
    Ok(texts)
}

/// The response to each call of a desk whose options are wrong: `why` says which.
///
/// # Errors
/// Never: it has a JSON form.
#[wasm_bindgen(unchecked_return_type = "Response")]
pub fn misconfigured(why: &str) -> Result<JsValue, JsValue> {
    to_js(&Response::from(api::Response::from(Problem::misconfigured(why))))
}

/// The response to a call whose result is unknown: the desk broke during it, or cannot be reached.
///
/// # Errors
/// Never: it has a JSON form.
#[wasm_bindgen(unchecked_return_type = "Response")]
pub fn unanswered() -> Result<JsValue, JsValue> {
    to_js(&Response::from(api::Response::from(Problem::unreadable())))
}

/// Bytes of a call's body that are read; a longer one is refused.
#[must_use]
#[wasm_bindgen(js_name = mostBody)]
pub fn most_body() -> u32 {
    u32::try_from(MAX_BODY).unwrap_or(u32::MAX)
}

/// Bytes of a response's body that are read.
#[must_use]
#[wasm_bindgen(js_name = mostRead)]
pub fn most_read() -> u32 {
    u32::try_from(Answer::MAX_READ).unwrap_or(u32::MAX)
}

/// Milliseconds for which the rest of a response's body is awaited once its head is there.
#[must_use]
#[wasm_bindgen(js_name = mostBodyWaitMs)]
pub fn most_body_wait_ms() -> u32 {
    u32::try_from(Answer::MAX_BODY_WAIT_MS).unwrap_or(u32::MAX)
}

fn failed(words: &str) -> JsValue {
    let error = Error::new(words);
    error.set_name("Fault");
    error.into()
}
