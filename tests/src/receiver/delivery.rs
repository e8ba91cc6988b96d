//! One delivery as a receiver read it, and its parts.

use std::{collections::BTreeSet, fmt, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// Bytes of one request's head, and of its body. The longest message that a ticket may have,
/// escaped by JSON six for one, is under 400 KiB; more than this is a sender out of its mind.
const REQUEST_LIMIT: usize = 1024 * 1024;

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub at: Instant,
    /// Which of the receiver's connections it came on: 1, 2, 3 …
    pub connection: u64,
    pub method: String,
    pub path: String,
    /// As sent and in that order, but for the names, which are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Delivery {
    /// The event's id, the same for all attempts.
    pub fn event(&self) -> &str {
        self.header("webhook-id").unwrap_or_else(|| panic!("no webhook-id: {self}"))
    }

    /// `ticket_opened` or another.
    pub fn event_type(&self) -> String {
        self.json()["event"].as_str().expect("an event has a type").to_owned()
    }

    /// 1 for the first request made for the event, 2 for the second …
    pub fn attempt(&self) -> u32 {
        let number = self.header("hookdesk-attempt");
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no attempt's number: {self}"))
    }

    /// The ticket that the event is about, if it is about one.
    pub fn ticket(&self) -> Option<&str> {
        self.header("hookdesk-ticket")
    }

    /// The event's place among those of its ticket: 1, 2, 3 …
    pub fn version(&self) -> Option<u64> {
        self.header("hookdesk-ticket-version").map(|version| {
            let number = version.parse();
            number.unwrap_or_else(|_| panic!("{version} is no version: {self}"))
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {self}"))
    }

    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether one of the signatures was made with this secret, by the rules of Standard Webhooks
    /// ("Signature scheme"), written down anew so that no mistake of the product's hides here.
    pub fn signed_with(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
        let (Some(key), Some(id), Some(timestamp), Some(signatures)) = (
            key,
            self.header("webhook-id"),
            self.header("webhook-timestamp"),
            self.header("webhook-signature"),
        ) else {
            return false;
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", &self.body] {
            mac.update(part);
        }
        let right = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        signatures.split(' ').any(|signature| signature == right)
    }

    /// An entry of the file that `tests/verify` reads: this delivery, and whether its libraries
    /// should accept it.
    pub fn to_verify(&self, secret: &str, valid: bool) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let body = str::from_utf8(&self.body).expect("JSON is UTF-8");
        json!({ "secret": secret, "headers": headers, "body": body, "valid": valid })
    }

    /// The request at the start of these bytes and its length, or nothing while it is incomplete.
    /// A body of undeclared length is refused: many a partner's server cannot read one.
    pub(super) fn parse(bytes: &[u8], connection: u64) -> Result<Option<(Self, usize)>, String> {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut slots);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if bytes.len() > REQUEST_LIMIT => {
                return Err("an endless head".to_owned());
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => {
                let start = &bytes[..bytes.len().min(200)];
                return Err(format!("{error}: {}", start.escape_ascii()));
            }
        };
        let mut delivery = Self {
            at: Instant::now(),
            connection,
            method: request.method.unwrap_or_default().to_owned(),
            path: request.path.unwrap_or_default().to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        for header in request.headers {
            let name = header.name.to_ascii_lowercase();
            let value = str::from_utf8(header.value).map_err(|_| format!("{name} is no text"))?;
            delivery.headers.push((name, value.to_owned()));
        }
        let length = delivery.content_length()?;
        let Some(body) = bytes.get(head..head + length) else {
            return Ok(None);
        };
        delivery.body = body.to_vec();
        Ok(Some((delivery, head + length)))
    }

    fn content_length(&self) -> Result<usize, String> {
        if self.header("transfer-encoding").is_some() {
            return Err(format!("a body of undeclared length: {self}"));
        }
        let length = self.header("content-length").unwrap_or("0");
        match length.parse() {
            Ok(length) if length <= REQUEST_LIMIT => Ok(length),
            _ => Err(format!("a content-length of {length}: {self}")),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, method, path, .. } = self;
        let event = self.header("webhook-id").unwrap_or("-");
        let attempt = self.header("hookdesk-attempt").unwrap_or("-");
        write!(
            f,
            "{method} {path} on connection {connection}, event {event}, attempt {attempt}: "
        )?;
        write!(f, "{:.100}", String::from_utf8_lossy(&self.body))
    }
}

/// The distinct events of deliveries.
pub fn event_ids(deliveries: &[Delivery]) -> BTreeSet<String> {
    deliveries.iter().map(|one| one.event().to_owned()).collect()
}
