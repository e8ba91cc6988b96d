//! Rows of a desk that holds much: a long log with a long backlog, and many readers far behind.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Bench, CALLERS, exactly_once, millis, wait};
use crate::Done;
use crate::desk::Desk;
use crate::load::{Connection, Latencies, closed_loop, get, open_loop, post};
use crate::receiver::Receiver;

/// Rows of a page: the most that one may have.
const PAGE: usize = 1_000;
/// Calls a second beside work that goes on.
const CALLS: u64 = 200;
/// Webhooks that are far behind at the same time, and the events that each is behind.
const BEHIND: (usize, u64) = (200, 1_000);

impl Bench<'_> {
    /// What a long backlog costs while it waits, is listed, is caught up with, replayed and deleted.
    pub(super) async fn backlog(&mut self) -> Done<()> {
        const ROW: &str = "long backlog";
        let receiver = Receiver::start()?;
        let mut desk = Desk::start(self.binary).await?;
        let ids = desk.register(&receiver.url("/ok/"), 1, "").await?;
        let id = ids.first().ok_or("no webhook")?;
        let live = self.load(&desk, &receiver, 1).await?;
        let live = live.events as f64 / live.took.as_secs_f64();
        desk.set_status(id, "paused").await?;
        let before = receiver.count().await?;
        let time = self.options.load_time();
        let none = closed_loop(desk.port, CALLERS, time, Desk::event).await?;
        let filled = desk.fill(self.options.events).await?;
        let all = closed_loop(desk.port, CALLERS, time, Desk::event).await?;
        self.note(ROW, "accepting over that with none", all.rate() / none.rate());
        self.pages(&desk, id).await?;
        let backlog = none.requests + filled + all.requests;
        let begun = Instant::now();
        desk.set_status(id, "active").await?;
        let count = wait(&receiver, before.requests + backlog).await?;
        exactly_once(&before, &count, backlog)?;
        let rate = backlog as f64 / begun.elapsed().as_secs_f64();
        self.note(ROW, "catch-up over the live rate", rate / live);
        let rest = open_loop(desk.port, CALLS, time, Desk::event).await?.latencies_us;
        let replay = json!({ "since": "2000-01-01T00:00:00Z", "only": "all" }).to_string();
        let request = post(&format!("/webhooks/{id}/replay"), "", &replay);
        Connection::open(desk.port).await?.ask(&request).await?;
        let replayed = open_loop(desk.port, CALLS, time, Desk::event).await?.latencies_us;
        self.note(ROW, "accepting p99 over rest: replay", p99(&replayed) / p99(&rest));
        desk.set_status(id, "paused").await?;
        // Most of the log is older than that.
        desk.restart(&["--retain-s", "5"]).await?;
        let deleting = open_loop(desk.port, CALLS, time, Desk::event).await?.latencies_us;
        self.note(ROW, "accepting p99 over rest: retention", p99(&deleting) / p99(&rest));
        Ok(())
    }

    /// All pages of each list, one after another.
    async fn pages(&mut self, desk: &Desk, id: &str) -> Done<()> {
        let deliveries = format!("/webhooks/{id}/deliveries?");
        for (figure, path) in [
            ("a page of tickets, p99 ms", "/tickets?"),
            ("a page of newest tickets, p99 ms", "/tickets?order=newest&"),
            ("a page of deliveries, p99 ms", &deliveries),
            ("a page of events, p99 ms", "/events?"),
        ] {
            let mut connection = Connection::open(desk.port).await?;
            let (mut latencies_us, mut after) = (Latencies::new(), String::new());
            loop {
                let request = get(&format!("{path}limit={PAGE}{after}"), "");
                let from = Instant::now();
                let page = connection.ask(&request).await?;
                latencies_us.record(from.elapsed());
                let page: Value = serde_json::from_slice(&page)?;
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            self.note("long backlog", figure, millis(latencies_us.at(0.99)));
        }
        Ok(())
    }

    /// Accepting while many webhooks catch up.
    pub(super) async fn far_behind(&mut self) -> Done<()> {
        let (webhooks, events) = BEHIND;
        let row = format!("{webhooks} webhooks far behind");
        let receiver = Receiver::start()?;
        let mut desk = Desk::start(self.binary).await?;
        desk.restart(&["--paused"]).await?;
        desk.register(&receiver.url("/ok/"), webhooks, "").await?;
        let filled = desk.fill(events).await?;
        let before = receiver.count().await?;
        desk.restart(&[]).await?;
        let time = self.options.load_time();
        let load = open_loop(desk.port, CALLS, time, Desk::event).await?;
        self.note(&row, "accepted, p50 ms", millis(load.latencies_us.at(0.5)));
        self.note(&row, "accepted, p99.9 ms", millis(load.latencies_us.at(0.999)));
        let expected = (filled + load.requests) * webhooks as u64;
        let count = wait(&receiver, before.requests + expected).await?;
        exactly_once(&before, &count, expected)
    }
}

fn p99(latencies_us: &Latencies) -> f64 {
    latencies_us.at(0.99) as f64
}
