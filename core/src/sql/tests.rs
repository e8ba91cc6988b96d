//! The statements of stores, to the byte: `tests/statements.txt` has each one with its values.
//!
//! The texts are part of the format of incident files, whose digests include them: with a changed
//! text, recordings of other versions differ.

mod audit;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{BadRow, Statement, Value, postgres, sqlite};
use crate::delivery::answer::{Answer, Failure};
use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::delivery::health::{Down, Health};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::owed::Owed;
use crate::delivery::reader::{Expired, Reader};
use crate::delivery::replay::Replay;
use crate::delivery::slot::Slot;
use crate::delivery::window::Window;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Expect, LogPut, Put};
use crate::guard::CallbackUrl;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::audit::AuditFilter;
use crate::model::call_source::CallSource;
use crate::model::digest::Digest;
use crate::model::event::{Event, EventType, Topic};
use crate::model::id::{AuditId, EventId, HolderId, KeyId, SecretId, Stamp, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::key_kind::KeyKind;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Grant, Partner, PartnerCounts};
use crate::model::reason::Reason;
use crate::model::scope::{Scope, Scopes};
use crate::model::seq::Seq;
use crate::model::service::{Availability, Service};
use crate::model::subscription::Subscription;
use crate::model::tallies::Tallies;
use crate::model::ticket::{Ticket, TicketFilter, TicketMessage};
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::secrets::{Secrets, SigningSecret};
use crate::webhook::sign::Secret;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

fn stamp(number: u16) -> Stamp {
    Stamp { at: Millis(1_700_000_000_000), count: number }
}

fn ticket_id(number: u16) -> TicketId {
    TicketId::new(stamp(number), &[1; 16])
}

fn webhook_id(number: u16) -> WebhookId {
    WebhookId::new(stamp(number), &[2; 16])
}

fn secret_id(number: u16) -> SecretId {
    SecretId::new(stamp(number), &[3; 16])
}

fn event_id(number: u16) -> EventId {
    EventId::new(stamp(number), Seq(number.into()))
}

fn key_id(number: u16) -> KeyId {
    KeyId::new(stamp(number), &[5; 16])
}

fn partner() -> Partner {
    Partner::parse("acme").unwrap()
}

fn partners() -> Fact {
    Fact::Partners(vec![PartnerCounts { partner: partner(), webhooks: 260, keys: 261 }])
}

fn log() -> Log {
    let tallies = Tallies::stored(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    Log { head: Seq(101), floor: Seq(102), stamp: Stamp { at: Millis(103), count: 104 }, tallies }
}

fn service() -> Service {
    Service { availability: Availability::Unavailable, since: Some(Millis(111)) }
}

fn open_ticket() -> Ticket {
    let message = TicketMessage::stored("It's \"late\"".to_owned());
    Ticket { updated_at: Millis(122), ..Ticket::open(ticket_id(1), message, Millis(121)) }
}

fn closed_ticket() -> Ticket {
    let ticket = open_ticket();
    Ticket { id: ticket_id(2), version: 7, ..ticket.closed(Millis(123)) }
}

fn ping() -> Event {
    Event {
        seq: Seq(131),
        id: event_id(131),
        kind: EventType::Ping,
        created: Millis(132),
        topic: None,
        version: None,
        only_for: Some(webhook_id(1)),
        body: "{\"event\":\"ping\",\"data\":{}}".into(),
    }
}

fn opened() -> Event {
    Event {
        seq: Seq(133),
        id: event_id(133),
        kind: EventType::TicketOpened,
        topic: Some(Topic::Ticket(ticket_id(1))),
        version: Some(134),
        only_for: None,
        ..ping()
    }
}

fn plain_webhook() -> Webhook {
    let current = SigningSecret::new(secret_id(1), Secret::new([1; 32]), Millis(141));
    let url = CallbackUrl::stored("https://example.com/hook".to_owned());
    Webhook::new(webhook_id(1), url, Secrets::new(current), Millis(142))
}

fn full_webhook() -> Webhook {
    let secret = |number: u8| {
        SigningSecret::new(secret_id(number.into()), Secret::new([number; 32]), Millis(143))
    };
    let secrets = Secrets::new(secret(2)).rotate(secret(3), Millis(143), 1).unwrap();
    Webhook {
        id: webhook_id(2),
        partner: Some(partner()),
        secrets,
        events: Subscription::of([EventType::TicketOpened, EventType::WebhookDown]),
        ordering: Ordering::Webhook,
        description: Some("for people".to_owned()),
        headers: ExtraHeaders::stored(vec![("x-team".to_owned(), "blue".to_owned())]),
        partner_headers: true,
        retry_schedule: RetrySchedule::stored(vec![1, 2]),
        timeout_ms: 145,
        max_in_flight: 146,
        rate_limit: Some(147),
        status: WebhookStatus::Disabled { reason: Reason::Failing, at: Millis(148) },
        created_at: Millis(149),
        rev: 150,
        ..plain_webhook()
    }
}

fn paused_webhook() -> Webhook {
    Webhook { id: webhook_id(3), status: WebhookStatus::Paused, ..plain_webhook() }
}

fn plain_reader() -> Reader {
    Reader::new(&plain_webhook(), &log())
}

fn full_reader() -> Reader {
    let ordering_key = OrderingKey::Live(OrderingScope::Topic(Topic::Ticket(ticket_id(1))));
    let slot = Slot {
        seq: Seq(151),
        ordering_key,
        number: 152,
        step: 153,
        last_queued: Some(Seq(154)),
        since: Millis(155),
        probe: true,
    };
    let mut owed = Owed::default();
    owed.add(event_id(1));
    Reader {
        webhook: webhook_id(2),
        read_to: Seq(156),
        tallies: Tallies::stored(&[1]),
        targeted: 157,
        ordering: Ordering::None,
        sending: vec![slot],
        holder: Some(HolderId::new(Millis(158), &[4; 16])),
        window: Window { size: 159, steep_to: 160, answers: 161, trouble: true },
        health: Health {
            failed: 162,
            ordering_keys: vec![ordering_key, OrderingKey::Resend(Seq(163))],
            failing_since: Some(Millis(164)),
            failed_at: Some(Millis(175)),
            down: Some(Down { probes: 165, next_probe: Millis(166) }),
        },
        not_before: Millis(167),
        rate_from_us: 168,
        pending: 169,
        waiting: 170,
        replay: Replay { run: None, pending: 171, waiting: 172 },
        owed,
        expired: Some(Expired { from: event_id(1), to: event_id(2), count: 173 }),
        rev: 174,
    }
}

fn lane() -> Lane {
    Lane {
        webhook: webhook_id(1),
        ordering_key: OrderingKey::Replay(OrderingScope::Event(Seq(181))),
        head: Seq(182),
        number: 183,
        step: 184,
        due: Millis(185),
        last_queued: Some(Seq(186)),
        why: Reason::Turn,
    }
}

fn answered() -> Attempt {
    let excerpt = "sorry".to_owned();
    Attempt {
        key: AttemptKey { seq: Seq(191), webhook: webhook_id(1), number: 192 },
        at: Millis(193),
        duration_ms: Some(194),
        answer: Answer::Status { status: 503, retry_after: None, excerpt },
        reason: Reason::Retry,
        next_attempt_at: Some(Millis(195)),
    }
}

fn unheard() -> Attempt {
    let key = AttemptKey { number: 196, ..answered().key };
    let answer = Answer::Failure(Failure::Timeout);
    Attempt { answer, ..Attempt::unreported(key, Millis(197), Reason::Lost, None) }
}

fn idempotency_record() -> IdempotencyRecord {
    IdempotencyRecord {
        key: Digest::of(&[b"key"]),
        request: Digest::of(&[b"request"]),
        at: Millis(201),
        status: 202,
        location: Some("/webhooks/1".to_owned()),
        body: "{}".to_owned(),
        shown: Some((webhook_id(1), secret_id(1))),
    }
}

fn plain_key() -> ApiKey {
    ApiKey {
        id: key_id(1),
        kind: KeyKind::Bearer,
        parent: None,
        digest: Digest::of(&[b"plain"]),
        prefix: "hdk_3yZe7".to_owned(),
        settings: KeySettings { scopes: Scopes::of([Scope::Read]), ..KeySettings::default() },
        created_at: Millis(251),
        last_used_at: None,
        rev: 0,
    }
}

fn full_key() -> ApiKey {
    let settings = KeySettings {
        name: Some("Billing".to_owned()),
        scopes: Scopes::of(Scope::ALL),
        grant: Some(Grant { partner: partner(), events: Subscription::default() }),
        rate_limit: Some(255),
        expires_at: Some(Millis(252)),
    };
    ApiKey {
        id: key_id(2),
        kind: KeyKind::Session,
        parent: Some(key_id(1)),
        digest: Digest::of(&[b"full"]),
        settings,
        last_used_at: Some(Millis(253)),
        rev: 254,
        ..plain_key()
    }
}

fn plain_answer() -> IdempotencyRecord {
    IdempotencyRecord {
        key: Digest::of(&[b"plain"]),
        location: None,
        shown: None,
        ..idempotency_record()
    }
}

fn put<T>(row: T, expect: Expect) -> Put<T> {
    Put { row: Some(row), expect }
}

fn gone<T>(expect: Expect) -> Put<T> {
    Put { row: None, expect }
}

/// Rows that are new, and all kinds of deletions.
fn new_rows() -> Changes {
    let new = Expect::Absent;
    Changes {
        log: Some(LogPut { row: log(), was: Stamp { at: Millis(105), count: 106 } }),
        service: Some(service()),
        tickets: [open_ticket(), closed_ticket()].map(|row| (row.id, put(row, new))).into(),
        events: vec![Arc::new(ping()), Arc::new(opened())],
        forgotten: Some((Millis(211), 212)),
        floor: Some(Seq(213)),
        webhooks: [plain_webhook(), full_webhook(), paused_webhook()]
            .map(|row| (row.id, put(Arc::new(row), new)))
            .into_iter()
            .chain([(webhook_id(4), gone(Expect::Rev(214)))])
            .collect(),
        readers: [plain_reader(), full_reader()]
            .map(|row| (row.webhook, put(row, new)))
            .into_iter()
            .chain([(webhook_id(4), gone(Expect::Rev(215)))])
            .collect(),
        cleared: BTreeSet::from([webhook_id(4)]),
        stopped: BTreeSet::from([webhook_id(5)]),
        lanes: [lane(), Lane { webhook: webhook_id(2), last_queued: None, ..lane() }]
            .map(|row| ((row.webhook, row.ordering_key), Some(row)))
            .into_iter()
            .chain([((webhook_id(3), OrderingKey::Live(OrderingScope::Everything)), None)])
            .collect(),
        attempts: [answered(), unheard()].map(|row| (row.key, row)).into(),
        idempotency_records: [idempotency_record(), plain_answer()]
            .map(|row| (row.key, put(row.into(), new)))
            .into(),
        api_keys: [plain_key(), full_key()]
            .map(|row| (row.id, put(Arc::new(row), new)))
            .into_iter()
            .chain([(key_id(3), gone(Expect::Rev(216)))])
            .collect(),
        audit: audit::rows(),
        forgotten_audit: Some((Millis(217), 218)),
    }
}

/// Rows that replace others, and one that was added and deleted within a batch.
fn changed_rows() -> Changes {
    Changes {
        service: Some(Service::default()),
        tickets: [(ticket_id(2), put(closed_ticket(), Expect::Rev(221)))].into(),
        webhooks: [
            (webhook_id(2), put(Arc::new(full_webhook()), Expect::Rev(222))),
            (webhook_id(4), gone(Expect::Absent)),
        ]
        .into(),
        readers: [
            (webhook_id(2), put(full_reader(), Expect::Rev(223))),
            (webhook_id(4), gone(Expect::Absent)),
        ]
        .into(),
        idempotency_records: [(
            idempotency_record().key,
            put(idempotency_record().into(), Expect::Rev(224)),
        )]
        .into(),
        api_keys: [(key_id(2), put(Arc::new(full_key()), Expect::Rev(225)))].into(),
        ..Changes::default()
    }
}

/// Each need, with a fact for it.
fn needs() -> Vec<(Need, Fact)> {
    let (webhook, seq) = (webhook_id(1), Seq(231));
    let ordering_key = lane().ordering_key;
    let filters = [None, Some(TicketFilter::Open), Some(TicketFilter::Closed)];
    let tickets = || Fact::Tickets(vec![open_ticket(), closed_ticket()]);
    let of = |webhook: Webhook| {
        let reader = Reader { webhook: webhook.id, ..full_reader() };
        (webhook, reader)
    };
    let webhook_rows = || {
        let plain = (plain_webhook(), plain_reader());
        Fact::Webhooks(vec![plain, of(full_webhook()), of(paused_webhook())])
    };
    let outline = |event: Event| Event { body: "".into(), ..event };
    let lanes = || Fact::Lanes(vec![lane(), Lane { last_queued: None, ..lane() }]);
    let tried = [(Seq(1), false), (Seq(2), true)];
    let tried = tried.map(|(seq, delivered)| {
        (seq, AttemptSummary { number: 232, delivered, abandoned: !delivered })
    });
    let mut all = vec![
        (Need::Log, Fact::Log(log())),
        (Need::Service, Fact::Service(service())),
        (Need::Ticket(ticket_id(1)), tickets()),
    ];
    for only in filters {
        all.push((Need::Tickets { only, after: Some(ticket_id(1)), most: 233 }, tickets()));
        let before = Some(ticket_id(1));
        all.push((Need::TicketsBefore { only, before, most: 234 }, tickets()));
    }
    all.extend([
        (Need::Tickets { only: None, after: None, most: 235 }, tickets()),
        (Need::TicketsBefore { only: None, before: None, most: 236 }, tickets()),
        (Need::Webhooks, webhook_rows()),
        (Need::Webhook(webhook), webhook_rows()),
        (Need::WebhooksAfter { after: None, most: 237 }, webhook_rows()),
        (Need::WebhooksAfter { after: Some(webhook), most: 238 }, webhook_rows()),
        (Need::PartnerWebhooks { partner: partner(), after: None, most: 256 }, webhook_rows()),
        (
            Need::PartnerWebhooks { partner: partner(), after: Some(webhook), most: 257 },
            webhook_rows(),
        ),
        (Need::Partners { after: None, most: 258 }, partners()),
        (Need::Partners { after: Some(partner()), most: 259 }, partners()),
        (Need::Events { from: seq, most: 239 }, Fact::Events(vec![ping(), opened()])),
        (
            Need::EventsBefore { before: None, most: 240 },
            Fact::Events(vec![outline(opened()), outline(ping())]),
        ),
        (
            Need::EventsBefore { before: Some(seq), most: 241 },
            Fact::Events(vec![outline(opened()), outline(ping())]),
        ),
        (
            Need::Attempts { webhook, seq, after: 233, most: 234 },
            Fact::Attempts(vec![answered(), unheard()]),
        ),
        (
            Need::AttemptSummaries { webhook, from: seq, to: Seq(242) },
            Fact::AttemptSummaries(tried.into()),
        ),
        (Need::LanesTo { to: seq, most: 243 }, lanes()),
        (Need::ApiKeys, Fact::ApiKeys(vec![plain_key(), full_key()])),
        (Need::ApiKey(key_id(1)), Fact::ApiKeys(vec![plain_key()])),
        (Need::Audit { only: None, before: None, most: 273 }, Fact::Audit(audit::rows())),
        (
            Need::Audit { only: None, before: Some(AuditId::new(stamp(1), &[6; 16])), most: 274 },
            Fact::Audit(Vec::new()),
        ),
        (
            Need::Audit { only: Some(AuditFilter::Webhook(webhook)), before: None, most: 275 },
            Fact::Audit(Vec::new()),
        ),
        (
            Need::Audit { only: Some(AuditFilter::Key(key_id(1))), before: None, most: 276 },
            Fact::Audit(Vec::new()),
        ),
        (Need::OldestAudit, Fact::Time(Some(Millis(277)))),
        (Need::Size, Fact::Size(244)),
        (Need::OldestIdempotencyRecord, Fact::Time(None)),
        (Need::OldestIdempotencyRecord, Fact::Time(Some(Millis(245)))),
        (Need::CreatedFrom(Millis(246)), Fact::Place(Some(seq))),
        (Need::NextAbout { topic: Topic::Service, after: seq, to: Seq(247) }, Fact::Place(None)),
        (Need::IdempotencyRecord(idempotency_record().key), Fact::IdempotencyRecord(None)),
        (
            Need::IdempotencyRecord(idempotency_record().key),
            Fact::IdempotencyRecord(Some(idempotency_record())),
        ),
        (
            Need::IdempotencyRecord(plain_answer().key),
            Fact::IdempotencyRecord(Some(plain_answer())),
        ),
        (Need::Lane(webhook, ordering_key), lanes()),
        (Need::LanesOf(ordering_key), lanes()),
        (Need::Lanes { webhook, after: None, most: 248 }, lanes()),
        (Need::Lanes { webhook, after: Some((Millis(249), seq)), most: 250 }, lanes()),
    ]);
    all
}

fn json(values: &[Value<'_>]) -> String {
    serde_json::to_string(values).unwrap()
}

fn write(text: &mut String, statement: &Statement<'_>) {
    let Statement { sql, values, changes, of_row: _ } = statement;
    let changes = changes.map(|rows| format!(" -> {rows}")).unwrap_or_default();
    writeln!(text, "{sql}\n  {}{changes}", json(values)).unwrap();
}

/// All statements, each followed by its values and the number of rows that it must change; and all
/// queries, each followed by rows that it might return.
fn handed() -> String {
    let mut text = String::new();
    for changes in [new_rows(), changed_rows()] {
        for statement in sqlite::statements(&changes) {
            write(&mut text, &statement);
        }
        text.push('\n');
    }
    for (need, fact) in needs() {
        write(&mut text, &sqlite::query(&need));
        for row in sqlite::rows(&need, &fact) {
            writeln!(text, "  <- {}", json(&row)).unwrap();
        }
    }
    text
}

#[test]
fn stores_are_handed_what_they_always_were() {
    let (handed, known) = (handed(), include_str!("tests/statements.txt"));
    let differs = handed.lines().zip(known.lines()).find(|(handed, known)| handed != known);
    assert_eq!(differs, None, "in all:\n{handed}");
    assert_eq!(handed.len(), known.len(), "in all:\n{handed}");
}

/// Each statement for PostgreSQL: of a write its text and how many parameters it has, of which so
/// many are arrays.
fn handed_to_postgres() -> String {
    let mut text = String::new();
    let mut known = BTreeSet::new();
    for changes in [new_rows(), changed_rows()] {
        for write in postgres::statements(&changes) {
            let arrays = write.parameters.iter();
            let arrays = arrays.filter(|of| matches!(of, postgres::Parameter::Array(_))).count();
            if known.insert(write.sql) {
                writeln!(text, "{}\n  ({} of {})", write.sql, arrays, write.parameters.len())
                    .unwrap();
            }
        }
    }
    for (need, _) in needs() {
        let query = postgres::query(&need);
        if known.insert(query.sql) {
            writeln!(text, "{}", query.sql).unwrap();
        }
    }
    text
}

#[test]
fn postgres_is_handed_what_it_always_was() {
    let (handed, known) = (handed_to_postgres(), include_str!("tests/postgres.txt"));
    let differs = handed.lines().zip(known.lines()).find(|(handed, known)| handed != known);
    assert_eq!(differs, None, "in all:\n{handed}");
    assert_eq!(handed.len(), known.len(), "in all:\n{handed}");
}

#[test]
fn rows_of_one_text_are_one_statement_for_postgres() {
    for changes in [new_rows(), changed_rows()] {
        let rows = sqlite::statements(&changes).len();
        let writes = postgres::statements(&changes);
        let length = |write: &postgres::Write<'_>| match write.parameters.first() {
            Some(postgres::Parameter::Array(rows)) => rows.len(),
            Some(postgres::Parameter::One(_)) | None => 1,
        };
        assert_eq!(writes.iter().map(length).sum::<usize>(), rows);
        let texts: BTreeSet<_> =
            writes.iter().filter(|of| length(of) > 1).map(|of| of.sql).collect();
        assert!(texts.iter().all(|text| text.contains("unnest")));
    }
}

/// Statements are sent before their `BEGIN` is answered.
#[test]
fn every_write_for_postgres_asks_whether_its_batch_began() {
    for changes in [new_rows(), changed_rows()] {
        for write in postgres::statements(&changes) {
            let batch = write.parameters.len() + 1;
            let condition = format!("current_setting('hookdesk.batch', true) = ${batch}");
            assert!(write.sql.contains(&condition), "{}", write.sql);
        }
    }
}

#[test]
fn rows_are_read_back_as_they_were_written() {
    for (need, fact) in needs() {
        assert_eq!(sqlite::fact(&need, sqlite::rows(&need, &fact)), Ok(fact), "{need:?}");
    }
}

#[test]
fn a_bad_row_names_its_column() {
    // A need, the column of its row that is spoiled, and that column's name.
    const AUDIT: Need = Need::Audit { only: None, before: None, most: 273 };
    const TABLE: [(Need, usize, &str); 18] = [
        (Need::Log, 3, "log.stamp_count"),
        (Need::Service, 0, "service.available"),
        (Need::Webhooks, 5, "webhooks.ordering"),
        (Need::Webhooks, 14, "webhooks.disabled_for"),
        (Need::Webhooks, 18, "readers.read_to"),
        (Need::Webhooks, 24, "readers.window"),
        (Need::Webhooks, 29, "readers.failing_subjects"),
        (Need::Webhooks, 31, "readers.failed_at"),
        (Need::Webhooks, 41, "readers.rev"),
        (Need::ApiKeys, 1, "api_keys.kind"),
        (Need::ApiKeys, 8, "api_keys.events"),
        (Need::Events { from: Seq(231), most: 239 }, 7, "events.body"),
        (Need::OldestIdempotencyRecord, 0, "keys.at"),
        (Need::OldestAudit, 0, "audit.at"),
        (AUDIT, 2, "audit.caller"),
        (AUDIT, 6, "audit.peer"),
        (AUDIT, 8, "audit.action"),
        (AUDIT, 14, "audit.after"),
    ];
    let bad = || Value::Text("?".into());
    for (need, place, column) in TABLE {
        let known = needs();
        let (_, fact) = known.iter().find(|(known, _)| *known == need).unwrap();
        let mut rows = sqlite::rows(&need, fact);
        rows[0][place] = bad();
        assert_eq!(sqlite::fact(&need, rows), Err(BadRow { column }));
    }
    for (need, column) in
        [(Need::Log, "log"), (Need::Service, "service"), (Need::Size, "page_count")]
    {
        assert_eq!(sqlite::fact(&need, vec![]), Err(BadRow { column }));
    }
}

#[test]
fn rows_of_earlier_schemas_are_completed() {
    let summaries = Need::AttemptSummaries { webhook: webhook_id(1), from: Seq(231), to: Seq(242) };
    // A need, and the places of the columns that its rows did not have, from the last one on.
    let table = [
        (Need::Webhooks, &[31, 8, 1][..]),
        (Need::Webhooks, &[8, 1]),
        (Need::ApiKeys, &[9, 8, 7, 2, 1]),
        (Need::ApiKeys, &[2, 1]),
        (Need::Audit { only: None, before: None, most: 273 }, &[7, 6]),
        (summaries, &[3]),
    ];
    for (need, places) in table {
        let known = needs();
        let (_, fact) = known.iter().find(|(known, _)| *known == need).unwrap();
        let earlier = sqlite::rows(&need, fact).into_iter().map(|mut row| {
            for place in places {
                row.remove(*place);
            }
            row
        });
        let read = sqlite::recorded_fact(&need, earlier.collect()).unwrap();
        match (&need, read) {
            (Need::Webhooks, Fact::Webhooks(rows)) => {
                let failed = rows.iter().any(|(_, reader)| reader.health.failed_at.is_some());
                assert_eq!(failed, places.len() == 2);
                assert!(rows.iter().all(|(webhook, _)| webhook.partner.is_none()));
            }
            (Need::ApiKeys, Fact::ApiKeys(keys)) => {
                assert!(keys.iter().all(|key| (key.kind, key.parent) == (KeyKind::Bearer, None)));
                let settings = keys.iter().map(|key| &key.settings).filter(|_| places.len() > 2);
                let mut granted =
                    settings.filter(|of| of.grant.is_some() || of.rate_limit.is_some());
                assert_eq!(granted.next(), None);
            }
            (_, Fact::Audit(rows)) => {
                assert!(rows.iter().all(|row| row.source == CallSource::default()));
            }
            (_, Fact::AttemptSummaries(tried)) => assert!(tried.iter().all(|t| !t.1.abandoned)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_row_of_another_length_is_a_bad_one() {
    for (need, fact) in needs() {
        let mut rows = sqlite::rows(&need, &fact);
        for row in &mut rows {
            row.pop();
        }
        assert!(rows.is_empty() || sqlite::fact(&need, rows).is_err(), "{need:?}");
    }
}
