//! The data model, without delivery rules: the log and its events, tickets, the service status,
//! identifiers, time.

pub(crate) mod access;
pub(crate) mod api_key;
pub(crate) mod bounds;
pub(crate) mod caller;
pub(crate) mod digest;
pub(crate) mod event;
pub(crate) mod id;
pub(crate) mod idempotency_record;
pub(crate) mod log;
pub(crate) mod millis;
pub(crate) mod moment;
pub(crate) mod nearest;
pub(crate) mod partner;
pub(crate) mod reach;
pub(crate) mod reason;
pub(crate) mod refusal;
pub(crate) mod retention;
pub(crate) mod scope;
pub(crate) mod seq;
pub(crate) mod service;
pub(crate) mod subscription;
pub(crate) mod tallies;
pub(crate) mod text;
pub(crate) mod ticket;
pub(crate) mod variable;
