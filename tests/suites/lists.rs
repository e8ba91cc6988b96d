//! Lists: complete without a limit, paginated by cursor with one.

use std::collections::BTreeSet;

use hookdesk_tests::{Client, Options, Server, ids};
use serde_json::Value;
use tokio::task::JoinSet;

const CALLERS: usize = 32;

/// Opens so many tickets by several callers at once, and gives the ids in the order of answers.
async fn open_at_once(client: &Client, count: usize) -> Vec<String> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            let mut opened = Vec::new();
            for number in (caller..count).step_by(CALLERS) {
                opened.push(client.open_ticket(&format!("ticket {number}")).await);
            }
            opened
        });
    }
    callers.join_all().await.concat()
}

/// All pages of a list one after another, and how many items each has.
async fn walk(client: &Client, path: &str, limit: usize) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut pages, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}limit={limit}{after}")).await.expect(200);
        let found = ids(page.items());
        pages.push(found.len());
        all.extend(found.into_iter().map(str::to_owned));
        match &page.json["next"] {
            Value::String(next) => after = format!("&after={next}"),
            Value::Null => return (all, pages),
            other => panic!("a next of {other}"),
        }
    }
}

#[tokio::test]
async fn ten_thousand_tickets_are_listed_oldest_first() {
    let server = Server::start(Options::default());
    let client = server.client().with_pool();
    let opened = open_at_once(&client, 10_000).await;

    let list = client.get("/tickets").await.expect(200);

    let listed = ids(list.items());
    assert_eq!(listed.len(), 10_000);
    let found: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(found, opened.iter().map(String::as_str).collect());
    assert_eq!(list.json["next"], Value::Null);
    let items = list.items();
    let times: Vec<_> = items.iter().map(|one| one["opened_at"].as_str()).collect();
    assert!(times.is_sorted() && listed.is_sorted());
    let messages: BTreeSet<_> = items.iter().map(|one| one["ticket_message"].as_str()).collect();
    assert_eq!(messages.len(), 10_000);

    let (walked, pages) = walk(&client, "/tickets?", 1_000).await;
    assert_eq!(walked, listed);
    assert_eq!(pages, [1_000; 10], "a last page that is full has no next");
    let (walked, pages) = walk(&client, "/tickets?", 999).await;
    assert_eq!(walked, listed);
    assert_eq!(pages[10], 10);

    let (mut walked, pages) = walk(&client, "/tickets?order=newest&", 999).await;
    walked.reverse();
    assert_eq!(walked, listed);
    assert_eq!(pages[10], 10);
}

#[tokio::test]
async fn open_and_closed_tickets_are_listed_apart() {
    let server = Server::start(Options::default());
    let client = server.client().with_pool();
    let mut opened = open_at_once(&client, 250).await;
    opened.sort();
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for (number, id) in opened.into_iter().enumerate() {
        if number % 3 == 0 {
            client.close_ticket(&id).await;
            closed.push(id);
        } else {
            open.push(id);
        }
    }

    for (status, expected) in [("open", open), ("closed", closed)] {
        let path = format!("/tickets?status={status}");
        let list = client.get(&path).await.expect(200);
        let (walked, _) = walk(&client, &format!("{path}&"), 7).await;
        let (mut backwards, _) = walk(&client, &format!("{path}&order=newest&"), 7).await;
        backwards.reverse();

        assert_eq!(ids(list.items()), expected);
        assert_eq!(walked, expected);
        assert_eq!(backwards, expected);
        assert!(list.items().iter().all(|one| one["status"] == status));
    }
}

#[tokio::test]
async fn a_cursor_goes_on_behind_its_item_whatever_was_added_since() {
    let server = Server::start(Options::default());
    let client = server.client();
    let first = client.open_ticket("first").await;
    let second = client.open_ticket("second").await;
    let page = client.get("/tickets?limit=1").await.expect(200);
    let next = page.string("/next");

    let third = client.open_ticket("third").await;
    let rest = client.get(&format!("/tickets?after={next}")).await.expect(200);

    assert_eq!(ids(page.items()), [first]);
    assert_eq!(ids(rest.items()), [second, third.clone()]);
    let end = client.get(&format!("/tickets?limit=5&after={third}")).await.expect(200);
    assert_eq!(end.text, r#"{"data":[],"next":null}"#);
}

#[tokio::test]
async fn webhooks_are_walked_alike() {
    let server = Server::start(Options::default());
    let client = server.client();
    let mut registered = Vec::new();
    for number in 0..25 {
        registered.push(client.register(&format!("https://p{number}.example/")).await.id);
    }

    let (walked, pages) = walk(&client, "/webhooks?", 10).await;

    assert_eq!(walked, registered);
    assert_eq!(pages, [10, 10, 5]);
}

#[tokio::test]
async fn an_empty_desk_has_empty_lists() {
    let server = Server::start(Options::default());
    let client = server.client();

    for path in ["/tickets", "/tickets?status=open", "/tickets?limit=1", "/webhooks", "/events"] {
        assert_eq!(client.get(path).await.expect(200).text, r#"{"data":[],"next":null}"#);
    }
}
