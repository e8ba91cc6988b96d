//! Inputs of a golden transcript, drawn from a seed.

mod keys;

use std::collections::VecDeque;

use fastrand::Rng;
use hookdesk_core::RequestKey;
use hookdesk_web::Effects;
use serde_json::{Value, json};

use keys::ApiKey;
pub use keys::BINDING;

/// What is remembered of each kind, so that calls name what there is, and at times what there was.
const MEMORY: usize = 64;
/// Webhooks at once: each hears of everything.
const MAX_WEBHOOKS: usize = 6;

/// Whoever calls, answers, and moves the clock.
#[derive(Debug)]
pub struct Caller {
    rng: Rng,
    now_ms: u64,
    next_wake_ms: Option<u64>,
    open: VecDeque<RequestKey>,
    done: VecDeque<RequestKey>,
    tickets: VecDeque<String>,
    webhooks: VecDeque<String>,
    events: VecDeque<String>,
    keyed: Option<Value>,
    /// API keys that were made, with those that were revoked since.
    keys: VecDeque<ApiKey>,
}

impl Caller {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            now_ms: 1_700_000_000_000,
            next_wake_ms: None,
            open: VecDeque::new(),
            done: VecDeque::new(),
            tickets: VecDeque::new(),
            webhooks: VecDeque::new(),
            events: VecDeque::new(),
            keyed: None,
            keys: VecDeque::new(),
        }
    }

    /// Now, with chance that time and the seed make.
    pub fn at(&self) -> Value {
        let mut chance = Rng::with_seed(self.now_ms ^ self.rng.get_seed().rotate_left(17));
        let digits = [(); 3].map(|()| format!("{:032x}", chance.u128(..))).concat();
        json!({ "nowMs": self.now_ms, "chance": digits })
    }

    /// The next thing that happens.
    pub fn next(&mut self) -> Value {
        self.pass_time();
        let draw = self.rng.u32(..100);
        let mut input = match draw {
            0..30 if !self.open.is_empty() => json!({ "report": self.report() }),
            30..38 => self.wake(),
            38 if !self.done.is_empty() => json!({ "report": self.late_report() }),
            _ => json!({ "call": self.call() }),
        };
        input["at"] = self.at();
        input
    }

    /// Takes in what followed.
    pub fn hear(&mut self, effects: &Effects) {
        self.next_wake_ms = effects.next_wake_ms;
        for request in &effects.requests {
            self.open.push_back(request.key);
            let id = request.headers.iter().find(|(name, _)| name == "webhook-id");
            remember(&mut self.events, id.map(|(_, id)| id.clone()).unwrap_or_default());
        }
        let Some(response) = &effects.response else { return };
        let location = response.headers.iter().find(|(name, _)| *name == "location");
        let Some((_, location)) = location else { return };
        if let Some(id) = location.strip_prefix("/tickets/") {
            remember(&mut self.tickets, id.to_owned());
        } else if let Some(id) = location.strip_prefix("/webhooks/") {
            remember(&mut self.webhooks, id.to_owned());
        } else if let Some(id) = location.strip_prefix("/keys/") {
            self.hear_of_key(id, &response.body);
        }
    }

    /// Mostly some milliseconds; at times hours, and at times a clock that is set back.
    fn pass_time(&mut self) {
        match self.rng.u32(..1_000) {
            0 => self.now_ms += self.rng.u64(..10 * 3_600_000),
            1 => self.now_ms -= self.rng.u64(..60_000),
            2..30 => self.now_ms += self.rng.u64(..120_000),
            _ => self.now_ms += self.rng.u64(..400),
        }
    }

    fn wake(&mut self) -> Value {
        if let Some(at) = self.next_wake_ms
            && self.rng.bool()
            && at < self.now_ms + 86_400_000
        {
            self.now_ms = self.now_ms.max(at);
        }
        json!({})
    }

    fn report(&mut self) -> Value {
        let place = self.rng.usize(..self.open.len());
        let key = self.open.swap_remove_back(place).expect("the place is inside");
        if self.done.len() == MEMORY {
            self.done.pop_front();
        }
        self.done.push_back(key);
        self.answer(key)
    }

    /// Of a request that was reported on, or never was.
    fn late_report(&mut self) -> Value {
        let mut key = self.done[self.rng.usize(..self.done.len())];
        match self.rng.u32(..4) {
            0 => key.number += 1,
            1 => key.seq.0 += 1,
            _ => {}
        }
        self.answer(key)
    }

    fn answer(&mut self, key: RequestKey) -> Value {
        const FAILURES: [&str; 8] =
            ["dns", "connect", "tls", "timeout", "reset", "protocol", "blocked", "ours"];
        const STATUSES: [u16; 12] = [200, 201, 204, 299, 301, 400, 404, 410, 429, 500, 503, 504];
        const WAITS: [&str; 6] = ["5", "1800", "0", "soon", "Wed, 15 Nov 2023 08:12:31 GMT", "-1"];
        const BODIES: [&str; 4] = ["", "no such ticket", "v1,AAAA+/=", "\u{0}é\u{1f525}<b>"];
        let duration_ms = self.rng.u64(..20_000);
        let mut report = json!({ "key": key, "durationMs": duration_ms });
        if self.rng.u32(..100) < 12 {
            report["failure"] = self.pick(&FAILURES).into();
            return report;
        }
        let healthy = self.rng.u32(..100) < 75;
        report["status"] = if healthy { 200 } else { self.pick(&STATUSES) }.into();
        report["body"] = self.pick(&BODIES).into();
        if self.rng.u32(..100) < 20 {
            report["retryAfter"] = self.pick(&WAITS).into();
        }
        report
    }

    fn call(&mut self) -> Value {
        let call = match self.rng.u32(..100) {
            0..34 => post("/tickets", json!({ "ticket_message": self.message() })),
            34..42 => {
                let body = json!({ "ticket_message": self.message() });
                with_body("PATCH", format!("/tickets/{}", self.ticket()), &body)
            }
            42..48 => bare("DELETE", format!("/tickets/{}", self.ticket())),
            48..52 if self.webhooks.len() < MAX_WEBHOOKS => self.register(),
            48 => self.unregister(),
            52..58 => self.amend(),
            58..68 => self.webhook_call(),
            68..76 => self.delivery_call(),
            76..86 => self.read(),
            86..90 => self.key_call(),
            90..92 => self.pick(&[
                bare("POST", "/webhooks/ping"),
                bare("POST", "/service/unavailable"),
                bare("POST", "/service/available"),
            ]),
            _ => self.bad(),
        };
        let call = self.with_key(call);
        self.by_somebody(call)
    }

    fn message(&mut self) -> String {
        const WORDS: [&str; 8] =
            ["late", "Grüße", "\u{1f525}", "\"quoted\"", "line\nbreak", "\\", "東京", "</script>"];
        match self.rng.u32(..2_000) {
            0 => "\u{1}".repeat(65_536),
            1..10 => String::new(),
            10..20 => "nul\0".to_owned(),
            _ => (0..self.rng.usize(1..6)).map(|_| self.pick(&WORDS)).collect::<Vec<_>>().join(" "),
        }
    }

    fn register(&mut self) -> Value {
        let mut body = json!({ "callback_url": self.url() });
        for _ in 0..self.rng.u32(..3) {
            let (name, value) = self.setting();
            body[name] = value;
        }
        if self.rng.u32(..8) == 0 {
            body["secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        }
        post("/webhooks/register", body)
    }

    /// One of those that are known, which it is no more.
    fn unregister(&mut self) -> Value {
        let place = self.rng.usize(..self.webhooks.len());
        let id = self.webhooks.remove(place).expect("the place is inside");
        bare("DELETE", format!("/webhooks/unregister/{id}"))
    }

    fn url(&mut self) -> String {
        const URLS: [&str; 12] = [
            "https://example.com/hook",
            "https://partner.example.org:8443/a/b?c=d",
            "http://93.184.215.14/hook",
            "https://[2606:4700::1111]/",
            "HTTPS://Example.COM",
            "https://xn--bcher-kva.example/",
            "https://bücher.example/",
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "https://user@example.com/",
            "https://example.com/a b",
            "ftp://example.com",
        ];
        let most = if self.rng.bool() { 6 } else { URLS.len() };
        URLS[self.rng.usize(..most)].to_owned()
    }

    fn setting(&mut self) -> (&'static str, Value) {
        let settings = [
            ("ordering", json!("webhook")),
            ("ordering", json!("none")),
            ("ordering", json!("ticket")),
            ("events", json!(["ticket_opened", "webhook_down", "delivery_abandoned"])),
            ("events", json!(["ticket_opened", "ticket_updated", "ticket_closed", "ping"])),
            ("description", json!("Partner \u{1f525}")),
            ("headers", json!({ "x-team": "b", "authorization": "Bearer t" })),
            ("retry_schedule", json!([1, 2, 3])),
            ("retry_schedule", json!([])),
            ("timeout_ms", json!(1_000)),
            ("max_in_flight", json!(1)),
            ("max_in_flight", json!(256)),
            ("rate_limit", json!(5)),
            ("status", json!("paused")),
            ("status", json!("active")),
            ("timeout_ms", json!(0)),
            ("events", json!(["nothing"])),
            ("rate_limit", json!("fast")),
            ("unknown", json!(1)),
        ];
        let most = if self.rng.u32(..8) == 0 { settings.len() } else { 15 };
        settings[self.rng.usize(..most)].clone()
    }

    fn amend(&mut self) -> Value {
        let (name, value) = self.setting();
        with_body("PATCH", format!("/webhooks/{}", self.webhook()), &json!({ name: value }))
    }

    fn webhook_call(&mut self) -> Value {
        let id = self.webhook();
        let path = |rest: &str| format!("/webhooks/{id}{rest}");
        let since = self.event();
        match self.rng.u32(..14) {
            0 | 1 => bare("POST", path("/ping")),
            2 | 3 => bare("POST", path("/enable")),
            4 => post(&path("/secret/rotate"), json!({ "overlap_seconds": 600 })),
            5 => bare("POST", path("/secret/rotate")),
            6 => bare("GET", path("/secrets")),
            7 => bare("DELETE", path(&format!("/secrets/sec_{}", id.trim_start_matches("whk_")))),
            8 => post(&path("/replay"), json!({ "since": since, "only": "all" })),
            9 => {
                let body = json!({ "since": since, "only": "undelivered", "per_second": 5 });
                post(&path("/replay"), body)
            }
            10 => post(&path("/replay"), json!({ "since": since, "dry_run": true })),
            11 => bare("GET", path("/replay")),
            12 => bare("DELETE", path("/replay")),
            _ => bare("GET", path("")),
        }
    }

    fn delivery_call(&mut self) -> Value {
        const STATES: [&str; 5] = ["", "delivered", "waiting", "abandoned", "lost"];
        let (id, event) = (self.webhook(), self.event());
        match self.rng.u32(..3) {
            0 => bare("POST", format!("/webhooks/{id}/deliveries/{event}/resend")),
            1 => bare("GET", format!("/webhooks/{id}/deliveries/{event}")),
            _ => {
                let query = match self.pick(&STATES) {
                    "" => "limit=5".to_owned(),
                    state => format!("limit=3&state={state}"),
                };
                query_of(bare("GET", format!("/webhooks/{id}/deliveries")), &query)
            }
        }
    }

    fn read(&mut self) -> Value {
        let (ticket, event) = (self.ticket(), self.event());
        match self.rng.u32(..9) {
            0 => query_of(bare("GET", "/tickets"), &format!("limit=4&after={ticket}")),
            1 => query_of(bare("GET", "/tickets"), "limit=7&status=open"),
            2 => bare("GET", format!("/tickets/{ticket}")),
            3 => query_of(bare("GET", "/events"), &format!("limit=5&after={event}")),
            4 => query_of(bare("GET", "/events"), "limit=2"),
            5 => bare("GET", format!("/events/{event}")),
            6 => bare("GET", "/service"),
            7 => bare("GET", "/health/ready"),
            _ => bare("GET", "/webhooks"),
        }
    }

    /// What is refused.
    fn bad(&mut self) -> Value {
        let ticket = self.ticket();
        if self.rng.u32(..60) == 0 {
            let mut big = post("/tickets", json!({}));
            big["body"] = " ".repeat((1 << 20) + 1).into();
            return big;
        }
        let broken = |body: &str| {
            let mut call = post("/tickets", json!({}));
            call["body"] = body.into();
            call
        };
        let mut plain = post("/tickets", json!({ "ticket_message": "m" }));
        plain["headers"] = json!([["content-type", "text/plain"]]);
        let mut ours = bare("GET", "/tickets");
        ours["headers"] = json!([["user-agent", "HookDesk/0.1.0"], ["webhook-id", "evt_1"]]);
        self.pick(&[
            plain,
            ours,
            broken("{"),
            broken("[]"),
            broken("{\"ticket_message\":\"\\ud800\"}"),
            broken("{\"ticket_message\":1e400}"),
            broken("{\"ticket_message\":7,\"other\":0.1}"),
            post("/tickets", json!({ "ticket_message": null })),
            bare("PUT", "/tickets"),
            bare("get", "/tickets"),
            bare("GET", "/Tickets"),
            bare("GET", "/tickets/"),
            bare("GET", format!("/tickets/{}", ticket.to_uppercase())),
            bare("GET", "/webhooks/whk_%30"),
            query_of(bare("GET", "/tickets"), "limit=0"),
            query_of(bare("GET", "/tickets"), "after=tkt_1"),
            query_of(bare("GET", "/events"), "wait=5"),
            query_of(bare("GET", "/tickets"), "limit=2&limit=3"),
        ])
    }

    /// At times under an idempotency key, and at times a call that came before comes once more.
    fn with_key(&mut self, mut call: Value) -> Value {
        let keyed = call["method"] == "POST" || call["method"] == "PATCH";
        if !keyed || self.rng.u32(..10) != 0 {
            return call;
        }
        let same = self.rng.bool();
        match &self.keyed {
            Some(before) if same => return before.clone(),
            Some(_) | None => {}
        }
        let key = if same { self.rng.u32(..1_000) } else { self.rng.u32(..10) };
        let headers = call["headers"].as_array_mut().expect("a call has headers");
        headers.push(json!(["idempotency-key", format!("key-{key}")]));
        self.keyed = Some(call.clone());
        call
    }

    fn ticket(&mut self) -> String {
        self.known(|caller| &caller.tickets, String::clone, "tkt_01856aa0c80070008000000000000001")
    }

    fn webhook(&mut self) -> String {
        self.known(|caller| &caller.webhooks, String::clone, "whk_01856aa0c80070008000000000000001")
    }

    fn event(&mut self) -> String {
        self.known(|caller| &caller.events, String::clone, "evt_01856aa0c80070008000000000000001")
    }

    /// Mostly one of the newest.
    fn known<T>(
        &mut self,
        of: impl Fn(&Self) -> &VecDeque<T>,
        id: impl Fn(&T) -> String,
        none: &str,
    ) -> String {
        let known = of(self).len();
        if known == 0 || self.rng.u32(..40) == 0 {
            return none.to_owned();
        }
        let newest = if self.rng.bool() { known.min(8) } else { known };
        let place = known - 1 - self.rng.usize(..newest);
        id(&of(self)[place])
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(..all.len())].clone()
    }
}

fn remember<T>(all: &mut VecDeque<T>, id: T) {
    if all.len() == MEMORY {
        all.pop_front();
    }
    all.push_back(id);
}

fn bare(method: &str, path: impl Into<String>) -> Value {
    json!({ "method": method, "path": path.into(), "headers": [] })
}

#[expect(clippy::needless_pass_by_value, reason = "it is made for this call")]
fn post(path: &str, body: Value) -> Value {
    with_body("POST", path, &body)
}

fn with_body(method: &str, path: impl Into<String>, body: &Value) -> Value {
    let headers = json!([["content-type", "application/json"]]);
    let path = path.into();
    json!({ "method": method, "path": path, "headers": headers, "body": body.to_string() })
}

fn query_of(mut call: Value, query: &str) -> Value {
    call["query"] = query.into();
    call
}
