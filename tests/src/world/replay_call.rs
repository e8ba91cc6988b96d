//! Replays, as callers ask for them and as they see them.

use fastrand::Rng;
use hookdesk_core::api::{self, Action, Api, Call, Reading, Response};
use hookdesk_core::guard::Targets;
use hookdesk_core::{Command, Event, EventId, Millis, ReplayFilter, Secret, Store, WebhookId};
use serde_json::{Value, json};

/// An end of a range, which belongs to it.
#[derive(Clone, Copy, Debug)]
enum End {
    Event(EventId),
    Time(Millis),
}

/// A request for a replay of the events since one, up to another or to the newest.
#[derive(Clone, Debug)]
pub struct ReplayCall {
    pub webhook: WebhookId,
    since: End,
    until: Option<End>,
    pub only: ReplayFilter,
    per_second: Option<u32>,
    dry_run: bool,
}

impl ReplayCall {
    /// A call for the first of `events`, and for some that follow.
    pub fn of(rng: &mut Rng, webhook: WebhookId, events: &[Event]) -> Option<Self> {
        let (since, until) = (events.first()?, rng.choice(events)?);
        let until = if rng.u32(0..6) == 0 { Some(End::of(rng, until)) } else { None };
        Some(Self {
            webhook,
            since: End::of(rng, since),
            until,
            only: if rng.bool() { ReplayFilter::All } else { ReplayFilter::Undelivered },
            per_second: [None, Some(1), Some(10)][rng.usize(..3)],
            dry_run: rng.u32(0..8) == 0,
        })
    }

    /// Whether the event is in its range.
    pub fn covers(&self, event: &Event) -> bool {
        let is_since = match self.since {
            End::Event(id) => event.seq >= id.seq(),
            End::Time(at) => event.created >= at,
        };
        is_since
            && match self.until {
                Some(End::Event(id)) => event.seq <= id.seq(),
                Some(End::Time(at)) => event.created <= at,
                None => true,
            }
    }

    /// The command of the call, unless counting refuses it.
    pub fn prepare<S: Store>(&self, store: &mut S) -> Option<Command>
    where
        S::Fault: std::fmt::Debug,
    {
        match self.open() {
            Action::CountReplay(request) => {
                request.count(store, Millis(0)).expect("reads do not fail here").ok()
            }
            // By clocks that are apart, it ends before it begins.
            Action::Answer(_) => None,
            call => panic!("not taken: {call:?}"),
        }
    }

    fn open(&self) -> Action {
        let body = self.body().to_string();
        let (callers, names) = (api::Callers::All, api::OwnNames::default());
        let api = Api::new(callers, names, Targets::public());
        let call = Call {
            method: "POST",
            path: &format!("/webhooks/{}/replay", self.webhook),
            query: "",
            headers: vec![("content-type", "application/json")],
            body: body.as_bytes(),
        };
        api.open(&call, api::LiveKeys::none(Millis(0)), || [0; Secret::LENGTH]).action
    }

    fn body(&self) -> Value {
        json!({
            "since": self.since.text(),
            "until": self.until.map(End::text),
            "only": self.only.name(),
            "per_second": self.per_second,
            "dry_run": self.dry_run,
        })
    }
}

impl End {
    /// Mostly the event, or the time at which it was created.
    fn of(rng: &mut Rng, event: &Event) -> Self {
        if rng.u32(0..4) == 0 { Self::Time(event.created) } else { Self::Event(event.id) }
    }

    fn text(self) -> String {
        match self {
            Self::Event(id) => id.to_string(),
            Self::Time(at) => at.rfc3339(),
        }
    }
}

/// What a caller is shown of a webhook's running replay; `None` if none runs.
pub fn shown<S: Store>(store: &mut S, webhook: WebhookId) -> Option<Value>
where
    S::Fault: std::fmt::Debug,
{
    let reading = Reading::Replay(webhook).answer(None, store, Millis(0));
    let Response { status, body, .. } = reading.expect("reads do not fail here");
    let shown = || serde_json::from_str::<Value>(&body).expect("a body is JSON");
    (status == 200).then(|| shown()["data"].take())
}
