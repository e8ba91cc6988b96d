//! Tests of the audit, over a desk in memory whose commits are seen.

use std::convert::Infallible;

use crate::engine::decide::deliveries::tests::{START, webhook};
use crate::{
    Actor, Amendment, Answer, AuditAction, AuditObject, AuditPolicy, Availability, Changes,
    Command, Commit, Desk, Fact, HolderId, Memory, MemoryStore, Millis, Moment, Need, Ordering,
    Reply, Report, Retention, Rows, Store, TicketMessage, WebhookId,
};

/// A store that notes its commits.
#[derive(Default)]
struct Noted {
    store: MemoryStore,
    commits: Vec<Changes>,
}

impl Rows for Noted {
    type Fault = Infallible;

    fn load(&mut self, need: &Need) -> Result<Fact, Infallible> {
        self.store.load(need)
    }
}

impl Store for Noted {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Infallible> {
        self.commits.push(changes.clone());
        self.store.commit(changes)
    }
}

struct Rig {
    desk: Desk<Noted>,
    now: Millis,
}

impl Rig {
    fn new(audit: AuditPolicy) -> Self {
        let mut desk = Desk::new(Noted::default(), Memory::Kept);
        desk.limits_mut().audit = audit;
        Self { desk, now: START }
    }

    /// Decides one batch, and gives the replies and the changes of its commit.
    fn run(&mut self, commands: Vec<Command>) -> (Vec<crate::Committed>, Changes) {
        let moment = Moment::new(self.now, [7; 16], HolderId::new(START, &[0; 16]));
        let batch: Vec<_> = commands.into_iter().map(|command| (command, moment)).collect();
        let decided = self.desk.run(&batch).unwrap();
        let mut commits = std::mem::take(&mut self.desk.store_mut().commits);
        assert!(commits.len() < 2, "one commit a batch");
        (decided, commits.pop().unwrap_or_default())
    }

    fn register(&mut self) -> (WebhookId, Changes) {
        let (decided, changes) = self.run(vec![Command::Register(webhook(Ordering::Ticket, &[]))]);
        let Ok(Reply::Registered(webhook)) = &decided[0].reply else { panic!("{decided:?}") };
        (webhook.id, changes)
    }

    fn rows(&mut self) -> usize {
        self.desk.store_mut().audit(None, None, u32::MAX).unwrap().len()
    }
}

fn open() -> Command {
    Command::OpenTicket { message: TicketMessage::parse("help".to_owned()).unwrap() }
}

#[test]
fn a_row_is_in_the_commit_of_what_it_tells_of() {
    let mut rig = Rig::new(AuditPolicy::ForGood);
    let (id, changes) = rig.register();
    let [row] = &*changes.audit else { panic!("{:?}", changes.audit) };
    assert!(changes.webhooks.contains_key(&id));
    assert_eq!(row.change.action, AuditAction::WebhookRegistered);
    assert_eq!((row.change.object, &row.actor), (AuditObject::Webhook(id), &Actor::Anyone));
    let settings = Amendment { paused: Some(true), ..Amendment::default() };
    let (_, changes) = rig.run(vec![
        Command::Amend { id, settings },
        Command::Announce(Availability::Unavailable),
        Command::Unregister { id },
    ]);
    let actions: Vec<_> = changes.audit.iter().map(|row| row.change.action).collect();
    let expected = [
        AuditAction::WebhookChanged,
        AuditAction::ServiceAnnounced,
        AuditAction::WebhookUnregistered,
    ];
    assert_eq!(actions, expected);
    assert!(changes.audit.is_sorted_by(|one, other| one.id < other.id));
}

#[test]
fn tickets_requests_and_wakes_append_none() {
    let mut rig = Rig::new(AuditPolicy::ForGood);
    rig.register();
    let (decided, changes) = rig.run(vec![open(), Command::Ping, Command::Wake]);
    assert!(changes.audit.is_empty() && !changes.events.is_empty());
    let answer = Answer::Status { status: 200, retry_after: None, excerpt: String::new() };
    let sent = decided[2].requests.iter();
    let reports = sent.map(|request| {
        Command::Report(Report { key: request.key, duration_ms: 1, answer: answer.clone() })
    });
    let (_, changes) = rig.run(reports.chain([Command::Wake]).collect());
    assert!(changes.audit.is_empty() && !changes.attempts.is_empty());
}

#[test]
fn without_a_policy_nothing_is_audited() {
    let mut rig = Rig::new(AuditPolicy::Off);
    let (_, changes) = rig.register();
    assert!(changes.audit.is_empty());
}

#[test]
fn rows_go_when_they_are_too_old_a_few_at_a_time() {
    const KEPT_MS: u64 = 3 * Retention::FURTHEST_MS;
    let mut rig = Rig::new(AuditPolicy::For { ms: KEPT_MS });
    let most = AuditPolicy::ROWS as usize;
    rig.run(vec![Command::Announce(Availability::Unavailable); most + 1]);
    rig.now = START.plus(10);
    rig.run(vec![Command::Announce(Availability::Available)]);
    let next_look = |rig: &Rig| rig.desk.facts().retains_at();
    assert_eq!(next_look(&rig), Some(START.plus(Retention::FURTHEST_MS)));
    rig.now = START.plus(KEPT_MS - 1);
    rig.run(vec![Command::Wake]);
    assert_eq!((rig.rows(), next_look(&rig)), (most + 2, Some(START.plus(KEPT_MS))));
    rig.now = START.plus(KEPT_MS);
    rig.run(vec![Command::Wake]);
    assert_eq!(rig.rows(), 2);
    rig.now = rig.now.plus(9);
    rig.run(vec![Command::Wake]);
    assert_eq!(rig.rows(), 2, "not before the next step");
    rig.now = rig.now.plus(1);
    for _ in 0..2 {
        rig.run(vec![Command::Wake]);
        rig.now = rig.now.plus(Retention::PACE_MS);
    }
    assert_eq!((rig.rows(), next_look(&rig)), (0, None));
}

#[test]
fn rows_are_kept_for_good_where_no_time_is_set() {
    let mut rig = Rig::new(AuditPolicy::ForGood);
    rig.register();
    rig.now = START.plus(1_000 * AuditPolicy::DEFAULT_S * 50);
    rig.run(vec![Command::Wake]);
    assert_eq!((rig.rows(), rig.desk.facts().retains_at()), (1, None));
}
