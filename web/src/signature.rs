//! Signatures of deliveries, and diagnosis of those that do not verify.

use std::slice;

use hookdesk_core::{Known, Millis, Mistake, Renamed, Secret, renamed, verify as core};
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use tsify::Tsify;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::argument::{SECONDS, is_in_seconds, unix_ms, unix_seconds};
use crate::js::{bad, ensure_usable, entries, from_js, text, time, to_js, watch_panics};

/// A secret from a receiver's configuration.
#[derive(Deserialize, Tsify)]
#[serde(untagged, expecting = "a secret must be a string, or an object of text and ended")]
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

/// The secrets of a receiver. A lone one may stand without a list.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "it must be a string, or a list of strings and objects of text and ended"
)]
pub enum KnownSecrets {
    One(KnownSecret),
    Several(Vec<KnownSecret>),
}

impl KnownSecrets {
    fn as_slice(&self) -> &[KnownSecret] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

/// Whether a delivery verifies, and if not, which mistake was made.
#[derive(Serialize, Tsify)]
#[tsify(type = "{
    verdict: \"good\" | \"bad\";
    /** A stable name: `good`, or that of the mistake. */
    code: VerdictCode;
    /** What is wrong and what to do, in a sentence. */
    detail: string;
    /**
     * `proven`: the signature matches once the mistake is undone. `evident`: the mistake is visible,
     * such as a missing header. `likely`: nothing makes the signature match, and this fits best.
     */
    certainty: \"proven\" | \"evident\" | \"likely\";
    /** Whether it is `proven` or `evident`, so that it cannot be another mistake. */
    proven: boolean;
    /** The place in the list of the secret that this is about. */
    secret?: number;
    /** The header that this is about. */
    header?: string;
    /** The place in that header, or in the body, in bytes. */
    offset?: number;
    /** Headers that count under another name than they are sent with, such as `HTTP_WEBHOOK_ID`. */
    renamed: { name: string; header: string }[];
}")]
pub struct Verdict<'a> {
    #[serde(flatten)]
    verdict: hookdesk_core::Verdict,
    renamed: Vec<Renamed<'a>>,
}

/// Whether a delivery verifies, and if not, which mistake was made. `headers` are a `Headers`, a
/// `Map` or other pairs, or an object as Node's `request.headers`; the body is best given as the
/// bytes that came in. `nowMs` is the receiver's clock, as `Date.now()` has it.
///
/// # Errors
/// A `TypeError` when an argument is not as described. It does not contain a secret.
#[wasm_bindgen(unchecked_return_type = "Verdict")]
pub fn verify(
    #[wasm_bindgen(
        unchecked_param_type = "Iterable<[string, string]> | Record<string, string | string[] | undefined>"
    )]
    headers: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Uint8Array | string")] body: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "KnownSecret | KnownSecret[]")] secrets: &JsValue,
    #[wasm_bindgen(js_name = nowMs, unchecked_param_type = "number")] now_ms: &JsValue,
) -> Result<JsValue, JsValue> {
    watch_panics();
    ensure_usable()?;
    let headers = pairs(headers)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body = bytes(body)?;
    let secrets: KnownSecrets = from_js("secrets", secrets)?;
    let secrets: Vec<_> = secrets.as_slice().iter().map(KnownSecret::known).collect();
    let now = time("nowMs", now_ms, unix_ms)?;
    let verdict = core::verify(&headers, &body, &secrets, Millis(now));
    // Only a message that is ahead of the clock tells a clock in seconds from one of 1970.
    let is_early = matches!(verdict, core::Verdict::Bad(Mistake::Early { .. }));
    if is_early && now_ms.as_f64().is_some_and(is_in_seconds) {
        return Err(bad("nowMs", SECONDS));
    }
    to_js(&Verdict { verdict, renamed: renamed(&headers) })
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
    #[wasm_bindgen(unchecked_param_type = "string")] secret: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] id: &JsValue,
    #[wasm_bindgen(js_name = timestampSeconds, unchecked_param_type = "number")]
    timestamp_seconds: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Uint8Array | string")] body: &JsValue,
) -> Result<String, JsValue> {
    watch_panics();
    ensure_usable()?;
    let known = Secret::of_any_sender(&text("secret", secret)?);
    let secret = known.ok_or_else(|| bad("secret", "it must be whsec_ and the base64 of a key"))?;
    let seconds = time("timestampSeconds", timestamp_seconds, unix_seconds)?;
    Ok(secret.signature_of_any(&text("id", id)?, seconds, &bytes(body)?))
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
