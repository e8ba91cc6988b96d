//! What holders of API keys read of webhooks: real calls with their keys, through the API.

use hookdesk_core::api::{Action, Api, Call, Callers, LiveKeys, OwnNames, Response, SessionCookie};
use hookdesk_core::guard::Targets;
use hookdesk_core::{ApiKeys, KeyKind, Millis, Secret, Store};

use super::World;
use super::key_holders::Known;
use crate::stores::{Inspect, StoredRows};

/// The desk's port, after which its cookie is named.
const PORT: u16 = 8080;
/// A webhook that is never registered.
const NOBODYS: &str = "whk_00000000000070008000000000000000";

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// The holder of a key lists webhooks, and looks at one, which may be another's.
    pub(super) fn read_with_key(&mut self, rows: &StoredRows, now: Millis) {
        if self.plan.odds.keys == 0 || self.rng.bool() {
            return;
        }
        let Some(known) = self.callers.key_holders.pick(&mut self.rng) else { return };
        let id = known.id;
        let store = &mut self.disk.borrow_mut().store;
        let list = get(store, known, "/webhooks", now);
        self.oracles.listed(rows, (id, now), &list);
        let Some(webhook) = self.callers.pick_webhook(&mut self.rng) else { return };
        for below in ["", "/secrets", "/deliveries", "/replay"] {
            let one = get(store, known, &format!("/webhooks/{webhook}{below}"), now);
            let nobodys = get(store, known, &format!("/webhooks/{NOBODYS}{below}"), now);
            self.oracles.read(rows, (id, now), webhook, (&one, &nobodys));
        }
    }
}

/// The response to a call with a key.
fn get<S: Store>(store: &mut S, known: &Known, path: &str, now: Millis) -> Response
where
    S::Fault: std::fmt::Debug,
{
    let readable = "reads do not fail here";
    let keys = ApiKeys::of(store.api_keys().expect(readable));
    let names = OwnNames::Known { loopback: true, public: Vec::new() };
    let cookie = SessionCookie::of(&names, PORT);
    let callers = Callers::Keys { binding: None };
    let api = Api { cookie, ..Api::new(callers, names, Targets::public()) };
    let text = known.text.reveal();
    let (name, value) = match known.kind {
        KeyKind::Session => ("cookie", format!("hookdesk-{PORT}={text}")),
        KeyKind::Bearer | KeyKind::Link => ("authorization", format!("Bearer {text}")),
    };
    let headers = vec![(name, value.as_str())];
    let call = Call { method: "GET", path, query: "", headers, body: b"" };
    let opened = api.open(&call, LiveKeys { keys: &keys, now }, || [0; Secret::LENGTH]);
    match opened.action {
        Action::Answer(response) => response,
        Action::Read(reading) => reading.answer(opened.authorization, store, now).expect(readable),
        Action::List(mut listing) => {
            let mut body = String::new();
            while !listing.is_complete() {
                match listing.page(store, now).expect(readable) {
                    Ok(page) => body.push_str(&page),
                    Err(problem) => return problem.into(),
                }
            }
            Response { status: 200, headers: listing.headers(), body }
        }
        other => panic!("{path} became {other:?}"),
    }
}
