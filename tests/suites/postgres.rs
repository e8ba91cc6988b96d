//! PostgreSQL as the store: who leads, who takes over, and what broken connections do.

use std::collections::BTreeSet;
use std::time::Duration;

use hookdesk_tests::{Host, Options, Receiver, SOON, Server, postgres, ticket_body};
use reqwest::Method;
use serde_json::json;

fn over_postgres() -> Options {
    Options { host: Host::Postgres, ..Options::default() }
}

/// A further process on the database of one.
fn beside(server: &Server) -> Server {
    Server::launch(Options { database: Some(server.database_url()), ..over_postgres() })
}

fn messages(receiver: &Receiver) -> Vec<String> {
    let message =
        |body: &serde_json::Value| body["data"]["ticket_message"].as_str().map(str::to_owned);
    receiver.deliveries().iter().filter_map(|one| message(&one.json())).collect()
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn the_next_process_leads_when_the_first_ends_or_dies() {
    let mut first = Server::start(over_postgres());
    let receiver = Receiver::kind();
    let webhook = first.client().register(&receiver.url()).await;
    first.client().open_ticket("of the first").await;
    first.client().wait_told(&webhook.id, SOON).await;

    let mut second = beside(&first);
    second.wait_log("another process led", SOON);
    first.terminate();
    second.wait_ready(SOON);
    second.client().open_ticket("of the second").await;
    second.client().wait_told(&webhook.id, SOON).await;

    let mut third = beside(&first);
    third.wait_log("another process led", SOON);
    second.kill();
    third.wait_ready(SOON);
    third.client().open_ticket("of the third").await;
    third.client().wait_told(&webhook.id, SOON).await;
    assert_eq!(messages(&receiver), ["of the first", "of the second", "of the third"]);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn what_was_acknowledged_is_there_once_however_often_connections_end() {
    const TICKETS: usize = 150;
    let mut server = Server::start(over_postgres());
    server.expect_errors();
    let receiver = Receiver::kind();
    let client = server.client();
    let webhook = client.register_with(json!({ "callback_url": receiver.url() })).await;
    let folder = server.folder().to_owned();
    let cutter = tokio::task::spawn_blocking(move || {
        for _ in 0..25 {
            postgres::ask(
                &folder,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE application_name = 'hookdesk' AND datname = current_database()",
            );
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    for number in 0..TICKETS {
        client.insist_on_ticket(number).await;
    }
    cutter.await.expect("it does not panic");
    client.wait_told(&webhook.id, SOON).await;

    assert!(server.log().contains("PostgreSQL cannot be reached"), "connections were cut");
    assert_eq!(
        server.number("SELECT count(*) FROM tickets"),
        i64::try_from(TICKETS).expect("a few")
    );
    assert_eq!(
        server.number("SELECT head - floor - count(*) FROM events, log GROUP BY head, floor"),
        0
    );
    let expected: BTreeSet<String> = (0..TICKETS).map(|number| number.to_string()).collect();
    assert_eq!(messages(&receiver).into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn callers_do_not_notice_that_an_idle_connection_ended() {
    // It renews its lease seldom, so that a call is what notices.
    let arguments = vec!["--lease-ms".to_owned(), "60000".to_owned()];
    let server = Server::start(Options { arguments, ..over_postgres() });
    let client = server.client();
    let cut = || {
        postgres::ask(
            server.folder(),
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE application_name = 'hookdesk' AND datname = current_database()",
        )
    };
    for number in 0..5 {
        cut();
        client.open_ticket(&format!("committed at once {number}")).await;
        cut();
        let request = client.request(Method::POST, "/tickets");
        let request = request.header("idempotency-key", format!("loaded-{number}"));
        let request = request.header("content-type", "application/json");
        client.send(request.body(ticket_body("loaded first").to_string())).await.expect(201);
        cut();
        client.get("/tickets").await.expect(200);
    }
    assert_eq!(server.number("SELECT count(*) FROM tickets"), 10);
    assert_eq!(server.number("SELECT count(*) FROM events"), 10);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_database_of_a_newer_version_is_left_alone() {
    let mut server = Server::start(over_postgres());
    server.terminate();
    server.change("UPDATE desk SET schema = 99");

    let said =
        Server::refusal(Options { database: Some(server.database_url()), ..over_postgres() }, SOON);

    assert!(said.contains("schema 99"), "{said}");
    assert_eq!(server.number("SELECT schema FROM desk"), 99);
}
