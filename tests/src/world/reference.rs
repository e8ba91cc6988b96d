//! The reference model of deliveries: callers' replies, and the requests that came in at the
//! receivers. It has no rows, no readers and no lanes.

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_core::{
    Availability, Command, Event, EventId, EventType, Ordering, Partner, Reply, Request, Secret,
    Subscription, TicketId, Topic, Webhook, WebhookId,
};
use serde_json::Value;

/// An event, as callers can identify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Ticket(TicketId, u32),
    Event(EventId),
}

#[derive(Debug)]
struct Said {
    /// Its turn among all calls.
    order: usize,
    kind: EventType,
    message: Option<String>,
    only_for: Option<WebhookId>,
}

#[derive(Debug)]
struct Subscriber {
    partner: Option<Partner>,
    registered: usize,
    waits: usize,
    ordering: Ordering,
    /// Its subscriptions, and the turns from which they applied.
    wants: Vec<(usize, Subscription)>,
    /// Whether a call about it ended with an unknown result: then little is certain.
    unclear: bool,
    /// The last secret in its owner's responses, while that is certainly the one to verify with.
    secret: Option<Secret>,
    /// Requests that came in for each event.
    requests: BTreeMap<Key, usize>,
    taken: BTreeSet<Key>,
    /// Events that a caller asked to be sent to it again.
    resent: BTreeSet<EventId>,
    /// The ids under which its events came in.
    ids: BTreeMap<Key, EventId>,
}

#[derive(Debug, Default)]
pub struct Reference {
    order: usize,
    said: BTreeMap<Key, Said>,
    /// Calls whose result is unknown: their events may be delivered.
    unsure: Vec<(EventType, Option<String>)>,
    unsure_closes: BTreeSet<TicketId>,
    subscribers: BTreeMap<WebhookId, Subscriber>,
    /// Events that the desk has deleted, as too old or too many.
    expired: BTreeSet<Key>,
}

impl Reference {
    /// A caller got a reply.
    pub fn told(&mut self, call: &Command, reply: &Reply) {
        self.order += 1;
        match (call, reply) {
            (Command::OpenTicket { message }, Reply::Opened(id)) => {
                let message = Some(message.as_str().to_owned());
                self.say(Key::Ticket(*id, 1), EventType::TicketOpened, message, None);
            }
            (Command::UpdateTicket { message, .. }, Reply::Ticket(ticket)) => {
                let message = Some(message.as_str().to_owned());
                let key = Key::Ticket(ticket.id, ticket.version);
                self.say(key, EventType::TicketUpdated, message, None);
            }
            (Command::CloseTicket { .. }, Reply::Ticket(ticket)) => {
                let key = Key::Ticket(ticket.id, ticket.version);
                // It may have been closed before, by a call whose result is unknown.
                if !self.said.contains_key(&key) && !self.unsure_closes.contains(&ticket.id) {
                    self.say(key, EventType::TicketClosed, None, None);
                }
            }
            (Command::Announce(availability), Reply::Announced(id)) => {
                self.say(Key::Event(*id), kind_of(*availability), None, None);
            }
            (Command::Ping, Reply::Announced(id)) => {
                self.say(Key::Event(*id), EventType::Ping, None, None);
            }
            (Command::PingOne { id: webhook }, Reply::Announced(id)) => {
                self.say(Key::Event(*id), EventType::Ping, None, Some(*webhook));
            }
            (Command::Register(_), Reply::Registered(webhook)) => self.register(webhook),
            (Command::Unregister { id }, Reply::Unregistered(_)) => {
                self.subscribers.remove(id);
            }
            (Command::Amend { id, settings }, Reply::Webhook { webhook, .. }) => {
                let order = self.order;
                if let Some(subscriber) = self.subscribers.get_mut(id) {
                    subscriber.wants.push((order, webhook.events.clone()));
                    // The model does not know which ordering applies to earlier events.
                    subscriber.unclear |= settings.ordering.is_some();
                }
            }
            (Command::HandOver { id, settings, to }, Reply::Webhook { webhook, .. }) => {
                let order = self.order;
                if let Some(subscriber) = self.subscribers.get_mut(id) {
                    subscriber.wants.push((order, webhook.events.clone()));
                    subscriber.unclear |= settings.ordering.is_some();
                    if subscriber.partner.is_none() {
                        subscriber.secret = Some(to.secret.clone());
                    }
                    subscriber.partner = webhook.partner;
                }
            }
            (Command::RemovePartner { partner }, _) => self.remove(*partner),
            (Command::Rotate(rotation), Reply::Rotated(_)) => {
                if let Some(subscriber) = self.subscribers.get_mut(&rotation.webhook) {
                    subscriber.secret = Some(rotation.secret.clone());
                }
            }
            // If it was the last one, the model does not know which one signs then.
            (Command::EndSecret { webhook, .. }, Reply::SecretEnded(_)) => self.unsigned(*webhook),
            (Command::Resend { id, event }, _) => self.resent(*id, *event),
            (_, _) => {}
        }
    }

    /// A partner is removed, with all its webhooks.
    fn remove(&mut self, partner: Partner) {
        self.subscribers.retain(|_, of| of.partner != Some(partner));
    }

    /// A resend: the event may be delivered, subscribed or not.
    fn resent(&mut self, id: WebhookId, event: EventId) {
        if let Some(subscriber) = self.subscribers.get_mut(&id) {
            subscriber.resent.insert(event);
        }
    }

    /// The secret to verify with is unknown from here on.
    fn unsigned(&mut self, webhook: WebhookId) {
        if let Some(subscriber) = self.subscribers.get_mut(&webhook) {
            subscriber.secret = None;
        }
    }

    fn say(
        &mut self,
        key: Key,
        kind: EventType,
        message: Option<String>,
        only_for: Option<WebhookId>,
    ) {
        let said = Said { order: self.order, kind, message, only_for };
        assert!(self.said.insert(key, said).is_none(), "{key:?} was said twice");
    }

    fn register(&mut self, webhook: &Webhook) {
        let subscriber = Subscriber {
            partner: webhook.partner,
            registered: self.order,
            waits: webhook.retry_schedule.waits_s().len(),
            ordering: webhook.ordering,
            wants: vec![(self.order, webhook.events.clone())],
            unclear: false,
            secret: Some(webhook.secrets.current().secret.clone()),
            requests: BTreeMap::new(),
            taken: BTreeSet::new(),
            resent: BTreeSet::new(),
            ids: BTreeMap::new(),
        };
        self.subscribers.insert(webhook.id, subscriber);
    }

    /// The result of a call is unknown.
    pub fn unsure(&mut self, call: &Command) {
        match call {
            Command::OpenTicket { message } => {
                self.unsure.push((EventType::TicketOpened, Some(message.as_str().to_owned())));
            }
            Command::UpdateTicket { message, .. } => {
                self.unsure.push((EventType::TicketUpdated, Some(message.as_str().to_owned())));
            }
            Command::CloseTicket { id } => {
                self.unsure_closes.insert(*id);
                self.unsure.push((EventType::TicketClosed, None));
            }
            Command::Announce(availability) => self.unsure.push((kind_of(*availability), None)),
            Command::Ping | Command::PingOne { .. } => self.unsure.push((EventType::Ping, None)),
            // Whose a webhook is that was perhaps handed over is not known.
            Command::Unregister { id } | Command::HandOver { id, .. } => {
                self.subscribers.remove(id);
            }
            Command::Amend { id, .. } | Command::Enable { id } => {
                if let Some(subscriber) = self.subscribers.get_mut(id) {
                    subscriber.unclear = true;
                }
            }
            Command::Idempotent(once) => self.unsure(&once.command),
            Command::Rotate(rotation) => self.unsigned(rotation.webhook),
            Command::EndSecret { webhook, .. } => self.unsigned(*webhook),
            Command::Resend { id, event } => self.resent(*id, *event),
            Command::RemovePartner { partner } => self.remove(*partner),
            Command::Register(_)
            | Command::CreateKey(_)
            | Command::AmendKey { .. }
            | Command::RevokeKey { .. }
            | Command::CreateLink(_)
            | Command::SignIn(_)
            | Command::SignOut { .. }
            | Command::EndSessions { .. }
            | Command::NoteRefusedKeys { .. }
            | Command::NoteKeyUse { .. }
            | Command::Retain
            | Command::Replay { .. }
            | Command::StopReplay { .. }
            | Command::Report(_)
            | Command::Wake => {}
        }
    }

    /// The desk has deleted these events.
    pub fn expire<'a>(&mut self, events: impl Iterator<Item = &'a Event>) {
        let key = |event: &Event| match (event.topic, event.version) {
            (Some(Topic::Ticket(ticket)), Some(version)) => Key::Ticket(ticket, version),
            (_, _) => Key::Event(event.id),
        };
        self.expired.extend(events.map(key));
    }

    /// A receiver got a request, and processed it if it is `taken`.
    pub fn heard(&mut self, request: &Request, taken: bool) {
        let id = request.key.webhook;
        let header = |name: &str| {
            let found = request.headers.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| value.as_str())
        };
        let version = header("hookdesk-ticket-version").and_then(|text| text.parse().ok());
        let ticket = header("hookdesk-ticket").and_then(TicketId::parse);
        let event = header("webhook-id").and_then(EventId::parse);
        let signatures = header("webhook-signature").unwrap_or_default();
        let about = ticket.zip(version).map(|(ticket, version)| Key::Ticket(ticket, version));
        let key = about.or(event.map(Key::Event)).expect("every request has its event's id");
        self.is_true(key, &request.body, id);
        let Some(subscriber) = self.subscribers.get(&id) else { return };
        if let (Some(secret), Some(event)) = (&subscriber.secret, event) {
            let signature =
                secret.signature(event, request.key.sent_at.unix_seconds(), &request.body);
            let signed = signatures.split(' ').any(|one| one == signature);
            assert!(signed, "{id} cannot verify {key:?} with the secret that it was told");
        }
        if let (Key::Ticket(ticket, version), false) = (key, subscriber.unclear)
            && subscriber.ordering != Ordering::None
        {
            for earlier in (1..version).map(|version| Key::Ticket(ticket, version)) {
                let gone_before = subscriber.taken.contains(&earlier)
                    || subscriber.gave_up(earlier)
                    || self.expired.contains(&earlier);
                let owed = self.said.get(&earlier).is_some_and(|said| subscriber.is_owed(id, said));
                assert!(gone_before || !owed, "{id} hears of {key:?}, and not of {earlier:?}");
            }
        }
        let subscriber = self.subscribers.get_mut(&id).expect("it was found");
        *subscriber.requests.entry(key).or_default() += 1;
        subscriber.ids.extend(event.map(|event| (key, event)));
        if taken {
            subscriber.taken.insert(key);
        }
    }

    /// A delivered event must be one that a call caused.
    fn is_true(&self, key: Key, body: &str, id: WebhookId) {
        let body: Value = serde_json::from_str(body).expect("a body is JSON");
        let kind = body["event"].as_str().and_then(EventType::parse).expect("a known type");
        let message = body["data"]["ticket_message"].as_str();
        if kind.is_operational() {
            return;
        }
        if let Some(said) = self.said.get(&key) {
            assert_eq!((kind, message), (said.kind, said.message.as_deref()), "{key:?}");
            assert!(said.only_for.is_none_or(|of| of == id), "{key:?} is not for {id}");
            let early = self.subscribers.get(&id).is_some_and(|p| said.order < p.registered);
            assert!(!early, "{id} hears of {key:?}, which was said before it registered");
        } else {
            let unsure = self.unsure.iter().any(|(k, m)| *k == kind && m.as_deref() == message);
            assert!(unsure, "nobody said {key:?}: {body}");
        }
    }

    /// At the end each receiver has processed all its events, except for those that were given up.
    pub fn at_rest(&self) {
        for (id, subscriber) in
            self.subscribers.iter().filter(|(_, subscriber)| !subscriber.unclear)
        {
            for (key, said) in &self.said {
                let heard = subscriber.taken.contains(key);
                if subscriber.is_owed(*id, said) {
                    assert!(
                        heard || subscriber.gave_up(*key) || self.expired.contains(key),
                        "{id} never heard of {key:?}: {said:?}"
                    );
                } else if subscriber.never_wanted(said) {
                    let resent =
                        subscriber.ids.get(key).is_some_and(|id| subscriber.resent.contains(id));
                    assert!(!heard || resent, "{id} heard of {key:?}, and never wanted to");
                }
            }
        }
    }
}

impl Subscriber {
    /// Whether the event must be delivered: the webhook was registered, and subscribed ever since.
    fn is_owed(&self, id: WebhookId, said: &Said) -> bool {
        said.order > self.registered
            && said.only_for.is_none_or(|of| of == id)
            && self.wanted_since(said).all(|wanted| wanted)
    }

    fn never_wanted(&self, said: &Said) -> bool {
        !self.wanted_since(said).any(|wanted| wanted)
    }

    fn wanted_since(&self, said: &Said) -> impl Iterator<Item = bool> {
        let then = self.wants.partition_point(|(from, _)| *from <= said.order).saturating_sub(1);
        let kind = said.kind;
        self.wants[then..].iter().map(move |(_, events)| kind.is_for_all() || events.names(kind))
    }

    /// Whether the event may have been given up: every attempt of the retry schedule was made.
    fn gave_up(&self, key: Key) -> bool {
        self.requests.get(&key).is_some_and(|requests| *requests > self.waits)
    }
}

fn kind_of(availability: Availability) -> EventType {
    match availability {
        Availability::Available => EventType::ServiceAvailable,
        Availability::Unavailable => EventType::ServiceUnavailable,
    }
}
