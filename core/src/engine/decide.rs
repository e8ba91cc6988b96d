//! The entry point of all rules: a command, a moment and the known facts give an outcome.

mod attempt_results;
mod audit;
mod checkpoint;
mod deliveries;
mod eligible;
mod idempotency;
mod keys;
mod ownership;
mod partners;
mod replays;
mod retention;
mod sessions;
mod tickets;
mod turns;
mod webhooks;

use crate::engine::command::Command;
use crate::engine::decision::{Decision, Stop, Visits};
use crate::engine::facts::Facts;
use crate::engine::need::Need;
use crate::engine::outcome::Outcome;
use crate::model::moment::Moment;
use crate::model::reach::Reach;

/// The result of evaluating a command.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum Evaluation {
    /// These rows are missing. Load them and decide again.
    Need(Vec<Need>),
    Done(Outcome),
}

/// Decides one command. Pure: the same command, moment and facts give the same outcome.
#[must_use]
pub fn decide(command: &Command, moment: &Moment, facts: &Facts) -> Evaluation {
    decide_visiting(command, moment, facts, Visits::Scheduled)
}

/// The same, by a wake that visits the webhooks `visits`.
pub(crate) fn decide_visiting(
    command: &Command,
    moment: &Moment,
    facts: &Facts,
    visits: Visits,
) -> Evaluation {
    let reach = match authorize(moment, facts) {
        Ok(reach) => reach,
        Err(stop) => return stop.into(),
    };
    let mut decision = Decision::new(facts, moment, reach, visits);
    let reply = match command {
        Command::OpenTicket { message } => tickets::open(&mut decision, message),
        Command::UpdateTicket { id, message } => tickets::update(&mut decision, *id, message),
        Command::CloseTicket { id } => tickets::close(&mut decision, *id),
        Command::Announce(availability) => tickets::announce(&mut decision, *availability),
        Command::Register(registration) => webhooks::register(&mut decision, registration),
        Command::Unregister { id } => webhooks::unregister(&mut decision, *id),
        Command::Amend { id, settings } => webhooks::amend(&mut decision, *id, settings, None),
        Command::HandOver { id, settings, to } => {
            webhooks::amend(&mut decision, *id, settings, Some(to))
        }
        Command::Enable { id } => webhooks::enable(&mut decision, *id),
        Command::Rotate(rotation) => webhooks::rotate(&mut decision, rotation),
        Command::EndSecret { webhook, secret } => {
            webhooks::end_secret(&mut decision, *webhook, *secret)
        }
        Command::PingOne { id } => webhooks::ping_one(&mut decision, *id),
        Command::Ping => webhooks::ping(&mut decision),
        Command::Resend { id, event } => replays::resend(&mut decision, *id, *event),
        Command::Replay { id, range, counted, dry_run } => {
            replays::start(&mut decision, *id, *range, *counted, *dry_run)
        }
        Command::StopReplay { id } => replays::stop(&mut decision, *id),
        Command::CreateKey(key) => keys::create(&mut decision, key),
        Command::AmendKey { id, amendment } => keys::amend(&mut decision, *id, amendment),
        Command::RevokeKey { id } => keys::revoke(&mut decision, *id),
        Command::RemovePartner { partner } => partners::remove(&mut decision, *partner),
        Command::CreateLink(link) => sessions::create_link(&mut decision, link),
        Command::SignIn(sign_in) => sessions::sign_in(&mut decision, sign_in),
        Command::SignOut { session } => sessions::sign_out(&mut decision, *session),
        Command::EndSessions { partner } => sessions::end_all(&mut decision, *partner),
        Command::NoteKeyUse { used } => keys::note_use(&mut decision, used),
        Command::NoteRefusedKeys { refused } => keys::note_refused(&mut decision, refused),
        Command::Idempotent(once) => {
            return idempotency::once(once, moment, facts, &decision.reach);
        }
        Command::Report(report) => attempt_results::report(&mut decision, report),
        Command::Retain => retention::retain(&mut decision),
        Command::Wake => deliveries::wake(&mut decision),
    };
    let audited = reply.and_then(|reply| {
        audit::append(&mut decision, command)?;
        Ok(reply)
    });
    match audited {
        Ok(reply) => Evaluation::Done(decision.outcome(reply)),
        Err(stop) => stop.into(),
    }
}

/// Judges the caller over the rows as they are at this command: a key that was revoked before it in
/// the same batch is unknown to it.
fn authorize(moment: &Moment, facts: &Facts) -> Result<Reach, Stop> {
    let Some(authorization) = moment.authorization else { return Ok(Reach::everything()) };
    let granted = match authorization.key() {
        Some(id) => facts.api_keys()?.grants(id, moment.now),
        None => None,
    };
    Ok(authorization.judge(granted)?)
}

impl From<Stop> for Evaluation {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Need(needs) => Self::Need(needs),
            Stop::Refuse(refusal) => Self::Done(Outcome::unchanged(Err(refusal))),
        }
    }
}
