//! Why a delivery does not verify.

use hookdesk_core::{Known, Millis, verify as core};
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use tsify::Tsify;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::border::{bad, entries, give, sound, take, watch_panics};

/// A secret as it lies in a receiver's configuration.
#[derive(Deserialize, Tsify)]
#[serde(untagged)]
pub enum KnownSecret {
    /// One that signs.
    Current(String),
    /// One that may have been replaced or ended.
    Either { text: String, ended: bool },
}

impl KnownSecret {
    fn known(&self) -> Known<'_> {
        match self {
            Self::Current(text) => Known::current(text),
            Self::Either { text, ended } => Known { text, ended: *ended },
        }
    }
}

/// Whether a delivery verifies, and if not, which mistake was made.
#[derive(Serialize, Tsify)]
#[serde(transparent)]
#[tsify(type = "{
    verdict: \"good\" | \"bad\";
    /** A stable name: `good`, or that of the mistake. */
    code: string;
    /** What is wrong and what to do, in a sentence. */
    detail: string;
    /** Whether undoing the mistake makes the signature match, so that it cannot be another. */
    proven: boolean;
    /** The place in the list of the secret that this is about. */
    secret?: number;
    /** The header that this is about. */
    header?: string;
    /** The place in that header, or in the body, in bytes. */
    offset?: number;
}")]
pub struct Verdict(hookdesk_core::Verdict);

/// Whether a delivery verifies, and if not, which mistake was made. `headers` are a
/// `Headers`, a `Map` or other pairs, or an object as Node's `request.headers`; the body is best given as the bytes that came in.
///
/// # Errors
/// A `TypeError` when an argument is not as described.
#[wasm_bindgen(unchecked_return_type = "Verdict")]
pub fn verify(
    #[wasm_bindgen(
        unchecked_param_type = "Iterable<[string, string]> | Record<string, string | string[] | undefined>"
    )]
    headers: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Uint8Array | string")] body: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "KnownSecret[]")] secrets: &JsValue,
    #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
) -> Result<JsValue, JsValue> {
    watch_panics();
    sound()?;
    let headers = pairs(headers)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body = match (body.as_string(), body.dyn_ref::<Uint8Array>()) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(bytes)) => bytes.to_vec(),
        (None, None) => return Err(bad("body", "it must be a string or a Uint8Array")),
    };
    let secrets: Vec<KnownSecret> = take("secrets", secrets)?;
    let secrets: Vec<_> = secrets.iter().map(KnownSecret::known).collect();
    let now: u64 = take("nowMs", &now_ms.into())?;
    give(&Verdict(core::verify(&headers, &body, &secrets, Millis(now))))
}

/// Headers as pairs, whatever a receiver's framework has them in.
fn pairs(headers: &JsValue) -> Result<Vec<(String, String)>, JsValue> {
    if !headers.is_object() {
        return Err(bad("headers", "they must be pairs, or an object"));
    }
    let mut pairs = Vec::new();
    if let Some(all) = js_sys::try_iter(headers)? {
        for pair in all {
            pairs.push(take("headers", &pair?)?);
        }
        return Ok(pairs);
    }
    for (name, value) in entries("headers", headers)? {
        if value.is_undefined() {
            continue;
        }
        let all: Vec<String> = match value.as_string() {
            Some(one) => vec![one],
            None => take("headers", &value)?,
        };
        pairs.extend(all.into_iter().map(|value| (name.clone(), value)));
    }
    Ok(pairs)
}
