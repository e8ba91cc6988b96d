//! Signatures of deliveries, and diagnosis of those that do not verify.

use hookdesk_core::{Known, Millis, Secret, verify as core};
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use tsify::Tsify;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::js::{bad, ensure_usable, entries, from_js, to_js, watch_panics};

/// A secret from a receiver's configuration.
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

/// Whether a delivery verifies, and if not, which mistake was made. `headers` are a `Headers`, a
/// `Map` or other pairs, or an object as Node's `request.headers`; the body is best given as the
/// bytes that came in.
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
    ensure_usable()?;
    let headers = pairs(headers)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body = bytes(body)?;
    let secrets: Vec<KnownSecret> = from_js("secrets", secrets)?;
    let secrets: Vec<_> = secrets.iter().map(KnownSecret::known).collect();
    let now: u64 = from_js("nowMs", &now_ms.into())?;
    to_js(&Verdict(core::verify(&headers, &body, &secrets, Millis(now))))
}

/// The `webhook-signature` of a delivery, as every sender of Standard Webhooks computes it: `v1,`
/// and the base64 of the HMAC-SHA256 over `id.timestamp.body`. If several secrets sign, join their
/// signatures with spaces.
///
/// `secret` is `whsec_` and base64, or that base64 alone. `timestampSeconds` is the
/// `webhook-timestamp`: unix time in whole seconds. A body that is a string is signed as UTF-8.
///
/// # Errors
/// A `TypeError` when an argument is not as described. It does not contain the secret.
#[wasm_bindgen]
pub fn sign(
    secret: &str,
    id: &str,
    #[wasm_bindgen(js_name = timestampSeconds)] timestamp_seconds: f64,
    #[wasm_bindgen(unchecked_param_type = "Uint8Array | string")] body: &JsValue,
) -> Result<String, JsValue> {
    watch_panics();
    ensure_usable()?;
    let known = Secret::of_any_sender(secret);
    let secret = known.ok_or_else(|| bad("secret", "it must be whsec_ and the base64 of a key"))?;
    let seconds: u64 = from_js("timestampSeconds", &timestamp_seconds.into())?;
    Ok(secret.signature_of_any(id, seconds, &bytes(body)?))
}

/// A body's bytes.
fn bytes(body: &JsValue) -> Result<Vec<u8>, JsValue> {
    match (body.as_string(), body.dyn_ref::<Uint8Array>()) {
        (Some(text), _) => Ok(text.into_bytes()),
        (None, Some(bytes)) => Ok(bytes.to_vec()),
        (None, None) => Err(bad("body", "it must be a string or a Uint8Array")),
    }
}

/// Headers as pairs, whatever type a receiver's framework has them in.
fn pairs(headers: &JsValue) -> Result<Vec<(String, String)>, JsValue> {
    if !headers.is_object() {
        return Err(bad("headers", "they must be pairs, or an object"));
    }
    let mut pairs = Vec::new();
    if let Some(all) = js_sys::try_iter(headers)? {
        for pair in all {
            pairs.push(from_js("headers", &pair?)?);
        }
        return Ok(pairs);
    }
    for (name, value) in entries("headers", headers)? {
        if value.is_undefined() {
            continue;
        }
        let all: Vec<String> = match value.as_string() {
            Some(one) => vec![one],
            None => from_js("headers", &value)?,
        };
        pairs.extend(all.into_iter().map(|value| (name.clone(), value)));
    }
    Ok(pairs)
}
