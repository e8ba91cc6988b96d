//! The event log's API: listing, long polling, and streams of Server-Sent Events.

use futures_util::future::join_all;
use hookdesk_tests::{Answer, Client, Delivery, Frame, Host, Receiver, SOON, Stream, desk, ids};
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

/// Streams at once: as many as the documented figure is measured with.
const CROWD: usize = 1_000;

fn messages(items: &[Value]) -> Vec<&str> {
    let messages = items.iter().map(|item| item["data"]["ticket_message"].as_str());
    messages.map(|message| message.expect("a message")).collect()
}

/// Opens a ticket with each of these numbers, one after another, and gives their messages.
async fn open_numbered(client: &Client, numbers: std::ops::Range<usize>) -> Vec<String> {
    let mut opened = Vec::new();
    for number in numbers {
        client.open_ticket(&number.to_string()).await;
        opened.push(number.to_string());
    }
    opened
}

/// The id of the last event, as a list tells it.
async fn last_event(client: &Client) -> String {
    let list = client.get("/events?limit=1000").await.expect(200);
    (*ids(list.items()).last().expect("something has happened")).to_owned()
}

#[track_caller]
fn assert_bad_cursor(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (422, Some("bad_field")), "{}", answer.text);
    assert_eq!(answer.json["errors"][0]["pointer"], "?after");
}

#[tokio::test]
async fn an_item_carries_what_receivers_get() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let ticket = client.open_ticket("a \"quoted\"\n\u{1}é").await;
    client.update_ticket(&ticket, "b").await;
    client.close_ticket(&ticket).await;
    client.announce("/service/unavailable").await;
    client.announce(&format!("/webhooks/{}/ping", webhook.id)).await;
    let told = receiver.wait_for(|all| all.len() == 5, SOON).await;

    let list = client.get("/events").await.expect(200);

    let mut told: Vec<&Delivery> = told.iter().collect();
    told.sort_by_key(|delivery| delivery.event());
    for (item, delivery) in list.items().iter().zip(told) {
        let body = String::from_utf8(delivery.body.clone()).expect("UTF-8");
        let (_, data) = body.split_once(",\"data\":").expect("data comes last");
        let data = data.strip_suffix('}').expect("an object");
        let (id, event) = (delivery.event(), item["event"].as_str().expect("a type"));
        let created = item["created"].as_str().expect("a time");
        let written =
            format!(r#"{{"id":"{id}","event":"{event}","created":"{created}","data":{data},"#);
        assert!(list.text.contains(&written), "{written} is not in {}", list.text);
        let one = client.get(&format!("/events/{id}")).await.expect(200);
        assert_eq!(one.data(), item);
    }
    let of = |key: &str| -> Vec<Value> { list.items().iter().map(|i| i[key].clone()).collect() };
    let (none, ticket) = (Value::Null, Value::from(ticket));
    let tickets = [ticket.clone(), ticket.clone(), ticket, none.clone(), none.clone()];
    assert_eq!(of("ticket_id"), tickets);
    let versions = [1.into(), 2.into(), 3.into(), none.clone(), none.clone()];
    assert_eq!(of("ticket_version"), versions);
    let only = [none.clone(), none.clone(), none.clone(), none, webhook.id.into()];
    assert_eq!(of("webhook_id"), only);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end_and_on() {
    let (_server, client) = desk();
    let client = client.with_pool();
    let opened = open_numbered(&client, 0..250).await;

    let (mut found, mut sizes, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/events?limit=60{after}")).await.expect(200);
        sizes.push(page.items().len());
        found.extend(page.items().to_vec());
        match page.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }

    assert_eq!(messages(&found), opened);
    assert_eq!(sizes, [60, 60, 60, 60, 10]);
    assert_eq!(client.get("/events").await.expect(200).items().len(), 100);
    let last = ids(&found)[249];
    let end = client.get(&format!("/events?after={last}")).await.expect(200);
    assert_eq!(end.text, r#"{"data":[],"next":null}"#);
    client.open_ticket("later").await;
    let more = client.get(&format!("/events?after={last}")).await.expect(200);
    assert_eq!(messages(more.items()), ["later"]);
}

#[tokio::test]
async fn the_longest_messages_are_listed_and_streamed_whole() {
    let (server, client) = desk();
    client.ping().await;
    let first = last_event(&client).await;
    // Each byte of it takes six in JSON.
    let message = "\u{1}".repeat(65_536);
    for _ in 0..40 {
        client.open_ticket(&message).await;
    }

    let list = client.get(&format!("/events?after={first}")).await.expect(200);

    assert_eq!(messages(list.items()), vec![message.as_str(); 40]);
    if server.host() != Host::Edge {
        let streamed = client.stream(Some(&first)).await.events(40).await;
        assert_eq!(streamed, list.items());
    }
}

#[tokio::test]
async fn what_is_no_cursor_is_refused_in_every_manner() {
    let (server, client) = desk();
    let is_native = server.host() != Host::Edge;
    let (elsewhere, other) = desk();
    open_numbered(&client, 0..2).await;
    open_numbered(&other, 0..3).await;
    let list = other.get("/events").await.expect(200);
    let (second, beyond) = (ids(list.items())[1], ids(list.items())[2]);
    drop(elsewhere);

    for id in ["", "evt_1", "1", second, beyond, &beyond.replace("evt_", "tkt_")] {
        assert_bad_cursor(&client.get(&format!("/events?after={id}")).await);
        if is_native {
            assert_bad_cursor(&client.get(&format!("/events?wait=50&after={id}")).await);
        }
        // Some clients send the header empty where they have no id.
        if !id.is_empty() {
            if is_native {
                let stream = client.request(Method::GET, "/events");
                let stream = stream.header("accept", "text/event-stream");
                assert_bad_cursor(&client.send(stream.header("last-event-id", id)).await);
            }
            assert_eq!(
                client.get(&format!("/events/{id}")).await.expect(404).code(),
                Some("not_found")
            );
        }
    }
    for wait in ["0", "61", "0.5", "x", ""] {
        let answer = client.get(&format!("/events?wait={wait}")).await.expect(422);
        assert_eq!(answer.json["errors"][0]["pointer"], "?wait");
    }
}

/// Whoever is not woken gets an empty list in the end.
#[tokio::test]
async fn who_waits_is_woken_by_what_happens() {
    let (_server, client) = desk();
    client.ping().await;
    let last = last_event(&client).await;
    let waiting = {
        let (client, path) = (client.clone(), format!("/events?wait=50&after={last}"));
        tokio::spawn(async move { client.get(&path).await.expect(200) })
    };

    client.open_ticket("news").await;

    let woken = waiting.await.expect("it does not panic");
    assert_eq!((messages(woken.items()), &woken.json["next"]), (vec!["news"], &Value::Null));
    let known = client.get(&format!("/events?wait=50&after={last}")).await.expect(200);
    assert_eq!(known.text, woken.text, "what is there already is not waited for");
}

#[tokio::test]
async fn who_waits_in_vain_gets_an_empty_list() {
    let (_server, client) = desk();
    client.ping().await;
    let last = last_event(&client).await;

    let answer = client.get(&format!("/events?wait=1&after={last}")).await.expect(200);
    assert_eq!(answer.text, r#"{"data":[],"next":null}"#);
}

#[tokio::test]
async fn who_waits_in_vain_without_a_cursor_gets_one_that_misses_nothing() {
    let (_server, client) = desk();
    for before in 0..2 {
        let answer = client.get("/events?wait=1").await.expect(200);
        assert_eq!(answer.items().len(), 0, "{}", answer.text);
        let next = answer.json["next"].as_str().expect("a cursor").to_owned();

        let ping = client.ping().await;

        let rest = client.get(&format!("/events?wait=50&after={next}")).await.expect(200);
        assert_eq!((ids(rest.items()), &rest.json["next"]), (vec![ping.as_str()], &Value::Null));
        assert_eq!(client.events().await.len(), before + 1);
    }
}

/// Its client heard no event before the crash, of a log that is empty at first.
#[tokio::test]
async fn a_stream_says_at_once_where_it_is_to_be_resumed() {
    let (mut server, client) = desk();
    for _ in 0..2 {
        let mut stream = client.stream(None).await;
        server.restart();
        if let Ok(Some(frame)) = stream.frame().await {
            panic!("nothing has happened: {frame:?}");
        }

        let ping = client.ping().await;

        let mut resumed = client.stream(stream.position.as_deref()).await;
        assert_eq!(resumed.event().await["id"], ping);
    }
}

#[tokio::test]
async fn a_stream_hears_what_happens_in_order() {
    let (_server, client) = desk();
    client.open_ticket("before").await;
    let mut stream = client.stream(None).await;

    let opened = open_numbered(&client, 0..50).await;

    let heard = stream.events(50).await;
    assert_eq!(messages(&heard), opened);
    let list = client.get("/events").await.expect(200);
    assert_eq!(heard, list.items()[1..]);
}

#[tokio::test]
async fn the_headers_of_a_stream_keep_it_fresh_and_flowing() {
    let (_server, client) = desk();
    let head = client.request(Method::HEAD, "/events").header("accept", "text/event-stream");

    let answer = client.send(head).await.expect(200);

    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
}

/// Part of it is read from the store, part from memory, and part happens meanwhile.
#[tokio::test]
async fn a_stream_that_catches_up_misses_and_repeats_nothing() {
    let (_server, client) = desk();
    let client = client.with_pool();
    client.open_ticket("first").await;
    let first = last_event(&client).await;
    let mut opened = open_numbered(&client, 0..300).await;
    let early = client.stream(None).await;
    let opening = {
        let client = client.clone();
        tokio::spawn(async move { open_numbered(&client, 300..600).await })
    };

    let mut late = client.stream(Some(&first)).await;
    let heard = late.events(600).await;

    opened.extend(opening.await.expect("it does not panic"));
    assert_eq!(messages(&heard), opened);
    drop(early);
}

#[tokio::test]
async fn last_event_id_resumes_over_a_crash_without_loss_or_repeat() {
    let (mut server, client) = desk();
    let mut opened = open_numbered(&client, 0..1).await;
    let mut last = last_event(&client).await;
    let mut heard = Vec::new();

    for round in 0..5 {
        let mut stream = client.stream(Some(&last)).await;
        opened.extend(open_numbered(&client, round * 10 + 1..round * 10 + 11).await);
        // The rest is on its way to a stream that breaks.
        heard.extend(stream.events(7).await);
        ids(&heard)[heard.len() - 1].clone_into(&mut last);
        server.restart();
        while let Ok(Some(frame)) = stream.frame().await {
            assert!(frame.id.is_some(), "{frame:?}");
        }
    }

    let mut stream = client.stream(Some(&last)).await;
    heard.extend(stream.events(opened.len() - 1 - heard.len()).await);
    assert_eq!(messages(&heard), opened[1..]);
    client.open_ticket("more").await;
    assert_eq!(stream.event().await["data"]["ticket_message"], "more");
}

/// The floor is raised in the file of a server that is stopped.
#[tokio::test]
async fn what_is_no_longer_kept_is_said_in_every_manner() {
    let (mut server, client) = desk();
    open_numbered(&client, 0..5).await;
    let list = client.get("/events").await.expect(200);
    let first = ids(list.items())[0];
    server.terminate();
    server.change("UPDATE log SET floor = 3; DELETE FROM events WHERE seq <= 3");
    server.restart();

    let is_native = server.host() != Host::Edge;
    let manners: &[_] = if is_native { &["", "wait=50&"] } else { &[""] };
    for wait in manners {
        let rest = client.get(&format!("/events?{wait}after={first}")).await.expect(200);
        assert_eq!(
            (messages(rest.items()), &rest.json["expired"]["count"]),
            (vec!["3", "4"], &2.into())
        );
    }
    if is_native {
        let mut stream = client.stream(Some(first)).await;
        let told = stream.frame().await.expect("it is not broken off").expect("it goes on");
        let (event, data) = (Some("expired".to_owned()), Some(r#"{"count":2}"#.to_owned()));
        assert_eq!(told, Frame { event, data, ..Frame::default() });
        assert_eq!(messages(&stream.events(2).await), ["3", "4"]);
    }
    assert_eq!(client.get("/events").await.expect(200).items().len(), 2);
    client.get(&format!("/events/{first}")).await.expect(404);
}

/// The connections of a crowd at both of their ends are more files than one may often have open.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .expect("a soft limit may be raised to the hard one");
}

#[tokio::test]
async fn a_thousand_streams_hear_of_a_ticket() {
    allow_many_files();
    let (_server, client) = desk();
    let mut crowd: Vec<Stream> = join_all((0..CROWD).map(|_| client.stream(None))).await;

    client.open_ticket("for all").await;
    client.ping().await;

    let heard = join_all(crowd.iter_mut().map(|stream| stream.events(2))).await;
    assert_eq!(heard.len(), CROWD);
    assert_eq!(heard[0][0]["data"]["ticket_message"], "for all");
    assert!(heard.iter().all(|one| *one == heard[0]));
}

/// A connection that is cut instead of ended is an error at its other side.
#[tokio::test]
async fn on_sigterm_streams_end_and_who_waits_is_answered() {
    let (mut server, client) = desk();
    client.ping().await;
    let last = last_event(&client).await;
    let mut crowd: Vec<Stream> = join_all((0..20).map(|_| client.stream(None))).await;
    let waiting = join_all((0..20).map(|_| {
        let (client, path) = (client.clone(), format!("/events?wait=50&after={last}"));
        tokio::spawn(async move { client.attempt(client.request(Method::GET, &path)).await })
    }));
    // What comes in after those who wait is answered after they were taken in.
    client.get("/service").await.expect(200);

    let (status, _) = server.terminate();

    assert_eq!(status.code(), Some(0));
    for stream in &mut crowd {
        assert_eq!(stream.frame().await.expect("it is not broken off"), None);
    }
    for answer in waiting.await {
        // One that had not been accepted yet is refused its connection.
        if let Ok(answer) = answer.expect("it does not panic") {
            assert_eq!(answer.expect(200).text, r#"{"data":[],"next":null}"#);
        }
    }
    assert!(!server.log().contains("not all requests ended"), "{}", server.log());
}
