//! HookDesk's core: a customer-support desk that tells its partners everything by webhook, without
//! touching the world itself.
//!
//! Two ideas carry it. **A log and its readers**: every change appends one event to one log, and a
//! webhook is a reader of that log, a place plus what it has in flight; opening a ticket costs the
//! same with one webhook or a thousand. **Ask as you go**: a decision is a plain function over
//! what is known, [`decide`]; a look-up of something not yet loaded stops it with what it needs,
//! the host loads that, and it runs again from the top.
//!
//! [`Desk::run`] is that loop, and the whole of every host: queue commands, run them as a batch,
//! and only then, when the batch is committed, answer callers and send requests.
//!
//! ```
//! use hookdesk_core::{Amendment, Answer, Command, Desk, HolderId, Memory, MemoryStore, Millis, Moment};
//! use hookdesk_core::{Registration, Report, Secret, TicketMessage};
//! use hookdesk_core::guard::{CallbackUrl, Targets};
//!
//! let mut desk = Desk::new(MemoryStore::default(), Memory::Kept);
//! let start = Millis(1_672_531_200_000);
//! let holder = HolderId::new(start, &[7; 16]);
//! let at = |seconds: u64| Moment { now: start.plus(seconds * 1_000), chance: [3; 16], holder };
//!
//! // A webhook is registered, a ticket is opened, and time passes: three commands, one commit.
//! let url = CallbackUrl::parse("https://example.com/hook", &Targets::public()).unwrap();
//! let webhook = Registration {
//!     callback_url: url,
//!     secret: Secret::new([9; 32]),
//!     settings: Amendment::default(),
//! };
//! let message = TicketMessage::parse("My order is late".into()).unwrap();
//! let batch = [
//!     (Command::Register(webhook), at(0)),
//!     (Command::OpenTicket { message }, at(0)),
//!     (Command::Wake, at(0)),
//! ];
//! let mut decided = desk.run(&batch).unwrap();
//!
//! // What came out is a finished, signed request, which a host only moves …
//! let request = decided.pop().unwrap().requests.pop().unwrap();
//! assert_eq!(request.url.as_str(), "https://example.com/hook");
//! assert!(request.body.starts_with(r#"{"event":"ticket_opened","created":"2023-01-01T00:00:00Z""#));
//!
//! // … and whose end it reports. A failure waits for the next step of the ladder.
//! let answer = Answer::Status { status: 500, retry_after: None, excerpt: String::new() };
//! let report = Command::Report(Report { key: request.key, duration_ms: 20, answer });
//! let decided = desk.run(&[(report, at(1)), (Command::Wake, at(1))]).unwrap();
//! let next = decided[1].next_wake.unwrap();
//! assert!((4_000..=6_000).contains(&next.since(at(1).now)), "five seconds, give or take a fifth");
//! ```
//!
//! The core has no clock, no dice, no socket and no database: time and chance come in with each
//! [`Moment`], rows through a [`Store`], and `tests/dependencies.rs` sees that it stays so.

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
pub mod verify;
mod webhook;

pub use delivery::answer::{Answer, Failure, FailureKind, Meaning, excerpt};
pub use delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
pub use delivery::checkpoint::Checkpoint;
pub use delivery::health::{Down, Health, HealthPolicy};
pub use delivery::health_options::HealthOptions;
pub use delivery::lane::Lane;
pub use delivery::ordering_key::{OrderingKey, Scope};
pub use delivery::owed::{Owed, Sum};
pub use delivery::reader::{Expired, Reader};
pub use delivery::replay::{Replay, ReplayCount, ReplayFilter, ReplayRange, ReplayRun};
pub use delivery::request::{Request, RequestKey, USER_AGENT};
pub use delivery::slot::Slot;
pub use delivery::window::Window;
pub use engine::command::{Command, Idempotent, Registration, Report, Rotation};
pub use engine::decide::{Evaluation, decide};
pub use engine::desk::{Committed, Desk, RunError};
pub use engine::facts::Facts;
pub use engine::limits::{Hosts, Limits, Memory};
pub use engine::need::{Fact, Need};
pub use engine::outcome::{Changes, Expect, LogPut, Outcome, Put, Reply};
pub use engine::session::{Batch, Effects, Session};
pub use engine::store::{Commit, Rows, Store};
pub use memory::MemoryStore;
pub use model::bounds::OutOfBounds;
pub use model::digest::Digest;
pub use model::event::{Event, EventType, Topic};
pub use model::id::{EventId, HolderId, SecretId, Stamp, TicketId, WebhookId};
pub use model::idempotency::IdempotencyRecord;
pub use model::log::Log;
pub use model::millis::Millis;
pub use model::moment::Moment;
pub use model::reason::Reason;
pub use model::refusal::Refusal;
pub use model::retention::Retention;
pub use model::seq::Seq;
pub use model::service::{Availability, Service};
pub use model::tallies::Tallies;
pub use model::text::BadText;
pub use model::ticket::{Ticket, TicketFilter, TicketMessage, TicketStatus};
pub use verify::{Known, Mistake, Verdict, verify};
pub use webhook::extra_headers::{BadHeader, ExtraHeaders};
pub use webhook::retry_schedule::{BadSchedule, RetrySchedule};
pub use webhook::secrets::{Secrets, SigningSecret};
pub use webhook::sign::Secret;
pub use webhook::subscription::Subscription;
pub use webhook::{Amendment, Ordering, Webhook, WebhookStatus};
