//! Delivery rules: a webhook's reader of the log, the meaning of answers, retries, the window of
//! requests in flight, the health of a receiver, replay.

pub(crate) mod answer;
pub(crate) mod attempt;
pub(crate) mod checkpoint;
pub(crate) mod health;
pub(crate) mod health_options;
pub(crate) mod lane;
pub(crate) mod ordering_key;
pub(crate) mod owed;
pub(crate) mod quotas;
pub(crate) mod reader;
pub(crate) mod replay;
pub(crate) mod request;
pub(crate) mod retry_after;
pub(crate) mod shortage;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod window;
