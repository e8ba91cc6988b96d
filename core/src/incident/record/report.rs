//! Reports of finished requests in JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Read;
use crate::delivery::answer::{Answer, Failure};
use crate::delivery::request::RequestKey;
use crate::engine::command::Report;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportForm<'a> {
    webhook: WebhookId,
    seq: Seq,
    number: u32,
    sent_at: Millis,
    duration_ms: u64,
    answer: AnswerForm<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AnswerForm<'a> {
    Status { status: u16, retry_after: Option<Cow<'a, str>>, excerpt: Cow<'a, str> },
    Failure(Cow<'a, str>),
}

impl<'a> ReportForm<'a> {
    pub fn of(report: &'a Report) -> Self {
        let Report { key: RequestKey { webhook, seq, number, sent_at }, duration_ms, answer } =
            report;
        let answer = match answer {
            Answer::Status { status, retry_after, excerpt } => AnswerForm::Status {
                status: *status,
                retry_after: retry_after.as_deref().map(Cow::Borrowed),
                excerpt: excerpt.as_str().into(),
            },
            Answer::Failure(failure) => AnswerForm::Failure(failure.name().into()),
        };
        Self {
            webhook: *webhook,
            seq: *seq,
            number: *number,
            sent_at: *sent_at,
            duration_ms: *duration_ms,
            answer,
        }
    }

    pub fn read(self) -> Read<Report> {
        let Self { webhook, seq, number, sent_at, duration_ms, answer } = self;
        let answer = match answer {
            AnswerForm::Status { status, retry_after, excerpt } => Answer::Status {
                status,
                retry_after: retry_after.map(Cow::into_owned),
                excerpt: excerpt.into_owned(),
            },
            AnswerForm::Failure(name) => {
                Answer::Failure(Failure::parse(&name).ok_or("not a failure")?)
            }
        };
        Ok(Report { key: RequestKey { webhook, seq, number, sent_at }, duration_ms, answer })
    }
}
