//! Replies of a desk's API, as the commands read them that call a running desk.

use std::time::Duration;

use serde::Deserialize;

/// How long one call may take: a desk that is too busy to answer within it is not well.
pub(crate) const MAX_CALL: Duration = Duration::from_secs(30);

/// The body of a success.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub data: T,
    /// The cursor of the next page, if it is a page of a list and not the last one.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// The detail of a refusal; `None` when the body is no problem document.
pub(crate) fn problem_detail(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).map(|problem: Problem| problem.detail).ok()
}
