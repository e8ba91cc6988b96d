//! HookDesk's core: a customer-support desk that delivers every change to its partners by webhook,
//! as a sans-IO library. Commands go in; changed rows and finished, signed requests come out.
//!
//! # Design
//!
//! Two ideas carry it.
//!
//! **A log and its readers.** Every change appends one event to one log, and a webhook is a reader of
//! that log: an offset, plus what it has in flight. Opening a ticket costs the same with one webhook
//! or a thousand, and pausing, catching up and replaying are moves of an offset.
//!
//! **Ask as you go.** A decision is a plain function over what is known, [`decide`]. A look-up of a
//! row that is not loaded yet stops it with its [`Need`]; the row is loaded, and the decision runs
//! again from the top. A reading of the API is a plain function over a store's [`Rows`].
//!
//! ```text
//!  calls, reports ─► Session::batch ─► Session::run ──────────────────────────► Effects
//!                    (+ time, chance)   decide each over the facts ─► commit     replies, requests, events
//!                                        ▲ Fact       │ Need
//!                                        └── Store ◄──┘
//! ```
//!
//! [`Session`] is the loop of every host: the native server, the WebAssembly module and the simulated
//! worlds of the tests drive the same one. A host queues calls and reports, runs them as a batch, and
//! only then, when the batch is committed, answers callers and sends requests.
//!
//! ```
//! use hookdesk_core::{Amendment, Answer, Command, Desk, Effects, HolderId, Memory, MemoryStore};
//! use hookdesk_core::{Millis, Moment, Registration, Report, Secret, Session, TicketMessage};
//! use hookdesk_core::guard::{CallbackUrl, Targets};
//!
//! let start = Millis(1_672_531_200_000);
//! let holder = HolderId::new(start, &[7; 16]);
//! let at = |seconds: u64| Moment::new(start.plus(seconds * 1_000), [3; 16], holder);
//! let mut session = Session::new(Desk::new(MemoryStore::default(), Memory::Kept), start);
//!
//! // A webhook is registered and a ticket is opened: one batch, one commit.
//! let callback_url = CallbackUrl::parse("https://example.com/hook", &Targets::public()).unwrap();
//! let (secret, settings) = (Secret::new([9; 32]), Amendment::default());
//! session.call(Command::Register(Registration { callback_url, secret, settings, partner: None }));
//! let message = TicketMessage::parse("My order is late".into()).unwrap();
//! session.call(Command::OpenTicket { message });
//! let batch = session.batch(|| at(0));
//! let committed = session.run(batch, || at(0).now, Desk::run).unwrap();
//!
//! // What comes out is two replies and a finished, signed request, which a host only sends …
//! let Effects { replies, mut requests, .. } = Effects::of(committed, 2);
//! assert!(replies.iter().all(Result::is_ok));
//! let request = requests.pop().unwrap();
//! assert_eq!(request.url.as_str(), "https://example.com/hook");
//! assert!(request.body.starts_with(r#"{"event":"ticket_opened","created":"2023-01-01T00:00:00Z""#));
//!
//! // … and whose end it reports. A failed attempt is retried by the retry schedule.
//! let answer = Answer::Status { status: 500, retry_after: None, excerpt: String::new() };
//! session.report(Report { key: request.key, duration_ms: 20, answer });
//! let batch = session.batch(|| at(1));
//! session.run(batch, || at(1).now, Desk::run).unwrap();
//! let next = session.next_wake().unwrap();
//! assert!((4_000..=6_000).contains(&next.since(at(1).now)), "five seconds, give or take a fifth");
//! ```
//!
//! The core has no clock, no source of chance, no socket and no database: time and chance come in
//! with each [`Moment`], rows through a [`Store`], and `tests/suites/dependencies.rs` holds it so.
//! Its folders are its layers, held by `tests/suites/layers.rs`: `model` (rows and values), `webhook`
//! (settings), `delivery` (rules), `engine` (decisions, facts, the loop), [`term`] (which of several
//! processes decides), and the adapters [`api`], [`sql`] and [`incident`]; [`guard`] and [`verify`] lean
//! on values alone.

#![warn(clippy::indexing_slicing)] // What input can reach must not panic.
#![warn(clippy::wildcard_enum_match_arm)] // A new variant must break every match.

pub mod api;
mod delivery;
mod engine;
pub mod guard;
pub mod incident;
mod memory;
mod model;
pub mod sql;
pub mod term;
pub mod verify;
mod webhook;

pub use delivery::answer::{Answer, Failure, FailureKind, Meaning, excerpt};
pub use delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
pub use delivery::checkpoint::Checkpoint;
pub use delivery::health::{Down, Health, HealthPolicy};
pub use delivery::health_options::HealthOptions;
pub use delivery::lane::Lane;
pub use delivery::ordering_key::{OrderingKey, OrderingScope};
pub use delivery::owed::{Owed, Sum};
pub use delivery::quotas::Quotas;
pub use delivery::reader::{Expired, Reader};
pub use delivery::replay::{Replay, ReplayCount, ReplayFilter, ReplayRange, ReplayRun};
pub use delivery::request::{Request, RequestKey, USER_AGENT};
pub use delivery::slot::Slot;
pub use delivery::window::Window;
pub use engine::command::{
    Command, Handover, Idempotent, KeyAmendment, NewKey, NewLink, Registration, Report, Rotation,
    SignIn,
};
pub use engine::decide::{Evaluation, decide};
pub use engine::desk::{Committed, Desk, RunError};
pub use engine::facts::Facts;
pub use engine::limits::{Hosts, Limits, Memory};
pub use engine::need::{Fact, Need};
pub use engine::outcome::{Changes, Expect, LogPut, Outcome, Put, Reply};
pub use engine::session::{Batch, Effects, Session};
pub use engine::store::{Commit, Rows, Store};
pub use memory::MemoryStore;
pub use model::access::Access;
pub use model::api_key::{ApiKey, ApiKeys, KeySettings, KeyText};
pub use model::audit::{
    Actor, AuditAction, AuditChange, AuditFilter, AuditObject, AuditRow, AuditState,
};
pub use model::audit_policy::AuditPolicy;
pub use model::bounds::OutOfBounds;
pub use model::call_source::{CallSource, peer_network};
pub use model::caller::{Authorization, Caller};
pub use model::digest::Digest;
pub use model::event::{Event, EventType, Topic};
pub use model::id::{
    AuditId, EventId, HolderId, KeyId, RequestId, SecretId, Stamp, TicketId, WebhookId,
};
pub use model::idempotency_record::IdempotencyRecord;
pub use model::key_kind::KeyKind;
pub use model::log::Log;
pub use model::millis::Millis;
pub use model::moment::Moment;
pub use model::nearest::nearest;
pub use model::partner::{Grant, Partner, PartnerCounts};
pub use model::reach::Reach;
pub use model::reason::Reason;
pub use model::refusal::Refusal;
pub use model::retention::Retention;
pub use model::scope::{Scope, Scopes};
pub use model::seq::Seq;
pub use model::service::{Availability, Service};
pub use model::subscription::Subscription;
pub use model::tallies::Tallies;
pub use model::text::BadText;
pub use model::ticket::{Ticket, TicketFilter, TicketMessage, TicketStatus};
pub use model::variable::Variable;
pub use verify::{Known, Mistake, Renamed, Verdict, renamed, verify};
pub use webhook::extra_headers::{BadHeader, ExtraHeaders};
pub use webhook::retry_schedule::{BadSchedule, RetrySchedule};
pub use webhook::secrets::{Secrets, SigningSecret};
pub use webhook::sign::Secret;
pub use webhook::{Amendment, Ordering, Webhook, WebhookStatus};
