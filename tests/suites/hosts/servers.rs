//! Several hosts whose PostgreSQL server restarts, is lost for its standby, or ends connections.

use std::thread::sleep;
use std::time::Duration;

use hookdesk_tests::{Client, Cluster, Host, Options, Receiver, SOON, Server, Stop};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{assert_in_order, insist};

/// Has three hosts over a database take tickets while something happens to it, and sees that all that
/// was acknowledged is there and arrived, in order. What happens gives the server that is left.
async fn endure(url: String, trouble: impl FnOnce() -> Cluster + Send + 'static) {
    let host = || Options { host: Host::Native, database: Some(url.clone()), ..Options::default() };
    let mut servers: Vec<_> = (0..3).map(|_| Server::start(host())).collect();
    servers.iter_mut().for_each(Server::expect_errors);
    let receiver = Receiver::kind();
    let clients: Vec<Client> = servers.iter().map(Server::client).collect();
    let webhook = json!({ "callback_url": receiver.url(), "ordering": "webhook" });
    let webhook = clients[0].register_with(webhook).await;

    let mut troubled = spawn_blocking(trouble);
    let mut tickets = 0;
    let cluster = loop {
        tokio::select! {
            cluster = &mut troubled => break cluster.expect("it does not panic"),
            () = insist(&clients, tickets) => tickets += 1,
        }
    };
    insist(&clients, tickets).await;
    clients[0].wait_told(&webhook.id, SOON).await;

    assert_in_order(&receiver, &clients[0], tickets + 1).await;
    assert_eq!(cluster.ask("SELECT count(*) FROM tickets"), (tickets + 1).to_string());
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn hosts_go_on_in_order_when_their_server_restarts() {
    let cluster = Cluster::start();
    endure(cluster.url(), move || {
        for how in [Stop::Fast, Stop::Immediate, Stop::Immediate, Stop::Fast] {
            sleep(Duration::from_millis(600));
            cluster.stop(how);
            cluster.begin();
        }
        cluster
    })
    .await;
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn hosts_go_on_in_order_when_a_standby_takes_over() {
    let primary = Cluster::start();
    let standby = primary.standby();
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.ask("SELECT pg_reload_conf()");
    let (first, second) = (primary.port(), standby.port());
    let servers = format!("127.0.0.1:{first},127.0.0.1:{second}");
    let url = format!("postgres://desk@{servers}/postgres?target_session_attrs=read-write");
    endure(url, move || {
        sleep(Duration::from_millis(900));
        primary.stop(Stop::Immediate);
        standby.promote();
        standby
    })
    .await;
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn hosts_go_on_in_order_when_connections_end_at_random() {
    let cluster = Cluster::start();
    endure(cluster.url(), move || {
        for _ in 0..30 {
            sleep(Duration::from_millis(fastrand::u64(5..120)));
            cluster.ask(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE application_name = 'hookdesk' AND random() < 0.4",
            );
        }
        cluster
    })
    .await;
}
