//! Callers' commands: which of them must be refused, and what those that are carried out change.

use std::collections::BTreeMap;

use hookdesk_core::{
    Amendment, Command, Digest, Idempotent, Millis, Partner, PartnerCounts, Refusal, Reply,
    TicketId, Webhook, WebhookId,
};

use super::secrets::Secrets;
use super::watched::{Status, Watched};
use super::{Oracles, Rights, ownership};
use crate::stores::{StoredRows, hears};

/// Milliseconds for which an idempotency key belongs to one call.
const KEPT_MS: u64 = 86_400_000;

/// Tickets and idempotency keys, as callers know them.
#[derive(Debug, Default)]
pub struct Callers {
    /// The version of each ticket, and whether it is closed.
    tickets: BTreeMap<TicketId, (u32, bool)>,
    /// The call of each key, and when it was carried out.
    keys: BTreeMap<Digest, (Digest, Millis)>,
}

impl Callers {
    /// Whether a call under a key is carried out, and not a repetition or refused.
    pub fn carries_out(
        &mut self,
        call: &Idempotent,
        reply: &Result<Reply, Refusal>,
        now: Millis,
    ) -> bool {
        let known = self.keys.get(&call.key).filter(|(_, at)| at.plus(KEPT_MS) > now);
        let is_repeated = matches!(reply, Ok(Reply::Repeated { .. }));
        match known {
            Some((request, _)) if *request == call.request => {
                assert!(is_repeated, "{} is a repetition, and gets {reply:?}", call.key);
                false
            }
            Some(_) => {
                assert_eq!(*reply, Err(Refusal::KeyReused), "{} is of another call", call.key);
                false
            }
            None => {
                assert!(!is_repeated, "{} is new, and gets {reply:?}", call.key);
                self.keys.insert(call.key, (call.request, now));
                true
            }
        }
    }
}

impl Oracles {
    /// A call that is carried out, or refused.
    pub(super) fn called(
        &mut self,
        rows: &StoredRows,
        (call, caller): (&Command, &Rights),
        reply: &Result<Reply, Refusal>,
        now: Millis,
    ) {
        if let Some(expected) = self.expected(rows, (call, caller), now) {
            let is = reply.as_ref().map(|_| ()).map_err(|refusal| *refusal);
            let is = is.map_err(without_time);
            assert_eq!(is, expected, "{call:?}");
            self.judged.add(match expected {
                Err(Refusal::TooManyWebhooks) => "no webhook more",
                Err(Refusal::TooManyPartnerWebhooks { .. }) => "no webhook more of a partner",
                Err(
                    Refusal::NotGranted(_)
                    | Refusal::ReplayNotGranted(_)
                    | Refusal::NotForPartnerWebhooks(_),
                ) => "event that a partner may not hear of",
                Err(Refusal::UnknownWebhook) if caller.partner().is_some() => "webhook of another",
                Err(_) => "refusal",
                Ok(()) => "no refusal",
            });
        }
        self.resend_has_a_lane(call, reply);
        match (call, reply) {
            (_, Err(_)) => {}
            (Command::OpenTicket { .. }, Ok(Reply::Opened(id))) => {
                self.callers.tickets.insert(*id, (1, false));
            }
            (Command::UpdateTicket { .. }, Ok(Reply::Ticket(ticket))) => {
                self.versioned(ticket.id, ticket.version, false);
            }
            (Command::CloseTicket { .. }, Ok(Reply::Ticket(ticket))) => {
                self.versioned(ticket.id, ticket.version, true);
            }
            (Command::Register(registration), Ok(Reply::Registered(webhook))) => {
                ownership::registered(registration, caller, webhook);
                self.webhooks.insert(webhook.id, Watched::new(webhook));
            }
            (Command::RemovePartner { partner }, Ok(Reply::PartnerRemoved(counts))) => {
                let expected = self.counts(*partner);
                assert_eq!(*counts, expected, "{partner} is removed");
                self.keys.removed(*partner);
                self.webhooks.retain(|_, of| of.settings.partner != Some(*partner));
            }
            (Command::CreateKey(new), Ok(Reply::KeyCreated(key))) => {
                self.keys.created(key.id, &new.settings);
            }
            (Command::AmendKey { id, amendment }, _) => self.keys.amended(*id, amendment),
            (Command::RevokeKey { id }, _) => self.keys.revoked(*id),
            (_, Ok(reply)) if self.keys_of_browsers((call, caller), reply, now) => {}
            (Command::Unregister { id }, _) => {
                self.webhooks.remove(id);
            }
            (_, Ok(reply)) => self.changed(rows, (call, caller), reply, now),
        }
    }

    /// Whether the call was about sessions or links.
    fn keys_of_browsers(
        &mut self,
        (call, caller): (&Command, &Rights),
        reply: &Reply,
        now: Millis,
    ) -> bool {
        match (call, reply) {
            (Command::CreateLink(new), Reply::LinkCreated(link)) => {
                self.keys.linked(link, &new.grant, caller.key, now);
            }
            (Command::SignIn(sign_in), Reply::SignedIn { session, granted }) => {
                self.keys.signed_in(sign_in, (session, granted), now);
                let by_link = session.settings.grant.is_some();
                self.judged.add(if by_link { "sign-in by a link" } else { "sign-in by a key" });
            }
            (Command::SignOut { session }, Reply::SignedOut(_)) => {
                self.keys.signed_out(Some(*session));
            }
            (Command::EndSessions { partner }, Reply::SessionsEnded(_, ended)) => {
                let expected = self.keys.sessions_of(*partner).len() as u64;
                assert_eq!(*ended, expected, "sessions and links of {partner}");
                self.keys.sessions_ended(*partner);
                self.judged.add("sessions of a partner");
            }
            _ => return false,
        }
        true
    }

    /// What there is of a partner.
    pub(super) fn counts(&self, partner: Partner) -> PartnerCounts {
        let webhooks = self.webhooks.values().filter(|of| of.settings.partner == Some(partner));
        let (webhooks, keys) = (webhooks.count() as u64, self.keys.count_of(partner));
        PartnerCounts { partner, webhooks, keys }
    }

    /// A ticket counts its changes; closing it once more is none.
    fn versioned(&mut self, id: TicketId, version: u32, closes: bool) {
        let Some((last, is_closed)) = self.callers.tickets.get_mut(&id) else { return };
        let changes = u32::from(!*is_closed);
        assert_eq!(version, *last + changes, "{id}");
        (*last, *is_closed) = (version, *is_closed || closes);
    }

    /// A call about one webhook was carried out.
    fn changed(
        &mut self,
        rows: &StoredRows,
        (call, caller): (&Command, &Rights),
        reply: &Reply,
        now: Millis,
    ) {
        let Some(watched) = about(call).and_then(|id| self.webhooks.get_mut(&id)) else { return };
        match (call, reply) {
            (
                Command::Amend { settings, .. } | Command::HandOver { settings, .. },
                Reply::Webhook { webhook, shows_headers },
            ) => {
                watched.status = match settings.paused {
                    Some(true) => Status::Paused,
                    Some(false) => Status::Active,
                    None => watched.status,
                };
                let origin = watched.settings.callback_url.clone();
                amended(&mut watched.settings, settings);
                ownership::headers(&mut watched.settings, &origin, settings, caller);
                if let Command::HandOver { to, .. } = call
                    && watched.settings.partner.is_none()
                {
                    self.judged.add("handover");
                    watched.settings.partner = Some(to.partner);
                    watched.secrets = Secrets::of(webhook);
                    assert_eq!(webhook.secrets.current().secret, to.secret, "{}", webhook.id);
                    assert_eq!(webhook.secrets.stored().count(), 1, "{}", webhook.id);
                }
                let may_see = caller.partner().is_none() || watched.settings.partner_headers;
                assert_eq!(*shows_headers, may_see, "{}", webhook.id);
                watched.subscribed(rows);
                shows(webhook, &watched.settings);
            }
            (Command::Enable { .. }, Reply::Webhook { webhook, .. }) => {
                if matches!(watched.status, Status::Failing | Status::Gone) {
                    watched.enabled(now);
                }
                shows(webhook, &watched.settings);
            }
            (Command::Rotate(rotation), Reply::Rotated(webhook)) => {
                let id = webhook.secrets.current().id;
                watched.secrets.rotated(id, &rotation.secret, now, rotation.overlap_ms);
            }
            (Command::EndSecret { secret, .. }, _) => watched.secrets.ended(*secret, now),
            (Command::PingOne { .. }, _) => watched.pinged(now),
            (Command::Resend { event, .. }, _) => watched.resent(event.seq(), now),
            (
                Command::Replay { range, counted, dry_run, .. },
                Reply::Replay { counted: answered, starts },
            ) => {
                assert_eq!((answered, *starts), (counted, !dry_run), "{call:?}");
                if *starts {
                    watched.replay_started(rows, *range, *counted, now);
                }
            }
            (Command::StopReplay { .. }, Reply::Stopped(run)) => watched.replay_stopped(run),
            (_, _) => {}
        }
    }

    /// What a call must come to; `None` where callers cannot know.
    fn expected(
        &self,
        rows: &StoredRows,
        (call, caller): (&Command, &Rights),
        now: Millis,
    ) -> Option<Result<(), Refusal>> {
        if let Some(id) = about(call) {
            let watched = self.webhooks.get(&id);
            let Some(watched) = watched.filter(|of| caller.sees(of.settings.partner)) else {
                return Some(Err(Refusal::UnknownWebhook));
            };
            if let Some(refusal) = self.not_shared(watched, call, caller) {
                return Some(Err(refusal));
            }
            let expected = expected_of(rows, (watched, caller), call, now);
            let is_refused = matches!(expected, Some(Err(_)));
            let not_owned = self.not_owned(watched, call, caller).filter(|_| !is_refused);
            return not_owned.map_or(expected, |refusal| Some(Err(refusal)));
        }
        match call {
            Command::UpdateTicket { id, .. } => match self.callers.tickets.get(id) {
                None => Some(Err(Refusal::UnknownTicket)),
                Some((_, true)) => Some(Err(Refusal::TicketClosed)),
                Some((_, false)) => Some(Ok(())),
            },
            Command::CloseTicket { id } => {
                let is_known = self.callers.tickets.contains_key(id);
                Some(if is_known { Ok(()) } else { Err(Refusal::UnknownTicket) })
            }
            Command::Register(registration) => {
                let refused = self.not_registered(registration, caller);
                Some(refused.map_or(Ok(()), Err))
            }
            Command::RemovePartner { partner } => {
                let is_known = self.counts(*partner).webhooks > 0 || self.keys.has_any_of(*partner);
                Some(if is_known { Ok(()) } else { Err(Refusal::UnknownPartner) })
            }
            Command::AmendKey { id, amendment } => {
                Some(self.keys.refuses(*id, amendment).map_or(Ok(()), Err))
            }
            Command::RevokeKey { id } => {
                Some(if self.keys.is_known(*id) { Ok(()) } else { Err(Refusal::UnknownKey) })
            }
            Command::SignIn(sign_in) => {
                let may = self.keys.signs_in(sign_in.shown, now);
                Some(if may { Ok(()) } else { Err(Refusal::Unauthorized) })
            }
            _ => Some(Ok(())),
        }
    }

    /// Nothing is resent beyond the lanes that may wait. One that waits untried may be the event's
    /// own: then nobody outside can tell.
    fn resend_has_a_lane(&mut self, call: &Command, reply: &Result<Reply, Refusal>) {
        let Command::Resend { id, event } = call else { return };
        let Some(watched) = self.webhooks.get(id) else { return };
        if watched.is_waiting(event.seq()) || !watched.knows_all_lanes() {
            return;
        }
        if watched.lanes_left(&self.plan.quotas) == 0 {
            self.judged.add("no lane more");
            assert!(reply.is_err(), "{call:?} has no lane, and gets {reply:?}");
        } else {
            assert_ne!(*reply, Err(Refusal::TooManyLanes), "{call:?}");
        }
    }
}

fn expected_of(
    rows: &StoredRows,
    (watched, caller): (&Watched, &Rights),
    call: &Command,
    now: Millis,
) -> Option<Result<(), Refusal>> {
    let refused_if = |refused: bool, refusal| Some(if refused { Err(refusal) } else { Ok(()) });
    let is_disabled = matches!(watched.status, Status::Failing | Status::Gone);
    match call {
        Command::Amend { settings, .. } | Command::HandOver { settings, .. } => {
            refused_if(is_disabled && settings.paused.is_some(), Refusal::WebhookNotActive)
        }
        Command::PingOne { .. } => {
            refused_if(watched.status != Status::Active, Refusal::WebhookNotActive)
        }
        Command::Rotate(rotation) => {
            let may = watched.secrets.may_rotate(now, rotation.overlap_ms);
            refused_if(!may, Refusal::TooManySecrets { next_ends_at: Millis::default() })
        }
        Command::EndSecret { secret, .. } => Some(watched.secrets.may_end(*secret, now)),
        Command::Resend { event, .. } => {
            let seq = event.seq();
            let is_kept = seq > rows.log.floor && seq <= rows.log.head;
            let is_its = is_kept && hears(watched.settings.id, *event) && {
                let event = rows.event(seq);
                let is_for_it = event.only_for.is_none_or(|of| of == watched.settings.id);
                let is_told = caller.partner().is_none()
                    || (watched.hears(event) && caller.not_granted([event.kind]).is_none());
                is_for_it && is_told && !watched.is_gone(rows, event)
            };
            match (is_its, watched.is_flying(seq)) {
                (false, _) => Some(Err(Refusal::UnknownDelivery)),
                (true, true) => Some(Err(Refusal::NotItsTurn)),
                // One that was not sent yet may be queued behind others.
                (true, false) => watched.is_waiting(seq).then_some(Ok(())),
            }
        }
        Command::Replay { dry_run, .. } => {
            refused_if(watched.replays() && !dry_run, Refusal::ReplayRunning)
        }
        Command::StopReplay { .. } => refused_if(!watched.replays(), Refusal::NoReplay),
        _ => Some(Ok(())),
    }
}

/// The webhook that a call names.
fn about(call: &Command) -> Option<WebhookId> {
    match call {
        Command::Unregister { id }
        | Command::Amend { id, .. }
        | Command::HandOver { id, .. }
        | Command::Enable { id }
        | Command::PingOne { id }
        | Command::Resend { id, .. }
        | Command::Replay { id, .. }
        | Command::StopReplay { id } => Some(*id),
        Command::Rotate(rotation) => Some(rotation.webhook),
        Command::EndSecret { webhook, .. } => Some(*webhook),
        _ => None,
    }
}

/// The time at which there is room for another secret is not known here.
fn without_time(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::TooManySecrets { .. } => {
            Refusal::TooManySecrets { next_ends_at: Millis::default() }
        }
        refusal => refusal,
    }
}

fn put<T>(into: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *into = value;
    }
}

fn amended(webhook: &mut Webhook, settings: &Amendment) {
    let Amendment {
        callback_url,
        events,
        ordering,
        description,
        headers,
        retry_schedule,
        timeout_ms,
        max_in_flight,
        rate_limit,
        paused: _,
    } = settings.clone();
    put(&mut webhook.callback_url, callback_url);
    put(&mut webhook.events, events);
    put(&mut webhook.ordering, ordering);
    put(&mut webhook.description, description);
    put(&mut webhook.headers, headers);
    put(&mut webhook.retry_schedule, retry_schedule);
    put(&mut webhook.timeout_ms, timeout_ms);
    put(&mut webhook.max_in_flight, max_in_flight);
    put(&mut webhook.rate_limit, rate_limit);
}

/// A reply shows the settings that the webhook was given.
fn shows(shown: &Webhook, expected: &Webhook) {
    let settings = |of: &Webhook| Webhook {
        status: expected.status,
        secrets: expected.secrets.clone(),
        rev: 0,
        ..of.clone()
    };
    assert_eq!(settings(shown), settings(expected));
}
