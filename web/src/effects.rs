//! Effects of an input, in the form that JavaScript gets. The TypeScript types are generated from
//! these.
//!
//! [`Response`] is not the core's, whose body is always whole.

use hookdesk_core::sql::Statement;
use hookdesk_core::{Request, WebhookId, api};
use serde::Serialize;
use tsify::Tsify;

use crate::row_changes::RowChanges;

/// The effects of an input.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "Handled")]
pub struct Effects {
    /// The response, if the input was a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// Unregistered webhooks: abort their requests that are in flight, and report none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[tsify(optional)]
    pub cancels: Vec<WebhookId>,
    /// Webhook requests to send now. Report how each one ended.
    pub requests: Vec<Request>,
    /// When to wake the desk at the latest, in milliseconds of unix time; absent if nothing is
    /// scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_wake_ms: Option<u64>,
    /// The statements that were committed to the store, if `noting` was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Statement<'static>>>,
    /// Rows that are new or changed, after `watch`.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    #[tsify(type = "Told")]
    pub row_changes: Option<RowChanges>,
    /// Lines to append to the recording's file, if one has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// The store's error, for the host's log. Callers have their responses already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The response to a call.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status: u16,
    #[tsify(type = "[string, string][]")]
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The rest of a long list: read it with `page`, or release it with `closeList`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<u32>,
}

impl From<api::Response> for Response {
    fn from(api::Response { status, headers, body }: api::Response) -> Self {
        Self { status, headers, body, list: None }
    }
}

/// What the head of a call decides.
#[derive(Clone, Debug, Default, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// The response to a call that is not to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Response>,
    /// Headers for the response to a call that is: what is left of its caller's rate limit.
    #[tsify(type = "[string, string][]")]
    pub headers: Vec<(&'static str, String)>,
}

/// A part of a long list's body.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub text: String,
    /// Whether more parts follow.
    pub more: bool,
}
