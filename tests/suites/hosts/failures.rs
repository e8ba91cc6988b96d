//! Hosts that die, stand still, stop and come back, while the others are called.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hookdesk_tests::history::{self, Operation};
use hookdesk_tests::{Client, Gate, Reaction, Receiver, SOON, Server, ticket_body};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    assert_in_order, assert_whole, beside, heard, insist, over_postgres, signal, standing,
    wait_lead,
};

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn callers_of_the_others_go_on_when_the_leader_dies() {
    const TICKETS: usize = 150;
    let mut first = Server::start(over_postgres(&[]));
    let (second, third) = (beside(&first, &[]), beside(&first, &[]));
    let receiver = Receiver::kind();
    let webhook = second.client().register(&receiver.url()).await;
    let killer = async {
        sleep(Duration::from_millis(700)).await;
        first.kill();
    };
    let callers = async {
        let clients: [Client; 2] = [&second, &third].map(|server| server.client().with_pool());
        for number in 0..TICKETS {
            clients[number % clients.len()].insist_on_ticket(number).await;
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(killer, callers);
    third.client().wait_told(&webhook.id, SOON).await;

    assert_whole(&first, TICKETS);
    let expected: BTreeSet<_> = (0..TICKETS).map(|number| number.to_string()).collect();
    assert_eq!(heard(&receiver).into_iter().collect::<BTreeSet<_>>(), expected);
    let (_, leader) = standing(&second).await;
    assert_eq!(standing(&third).await.1, leader);
}

fn three_beside(server: &Server) -> Vec<Server> {
    let mut servers: Vec<_> = (0..3).map(|_| beside(server, &[])).collect();
    servers.iter_mut().for_each(Server::expect_errors);
    servers
}

/// Kills or freezes one of the hosts after another, and starts the killed ones again: six times, or as
/// `HOOKDESK_KILLS=n` says.
fn trouble(mut servers: Vec<Server>, seed: u64) -> Vec<Server> {
    let times = std::env::var("HOOKDESK_KILLS").ok();
    let times = times.map_or(6, |text| text.parse().expect("a whole number"));
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..times {
        let chosen = random.usize(..servers.len());
        let server = &mut servers[chosen];
        if random.bool() {
            server.restart();
        } else {
            signal(server, Signal::STOP);
            std::thread::sleep(Duration::from_millis(random.u64(300..1_500)));
            signal(server, Signal::CONT);
        }
        std::thread::sleep(Duration::from_millis(random.u64(100..800)));
    }
    servers
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn what_was_acknowledged_arrives_in_order_whichever_hosts_die_or_freeze() {
    let keeper = Server::start(over_postgres(&[]));
    let servers = three_beside(&keeper);
    let receiver = Receiver::kind();
    let clients: Vec<_> = servers.iter().map(Server::client).collect();
    let webhook = json!({ "callback_url": receiver.url(), "ordering": "webhook" });
    let webhook = clients[0].register_with(webhook).await;
    // It has the database, and leads no more.
    let (mut keeper, servers) = tokio::task::spawn_blocking(move || {
        let mut keeper = keeper;
        keeper.terminate();
        (keeper, servers)
    })
    .await
    .expect("it does not panic");
    keeper.expect_errors();
    let seed = fastrand::u64(..);
    let mut troubled = tokio::task::spawn_blocking(move || trouble(servers, seed));
    let mut tickets = 0;
    let servers = loop {
        tokio::select! {
            servers = &mut troubled => break servers.expect("it does not panic"),
            () = insist(&clients, tickets) => tickets += 1,
        }
    };
    insist(&clients, tickets).await;
    let client = servers[0].client();
    client.wait_told(&webhook.id, SOON).await;

    println!("seed {seed}");
    assert_in_order(&receiver, &client, tickets + 1).await;
    assert_whole(&keeper, tickets + 1);
}

/// Reads or writes a ticket again and again, each time at the next host, and tells what it was
/// answered.
async fn use_ticket(
    clients: Vec<Client>,
    ticket: String,
    writer: Option<usize>,
    ends: Arc<AtomicBool>,
) -> Vec<Operation> {
    let path = format!("/tickets/{ticket}");
    let mut history = Vec::new();
    let (mut begun, mut tried) = (Instant::now(), 0);
    for client in clients.iter().cycle() {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let number = history.len();
        let request = match writer {
            Some(writer) => {
                // The same, until it is known to be done.
                let message = format!("{writer}-{number}");
                let request = client.request(Method::PATCH, &path);
                let request = request.header("content-type", "application/json");
                request.header("idempotency-key", &message).body(ticket_body(&message).to_string())
            }
            None => client.request(Method::GET, &path),
        };
        let sent = timeout(Duration::from_secs(5), client.attempt(request)).await;
        tried += 1;
        if let Ok(Ok(answer)) = sent
            && answer.status == 200
        {
            let (version, is_write) = (&answer.data()["version"], writer.is_some());
            let version = version.as_u64().expect("a number");
            let message = answer.string("/data/ticket_message");
            history.push(Operation { begun, ended: Instant::now(), is_write, version, message });
            begun = Instant::now();
        } else if writer.is_none() {
            // What was not answered tells nothing.
            begun = Instant::now();
        }
        sleep(Duration::from_millis(5)).await;
    }
    assert!(tried > 0 && !history.is_empty());
    history
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_ticket_is_in_one_place_whichever_hosts_read_and_write_it() {
    let mut keeper = Server::start(over_postgres(&[]));
    keeper.expect_errors();
    let ticket = keeper.client().open_ticket("first").await;
    let servers = three_beside(&keeper);
    let ends = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = servers.iter().map(|server| server.client().with_pool()).collect();
    let users = [Some(0), Some(1), None, None, None].map(|writer| {
        tokio::spawn(use_ticket(clients.clone(), ticket.clone(), writer, Arc::clone(&ends)))
    });
    let seed = fastrand::u64(..);
    let troubled = tokio::task::spawn_blocking(move || {
        let mut keeper = keeper;
        keeper.terminate();
        (keeper, trouble(servers, seed))
    });
    let (_keeper, _servers) = troubled.await.expect("it does not panic");
    ends.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for user in users {
        all.extend(user.await.expect("it does not panic"));
    }

    assert_eq!(history::check(&all), Ok(()), "seed {seed}");
    assert!(all.iter().map(|operation| operation.version).max() > Some(20), "{}", all.len());
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_leader_that_stops_hands_over_at_once_and_no_caller_notices() {
    let mut first = Server::start(over_postgres(&[]));
    let second = beside(&first, &[]);
    // It holds what it gets, so that something is in flight when the leader stops.
    let gate = Gate::closed();
    let receiver = {
        let gate = gate.clone();
        Receiver::start(move |_| gate.then(Reaction::Status(200)))
    };
    let client = second.client();
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("before").await;
    receiver.wait_for(|deliveries| !deliveries.is_empty(), SOON).await;

    first.ask_to_stop();
    for number in 0..20 {
        client.open_ticket(&number.to_string()).await;
        sleep(Duration::from_millis(50)).await;
    }
    wait_lead(&second).await;
    gate.open();
    client.wait_told(&webhook.id, SOON).await;
    assert!(first.wait_exit(SOON).success());
    assert_whole(&first, 21);
    assert_eq!(first.number("SELECT count(*) FROM hosts"), 1);
}

/// A host that died is entered in the database for a minute more.
#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_leader_whose_others_have_died_waits_for_what_is_in_flight() {
    let mut first = Server::start(over_postgres(&[]));
    let mut second = beside(&first, &[]);
    let gate = Gate::closed();
    let receiver = {
        let gate = gate.clone();
        Receiver::start(move |_| gate.then(Reaction::Status(200)))
    };
    first.client().register(&receiver.url()).await;
    first.client().open_ticket("in flight").await;
    receiver.wait_for(|deliveries| !deliveries.is_empty(), SOON).await;
    second.kill();

    first.ask_to_stop();
    // Longer than a leader waits that has another to hand over to.
    sleep(Duration::from_secs(3)).await;
    gate.open();
    assert!(first.wait_exit(SOON).success());
    let recorded = "SELECT count(*) FROM attempts WHERE status = 200";
    assert_eq!(first.number(recorded), 1, "what was in flight was waited for");
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_host_that_leads_no_more_forwards_what_it_is_called() {
    let mut first = Server::start(over_postgres(&[]));
    let second = beside(&first, &[]);
    let ticket = first.client().open_ticket("before").await;
    signal(&first, Signal::STOP);
    wait_lead(&second).await;
    second.client().update_ticket(&ticket, "by the second").await;
    first.expect_errors();
    signal(&first, Signal::CONT);
    first.wait_log("another process leads", SOON);

    let follows = |answer: &hookdesk_tests::Answer| answer.data()["host"]["leads"] == false;
    first.client().wait("/health/ready", follows, SOON).await;
    let found = first.client().get(&format!("/tickets/{ticket}")).await.expect(200);
    assert_eq!(found.string("/data/ticket_message"), "by the second");
    first.client().open_ticket("by the first").await;
    // And it may lead again.
    drop(second);
    wait_lead(&first).await;
    first.client().open_ticket("again").await;
    assert_whole(&first, 3);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_host_that_leads_no_more_says_nothing_of_what_it_knew() {
    let mut first = Server::start(over_postgres(&[]));
    let second = beside(&first, &[]);
    let receiver = Receiver::kind();
    let known = first.client().register(&receiver.url()).await;
    signal(&first, Signal::STOP);
    wait_lead(&second).await;
    let webhook = second.client().register(&receiver.url()).await;
    first.expect_errors();

    // It has both calls before it wakes, and the rows of its own time.
    let client = first.client();
    let amend = |id: &str| {
        let request = client.request(Method::PATCH, &format!("/webhooks/{id}"));
        request
            .header("content-type", "application/json")
            .body(json!({ "status": "paused" }).to_string())
    };
    let (new, old) = (amend(&webhook.id), amend(&known.id));
    let wake = async {
        sleep(Duration::from_millis(200)).await;
        signal(&first, Signal::CONT);
    };
    let (new, old, ()) = tokio::join!(client.attempt(new), client.attempt(old), wake);
    for answer in [new, old].map(|answer| answer.expect("it is answered")) {
        assert!(matches!(answer.status, 200 | 503), "{}: {}", answer.status, answer.text);
    }
    drop(second);
    wait_lead(&first).await;
}
