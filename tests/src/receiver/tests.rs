//! Each reaction, as a plain HTTP client sees it.

use std::{
    error::Error,
    io::{Read, Write},
    iter, net,
    time::Instant,
};

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn ok(_: &Delivery) -> Reaction {
    Reaction::Status(200)
}

fn partner() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.retry(reqwest::retry::never()).build().expect("the options are sound")
}

async fn post(to: &Receiver, body: &str) -> reqwest::Result<reqwest::Response> {
    let request = partner().post(to.url()).header("Webhook-Id", body);
    request.body(body.to_owned()).send().await
}

#[tokio::test]
async fn a_status_is_answered_and_the_request_recorded() {
    let receiver = Receiver::start(|_| Reaction::Status(204));

    let answer = post(&receiver, "evt_1").await.expect("it answers");

    assert_eq!(answer.status(), 204);
    let [delivery] = receiver.deliveries().try_into().expect("one came");
    assert_eq!(format!("{} {}", delivery.method, delivery.path), "POST /hook");
    assert_eq!(delivery.event(), "evt_1");
    assert_eq!(delivery.body, b"evt_1");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let receiver = Receiver::start(ok);
    let partner = partner();

    for body in ["a", "b", "c"] {
        let asked = partner.post(receiver.url()).body(body).send();
        let answer = asked.await.expect("it answers");
        assert_eq!(answer.bytes().await.expect("a body").len(), 0);
    }

    assert!(receiver.deliveries().iter().all(|one| one.connection == 1));
    assert_eq!(receiver.count(), 3);
}

#[tokio::test]
async fn an_answer_brings_its_headers_and_body_and_can_change_at_run_time() {
    let receiver = Receiver::start(ok);
    receiver.behave(|delivery| Reaction::Answer {
        status: 503,
        headers: vec![("retry-after".into(), "7".into())],
        body: delivery.body.repeat(2),
    });

    let answer = post(&receiver, "echo").await.expect("it answers");

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.text().await.expect("a body"), "echoecho");
}

#[tokio::test]
async fn three_hundred_hang_until_the_receiver_stops() {
    let mut receiver = Receiver::start(|_| Reaction::Hang);
    let (partner, url) = (partner(), receiver.url());
    let asked: Vec<_> = (0..300).map(|_| tokio::spawn(partner.post(&url).send())).collect();

    receiver.wait_for(|all| all.len() == 300, SOON).await;
    assert!(asked.iter().all(|one| !one.is_finished()));
    receiver.stop();

    for one in asked {
        let answer = one.await.expect("asking does not panic");
        answer.expect_err("closed without an answer");
    }
}

#[tokio::test]
async fn a_stopped_receiver_refuses_until_another_takes_its_port() {
    let mut first = Receiver::start(ok);
    post(&first, "x").await.expect("it answers");
    first.stop();
    let refused = post(&first, "x").await.expect_err("nobody listens");

    let second = Receiver::start_on(first.port(), ok);
    post(&second, "x").await.expect("it answers");

    assert!(refused.is_connect());
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[tokio::test]
async fn a_delay_comes_before_its_reaction() {
    let wait = Duration::from_millis(80);
    let receiver = Receiver::start(move |_| Reaction::Delay(wait, Box::new(Reaction::Status(418))));
    let asked = Instant::now();

    let answer = post(&receiver, "x").await.expect("it answers");

    assert_eq!(answer.status(), 418);
    assert!(asked.elapsed() >= wait);
}

#[tokio::test]
async fn a_reset_is_seen_as_one() {
    let receiver = Receiver::start(|_| Reaction::Reset);

    let error = post(&receiver, "x").await.expect_err("no answer");

    let kind = iter::successors(Some(&error as &dyn Error), |cause| Error::source(*cause))
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::ConnectionReset), "{error:?}");
}

#[tokio::test]
async fn raw_bytes_go_out_as_they_are_and_end_the_connection() {
    let receiver = Receiver::start(|_| Reaction::Raw(b"HTTP/1.1 299 Odd\r\n\r\nrest".into()));

    let answer = post(&receiver, "x").await.expect("it answers");

    assert_eq!(answer.status(), 299);
    assert_eq!(answer.text().await.expect("ended by closing"), "rest");
}

#[tokio::test]
async fn a_drip_never_ends() {
    let receiver = Receiver::start(|_| Reaction::Drip {
        head: b"HTTP/1.1 200 OK\r\n\r\n".into(),
        byte_every: Duration::from_millis(1),
    });

    let mut answer = post(&receiver, "x").await.expect("it answers");

    for _ in 0..20 {
        assert!(answer.chunk().await.expect("more").is_some());
    }
}

#[tokio::test]
async fn a_flood_is_as_long_as_it_says_and_keeps_the_connection() {
    let receiver = Receiver::start(|_| Reaction::Flood { bytes: 1_000_001 });
    let partner = partner();

    for _ in 0..2 {
        let asked = partner.post(receiver.url()).send();
        let answer = asked.await.expect("it answers");
        assert_eq!(answer.bytes().await.expect("all of it").len(), 1_000_001);
    }

    assert!(receiver.deliveries().iter().all(|one| one.connection == 1));
}

#[tokio::test]
#[should_panic(expected = "1 came, the last:\n  POST /hook on connection 1, event e, attempt -: e")]
async fn waiting_in_vain_says_what_came() {
    let receiver = Receiver::start(ok);
    post(&receiver, "e").await.expect("it answers");

    receiver.wait_for(|all| all.len() == 2, Duration::from_millis(1)).await;
}

#[test]
#[should_panic(expected = "a bad request: invalid HTTP version")]
fn a_request_that_is_no_http_fails_the_test() {
    let receiver = Receiver::start(ok);
    let mut stream = net::TcpStream::connect(("127.0.0.1", receiver.port())).expect("open");

    stream.write_all(b"GET / nonsense\r\n\r\n").expect("written");

    assert_eq!(stream.read(&mut [0]).expect("closed"), 0);
}

#[tokio::test]
#[should_panic(expected = "a behaviour failed")]
async fn a_behaviour_that_panics_fails_the_test() {
    let receiver = Receiver::start(|delivery| {
        Reaction::Status(u16::try_from(delivery.attempt()).unwrap_or(u16::MAX))
    });

    post(&receiver, "x").await.expect_err("no answer");
}

/// The example that Standard Webhooks' own libraries are tested with.
#[test]
fn the_published_signature_verifies_and_a_changed_body_or_secret_does_not() {
    let request = b"POST / HTTP/1.1\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\n\
        webhook-timestamp: 1614265330\r\ncontent-length: 20\r\n\
        webhook-signature: v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n\r\n\
        {\"test\": 2432232314}";
    let (signed, length) = Delivery::parse(request, 1).expect("HTTP").expect("complete");
    let mut changed = signed.clone();
    changed.body[0] = b'[';

    assert_eq!(length, request.len());
    assert!(signed.signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert!(!signed.signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"));
    assert!(!changed.signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
}
