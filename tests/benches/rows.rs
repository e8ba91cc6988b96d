//! The rows of the table, each beside its ceiling.

mod decisions;
mod large;
mod postgres;
mod streams;

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::desk::Desk;
use crate::load::{Load, closed_loop, open_loop, post};
use crate::receiver::{Count, Receiver};
use crate::report::Report;
use crate::{Done, Options};

/// Callers of the rows at saturation.
const CALLERS: usize = 32;
/// The headers that a delivery has beside those of a bare request.
const HEADERS: &str = "user-agent: HookDesk/0.1.0\r\nwebhook-id: evt_018bcfe5a37c70008000000000000004\r\n\
                       webhook-timestamp: 1700000000\r\nhookdesk-attempt: 1\r\n\
                       webhook-signature: v1,L+Jm2oLR3r/ImPecHe2lUAaQ9Te3uFnsZ30AkSjpFzA=\r\n";
/// Settings of a webhook that hears nothing of tickets.
const IDLE: &str = r#","events":["service_available"]"#;

struct Bench<'a> {
    options: &'a Options,
    binary: &'a Path,
    name: String,
    report: &'a mut Report,
}

/// Measures every row once.
pub async fn measure(options: &Options, binary: &Path, report: &mut Report) -> Done<()> {
    let name = binary.display().to_string();
    let mut bench = Bench { options, binary, name, report };
    if bench.has("accept beside idle") {
        bench.beside_idle().await?;
    }
    if bench.has("accept") {
        bench.accept().await?;
    }
    for webhooks in [1, 10, 500] {
        let row = format!("{webhooks} webhooks");
        if bench.has(&row) {
            bench.deliver(&row, webhooks).await?;
        }
    }
    if bench.has("one of ten hangs") {
        bench.hangs().await?;
    }
    if bench.has("200 a second") {
        bench.paced().await?;
    }
    if bench.has("boot") {
        bench.boot().await?;
    }
    if bench.has("long backlog") {
        bench.backlog().await?;
    }
    if bench.has("200 webhooks far behind") {
        bench.far_behind().await?;
    }
    for webhooks in [1, 10] {
        let row = format!("postgres, {webhooks} webhooks");
        if bench.has(&row) {
            bench.over_postgres(&row, webhooks).await?;
        }
    }
    if bench.has("postgres, forwarded") {
        bench.forwarded().await?;
    }
    if bench.has("2400 streams") {
        bench.streams().await?;
    }
    if bench.has("decisions") {
        bench.decisions();
    }
    if bench.has("simulated") {
        bench.simulated()?;
    }
    if bench.has("wasm") {
        bench.wasm()?;
    }
    Ok(())
}

/// What came of a load at a receiver.
struct Delivered {
    events: u64,
    took: Duration,
    count: Count,
}

impl Bench<'_> {
    fn has(&self, row: &str) -> bool {
        row.starts_with(&self.options.only)
    }

    fn note(&mut self, row: &str, figure: &'static str, value: f64) {
        self.report.note(&self.name, row, figure, value);
    }

    /// What a bare client delivers to the same receiver, and the receiver's CPU for each.
    async fn raw(&self, receiver: &Receiver) -> Done<(f64, f64)> {
        let body = r#"{"event":"ticket_opened","created":"2023-11-16T13:14:19Z","data":{"ticket_message":"made by a bare client"}}"#;
        let request = post("/raw", HEADERS, body);
        let before = receiver.cpu_us()?;
        let time = self.options.load_time();
        let load = closed_loop(receiver.port, CALLERS, time, move || request.clone()).await?;
        let cpu = (receiver.cpu_us()? - before) / load.requests as f64;
        Ok((load.rate(), cpu))
    }

    async fn accept(&mut self) -> Done<()> {
        let receiver = Receiver::start()?;
        let (raw, _) = self.raw(&receiver).await?;
        let desk = Desk::start(self.binary).await?;
        let before = desk.cpu_us()?;
        let load = closed_loop(desk.port, CALLERS, self.options.load_time(), Desk::event).await?;
        let cpu = (desk.cpu_us()? - before) / load.requests as f64;
        self.note("accept", "rate over raw", load.rate() / raw);
        self.note("accept", "CPU of the desk, µs", cpu);
        self.note("accept", "peak memory, MiB", mebibytes(desk.memory()?.1));
        Ok(())
    }

    /// The cost of a ticket beside webhooks that have nothing to do with it.
    async fn beside_idle(&mut self) -> Done<()> {
        let mut alone = None;
        for webhooks in [1, 1_000, 10_000] {
            let desk = Desk::start(self.binary).await?;
            let url = "http://127.0.0.1:9/";
            let registered = desk.register(url, webhooks, IDLE).await;
            let row = format!("accept beside idle {webhooks}");
            if let Err(error) = registered {
                eprintln!("{row}: {error}");
                continue;
            }
            let before = desk.cpu_us()?;
            let load =
                closed_loop(desk.port, CALLERS, self.options.load_time(), Desk::event).await?;
            let cpu = (desk.cpu_us()? - before) / load.requests as f64;
            let (alone_cpu, alone_rate) = *alone.get_or_insert((cpu, load.rate()));
            self.note(&row, "CPU of the desk, µs", cpu);
            self.note(&row, "CPU over that beside 1", cpu / alone_cpu);
            self.note(&row, "rate over that beside 1", load.rate() / alone_rate);
            self.note(&row, "memory, MiB", mebibytes(desk.memory()?.0));
        }
        Ok(())
    }

    /// Calls for a while, and waits until all is delivered, each event once to each webhook.
    async fn load(&self, desk: &Desk, receiver: &Receiver, webhooks: u64) -> Done<Delivered> {
        let (before, begun) = (receiver.count().await?, Instant::now());
        let callers = if webhooks > 100 { 1 } else { CALLERS };
        let accepted =
            closed_loop(desk.port, callers, self.options.load_time(), Desk::event).await?;
        let expected = accepted.requests * webhooks;
        let count = wait(receiver, before.requests + expected).await?;
        let took = begun.elapsed();
        exactly_once(&before, &count, expected)?;
        Ok(Delivered { events: expected, took, count })
    }

    async fn deliver(&mut self, row: &str, webhooks: u64) -> Done<()> {
        let receiver = Receiver::start()?;
        let (raw, raw_cpu) = self.raw(&receiver).await?;
        let desk = Desk::start(self.binary).await?;
        desk.register(&receiver.url("/ok/"), usize::try_from(webhooks)?, "").await?;
        let (desk_before, receiver_before) = (desk.cpu_us()?, receiver.cpu_us()?);
        let Delivered { events, took, .. } = self.load(&desk, &receiver, webhooks).await?;
        let desk_cpu = (desk.cpu_us()? - desk_before) / events as f64;
        let receiver_cpu = (receiver.cpu_us()? - receiver_before) / events as f64;
        self.note(row, "deliveries over raw", events as f64 / took.as_secs_f64() / raw);
        self.note(row, "CPU of the desk, µs", desk_cpu);
        self.note(row, "CPU over the receiver's", desk_cpu / receiver_cpu);
        self.note(row, "CPU over the receiver's with raw", desk_cpu / raw_cpu);
        self.note(row, "peak memory, MiB", mebibytes(desk.memory()?.1));
        Ok(())
    }

    async fn hangs(&mut self) -> Done<()> {
        let mut healthy = None;
        for hangs in [false, true] {
            let receiver = Receiver::start()?;
            let desk = Desk::start(self.binary).await?;
            desk.register(&receiver.url("/ok/"), 9, "").await?;
            if hangs {
                let body = format!(r#"{{"callback_url":"{}"}}"#, receiver.url("/hang"));
                let request = post("/webhooks/register", "", &body);
                crate::load::Connection::open(desk.port).await?.ask(&request).await?;
            }
            let Delivered { events, took, count, .. } = self.load(&desk, &receiver, 9).await?;
            let rate = events as f64 / took.as_secs_f64();
            let lag = count.lag_p99_us as f64;
            let (healthy_rate, healthy_lag) = *healthy.get_or_insert((rate, lag));
            if hangs {
                self.note("one of ten hangs", "rate of the others", rate / healthy_rate);
                self.note(
                    "one of ten hangs",
                    "their p99 over that of all healthy",
                    lag / healthy_lag,
                );
            }
        }
        Ok(())
    }

    async fn paced(&mut self) -> Done<()> {
        let receiver = Receiver::start()?;
        let desk = Desk::start(self.binary).await?;
        desk.register(&receiver.url("/ok/"), 1, "").await?;
        let before = receiver.count().await?;
        let load = open_loop(desk.port, 200, self.options.load_time(), Desk::event).await?;
        let count = wait(&receiver, before.requests + load.requests).await?;
        exactly_once(&before, &count, load.requests)?;
        let Load { latencies_us, .. } = load;
        self.note("200 a second", "accepted, p50 ms", millis(latencies_us.at(0.5)));
        self.note("200 a second", "accepted, p99 ms", millis(latencies_us.at(0.99)));
        self.note("200 a second", "delivered, p50 ms", millis(count.lag_p50_us));
        self.note("200 a second", "delivered, p99 ms", millis(count.lag_p99_us));
        Ok(())
    }

    async fn boot(&mut self) -> Done<()> {
        let desk = Desk::start(self.binary).await?;
        sleep(Duration::from_millis(500)).await;
        self.note("boot, empty", "ms", micros(desk.booted) / 1_000.0);
        self.note("boot, empty", "memory, MiB", mebibytes(desk.memory()?.0));
        let mut desk = Desk::start(self.binary).await?;
        // Nobody listens there: all of them are down when the desk starts again.
        if let Err(error) = desk.register("http://127.0.0.1:9/", 10_000, "").await {
            eprintln!("boot with 10,000 webhooks: {error}");
            return Ok(());
        }
        desk.fill(100).await?;
        desk.restart(&[]).await?;
        self.note("boot, 10,000 webhooks that are down", "ms", micros(desk.booted) / 1_000.0);
        sleep(Duration::from_secs(1)).await;
        self.note(
            "boot, 10,000 webhooks that are down",
            "memory, MiB",
            mebibytes(desk.memory()?.0),
        );
        Ok(())
    }
}

/// Waits until so many requests came, for as long as some do.
async fn wait(receiver: &Receiver, requests: u64) -> Done<Count> {
    let (mut came, mut since) = (0, Instant::now());
    loop {
        let count = receiver.count().await?;
        if count.requests >= requests {
            return Ok(count);
        }
        if count.requests > came {
            (came, since) = (count.requests, Instant::now());
        }
        if since.elapsed() > Duration::from_secs(30) {
            return Err(format!("{came} of {requests} requests came").into());
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn exactly_once(before: &Count, after: &Count, expected: u64) -> Done<()> {
    let (requests, events) = (after.requests - before.requests, after.events - before.events);
    if (requests, events) == (expected, expected) {
        return Ok(());
    }
    Err(format!("{expected} events were accepted, and {events} came, in {requests} requests")
        .into())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000_000.0
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
