//! Benchmark of denial-of-service attacks: one caller's latency and one receiver's deliveries, with and
//! without each attack, over the real binary:
//! `cargo build --release && cargo run --release --example attacks [NAME]`.
//!
//! `--list` prints the attacks' names.
//!
//! Attackers, the caller, the receiver and the desk share this machine's cores, so the figures also
//! have what it takes to attack, and the receiver is told of the tickets that attackers open.

#![expect(clippy::print_stdout, reason = "somebody waits for it")]

use std::env;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hookdesk_tests::{Client, Options, RawConnection, Receiver, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Tickets that there are to be listed and replayed.
const TICKETS: usize = 15_000;
/// Calm and attack take turns, lest what else the machine does be taken for one of them.
const ROUNDS: usize = 2;
/// How long each attack is measured in each round, and the calm before it.
const MEASURED: Duration = Duration::from_secs(4);
/// Between an attack's beginning or end and the next look.
const SETTLES: Duration = Duration::from_secs(2);
/// Between two calls of the one who means well.
const PACE: Duration = Duration::from_millis(5);
/// Deliveries that are due each second, beside those of what callers open meanwhile. One replay of
/// all tickets lasts longer than calm and attack.
const DUE: u32 = 500;
/// What an attacker's round trip takes.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// What an attacker does once it has said what it says. Then it comes again.
#[derive(Clone, Copy)]
enum Then {
    /// Reads until the desk ends the connection.
    Reads,
    /// Reads nothing, and stays.
    Stays,
    /// Leaves with a reset.
    Leaves,
}

struct Attack {
    name: &'static str,
    callers: usize,
    says: Vec<u8>,
    then: Then,
}

fn attack(name: &'static str, callers: usize, says: impl Into<Vec<u8>>, then: Then) -> Attack {
    Attack { name, callers, says: says.into(), then }
}

fn attacks() -> Vec<Attack> {
    let host = "host: localhost\r\n";
    let json = "content-type: application/json\r\n";
    let post = format!("POST /tickets HTTP/1.1\r\n{host}{json}");
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n{host}");
    let whole = format!("{post}content-length: 22\r\n\r\n{}", r#"{"ticket_message":"a"}"#);
    let both =
        format!("{post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{whole}");
    let many = get("/service") + &"a: b\r\n".repeat(2_000) + "\r\n";
    let target = get(&format!("/service?{}", "a".repeat(70_000))) + "\r\n";
    let half = format!("{post}content-length: 1000\r\n\r\nx");
    let large = format!("{post}content-length: 1000000\r\n\r\n") + &"x".repeat(900_000);
    let list = get("/tickets") + "\r\n";
    let ending = get("/service") + "connection: close\r\n\r\n";
    let pipeline = (get("/service") + "\r\n").repeat(100) + &ending;
    let stream = get("/events") + "accept: text/event-stream\r\n\r\n";
    vec![
        attack("two lengths", 200, both, Then::Reads),
        attack("2,000 headers", 200, many, Then::Reads),
        attack("long targets", 200, target, Then::Reads),
        attack("slow heads", 9_000, get("/service"), Then::Reads),
        attack("slow bodies", 9_000, half, Then::Reads),
        attack("large bodies", 300, large, Then::Reads),
        attack("unread lists", 300, list.clone(), Then::Stays),
        attack("pipelines", 20, pipeline.clone(), Then::Reads),
        attack("unread pipelines", 300, list.repeat(1_000), Then::Stays),
        attack("early leavers", 300, whole, Then::Leaves),
        attack("unread streams", 9_000, stream, Then::Stays),
        attack("opened and left", 12_000, "", Then::Reads),
    ]
}

/// One attacker, for ever.
async fn attacker(number: usize, port: u16, says: Arc<Vec<u8>>, then: Then) {
    let address = u8::try_from(1 + number % 100).expect("it is small");
    loop {
        if let Ok(mut connection) =
            RawConnection::connect_from(Ipv4Addr::new(127, 0, 2, address), port).await
        {
            let said = connection.write(&*says).await;
            match then {
                Then::Reads => while !connection.read(10_000).await.is_empty() {},
                Then::Stays if said.is_ok() => sleep(Duration::from_secs(60)).await,
                Then::Stays => {}
                Then::Leaves => connection.reset(),
            }
        }
        sleep(ROUND_TRIP).await;
    }
}

/// What the one who means well, and the receiver, had.
#[derive(Default)]
struct Figures {
    /// Milliseconds of each call, sorted.
    latencies: Vec<f64>,
    deliveries: u32,
    seconds: f64,
}

impl Figures {
    fn at(&self, hundredth: usize) -> f64 {
        let place = self.latencies.len() * hundredth / 100;
        self.latencies[place.min(self.latencies.len() - 1)]
    }

    /// Deliveries a second.
    fn pace(&self) -> f64 {
        f64::from(self.deliveries) / self.seconds
    }
}

async fn measure(figures: &mut Figures, client: &Client, receiver: &Receiver) {
    let (began, before) = (Instant::now(), receiver.count());
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < MEASURED {
        pace.tick().await;
        let asked = Instant::now();
        client.open_ticket("well").await;
        figures.latencies.push(asked.elapsed().as_secs_f64() * 1_000.0);
    }
    figures.latencies.sort_by(f64::total_cmp);
    figures.deliveries += u32::try_from(receiver.count() - before).expect("they are few");
    figures.seconds += began.elapsed().as_secs_f64();
}

/// Gives the receiver something to be told all the time, at one pace.
async fn replay(client: &Client, webhook: &str) {
    let since = client.get("/events?limit=1").await.string("/data/0/id");
    let replay = json!({ "since": since, "only": "all", "per_second": DUE });
    client.post(&format!("/webhooks/{webhook}/replay"), replay).await.expect(202);
}

async fn fill(client: &Client) {
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        callers.spawn(async move {
            for _ in 0..TICKETS / 20 {
                client.open_ticket("My order is late, and nobody answers").await;
            }
        });
    }
    callers.join_all().await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it may be raised");
    let only = env::args().nth(1).unwrap_or_default();
    if only == "--list" {
        return attacks().iter().for_each(|attack| println!("{}", attack.name));
    }
    println!(
        "| attack | callers | p50 ms | | p99 ms | | deliveries/s | | memory, MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for attack in attacks().into_iter().filter(|attack| attack.name.contains(&only)) {
        let server = Server::start(Options::default());
        let (client, port) = (server.client(), server.port());
        let receiver = Receiver::kind();
        let webhook = client.register(&receiver.url()).await;
        fill(&server.client().with_pool()).await;
        client.wait_told(&webhook.id, Duration::from_secs(60)).await;
        replay(&client, &webhook.id).await;
        let says = Arc::new(attack.says);
        let (mut calm, mut attacked, mut grown) = (Figures::default(), Figures::default(), 0);
        for _ in 0..ROUNDS {
            sleep(SETTLES).await;
            measure(&mut calm, &client, &receiver).await;
            let memory = server.resident_memory_kib();
            let mut attackers = JoinSet::new();
            for number in 0..attack.callers {
                attackers.spawn(attacker(number, port, Arc::clone(&says), attack.then));
            }
            sleep(SETTLES).await;
            measure(&mut attacked, &client, &receiver).await;
            grown = grown.max(server.resident_memory_kib().saturating_sub(memory) >> 10);
        }

        let both = |calm: f64, attacked: f64| {
            format!("{calm:.1} → {attacked:.1} | {:.2}", attacked / calm)
        };
        println!(
            "| {} | {} | {} | {} | {} | +{grown} |",
            attack.name,
            attack.callers,
            both(calm.at(50), attacked.at(50)),
            both(calm.at(99), attacked.at(99)),
            both(calm.pace(), attacked.pace()),
        );
    }
}
