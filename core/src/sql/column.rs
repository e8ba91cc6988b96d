//! Types of fields that are stored in one column, with their conversions.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Value;
use crate::delivery::answer::Failure;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::owed::Owed;
use crate::delivery::reader::Expired;
use crate::delivery::replay::Replay;
use crate::delivery::slot::Slot;
use crate::guard::CallbackUrl;
use crate::model::audit::{AuditAction, AuditState};
use crate::model::digest::Digest;
use crate::model::event::{EventType, Topic};
use crate::model::id::{
    AuditId, EventId, HolderId, KeyId, RequestId, SecretId, TicketId, WebhookId,
};
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::reason::Reason;
use crate::model::scope::{Scope, Scopes};
use crate::model::seq::Seq;
use crate::model::service::Availability;
use crate::model::subscription::Subscription;
use crate::model::tallies::Tallies;
use crate::model::ticket::{TicketMessage, TicketStatus};
use crate::webhook::Ordering;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::secrets::Secrets;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Text,
}

impl Kind {
    /// The type of an array of it, in dialects that have arrays.
    pub fn array(self) -> &'static str {
        match self {
            Self::Integer => "bigint[]",
            Self::Text => "text[]",
        }
    }
}

/// A type that is stored in one column.
pub trait Column: Sized {
    const KIND: Kind;

    fn to_value(&self) -> Value<'_>;

    /// `None` for a value that the desk would not have written.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// `NULL` for `None`.
impl<T: Column> Column for Option<T> {
    const KIND: Kind = T::KIND;

    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Types of one kind, each with its conversion to a value and from one.
macro_rules! columns {
    ($kind:ident; $($type:ty: |$field:ident| $write:expr, |$value:ident| $read:expr;)+) => {$(
        impl Column for $type {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self) -> Value<'_> {
                let $field = self;
                $write
            }

            fn from_value($value: Value<'_>) -> Option<Self> {
                $read
            }
        }
    )+};
}

columns! {
    Integer;
    u64: |number| (*number).into(), |value| integer(&value)?.try_into().ok();
    u32: |number| (*number).into(), |value| integer(&value)?.try_into().ok();
    u16: |number| u32::from(*number).into(), |value| integer(&value)?.try_into().ok();
    bool: |flag| u32::from(*flag).into(), |value| Some(u64::from_value(value)? != 0);
    Seq: |seq| seq.0.into(), |value| u64::from_value(value).map(Self);
    Millis: |at| at.0.into(), |value| u64::from_value(value).map(Self);
    Availability: |is| u32::from(*is == Self::Available).into(), |value| availability(value);
    TicketStatus: |status| closed_at(*status).map(|at| at.0).into(), |value| status(value);
}

// As they are, in their own notation, or by name.
columns! {
    Text;
    String: |text| text.as_str().into(), |value| owned(value);
    Arc<str>: |text| (&**text).into(), |value| owned(value).map(Self::from);
    TicketMessage: |message| message.as_str().into(), |value| owned(value).map(Self::stored);
    CallbackUrl: |url| url.as_str().into(), |value| owned(value).map(Self::stored);
    TicketId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    WebhookId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    SecretId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    KeyKind: |kind| kind.name().into(), |value| Self::parse(text(&value)?);
    KeyId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    EventId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    HolderId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    Topic: |topic| topic.to_string().into(), |value| Self::parse(text(&value)?);
    OrderingKey: |ordering_key| ordering_key.to_string().into(), |value| Self::parse(text(&value)?);
    RequestId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    IpAddr: |address| address.to_string().into(), |value| text(&value)?.parse().ok();
    Digest: |digest| digest.to_string().into(), |value| Self::parse(text(&value)?);
    EventType: |kind| kind.name().into(), |value| Self::parse(text(&value)?);
    Failure: |failure| failure.name().into(), |value| Self::parse(text(&value)?);
    Ordering: |ordering| ordering.name().into(), |value| Self::parse(text(&value)?);
    Partner: |partner| partner.to_string().into(), |value| Self::parse(text(&value)?);
    AuditId: |id| id.to_string().into(), |value| Self::parse(text(&value)?);
    AuditAction: |action| action.name().into(), |value| Self::parse(text(&value)?);
    Reason: |reason| reason.name().into(), |value| Self::parse(text(&value)?);
}

// Lists and structures: JSON.
columns! {
    Text;
    Vec<Slot>: |slots| json(slots), |value| from_json(&value);
    Vec<OrderingKey>: |ordering_keys| json(ordering_keys), |value| from_json(&value);
    Replay: |replay| json(replay), |value| from_json(&value);
    Owed: |owed| json(owed), |value| from_json(&value);
    Expired: |expired| json(expired), |value| from_json(&value);
    ExtraHeaders: |headers| json(headers.as_slice()), |value| from_json(&value).map(Self::stored);
    RetrySchedule: |waits| json(waits.waits_s()), |value| from_json(&value).map(Self::stored);
    Tallies: |tallies| json(tallies.counts()), |value| from_json(&value).map(|of: Vec<_>| Self::stored(&of));
    Secrets: |secrets| secrets.to_json().into(), |value| Self::from_json(text(&value)?);
    AuditState: |state| json(state), |value| from_json(&value);
    Scopes: |scopes| json(&scopes.iter().map(Scope::name).collect::<Vec<_>>()), |value| scopes(&value);
    Subscription: |types| json(&names(types)), |value| named(&from_json::<Vec<_>>(&value)?);
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Null | Value::Text(_) => None,
    }
}

fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) => None,
    }
}

fn owned(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.into_owned()),
        Value::Null | Value::Integer(_) => None,
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Value<'static> {
    let text = serde_json::to_string(value);
    text.expect("structures of numbers and texts always have a JSON form").into()
}

fn from_json<T: DeserializeOwned>(value: &Value<'_>) -> Option<T> {
    serde_json::from_str(text(value)?).ok()
}

fn availability(value: Value<'_>) -> Option<Availability> {
    let available = bool::from_value(value)?;
    Some(if available { Availability::Available } else { Availability::Unavailable })
}

/// An open ticket has no closing time.
fn closed_at(status: TicketStatus) -> Option<Millis> {
    match status {
        TicketStatus::Open => None,
        TicketStatus::Closed { at } => Some(at),
    }
}

fn status(value: Value<'_>) -> Option<TicketStatus> {
    let closed_at = Option::<Millis>::from_value(value)?;
    Some(closed_at.map_or(TicketStatus::Open, |at| TicketStatus::Closed { at }))
}

fn scopes(value: &Value<'_>) -> Option<Scopes> {
    let names: Vec<String> = from_json(value)?;
    let scopes: Option<Vec<_>> = names.iter().map(|name| Scope::parse(name)).collect();
    scopes.map(Scopes::of)
}

fn names(types: &Subscription) -> Vec<&'static str> {
    types.types().map(EventType::name).collect()
}

fn named(names: &[String]) -> Option<Subscription> {
    let types: Option<Vec<_>> = names.iter().map(|name| EventType::parse(name)).collect();
    types.map(Subscription::of)
}
