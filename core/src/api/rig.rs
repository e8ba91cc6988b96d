//! Calls to a desk in memory, as a host would make them of what its callers send.

use serde_json::{Value, json};

use crate::api::{self, Action, Api, Call, Callers, LiveKeys, OwnNames, Response, Shown};
use crate::delivery::answer::Answer;
use crate::delivery::request::RequestKey;
use crate::engine::command::{Command, Report};
use crate::engine::store::Rows;
use crate::guard::Targets;
use crate::model::api_key::ApiKeys;
use crate::model::caller::Authorization;
use crate::model::millis::Millis;
use crate::{Desk, HolderId, Memory, MemoryStore, Moment, Reader, Webhook};

pub const START: Millis = Millis(1_700_000_000_000);

pub struct Rig {
    pub desk: Desk<MemoryStore>,
    pub now: Millis,
    /// Calls so far.
    calls: u64,
}

impl Rig {
    pub fn new() -> Self {
        Self { desk: Desk::new(MemoryStore::default(), Memory::Kept), now: START, calls: 0 }
    }

    pub fn keys(&mut self) -> ApiKeys {
        ApiKeys::of(self.desk.store_mut().api_keys().unwrap())
    }

    /// A call of a user on the desk's machine.
    pub fn admin(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(Callers::CommandLine { uid: 0 }, method, path, (None, &[]), body)
    }

    /// A call with a key.
    pub fn with(&mut self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(Callers::Keys { binding: None }, method, path, (Some(key), &[]), body)
    }

    pub fn call(
        &mut self,
        callers: Callers,
        method: &str,
        path: &str,
        (key, others): (Option<&str>, &[(&'static str, &'static str)]),
        body: &Value,
    ) -> (u16, Value) {
        let (names, targets) = (OwnNames::default(), Targets::public());
        let api = Api::new(callers, names, targets);
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut headers: Vec<_> =
            bearer.iter().map(|bearer| ("authorization", &**bearer)).collect();
        headers.extend(others);
        let response = self.respond(&api, method, path, &headers, body);
        (response.status, serde_json::from_str(&response.body).unwrap_or_default())
    }

    /// The response of a host to a call.
    pub fn respond(
        &mut self,
        api: &Api,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = [&[("content-type", "application/json")], headers].concat();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call { method, path, query, headers, body: text.as_bytes() };
        let keys = self.keys();
        self.calls += 1;
        let mut fresh = [0; 32];
        fresh[..8].copy_from_slice(&self.calls.to_be_bytes());
        let opened = api.open(&call, LiveKeys { keys: &keys, now: self.now }, || fresh);
        let api::Opened { action, authorization, shown } = opened;
        let store = self.desk.store_mut();
        match action {
            Action::Answer(response) => response,
            Action::Read(reading) => reading.answer(authorization, store, self.now).unwrap(),
            Action::List(mut listing) => match listing.page(store, self.now).unwrap() {
                Ok(body) => Response { status: 200, headers: Vec::new(), body },
                Err(problem) => problem.into(),
            },
            Action::ReadEvents(query) => match query.begin(store, self.now).unwrap() {
                Ok(_) => Response::data(200, ()),
                Err(problem) => problem.into(),
            },
            Action::CountReplay(request) => match request.count(store, self.now).unwrap() {
                Ok(command) => self.decide(authorization, command, shown),
                Err(problem) => problem.into(),
            },
            Action::Decide(command) => self.decide(authorization, command, shown),
        }
    }

    pub fn decide(
        &mut self,
        authorization: Option<Authorization>,
        command: Command,
        shown: Option<Shown>,
    ) -> Response {
        let holder = HolderId::new(START, &[0; 16]);
        let moment = Moment { authorization, ..Moment::new(self.now, [1; 16], holder) };
        let decided = self.desk.run(&[(command, moment)]).unwrap().remove(0);
        api::answer(decided.reply, shown)
    }

    /// Sends what is due, and gives all webhooks with their readers.
    pub fn wake(&mut self) -> Vec<(Webhook, Reader)> {
        let holder = HolderId::new(START, &[0; 16]);
        let moment = Moment::new(self.now, [1; 16], holder);
        self.desk.run(&[(Command::Wake, moment)]).unwrap();
        self.desk.store_mut().webhooks(None, u32::MAX).unwrap()
    }

    /// Ends all requests in flight with this answer.
    pub fn end_all(&mut self, answer: &Answer) {
        for (webhook, reader) in self.desk.store_mut().webhooks(None, u32::MAX).unwrap() {
            for slot in reader.sending {
                let (seq, number, sent_at) = (slot.seq, slot.number, slot.since);
                let key = RequestKey { webhook: webhook.id, seq, number, sent_at };
                let report = Report { key, duration_ms: 1, answer: answer.clone() };
                self.decide(None, Command::Report(report), None);
            }
        }
    }

    /// A new key and its id.
    pub fn make(&mut self, scopes: &[&str]) -> (String, String) {
        let (status, made) = self.admin("POST", "/keys", &json!({ "scopes": scopes }));
        assert_eq!(status, 201, "{made}");
        let text = |name: &str| made["data"][name].as_str().unwrap().to_owned();
        (text("key"), text("id"))
    }
}

/// What a call to an open desk with other callers than this machine becomes.
pub fn take_with(method: &str, path: &str, content_type: &str, body: &[u8]) -> Action {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (callers, names) = (Callers::All, OwnNames::default());
    let api = Api::new(callers, names, Targets::public());
    let headers = vec![("content-type", content_type)];
    let call = Call { method, path, query, headers, body };
    api.open(&call, LiveKeys::none(START), || [1; 32]).action
}

/// Status and body of the response to a call that is refused.
pub fn refused(next: Action) -> (u16, String) {
    match next {
        Action::Answer(response) => (response.status, response.body),
        other @ (Action::Decide(_)
        | Action::CountReplay(_)
        | Action::Read(_)
        | Action::List(_)
        | Action::ReadEvents(_)) => {
            panic!("taken: {other:?}")
        }
    }
}
