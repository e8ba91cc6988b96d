//! Slow and vanishing HTTP clients: their connections are closed, leave nothing behind and take
//! little memory, while other callers are served.

use std::collections::BTreeSet;
use std::time::Duration;

use hookdesk_tests::{
    Client, MINUTE, Options, RawAnswer, RawConnection, Receiver, Server, ticket_body,
};
use reqwest::Method;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

/// More than the 30 s that a caller has for each of its parts.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// Seconds after which a caller that has 30 of them must have been ended, unless the machine is slow.
const PATIENCE_S: u64 = 45;

/// The beginning of a POST of a ticket.
macro_rules! post {
    ($rest:literal) => {
        concat!(
            "POST /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n",
            $rest
        )
    };
}
const CHUNKED: &str = post!("transfer-encoding: chunked\r\n\r\n");
const HALF_A_GET: &str = "GET /service HTTP/1.1\r\nhost: localhost\r\n";

/// Tickets whose list is longer than what sockets take in by themselves.
async fn fill(client: &Client, mib: usize) {
    let message = "x".repeat(65_536);
    for _ in 0..mib * 16 {
        client.open_ticket(&message).await;
    }
}

/// Bytes of the answer to a request for all tickets.
async fn list_length(port: u16) -> usize {
    let mut connection = RawConnection::connect(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write(request).await.expect("it is open");
    connection.read_to_end(MINUTE).await.expect("it ends").len()
}

/// Leaves in one phase of a call, which is told by its number.
async fn leave(port: u16, phase: usize, with_reset: bool, ticket: &str) {
    let mut connection = RawConnection::connect(port).await;
    let ticket = ticket_body(ticket).to_string();
    let head = post!("content-length: 25\r\n\r\n");
    let list = "GET /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let wait = "GET /events?wait=60 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let stream = "GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    let (said, hears) = match phase {
        0 => (String::new(), 0),
        1 => ("POST /tick".to_owned(), 0),
        2 => (head[..60].to_owned(), 0),
        3 => (head.to_owned(), 0),
        4 => (head.to_owned() + &ticket[..20], 0),
        5 => (CHUNKED.to_owned() + "19\r\n" + &ticket, 0),
        6 => (head.to_owned() + &ticket, 0),
        7 => (head.to_owned() + &ticket + head, 0),
        8 => (head.to_owned() + &ticket, 1),
        9 => (list.to_owned(), 0),
        10 => (list.to_owned(), 1_000),
        11 => (wait.to_owned(), 0),
        12 => (stream.to_owned(), 1),
        13 => (list.repeat(20), 1_000),
        other => panic!("no phase {other}"),
    };
    // A desk may have closed what it could not read.
    let _ = connection.write(said).await;
    if hears > 0 {
        connection.read(hears).await;
    }
    if with_reset {
        connection.reset();
    }
}

#[tokio::test]
async fn callers_that_leave_in_the_middle_leave_nothing_behind() {
    const PHASES: usize = 14;
    let server = Server::start(Options::default());
    let client = server.client();
    fill(&client, 4).await;
    let idle = server.open_sockets();

    let mut callers = JoinSet::new();
    for number in 0..40 * PHASES {
        let (phase, port) = (number % PHASES, server.port());
        let with_reset = (number / PHASES).is_multiple_of(2);
        callers.spawn(async move { leave(port, phase, with_reset, &format!("{number:04}")).await });
    }
    callers.join_all().await;

    let given_up = Instant::now() + MINUTE;
    while server.open_sockets() > idle {
        assert!(Instant::now() < given_up, "{} sockets, before {idle}", server.open_sockets());
        sleep(Duration::from_millis(50)).await;
    }
    let whole: BTreeSet<_> = (0..40 * PHASES).map(|number| format!("{number:04}")).collect();
    let mut told = client.messages().await;
    told.remove(&"x".repeat(65_536));
    assert!(told.is_subset(&whole), "{told:?}");
    let heard = |number: &usize| number % PHASES == 8;
    let heard: BTreeSet<_> =
        (0..40 * PHASES).filter(heard).map(|one| format!("{one:04}")).collect();
    assert!(told.is_superset(&heard), "{told:?}");
    let may = |message: &String| {
        (6..=8).contains(&(message.parse::<usize>().expect("a number") % PHASES))
    };
    assert!(told.iter().all(may), "{told:?}");
}

/// One byte each second, until the desk has ended the connection; what it said.
async fn trickle(port: u16, first: &'static str, rest: &'static str) -> Option<Vec<u8>> {
    let mut connection = RawConnection::connect(port).await;
    connection.write(first).await.expect("it is open");
    let given_up = Instant::now() + GIVEN_UP;
    let mut seconds = interval(Duration::from_secs(1));
    for byte in rest.bytes().cycle() {
        tokio::select! {
            heard = connection.read(10_000) => return Some(heard),
            () = sleep_until(given_up) => return None,
            _ = seconds.tick() => {}
        }
        // It may be closed by then, which the next look tells.
        let _ = connection.write([byte]).await;
    }
    None
}

/// Reads so many bytes each second of a list, and then all that is left: how many they were.
async fn sip(port: u16, each_second: usize) -> usize {
    let mut connection = RawConnection::connect_narrow(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write(request).await.expect("it is open");
    let mut sum = 0;
    for _ in 0..PATIENCE_S {
        sleep(Duration::from_secs(1)).await;
        if each_second > 0 {
            sum += connection.read(each_second).await.len();
        }
    }
    sum + connection.read_to_end(MINUTE).await.expect("it ends").len()
}

/// A caller that means well, each second on a connection of its own and on a kept one.
async fn means_well(client: Client, kept: Client, seconds: u64) -> usize {
    let mut opened = 0;
    for _ in 0..seconds {
        client.open_ticket("well").await;
        kept.open_ticket("kept").await;
        opened += 2;
        sleep(Duration::from_secs(1)).await;
    }
    opened
}

/// All at once, so that the test takes as long as one of them.
#[tokio::test]
async fn slow_callers_are_ended_at_every_phase_and_patient_ones_are_not() {
    let server = Server::start(Options::default());
    let (client, port) = (server.client(), server.port());
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    fill(&client, 24).await;
    let whole = list_length(port).await;
    let mut stream = RawConnection::connect(port).await;
    let request = "GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    stream.write(request).await.expect("it is open");
    let well = tokio::spawn(means_well(client.clone(), server.client().with_pool(), PATIENCE_S));
    let whole_get = HALF_A_GET.to_owned() + "\r\n";
    let nothing = async |said: &str| {
        let mut connection = RawConnection::connect(port).await;
        connection.write(said).await.expect("it is open");
        connection.read_to_end(GIVEN_UP).await
    };
    let waiting = client.request(Method::GET, &format!("/events?wait={PATIENCE_S}")).send();

    let (silent, line, headers, body, chunks, hasty, idle, deaf, slow, waited) = tokio::join!(
        nothing(""),
        trickle(port, "", "GET /service"),
        trickle(port, HALF_A_GET, "a: b\r\n"),
        trickle(port, post!("content-length: 1000\r\n\r\n"), "x"),
        trickle(port, CHUNKED, "1\r\nx\r\n"),
        nothing(post!("content-length: 1000\r\n\r\nx")),
        nothing(&whole_get),
        sip(port, 0),
        sip(port, 1_024),
        waiting,
    );

    for (what, ended) in [("silent", silent), ("line", line), ("headers", headers)] {
        assert_eq!(ended.as_deref(), Some(&b""[..]), "{what}");
    }
    for (what, ended) in [("body", body), ("chunks", chunks), ("hasty", hasty)] {
        let heard = RawAnswer::all(&ended.unwrap_or_else(|| panic!("{what} goes on")));
        assert_eq!(heard[0].status, 408, "{what}");
    }
    let idle = RawAnswer::all(&idle.expect("an idle connection ends"));
    assert_eq!(idle.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200]);
    assert!(deaf < whole, "who reads nothing was told all");
    assert!(slow < whole, "who reads little was told all: {slow} of {whole}");
    assert_eq!(waited.expect("a long poll is answered").status(), 200);
    let opened = well.await.expect("each call is answered");
    client.open_ticket("last").await;
    let mut shown = String::new();
    while !shown.contains("\"last\"") {
        let read = timeout(MINUTE, stream.read(10_000)).await.expect("the stream goes on");
        assert!(!read.is_empty(), "a stream that nobody read was ended");
        shown += &String::from_utf8_lossy(&read);
    }
    assert_eq!(shown.matches("event: ticket_opened").count(), opened + 1);
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count(), opened + 1 + 24 * 16);
}

/// Callers send what makes the desk hold the most, and then nothing more.
#[tokio::test]
async fn what_callers_begin_and_do_not_end_takes_little_memory() {
    const CALLERS: usize = 600;
    /// Bodies of any size that the desk takes in at once.
    const LARGE_BODIES: usize = 64;
    let server = Server::start(Options::default());
    let (client, port) = (server.client(), server.port());
    client.open_ticket(&"x".repeat(65_536)).await;
    let before = server.peak_memory_kib();

    let (mut heads, mut bodies) = (Vec::new(), JoinSet::new());
    for _ in 0..CALLERS {
        let mut connection = RawConnection::connect(port).await;
        connection
            .write(HALF_A_GET.to_owned() + "a: " + &"b".repeat(16_000))
            .await
            .expect("it is open");
        heads.push(connection);
        let mut connection = RawConnection::connect(port).await;
        connection.write(post!("content-length: 1000000\r\n\r\n")).await.expect("it is open");
        bodies.spawn(async move {
            // As much as is taken from it.
            let _ = connection.write(vec![b'x'; 900_000]).await;
            connection.read(1).await
        });
    }
    let mut asking = RawConnection::connect(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Answers that nobody reads hold back the requests behind them.
    let asked = timeout(Duration::from_secs(5), asking.write(request.repeat(200_000)));
    assert!(asked.await.is_err(), "it took in 8 MB of requests");
    // All but those that have room have given it up: while they come, they cut each other off.
    while bodies.len() > LARGE_BODIES {
        bodies.join_next().await;
    }
    // Who means well is let in with both, while others have all the room there is.
    client.open_ticket("small").await;
    client.open_ticket(&"x".repeat(65_536)).await;

    let grown = server.peak_memory_kib() - before;
    assert!(grown < 192 << 10, "{grown} KiB more, and before {before}");
}
