//! The row of many open streams: what they cost a caller, and how far they are behind.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Bench, millis};
use crate::Done;
use crate::desk::Desk;
use crate::load::{Latencies, get, open_loop};
use crate::receiver::{made_us, now_us};

const STREAMS: usize = 2_400;
/// Calls a second, each of which every stream tells.
const CALLS: u64 = 10;

impl Bench<'_> {
    pub(super) async fn streams(&mut self) -> Done<()> {
        let row = format!("{STREAMS} streams");
        // The desk inherits it.
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
        let desk = Desk::start(self.binary).await?;
        let time = self.options.load_time();
        let alone = open_loop(desk.port, CALLS, time, Desk::event).await?.latencies_us;
        let (end, ended) = watch::channel(());
        let mut set = JoinSet::new();
        for _ in 0..STREAMS {
            set.spawn(follow(TcpStream::connect(("127.0.0.1", desk.port)).await?, ended.clone()));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let load = open_loop(desk.port, CALLS, time, Desk::event).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(end);
        let mut lags_us = Latencies::new();
        while let Some(followed) = set.join_next().await {
            let followed = followed??;
            if followed.count() != load.requests {
                let (told, events) = (followed.count(), load.requests);
                return Err(format!("a stream told {told} of {events} events").into());
            }
            lags_us.add(&followed)?;
        }
        let p50 = |of: &Latencies| of.at(0.5) as f64;
        self.note(&row, "a call's p50 over that with none", p50(&load.latencies_us) / p50(&alone));
        self.note(&row, "lag, p50 ms", millis(lags_us.at(0.5)));
        self.note(&row, "lag, p99 ms", millis(lags_us.at(0.99)));
        Ok(())
    }
}

/// Reads a stream until its end, and how old each event was that came.
async fn follow(mut socket: TcpStream, mut ended: watch::Receiver<()>) -> Done<Latencies> {
    socket.write_all(&get("/events", "accept: text/event-stream\r\n")).await?;
    let (mut lags_us, mut bytes) = (Latencies::new(), Vec::new());
    loop {
        tokio::select! {
            read = socket.read_buf(&mut bytes) => if read? == 0 {
                return Err("a stream was closed".into());
            },
            _ = ended.changed() => return Ok(lags_us),
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if let Some(made_us) = made_us(&bytes[..end]) {
                lags_us.record(Duration::from_micros(now_us().saturating_sub(made_us)));
            }
            bytes.drain(..=end);
        }
    }
}
