//! What follows from an input, as JavaScript is given it. The TypeScript types are made from these.
//!
//! [`Response`] is not the core's, whose body is always whole.

use hookdesk_core::sql::Statement;
use hookdesk_core::{Request, api};
use serde::Serialize;
use tsify::Tsify;

use crate::row_changes::RowChanges;

/// What follows from an input.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "Handled")]
pub struct Effects {
    /// To a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// To be sent now, each to be reported on.
    pub requests: Vec<Request>,
    /// When to say that time passed, at the latest, if time alone brings anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_wake_ms: Option<u64>,
    /// What a store was told, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Statement<'static>>>,
    /// Rows that are new or changed, if that was asked for.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    #[tsify(type = "Told")]
    pub row_changes: Option<RowChanges>,
    /// Lines for the file of a recording, if one has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// What went wrong with the store, for the host's log. Its callers were told already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The answer to a call.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status: u16,
    #[tsify(type = "[string, string][]")]
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The rest of a long list: take it with `page`, or let go of it with `closeList`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<u32>,
}

impl From<api::Response> for Response {
    fn from(api::Response { status, headers, body }: api::Response) -> Self {
        Self { status, headers, body, list: None }
    }
}

/// A part of a long list.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub text: String,
    /// Whether there is more.
    pub more: bool,
}
