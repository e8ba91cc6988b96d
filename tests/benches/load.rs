//! Load: bare HTTP over connections that are kept, each a closed loop, or at a rate that nobody's
//! slowness changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until};

use crate::Done;

/// How late the runtime's timer may be.
const TIMER: Duration = Duration::from_millis(2);

/// A connection on which requests follow one another.
pub struct Connection {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Connection {
    pub async fn open(port: u16) -> Done<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, bytes: Vec::with_capacity(4_096) })
    }

    /// Sends a request and returns the body of its answer, which must be a success.
    pub async fn ask(&mut self, request: &[u8]) -> Done<Vec<u8>> {
        self.socket.write_all(request).await?;
        while head_end(&self.bytes).is_none() {
            if self.socket.read_buf(&mut self.bytes).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
        let end = head_end(&self.bytes).ok_or("no head")?;
        let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let length: usize = header(&head, "content-length").map_or(Ok(0), str::parse)?;
        while self.bytes.len() < end + length {
            if self.socket.read_buf(&mut self.bytes).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
        let body = self.bytes[end..end + length].to_vec();
        self.bytes.drain(..end + length);
        if head.starts_with("HTTP/1.1 2") {
            Ok(body)
        } else {
            Err(format!("{head}{}", String::from_utf8_lossy(&body)).into())
        }
    }
}

/// Where a head ends, with the empty line.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut named = lines.filter(|(of, _)| of.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim())
}

pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         {headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What a load came to.
pub struct Load {
    pub requests: u64,
    pub took: Duration,
    pub latencies_us: Histogram<u64>,
}

impl Load {
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64()
    }
}

/// Callers, each of which calls as soon as it was answered.
pub async fn closed_loop(
    port: u16,
    callers: usize,
    time: Duration,
    request: impl Fn() -> Vec<u8> + Clone + Send + 'static,
) -> Done<Load> {
    let (begun, mut set) = (Instant::now(), JoinSet::new());
    for _ in 0..callers {
        let request = request.clone();
        set.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let mut latencies_us = histogram();
            while begun.elapsed() < time {
                let from = Instant::now();
                connection.ask(&request()).await?;
                record(&mut latencies_us, from.elapsed());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies_us)
        });
    }
    let mut latencies_us = histogram();
    while let Some(done) = set.join_next().await {
        latencies_us.add(done??)?;
    }
    Ok(Load { requests: latencies_us.len(), took: begun.elapsed(), latencies_us })
}

/// Calls at a rate: each latency counts from when its call was due.
pub async fn open_loop(
    port: u16,
    per_second: u64,
    time: Duration,
    request: impl Fn() -> Vec<u8> + Clone + Send + 'static,
) -> Done<Load> {
    const CALLERS: usize = 32;
    let (begun, next, mut set) = (Instant::now(), Arc::new(AtomicU64::new(0)), JoinSet::new());
    let total = per_second * time.as_secs();
    for _ in 0..CALLERS {
        let (request, next) = (request.clone(), Arc::clone(&next));
        set.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let mut latencies_us = histogram();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies_us);
                }
                let due = begun + Duration::from_nanos(number * 1_000_000_000 / per_second);
                // The runtime's timer is a millisecond or two late.
                sleep_until(due.checked_sub(TIMER).unwrap_or(due)).await;
                while Instant::now() < due {
                    yield_now().await;
                }
                connection.ask(&request()).await?;
                record(&mut latencies_us, due.elapsed());
            }
        });
    }
    let mut latencies_us = histogram();
    while let Some(done) = set.join_next().await {
        latencies_us.add(done??)?;
    }
    Ok(Load { requests: latencies_us.len(), took: begun.elapsed(), latencies_us })
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that are known to be right")
}

fn record(latencies_us: &mut Histogram<u64>, took: Duration) {
    latencies_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}
