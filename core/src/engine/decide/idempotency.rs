//! Idempotent commands: each is carried out once, and its repetitions get the first reply again.
//!
//! Replies are not rendered here: the outcome says that one is to be kept, and the
//! [`Desk`](crate::Desk) renders it before the commit.

use std::sync::Arc;

use crate::engine::command::Idempotent;
use crate::engine::decide::{Evaluation, decide};
use crate::engine::facts::Facts;
use crate::engine::need::Need;
use crate::engine::outcome::{Expect, Outcome, Reply};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;
use crate::webhook::sign::Secret;

pub(super) fn once(once: &Idempotent, moment: &Moment, facts: &Facts, reach: &Reach) -> Evaluation {
    let step = try_once(once, moment, facts, reach);
    step.unwrap_or_else(|need| Evaluation::Need(vec![need]))
}

fn try_once(
    once: &Idempotent,
    moment: &Moment,
    facts: &Facts,
    reach: &Reach,
) -> Result<Evaluation, Need> {
    let now = moment.now;
    let known = facts.idempotency_record(once.key)?;
    match known.filter(|first| first.stands(now)) {
        Some(first) if first.request == once.request => {
            let secret = shown(first, now, facts, reach)?;
            let reply = Reply::Repeated { first: Arc::clone(first), secret };
            Ok(Evaluation::Done(Outcome::unchanged(Ok(reply))))
        }
        Some(_) => Ok(Evaluation::Done(Outcome::unchanged(Err(Refusal::KeyReused)))),
        None => Ok(match decide(&once.command, moment, facts) {
            Evaluation::Need(needs) => Evaluation::Need(needs),
            Evaluation::Done(outcome) => {
                let replaces = known.map_or(Expect::Absent, |outdated| Expect::Rev(outdated.at.0));
                Evaluation::Done(Outcome { reply_replaces: Some(replaces), ..outcome })
            }
        }),
    }
}

/// The secret that the first response showed, while it signs, and while the caller reaches its
/// webhook.
fn shown(
    first: &IdempotencyRecord,
    now: Millis,
    facts: &Facts,
    reach: &Reach,
) -> Result<Option<Secret>, Need> {
    let Some((webhook, secret)) = first.shown else { return Ok(None) };
    let row = facts.webhook_rows()?.get(&webhook);
    let row = row.filter(|row| reach.includes(row.webhook.partner));
    let mut live = row.into_iter().flat_map(|row| row.webhook.secrets.live(now));
    Ok(live.find(|one| one.id == secret).map(|one| one.secret.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;
    use crate::guard::{CallbackUrl, Targets};
    use crate::model::digest::Digest;
    use crate::{
        Amendment, Command, Desk, HolderId, Memory, MemoryStore, Registration, Rotation, TicketId,
        TicketMessage, WebhookId,
    };

    const START: Millis = Millis(1_700_000_000_000);

    struct Rig {
        desk: Desk<MemoryStore>,
        now: Millis,
    }

    impl Rig {
        fn new() -> Self {
            Self { desk: Desk::new(MemoryStore::default(), Memory::Kept), now: START }
        }

        /// Decides commands in one batch.
        fn run(&mut self, commands: Vec<Command>) -> Vec<Result<Reply, Refusal>> {
            let holder = HolderId::new(START, &[0; 16]);
            let moment = Moment::new(self.now, [7; 16], holder);
            let batch: Vec<_> = commands.into_iter().map(|command| (command, moment)).collect();
            let decided = self.desk.run(&batch).unwrap();
            decided.into_iter().map(|decided| decided.reply).collect()
        }

        fn one(&mut self, command: Command) -> Result<Reply, Refusal> {
            self.run(vec![command]).remove(0)
        }
    }

    /// A command with a key. Its digest stands for that of the HTTP request.
    fn keyed(key: &str, command: Command) -> Command {
        let request = Digest::of(&[format!("{command:?}").as_bytes()]);
        Command::Idempotent(Idempotent {
            key: Digest::of(&[key.as_bytes()]),
            request,
            command: Box::new(command),
        })
    }

    fn open(message: &str) -> Command {
        Command::OpenTicket { message: TicketMessage::parse(message.to_owned()).unwrap() }
    }

    fn is_again(reply: &Result<Reply, Refusal>) -> bool {
        matches!(reply, Ok(Reply::Repeated { .. }))
    }

    /// Status and body as the caller sees them.
    fn seen(reply: Result<Reply, Refusal>) -> (u16, String) {
        let response = api::answer(reply, None);
        (response.status, response.body)
    }

    #[test]
    fn a_repetition_is_answered_the_same_and_changes_nothing() {
        let mut rig = Rig::new();
        let first = rig.one(keyed("k", open("m")));
        let again = rig.one(keyed("k", open("m")));
        assert!(!is_again(&first) && is_again(&again));
        assert_eq!(seen(first), seen(again));
        let Ok(Reply::Announced(ping)) = rig.one(Command::Ping) else { panic!("not told") };
        assert_eq!(ping.seq().0, 2, "one ticket was opened");
    }

    #[test]
    fn a_batch_that_holds_a_call_twice_carries_it_out_once() {
        let mut rig = Rig::new();
        let replies = rig.run(vec![keyed("k", open("m")), keyed("k", open("m"))]);
        assert_eq!(replies.iter().map(is_again).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_refusal_is_given_again_also_when_the_call_would_succeed_by_then() {
        let mut rig = Rig::new();
        let id = TicketId::parse("tkt_0197000000017abcaeeeeeeeeeeeeeee").unwrap();
        let close = || keyed("k", Command::CloseTicket { id });
        let first = rig.one(close());
        assert_eq!(first, Err(Refusal::UnknownTicket));
        let again = rig.one(close());
        assert!(is_again(&again));
        assert_eq!(seen(first), seen(again));
    }

    #[test]
    fn a_key_belongs_to_one_call_for_a_day() {
        let mut rig = Rig::new();
        rig.one(keyed("k", open("m"))).unwrap();
        assert_eq!(rig.one(keyed("k", open("n"))), Err(Refusal::KeyReused));
        assert!(!is_again(&rig.one(keyed("l", open("m")))));
        rig.now = START.plus(IdempotencyRecord::KEPT_MS - 1);
        assert!(is_again(&rig.one(keyed("k", open("m")))));
        rig.now = START.plus(IdempotencyRecord::KEPT_MS);
        assert!(!is_again(&rig.one(keyed("k", open("n")))));
        assert!(is_again(&rig.one(keyed("k", open("n")))));
    }

    fn register() -> Command {
        Command::Register(Registration {
            callback_url: CallbackUrl::parse("https://example.com/", &Targets::public()).unwrap(),
            secret: Secret::new([1; 32]),
            settings: Amendment::default(),
            partner: None,
        })
    }

    fn rotate(webhook: WebhookId, overlap_ms: u64) -> Command {
        Command::Rotate(Rotation { webhook, secret: Secret::new([2; 32]), overlap_ms })
    }

    #[test]
    fn a_secret_is_shown_again_while_it_signs_and_is_stored_in_the_webhook_alone() {
        let mut rig = Rig::new();
        let registered = rig.one(keyed("k", register()));
        let Ok(Reply::Registered(webhook)) = &registered else { panic!("not registered") };
        let id = webhook.id;
        let shown = seen(registered);
        let text = Secret::new([1; 32]).reveal();
        assert!(shown.1.ends_with(&format!(",\"secret\":\"{}\"}}}}", *text)), "{}", shown.1);
        assert_eq!(seen(rig.one(keyed("k", register()))), shown);

        let rotated = seen(rig.one(keyed("l", rotate(id, 1_000))));
        assert_eq!(seen(rig.one(keyed("l", rotate(id, 1_000)))), rotated);
        assert_eq!(seen(rig.one(keyed("k", register()))), shown);
        rig.now = START.plus(1_000);
        let hidden = (201, shown.1.replace(&format!(",\"secret\":\"{}\"", *text), ""));
        assert_eq!(seen(rig.one(keyed("k", register()))), hidden);
        assert_eq!(seen(rig.one(keyed("l", rotate(id, 1_000)))), rotated);

        rig.one(Command::Unregister { id }).unwrap();
        let (status, body) = seen(rig.one(keyed("l", rotate(id, 1_000))));
        assert!(status == 201 && !body.contains("secret"), "{body}");
    }
}
