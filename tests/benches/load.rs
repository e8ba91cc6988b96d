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
        let is_chunked = header(&head, "transfer-encoding").is_some();
        while is_chunked && !self.bytes.ends_with(b"\r\n0\r\n\r\n") {
            if self.socket.read_buf(&mut self.bytes).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
        let length = if is_chunked { self.bytes.len() - end } else { length };
        let body = &self.bytes[end..end + length];
        let body = if is_chunked { unchunked(body)? } else { body.to_vec() };
        self.bytes.drain(..end + length);
        if head.starts_with("HTTP/1.1 2") {
            Ok(body)
        } else {
            Err(format!("{head}{}", String::from_utf8_lossy(&body)).into())
        }
    }
}

/// The body that came in chunks.
fn unchunked(mut chunks: &[u8]) -> Done<Vec<u8>> {
    let mut body = Vec::with_capacity(chunks.len());
    loop {
        let line = chunks.iter().position(|byte| *byte == b'\r').ok_or("no size of a chunk")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..line])?, 16)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + size]);
        chunks = &chunks[line + 2 + size + 2..];
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

pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n").into_bytes()
}

/// Microseconds, each within a thousandth.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    const MAX_US: u64 = 3_600_000_000;

    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, Self::MAX_US, 3);
        Self(histogram.expect("bounds that are known to be right"))
    }

    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    pub fn add(&mut self, others: &Self) -> Done<()> {
        Ok(self.0.add(&others.0)?)
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The least latency that so large a part is not above.
    pub fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }
}

/// What a load came to.
pub struct Load {
    pub requests: u64,
    pub took: Duration,
    pub latencies_us: Latencies,
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
            let mut latencies_us = Latencies::new();
            while begun.elapsed() < time {
                let from = Instant::now();
                connection.ask(&request()).await?;
                latencies_us.record(from.elapsed());
            }
            Ok(latencies_us)
        });
    }
    gather(set, begun).await
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
            let mut latencies_us = Latencies::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return Ok(latencies_us);
                }
                let due = begun + Duration::from_nanos(number * 1_000_000_000 / per_second);
                // The runtime's timer is a millisecond or two late.
                sleep_until(due.checked_sub(TIMER).unwrap_or(due)).await;
                while Instant::now() < due {
                    yield_now().await;
                }
                connection.ask(&request()).await?;
                latencies_us.record(due.elapsed());
            }
        });
    }
    gather(set, begun).await
}

/// What all callers came to.
async fn gather(mut set: JoinSet<Done<Latencies>>, begun: Instant) -> Done<Load> {
    let mut latencies_us = Latencies::new();
    while let Some(done) = set.join_next().await {
        latencies_us.add(&done??)?;
    }
    Ok(Load { requests: latencies_us.count(), took: begun.elapsed(), latencies_us })
}
