//! What a decision knows, and what it may ask for.
//!
//! A look-up answers with the row, with its absence, or with the [`Need`] for it. The host loads
//! what is needed and decides again from the top; a decision is pure, so that costs microseconds
//! and can never disagree with the rule. What a batch has decided so far is seen by its next
//! decision: nothing loaded later replaces it.

mod events;
mod lanes;
mod old;
mod tries;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::delivery::attempt::Tried;
use crate::delivery::checkpoint::Skim;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::Subject;
use crate::delivery::reader::Reader;
use crate::engine::limits::{Limits, Memory};
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Outcome};
use crate::model::digest::Digest;
use crate::model::event::{Event, Topic};
use crate::model::id::{HolderId, TicketId, WebhookId};
use crate::model::idempotency::FirstAnswer;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;
use events::Events;
use lanes::Lanes;
use old::Old;
use tries::Tries;

pub(crate) type Asked<T> = Result<T, Need>;

/// A webhook's rows.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    pub webhook: Arc<Webhook>,
    pub reader: Reader,
}

/// What is known of the desk.
#[derive(Debug)]
pub struct Facts {
    pub limits: Limits,
    memory: Memory,
    /// The webhook that was served last: the next turn begins behind it.
    turn: Option<WebhookId>,
    skims: BTreeMap<WebhookId, Skim>,
    log: Option<Log>,
    service: Option<Service>,
    tickets: HashMap<TicketId, Option<Ticket>>,
    answers: HashMap<Digest, Option<Arc<FirstAnswer>>>,
    partners: Option<BTreeMap<WebhookId, Partner>>,
    /// Slots of all readers, by who holds them.
    in_flight: BTreeMap<HolderId, u32>,
    lanes: BTreeMap<WebhookId, Lanes>,
    events: Events,
    tries: Tries,
    old: Old,
}

impl Facts {
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self {
            limits: Limits::default(),
            memory,
            turn: None,
            skims: BTreeMap::new(),
            log: None,
            service: None,
            tickets: HashMap::new(),
            answers: HashMap::new(),
            partners: None,
            in_flight: BTreeMap::new(),
            lanes: BTreeMap::new(),
            events: Events::default(),
            tries: Tries::default(),
            old: Old::default(),
        }
    }

    pub(crate) fn turn(&self) -> Option<WebhookId> {
        self.turn
    }

    pub(crate) fn skim(&self, webhook: WebhookId) -> Option<&Skim> {
        self.skims.get(&webhook)
    }

    pub(crate) fn in_flight(&self, holder: HolderId) -> u32 {
        self.in_flight.get(&holder).copied().unwrap_or(0)
    }

    pub(crate) fn log(&self) -> Asked<Log> {
        self.log.ok_or(Need::Log)
    }

    pub(crate) fn service(&self) -> Asked<Service> {
        self.service.ok_or(Need::Service)
    }

    pub(crate) fn ticket(&self, id: TicketId) -> Asked<Option<&Ticket>> {
        self.tickets.get(&id).map(Option::as_ref).ok_or(Need::Ticket(id))
    }

    pub(crate) fn first_answer(&self, key: Digest) -> Asked<Option<&Arc<FirstAnswer>>> {
        self.answers.get(&key).map(Option::as_ref).ok_or(Need::FirstAnswer(key))
    }

    pub(crate) fn partners(&self) -> Asked<&BTreeMap<WebhookId, Partner>> {
        self.partners.as_ref().ok_or(Need::Webhooks)
    }

    pub(crate) fn event(&self, seq: Seq) -> Asked<&Arc<Event>> {
        self.events.get(seq)
    }

    pub(crate) fn next_about(&self, topic: Topic, after: Seq, to: Seq) -> Asked<Option<Seq>> {
        self.events.next_about(topic, after, to)
    }

    pub(crate) fn lane(&self, webhook: WebhookId, subject: Subject) -> Asked<Option<&Lane>> {
        match self.lanes.get(&webhook) {
            Some(lanes) => lanes.get(webhook, subject),
            None => Err(Lanes::need(webhook, None)),
        }
    }

    /// The lane that goes first, leaving out those that `skip` names.
    pub(crate) fn first_lane(
        &self,
        webhook: WebhookId,
        skip: impl Fn(Subject) -> bool,
    ) -> Asked<Option<&Lane>> {
        match self.lanes.get(&webhook) {
            Some(lanes) => lanes.first(webhook, skip),
            None => Err(Lanes::need(webhook, None)),
        }
    }

    /// When it is to be looked whether anything is to be let go, if anything ever is.
    pub(crate) fn retains_at(&self) -> Option<Millis> {
        self.old.next_look()
    }

    /// Events up to here are about to be let go.
    pub(crate) fn going_to(&self) -> Seq {
        self.old.going_to()
    }

    pub(crate) fn oldest_answer(&self) -> Asked<Option<Millis>> {
        self.old.oldest_answer()
    }

    pub(crate) fn created_from(&self, at: Millis) -> Asked<Option<Seq>> {
        self.old.created_from(at)
    }

    pub(crate) fn size(&self) -> Asked<u64> {
        self.old.size()
    }

    pub(crate) fn lanes_to(&self, to: Seq) -> Asked<Vec<Lane>> {
        self.old.lanes_to(to)
    }

    pub(crate) fn outlines(&self, after: Seq, to: Seq) -> Asked<Vec<Event>> {
        self.old.outlines(after, to)
    }

    /// What was tried of an event.
    pub(crate) fn tried(&self, webhook: WebhookId, seq: Seq) -> Asked<Tried> {
        self.tries.get(webhook, seq)
    }

    /// Takes in what a store said to a need.
    ///
    /// # Panics
    /// When the fact is not of the kind that was needed: the store is broken.
    pub fn learn(&mut self, need: Need, fact: Fact) {
        match (need, fact) {
            (Need::Log, Fact::Log(log)) => self.log = Some(log),
            (Need::Service, Fact::Service(service)) => self.service = Some(service),
            (Need::Ticket(id), Fact::Tickets(tickets)) => {
                self.tickets.insert(id, tickets.into_iter().next());
            }
            (Need::FirstAnswer(key), Fact::FirstAnswer(answer)) => {
                self.answers.insert(key, answer.map(Arc::new));
            }
            (Need::Webhooks, Fact::Webhooks(rows)) => self.learn_partners(rows),
            (Need::Events { .. }, Fact::Events(events)) => self.events.recall(events),
            (Need::Tried { webhook, from, to }, Fact::Tried(tried)) => {
                self.tries.learn(webhook, from, to, tried);
            }
            (Need::NextAbout { topic, after, to }, Fact::Place(next)) => {
                self.events.learn_next(topic, after, to, next);
            }
            (Need::CreatedFrom(at), Fact::Place(first)) => self.old.learn_created_from(at, first),
            (Need::OldestAnswer, Fact::Time(at)) => self.old.learn_oldest_answer(at),
            (Need::Size, Fact::Size(bytes)) => self.old.learn_size(bytes),
            (Need::LanesTo { to, .. }, Fact::Lanes(lanes)) => self.old.learn_lanes(to, lanes),
            (Need::EventsBefore { before: Some(before), most }, Fact::Events(events)) => {
                self.old.learn_outlines(before, most, events);
            }
            (Need::Lane(webhook, subject), Fact::Lanes(lanes)) => {
                let lane = lanes.into_iter().next();
                self.lanes.entry(webhook).or_default().learn(subject, lane);
            }
            (Need::Lanes { webhook, most, .. }, Fact::Lanes(page)) => {
                self.lanes.entry(webhook).or_default().learn_page(page, most);
            }
            (need, fact) => panic!("the store said {fact:?} to {need:?}"),
        }
    }

    fn learn_partners(&mut self, rows: Vec<(Webhook, Reader)>) {
        self.in_flight.clear();
        for (_, reader) in &rows {
            count_in(&mut self.in_flight, reader);
        }
        let partner = |(webhook, reader): (Webhook, Reader)| {
            (webhook.id, Partner { webhook: Arc::new(webhook), reader })
        };
        self.partners = Some(rows.into_iter().map(partner).collect());
    }

    /// Takes in what was decided, so that the next decision sees it.
    pub(crate) fn apply(&mut self, outcome: &Outcome) {
        let changes = &outcome.changes;
        self.turn = outcome.turn.or(self.turn);
        if let Some(next) = outcome.retain_at {
            self.old.look_at(next);
        }
        if let Some(to) = outcome.going_to {
            self.old.go_to(to);
        }
        self.skims.extend(&outcome.skims);
        self.log = changes.log.map(|put| put.row).or(self.log);
        self.service = changes.service.or(self.service);
        for (id, put) in &changes.tickets {
            self.tickets.insert(*id, put.row.clone());
        }
        for (key, put) in &changes.answers {
            self.answers.insert(*key, put.row.clone());
            if let Some(answer) = &put.row {
                self.old.look_by(answer.at.plus(FirstAnswer::KEPT_MS));
            }
        }
        for event in &changes.events {
            self.events.append(Arc::clone(event));
        }
        self.apply_partners(changes);
        for webhook in &changes.cleared {
            self.lanes.remove(webhook);
        }
        for webhook in &changes.stopped {
            self.lanes.entry(*webhook).or_default().stop_replay();
        }
        self.tries.record(changes.attempts.values());
        for ((webhook, subject), lane) in &changes.lanes {
            self.lanes.entry(*webhook).or_default().put(*subject, *lane);
        }
    }

    fn apply_partners(&mut self, changes: &Changes) {
        let Some(partners) = &mut self.partners else {
            debug_assert!(changes.webhooks.is_empty() && changes.readers.is_empty());
            return;
        };
        for (id, put) in &changes.webhooks {
            match (&put.row, partners.get_mut(id)) {
                (Some(webhook), Some(partner)) => partner.webhook = Arc::clone(webhook),
                (Some(webhook), None) => {
                    let webhook = Arc::clone(webhook);
                    let reader = Reader::new(&webhook, &Log::default());
                    partners.insert(*id, Partner { webhook, reader });
                    self.lanes.insert(*id, Lanes::none());
                }
                (None, _) => {
                    self.skims.remove(id);
                    if let Some(gone) = partners.remove(id) {
                        count_out(&mut self.in_flight, &gone.reader);
                    }
                }
            }
        }
        for (id, put) in &changes.readers {
            if let (Some(reader), Some(partner)) = (&put.row, partners.get_mut(id)) {
                count_out(&mut self.in_flight, &partner.reader);
                count_in(&mut self.in_flight, reader);
                partner.reader = reader.clone();
            }
        }
    }

    /// The batch is committed: what is too much to keep is let go.
    pub(crate) fn settle(&mut self) {
        self.old.forget();
        match self.memory {
            Memory::Dropped => self.forget(),
            Memory::Kept => {
                self.tickets.clear();
                self.answers.clear();
                self.events.trim();
                self.tries.trim();
                for lanes in self.lanes.values_mut() {
                    lanes.trim();
                }
            }
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        self.memory
    }

    /// Nothing is known any more, as at the start.
    pub(crate) fn forget_all(&mut self) {
        *self = Self { limits: self.limits, ..Self::new(self.memory) };
    }

    /// Nothing is known any more, but whose turn it is and when it is to be looked what is old.
    pub(crate) fn forget(&mut self) {
        let (limits, turn) = (self.limits, self.turn);
        let mut old = std::mem::take(&mut self.old);
        old.forget();
        *self = Self { limits, turn, old, ..Self::new(self.memory) };
    }
}

fn count_in(in_flight: &mut BTreeMap<HolderId, u32>, reader: &Reader) {
    if let Some(holder) = reader.holder {
        *in_flight.entry(holder).or_default() += reader.in_flight();
    }
}

fn count_out(in_flight: &mut BTreeMap<HolderId, u32>, reader: &Reader) {
    if let Some(held) = reader.holder.and_then(|holder| in_flight.get_mut(&holder)) {
        *held -= reader.in_flight();
    }
}
