//! The receiver: a process of its own, that answers each POST at once, counts, and notes how long ago
//! the event was made. `GET /count` says what came so far.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::load::{Connection, Latencies, get, head_end, header};
use crate::{Done, process};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What came so far.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Count {
    /// Requests that were answered.
    pub requests: u64,
    /// Events that came once or more, each counted for each path.
    pub events: u64,
    /// Microseconds from an event's making to its arrival.
    pub lag_p50_us: u64,
    pub lag_p99_us: u64,
}

struct Seen {
    events: HashMap<(String, String), u32>,
    requests: u64,
    lags_us: Latencies,
}

/// The process.
pub struct Receiver {
    child: Child,
    pub port: u16,
}

impl Receiver {
    pub fn start() -> Done<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--receive")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse()? })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn cpu_us(&self) -> Done<f64> {
        process::cpu_us(self.child.id())
    }

    pub async fn count(&self) -> Done<Count> {
        let mut connection = Connection::open(self.port).await?;
        let body = connection.ask(&get("/count", "")).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The receiver's own process. It ends with the one that started it.
pub async fn run() -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let lags_us = Latencies::new();
    let seen = Arc::new(Mutex::new(Seen { events: HashMap::new(), requests: 0, lags_us }));
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            // A connection that breaks is no matter of the receiver.
            let _ = serve(socket, &seen).await;
        });
    }
}

async fn serve(mut socket: TcpStream, seen: &Mutex<Seen>) -> Done<()> {
    let mut bytes = Vec::with_capacity(16 * 1_024);
    loop {
        while head_end(&bytes).is_none() {
            if socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let end = head_end(&bytes).ok_or("no head")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length: usize = header(&head, "content-length").map_or(Ok(0), str::parse)?;
        while bytes.len() < end + length {
            if socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if path == "/hang" {
            // Until the sender gives up.
            while socket.read_buf(&mut bytes).await? > 0 {
                bytes.clear();
            }
            return Ok(());
        }
        if path == "/count" {
            let body = serde_json::to_vec(&count(seen))?;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            socket.write_all(&[head.as_bytes(), &body].concat()).await?;
        } else {
            note(seen, path, &head, &bytes[end..end + length]);
            socket.write_all(OK).await?;
        }
        bytes.drain(..end + length);
    }
}

fn note(seen: &Mutex<Seen>, path: String, head: &str, body: &[u8]) {
    let id = header(head, "webhook-id").unwrap_or_default().to_owned();
    let made_us = made_us(body);
    let mut seen = seen.lock().expect("nobody panics with it");
    seen.requests += 1;
    *seen.events.entry((path, id)).or_default() += 1;
    if let Some(made_us) = made_us {
        seen.lags_us.record(Duration::from_micros(now_us().saturating_sub(made_us)));
    }
}

fn count(seen: &Mutex<Seen>) -> Count {
    let seen = seen.lock().expect("nobody panics with it");
    Count {
        requests: seen.requests,
        events: seen.events.len() as u64,
        lag_p50_us: seen.lags_us.at(0.5),
        lag_p99_us: seen.lags_us.at(0.99),
    }
}

/// When the ticket of an event was opened, as its message says.
pub fn made_us(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("made at ")?;
    rest.split(' ').next()?.parse().ok()
}

pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
