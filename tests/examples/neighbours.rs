//! Benchmark of bad neighbours, over the real binary: what one abusive API key costs another one and
//! the deliveries, and what a partner whose receivers hang costs the others.
//! `cargo build --release && cargo run --release --example neighbours [key|partner]`.
//!
//! Partners' webhooks call public addresses alone. For `partner` one must be this machine's: in a
//! network of its own (`unshare --map-root-user --net`), `ip link set lo up` and
//! `ip address add 11.22.33.44/32 dev lo`.

#![expect(clippy::print_stdout, reason = "somebody waits for it")]

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use hookdesk_tests::{Client, Folder, Options, Receiver, Server, ticket_body};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Calm and trouble take turns, lest what else the machine does be taken for one of them.
const ROUNDS: usize = 3;
const MEASURED: Duration = Duration::from_secs(4);
/// Between a beginning or end of trouble and the next look.
const SETTLES: Duration = Duration::from_secs(2);
/// Between two calls of the quiet one.
const PACE: Duration = Duration::from_millis(5);
/// Callers that share the abusive key.
const ABUSERS: usize = 100;
/// Tickets that are replayed, and how many of them a second.
const TICKETS: usize = 40_000;
const DUE: u32 = 500;
/// Webhooks of the partner whose receivers hang, and receivers of others.
const HANGING: usize = 20;
const OTHERS: usize = 10;
const PUBLIC: &str = "11.22.33.44";

/// A desk that asks for keys, its administrator, and where its key is.
fn desk() -> (Server, Client, Folder) {
    let folder = Folder::new();
    let file = folder.path().join("admin.key");
    let path = file.to_str().expect("it is text");
    let keyed = ["--auth", "--admin-key-file", path, "--allow-target", "127.0.0.0/8"];
    let server = Server::start(Options::with_arguments(&keyed));
    let key = fs::read_to_string(&file).expect("it was made");
    let admin = server.client().with_key(key.trim()).with_pool();
    (server, admin, folder)
}

async fn make_key(admin: &Client, server: &Server, settings: Value) -> Client {
    let made = admin.post("/keys", settings).await.expect(201);
    server.client().with_key(made.string("/data/key")).with_pool()
}

/// Milliseconds of each call, and deliveries a second.
#[derive(Default)]
struct Figures {
    latencies: Vec<f64>,
    deliveries: usize,
    seconds: f64,
}

impl Figures {
    fn at(&mut self, hundredth: usize) -> f64 {
        self.latencies.sort_by(f64::total_cmp);
        self.latencies[(self.latencies.len() * hundredth / 100).min(self.latencies.len() - 1)]
    }

    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    fn pace(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }

    /// Opens tickets at one pace for a while.
    async fn measure(&mut self, quiet: &Client, receivers: &[Receiver]) {
        let count = || receivers.iter().map(Receiver::count).sum::<usize>();
        let (began, before) = (Instant::now(), count());
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < MEASURED {
            pace.tick().await;
            let asked = Instant::now();
            quiet.open_ticket("well").await;
            self.latencies.push(asked.elapsed().as_secs_f64() * 1_000.0);
        }
        self.deliveries += count() - before;
        self.seconds += began.elapsed().as_secs_f64();
    }
}

fn print(what: &str, calm: &mut Figures, troubled: &mut Figures) {
    let both =
        |calm: f64, troubled: f64| format!("{calm:.1} → {troubled:.1} | {:.2}", troubled / calm);
    println!(
        "| {what} | {} | {} | {} |",
        both(calm.at(50), troubled.at(50)),
        both(calm.at(99), troubled.at(99)),
        both(calm.pace(), troubled.pace()),
    );
}

/// Callers with one key, in a process of their own.
async fn abuse(base: &str, key: &str) {
    let client = Client::new(base).with_key(key).with_pool();
    let abusers: JoinSet<()> = (0..ABUSERS).map(|_| abuser(client.clone())).collect();
    abusers.join_all().await;
}

/// One that calls as fast as it is answered, with changes of a ticket that is not there: each is
/// decided, and causes no delivery.
async fn abuser(client: Client) {
    let path = "/tickets/tkt_00000000000070008000000000000000";
    loop {
        let request = client.request(Method::PATCH, path);
        let body = ticket_body("a").to_string();
        let _refused =
            client.attempt(request.header("content-type", "application/json").body(body)).await;
    }
}

async fn abusive_key(rate_limit: Option<u32>) {
    let (server, admin, _folder) = desk();
    let receiver = [Receiver::kind()];
    let webhook = admin.register(&receiver[0].url()).await;
    for _ in 0..TICKETS / 100 {
        let opened = (0..100).map(|_| {
            let admin = admin.clone();
            async move { drop(admin.open_ticket("late").await) }
        });
        opened.collect::<JoinSet<()>>().join_all().await;
    }
    admin.wait_told(&webhook.id, Duration::from_secs(60)).await;
    let since = admin.get("/events?limit=1").await.string("/data/0/id");
    let replay = json!({ "since": since, "only": "all", "per_second": DUE });
    admin.post(&format!("/webhooks/{}/replay", webhook.id), replay).await.expect(202);
    let quiet = make_key(&admin, &server, json!({ "scopes": ["tickets"] })).await;
    let limited = json!({ "scopes": ["tickets"], "rate_limit": rate_limit });
    let abusive = admin.post("/keys", limited.clone()).await.expect(201);
    let abusive = abusive.string("/data/key").clone();
    // The same beside it, at a desk of its own: what sharing the machine costs.
    let (other, others_admin, _others_folder) = desk();
    let elsewhere = others_admin.post("/keys", limited).await.expect(201);
    let elsewhere = elsewhere.string("/data/key").clone();
    let [mut calm, mut beside, mut troubled] = [(); 3].map(|()| Figures::default());
    for _ in 0..ROUNDS {
        sleep(SETTLES).await;
        calm.measure(&quiet, &receiver).await;
        for (base, key, figures) in
            [(other.url(""), &elsewhere, &mut beside), (server.url(""), &abusive, &mut troubled)]
        {
            let mut abusers = Command::new(env::current_exe().expect("it is a file"))
                .args(["abuse", &base, key])
                .spawn()
                .expect("it can be run");
            sleep(SETTLES).await;
            figures.measure(&quiet, &receiver).await;
            abusers.kill().and_then(|()| abusers.wait()).expect("it is still there");
        }
    }
    let limit = rate_limit.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate}/s"));
    print(&format!("{ABUSERS} callers at another desk, {limit}"), &mut calm, &mut beside);
    print(&format!("{ABUSERS} callers with one key, {limit}"), &mut calm, &mut troubled);
}

/// Takes connections and never answers.
async fn hang(listener: TcpListener) {
    let mut held = Vec::new();
    loop {
        if let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    }
}

async fn hanging_partner() {
    let listener = TcpListener::bind((PUBLIC, 0)).await;
    let listener =
        listener.expect("the public address is this machine's: see the head of the file");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    tokio::spawn(hang(listener));
    let (server, admin, _folder) = desk();
    let receivers: Vec<_> = (0..OTHERS).map(|_| Receiver::kind()).collect();
    for receiver in &receivers {
        admin.register(&receiver.url()).await;
    }
    let quiet = make_key(&admin, &server, json!({ "scopes": ["tickets"] })).await;
    let mut calm = Figures::default();
    sleep(SETTLES).await;
    calm.measure(&quiet, &receivers).await;
    for _ in 0..HANGING {
        let settings = json!({
            "callback_url": url, "partner": "acme", "timeout_ms": 30_000, "max_in_flight": 256,
            "ordering": "none",
        });
        admin.register_with(settings).await;
    }
    let mut troubled = Figures::default();
    sleep(SETTLES).await;
    for _ in 0..ROUNDS {
        troubled.measure(&quiet, &receivers).await;
    }
    print(&format!("a partner with {HANGING} webhooks that hang"), &mut calm, &mut troubled);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [what, base, key] = &arguments[..]
        && what == "abuse"
    {
        return abuse(base, key).await;
    }
    let only = arguments.first().cloned().unwrap_or_default();
    println!("| neighbour | p50 ms | | p99 ms | | deliveries/s | |\n|---|--:|--:|--:|--:|--:|--:|");
    if "key".starts_with(&only) {
        abusive_key(Some(100)).await;
        abusive_key(None).await;
    }
    if "partner".starts_with(&only) {
        hanging_partner().await;
    }
}
