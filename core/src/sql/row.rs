//! Rows as facts. A row that is not as we would have written it is an error that names its column.

use std::fmt;
use std::vec::IntoIter;

use crate::delivery::answer::{Answer, Failure};
use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::delivery::health::{Down, Health};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::window::Window;
use crate::guard::CallbackUrl;
use crate::model::digest::Digest;
use crate::model::event::{Event, EventType, Topic};
use crate::model::id::{EventId, HolderId, SecretId, Stamp, TicketId, WebhookId};
use crate::model::idempotency::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::model::service::{Availability, Service};
use crate::model::tallies::Tallies;
use crate::model::ticket::{Ticket, TicketMessage, TicketStatus};
use crate::sql::Value;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::secrets::Secrets;
use crate::webhook::subscription::Subscription;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

/// A stored row that the desk never wrote: the file is damaged, or was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub column: &'static str,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of the database has a value in {} that HookDesk never writes", self.column)
    }
}

impl std::error::Error for BadRow {}

type Read<T> = Result<T, BadRow>;

/// A row's values, taken in the order of its columns.
pub(super) struct Row<'a>(IntoIter<Value<'a>>);

impl<'a> Row<'a> {
    pub fn new(values: Vec<Value<'a>>) -> Self {
        Self(values.into_iter())
    }

    fn integer(&mut self, column: &'static str) -> Read<u64> {
        self.optional_integer(column)?.ok_or(BadRow { column })
    }

    fn small(&mut self, column: &'static str) -> Read<u32> {
        self.integer(column)?.try_into().map_err(|_| BadRow { column })
    }

    fn optional_integer(&mut self, column: &'static str) -> Read<Option<u64>> {
        match self.0.next() {
            Some(Value::Integer(number)) => {
                number.try_into().map(Some).map_err(|_| BadRow { column })
            }
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(BadRow { column }),
        }
    }

    fn optional_small(&mut self, column: &'static str) -> Read<Option<u32>> {
        let number = self.optional_integer(column)?;
        number.map(|number| number.try_into().map_err(|_| BadRow { column })).transpose()
    }

    fn text(&mut self, column: &'static str) -> Read<String> {
        self.optional_text(column)?.ok_or(BadRow { column })
    }

    fn optional_text(&mut self, column: &'static str) -> Read<Option<String>> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(Some(text.into_owned())),
            Some(Value::Null) => Ok(None),
            Some(Value::Integer(_)) | None => Err(BadRow { column }),
        }
    }

    fn millis(&mut self, column: &'static str) -> Read<Millis> {
        self.integer(column).map(Millis)
    }

    fn seq(&mut self, column: &'static str) -> Read<Seq> {
        self.integer(column).map(Seq)
    }

    /// A text that `parse` understands.
    fn parsed<T>(&mut self, column: &'static str, parse: fn(&str) -> Option<T>) -> Read<T> {
        parse(&self.text(column)?).ok_or(BadRow { column })
    }

    fn optional<T>(
        &mut self,
        column: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Read<Option<T>> {
        let text = self.optional_text(column)?;
        text.map(|text| parse(&text).ok_or(BadRow { column })).transpose()
    }

    fn optional_json<T: serde::de::DeserializeOwned>(
        &mut self,
        column: &'static str,
    ) -> Read<Option<T>> {
        let text = self.optional_text(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| BadRow { column })).transpose()
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, column: &'static str) -> Read<T> {
        serde_json::from_str(&self.text(column)?).map_err(|_| BadRow { column })
    }
}

impl Row<'_> {
    pub fn log(&mut self) -> Read<Log> {
        Ok(Log {
            head: self.seq("log.head")?,
            floor: self.seq("log.floor")?,
            stamp: Stamp {
                at: self.millis("log.stamp_at")?,
                count: self
                    .small("log.stamp_count")?
                    .try_into()
                    .map_err(|_| BadRow { column: "log.stamp_count" })?,
            },
            tallies: Tallies::stored(&self.json::<Vec<u64>>("log.tallies")?),
        })
    }

    pub fn service(&mut self) -> Read<Service> {
        let availability = match self.integer("service.available")? {
            0 => Availability::Unavailable,
            _ => Availability::Available,
        };
        Ok(Service { availability, since: self.optional_integer("service.since")?.map(Millis) })
    }

    pub fn ticket(&mut self) -> Read<Ticket> {
        Ok(Ticket {
            id: self.parsed("tickets.id", TicketId::parse)?,
            message: TicketMessage::stored(self.text("tickets.message")?),
            opened_at: self.millis("tickets.opened_at")?,
            updated_at: self.millis("tickets.updated_at")?,
            status: match self.optional_integer("tickets.closed_at")? {
                Some(at) => TicketStatus::Closed { at: Millis(at) },
                None => TicketStatus::Open,
            },
            version: self.small("tickets.version")?,
        })
    }

    pub fn event(&mut self) -> Read<Event> {
        Ok(Event {
            seq: self.seq("events.seq")?,
            id: self.parsed("events.id", EventId::parse)?,
            kind: self.parsed("events.event", EventType::parse)?,
            created: self.millis("events.created")?,
            topic: self.optional("events.topic", Topic::parse)?,
            version: self.optional_small("events.version")?,
            only_for: self.optional("events.only_for", WebhookId::parse)?,
            body: self.text("events.body")?.into(),
        })
    }

    pub fn oldest_idempotency_record(&mut self) -> Read<Option<Millis>> {
        Ok(self.optional_integer("keys.at")?.map(Millis))
    }

    pub fn size(&mut self) -> Read<u64> {
        self.integer("page_count")
    }

    pub fn tried(&mut self) -> Read<(Seq, AttemptSummary)> {
        let seq = self.seq("events.seq")?;
        let number = self.small("attempts.number")?;
        Ok((seq, AttemptSummary { number, delivered: self.integer("attempts.reason")? != 0 }))
    }

    pub fn place(&mut self) -> Read<Seq> {
        self.seq("events.seq")
    }

    /// A webhook's columns and then its reader's.
    pub fn row(&mut self) -> Read<(Webhook, Reader)> {
        let webhook = self.webhook()?;
        let reader = self.reader(webhook.id)?;
        Ok((webhook, reader))
    }

    fn webhook(&mut self) -> Read<Webhook> {
        Ok(Webhook {
            id: self.parsed("webhooks.id", WebhookId::parse)?,
            callback_url: CallbackUrl::stored(self.text("webhooks.callback_url")?),
            secrets: self.parsed("webhooks.secrets", Secrets::from_json)?,
            events: self.subscription()?,
            ordering: self.parsed("webhooks.ordering", Ordering::parse)?,
            description: self.optional_text("webhooks.description")?,
            headers: ExtraHeaders::stored(self.json("webhooks.headers")?),
            retry_schedule: RetrySchedule::stored(self.json("webhooks.retry_schedule")?),
            timeout_ms: self.small("webhooks.timeout_ms")?,
            max_in_flight: self.small("webhooks.max_in_flight")?,
            rate_limit: self.optional_small("webhooks.rate_limit")?,
            status: self.status()?,
            created_at: self.millis("webhooks.created_at")?,
            rev: self.integer("webhooks.rev")?,
        })
    }

    fn subscription(&mut self) -> Read<Subscription> {
        const EVENTS: &str = "webhooks.events";
        let names: Vec<String> = self.json(EVENTS)?;
        let types = names.iter().map(|name| EventType::parse(name));
        let types: Option<Vec<_>> = types.collect();
        Ok(Subscription::of(types.ok_or(BadRow { column: EVENTS })?))
    }

    fn status(&mut self) -> Read<WebhookStatus> {
        let paused = self.integer("webhooks.paused")? != 0;
        let reason = self.optional("webhooks.disabled_for", Reason::parse)?;
        let at = self.optional_integer("webhooks.disabled_at")?;
        match (reason, at) {
            (None, None) if paused => Ok(WebhookStatus::Paused),
            (None, None) => Ok(WebhookStatus::Active),
            (Some(reason), Some(at)) => Ok(WebhookStatus::Disabled { reason, at: Millis(at) }),
            (Some(_), None) | (None, Some(_)) => Err(BadRow { column: "webhooks.disabled_at" }),
        }
    }

    fn reader(&mut self, webhook: WebhookId) -> Read<Reader> {
        Ok(Reader {
            webhook,
            read_to: self.seq("readers.read_to")?,
            tallies: Tallies::stored(&self.json::<Vec<u64>>("readers.tallies")?),
            targeted: self.integer("readers.aimed")?,
            ordering: self.parsed("readers.ordering", Ordering::parse)?,
            sending: self.json("readers.sending")?,
            holder: self.optional("readers.holder", HolderId::parse)?,
            window: Window {
                size: self.small("readers.window")?,
                steep_to: self.small("readers.steep_to")?,
                answers: self.small("readers.answers")?,
                trouble: self.integer("readers.trouble")? != 0,
            },
            health: self.health()?,
            not_before: self.millis("readers.not_before")?,
            rate_from_us: self.integer("readers.rate_from_us")?,
            pending: self.integer("readers.pending")?,
            waiting: self.small("readers.waiting")?,
            replay: self.json("readers.replay")?,
            owed: self.json("readers.owed")?,
            expired: self.optional_json("readers.expired")?,
            rev: self.integer("readers.rev")?,
        })
    }

    fn health(&mut self) -> Read<Health> {
        const SUBJECTS: &str = "readers.failing_subjects";
        let failed = self.small("readers.failed")?;
        let texts: Vec<String> = self.json(SUBJECTS)?;
        let ordering_keys = texts.iter().map(|text| OrderingKey::parse(text));
        let ordering_keys =
            ordering_keys.collect::<Option<_>>().ok_or(BadRow { column: SUBJECTS })?;
        let failing_since = self.optional_integer("readers.failing_since")?.map(Millis);
        let probes = self.optional_integer("readers.probes")?;
        let next_probe = self.optional_integer("readers.next_probe")?;
        let down = match (probes, next_probe) {
            (Some(probes), Some(at)) => Some(Down {
                probes: probes.try_into().map_err(|_| BadRow { column: "readers.probes" })?,
                next_probe: Millis(at),
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(BadRow { column: "readers.probes" }),
        };
        Ok(Health { failed, ordering_keys, failing_since, down })
    }

    pub fn attempt(&mut self) -> Read<Attempt> {
        let key = AttemptKey {
            seq: self.seq("attempts.seq")?,
            webhook: self.parsed("attempts.webhook", WebhookId::parse)?,
            number: self.small("attempts.number")?,
        };
        let at = self.millis("attempts.at")?;
        let duration_ms = self.optional_integer("attempts.duration_ms")?;
        let status = self.optional_small("attempts.status")?;
        let failure = self.optional("attempts.failure", Failure::parse)?;
        let excerpt = self.optional_text("attempts.excerpt")?.unwrap_or_default();
        let bad = BadRow { column: "attempts.status" };
        let answer = match (status, failure) {
            (Some(status), None) => {
                let status = status.try_into().map_err(|_| bad)?;
                Answer::Status { status, retry_after: None, excerpt }
            }
            (None, Some(failure)) => Answer::Failure(failure),
            (Some(_), Some(_)) | (None, None) => return Err(bad),
        };
        let reason = self.parsed("attempts.reason", Reason::parse)?;
        let next_attempt_at = self.optional_integer("attempts.next_attempt_at")?.map(Millis);
        Ok(Attempt { key, at, duration_ms, answer, reason, next_attempt_at })
    }

    pub fn idempotency_record(&mut self) -> Read<IdempotencyRecord> {
        Ok(IdempotencyRecord {
            key: self.parsed("keys.key", Digest::parse)?,
            request: self.parsed("keys.request", Digest::parse)?,
            at: self.millis("keys.at")?,
            status: self
                .small("keys.status")?
                .try_into()
                .map_err(|_| BadRow { column: "keys.status" })?,
            location: self.optional_text("keys.location")?,
            body: self.text("keys.body")?,
            shown: self
                .optional("keys.webhook", WebhookId::parse)?
                .zip(self.optional("keys.secret", SecretId::parse)?),
        })
    }

    pub fn lane(&mut self) -> Read<Lane> {
        Ok(Lane {
            webhook: self.parsed("lanes.webhook", WebhookId::parse)?,
            ordering_key: self.parsed("lanes.subject", OrderingKey::parse)?,
            head: self.seq("lanes.head")?,
            number: self.small("lanes.number")?,
            step: self.small("lanes.step")?,
            due: self.millis("lanes.due")?,
            last_queued: self.optional_integer("lanes.behind")?.map(Seq),
            why: self.parsed("lanes.why", Reason::parse)?,
        })
    }
}
