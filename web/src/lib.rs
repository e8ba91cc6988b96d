//! A whole desk in memory, for a page or a worker: calls go in as JSON, and answers and webhook
//! requests come out. No rule is here; whoever drives it brings the clock, the chance and the
//! receivers.

use std::borrow::Cow;

use hookdesk_core::api::{self, Call, Door, Listing, Next, Response};
use hookdesk_core::guard::Targets;
use hookdesk_core::{
    Answer, AttemptKey, Command, Decided, Desk, Fact, Failure, HolderId, Memory, MemoryStore,
    Millis, Moment, Need, Report, Request, RunError, Seq, Store, WebhookId,
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A desk whose data is gone with it.
#[wasm_bindgen]
pub struct MemoryDesk {
    desk: Desk<MemoryStore>,
    door: Door,
    holder: HolderId,
}

/// When a call comes in, and with what chance: 16 bytes that make ids, and 32 for a secret.
#[derive(Deserialize)]
struct When {
    now_ms: u64,
    chance: [u8; 16],
    #[serde(default)]
    fresh: [u8; 32],
}

#[derive(Deserialize)]
struct Calling {
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

/// How a request ended: with a status, or with a class of failure.
#[derive(Deserialize)]
struct Reported {
    webhook: WebhookId,
    seq: u64,
    number: u32,
    sent_at_ms: u64,
    duration_ms: u64,
    status: Option<u16>,
    failure: Option<String>,
    retry_after: Option<String>,
    #[serde(default)]
    excerpt: String,
}

#[derive(Serialize)]
struct Followed {
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Responded>,
    requests: Vec<Outgoing>,
    next_wake_ms: Option<u64>,
}

#[derive(Serialize)]
struct Responded {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

#[derive(Serialize)]
struct Outgoing {
    webhook: WebhookId,
    seq: u64,
    number: u32,
    sent_at_ms: u64,
    url: String,
    headers: Vec<(Cow<'static, str>, String)>,
    body: String,
    timeout_ms: u32,
}

#[wasm_bindgen]
impl MemoryDesk {
    /// An empty desk. `holder_chance` tells it from other desks.
    ///
    /// # Errors
    /// When `holder_chance` is not sixteen bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(now_ms: u64, holder_chance: &[u8]) -> Result<Self, JsError> {
        let chance = holder_chance.try_into()?;
        Ok(Self {
            desk: Desk::new(MemoryStore::default(), Memory::Kept),
            door: Door { local_only: false, can_wait: false, targets: Targets::public() },
            holder: HolderId::new(Millis(now_ms), &chance),
        })
    }

    /// Takes an HTTP call, and gives its response and the requests that follow from it.
    ///
    /// # Errors
    /// When an argument is not as described.
    pub fn call(&mut self, when: &str, call: &str) -> Result<String, JsError> {
        let when: When = serde_json::from_str(when)?;
        let calling: Calling = serde_json::from_str(call)?;
        let headers = calling.headers.iter();
        let call = Call {
            method: &calling.method,
            path: &calling.path,
            query: &calling.query,
            headers: headers.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            body: calling.body.as_bytes(),
        };
        let response = match self.door.open(&call, || when.fresh) {
            Next::Answer(response) => response,
            Next::Decide(command) => return self.answer(command, &when),
            Next::Prepare(mut preparation) => {
                while let Some(need) = preparation.need() {
                    preparation.learn(self.load_one(&need));
                }
                match preparation.command() {
                    Ok(command) => return self.answer(command, &when),
                    Err(problem) => problem.into(),
                }
            }
            Next::Read(reading) => {
                let facts = self.load(|known| reading.needs(known));
                reading.answer(&facts, Millis(when.now_ms))
            }
            Next::List(listing) => self.list(listing),
            // The door lets nobody wait, so that every pull is answered at once.
            Next::Pull(pull) => match pull.begin(&self.load(|known| pull.needs(known))) {
                Ok(walk) => self.list(pull.listing(walk)),
                Err(problem) => problem.into(),
            },
        };
        show(Some(response), Vec::new())
    }

    /// Tells how a request ended, and gives the requests that follow.
    ///
    /// # Errors
    /// When an argument is not as described.
    pub fn report(&mut self, when: &str, report: &str) -> Result<String, JsError> {
        let when: When = serde_json::from_str(when)?;
        let report: Reported = serde_json::from_str(report)?;
        let answer = match (report.status, report.failure.as_deref().map(Failure::parse)) {
            (Some(status), None) => {
                let (retry_after, excerpt) = (report.retry_after, report.excerpt);
                Answer::Status { status, retry_after, excerpt }
            }
            (None, Some(Some(failure))) => Answer::Failure(failure),
            (Some(_) | None, Some(_) | None) => {
                return Err(JsError::new("a report has either a status or a known failure"));
            }
        };
        let (seq, webhook, number) = (Seq(report.seq), report.webhook, report.number);
        let command = Command::Report(Report {
            key: AttemptKey { seq, webhook, number },
            sent_at: Millis(report.sent_at_ms),
            duration_ms: report.duration_ms,
            answer,
        });
        let decided = self.decide(command, &when);
        show(None, decided)
    }

    /// Lets time pass, and gives the requests that are due.
    ///
    /// # Errors
    /// When the argument is not as described.
    pub fn wake(&mut self, when: &str) -> Result<String, JsError> {
        let when: When = serde_json::from_str(when)?;
        let wake = self.run(&[(Command::Wake, self.moment(&when))]);
        show(None, wake)
    }
}

impl MemoryDesk {
    fn answer(&mut self, command: Command, when: &When) -> Result<String, JsError> {
        let mut decided = self.decide(command, when);
        let response = api::answer(decided.remove(0).reply);
        show(Some(response), decided)
    }

    /// A command, and then what is due.
    fn decide(&mut self, command: Command, when: &When) -> Vec<Decided> {
        let moment = self.moment(when);
        self.run(&[(command, moment), (Command::Wake, moment)])
    }

    fn run(&mut self, batch: &[(Command, Moment)]) -> Vec<Decided> {
        match self.desk.run(batch) {
            Ok(decided) => decided,
            Err(RunError::Store(never)) => match never {},
            Err(RunError::Contended) => unreachable!("nobody else has this store"),
            Err(RunError::Unanswered(need)) => unreachable!("a whole desk is here: {need:?}"),
        }
    }

    fn list(&mut self, mut listing: Listing) -> Response {
        let mut body = String::new();
        while !listing.is_complete() {
            let facts = self.load(|known| listing.needs(known));
            body += &listing.page(&facts);
        }
        Response { status: 200, headers: listing.headers(), body }
    }

    /// All that `needs` asks for, given what is known so far, until it asks for nothing more.
    fn load(&mut self, needs: impl Fn(&[Fact]) -> Vec<Need>) -> Vec<Fact> {
        let mut facts = Vec::new();
        loop {
            let needed = needs(&facts);
            if needed.is_empty() {
                return facts;
            }
            facts.extend(needed.iter().map(|need| self.load_one(need)));
        }
    }

    fn load_one(&mut self, need: &Need) -> Fact {
        match self.desk.store_mut().load(need) {
            Ok(fact) => fact,
            Err(never) => match never {},
        }
    }

    fn moment(&self, when: &When) -> Moment {
        Moment { now: Millis(when.now_ms), chance: when.chance, holder: self.holder }
    }
}

fn show(response: Option<Response>, decided: Vec<Decided>) -> Result<String, JsError> {
    let next_wake_ms = decided.last().and_then(|wake| wake.next_wake).map(|at| at.0);
    let requests = decided.into_iter().flat_map(|decided| decided.requests).map(outgoing).collect();
    let response =
        response.map(|Response { status, headers, body }| Responded { status, headers, body });
    Ok(serde_json::to_string(&Followed { response, requests, next_wake_ms })?)
}

fn outgoing(request: Request) -> Outgoing {
    Outgoing {
        webhook: request.key.webhook,
        seq: request.key.seq.0,
        number: request.key.number,
        sent_at_ms: request.sent_at.0,
        url: request.url.to_string(),
        headers: request.headers,
        body: request.body.to_string(),
        timeout_ms: request.timeout_ms,
    }
}
