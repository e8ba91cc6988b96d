//! A receiver's reaction to a request, from a plain 200 to broken HTTP.

use std::{io, ops::ControlFlow, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::sleep,
};

/// What a receiver does with the request that it has just read.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Answers with this status and no body.
    Status(u16),
    /// Answers with all of these; the length is added unless the headers name one.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Never answers and holds the socket open until the sender gives up.
    Hang,
    /// Waits, then reacts.
    Delay(Duration, Box<Reaction>),
    /// Waits until this is true or its sender is gone, then reacts: see [`Gate`](super::Gate).
    Behind(watch::Receiver<bool>, Box<Reaction>),
    /// Closes without an answer, with a TCP reset.
    Reset,
    /// Writes these bytes as they are, then closes.
    Raw(Vec<u8>),
    /// Writes these bytes as they are, closes its own side alone, and holds the other open.
    HalfClose(Vec<u8>),
    /// Writes these bytes as they are, then nothing more, and holds the socket open.
    Stall(Vec<u8>),
    /// Writes these bytes as they are, and goes on to the next request.
    Verbatim(Vec<u8>),
    /// Writes the head as it is, then one byte each `byte_every` for as long as somebody listens.
    Drip { head: Vec<u8>, byte_every: Duration },
    /// Answers 200 with a body of so many bytes, as fast as they are taken.
    Flood { bytes: u64 },
}

impl Reaction {
    /// Does it, and says whether the connection goes on to its next request.
    pub(super) async fn perform(self, stream: &mut TcpStream) -> io::Result<ControlFlow<()>> {
        match self {
            Self::Status(status) => answer(stream, status, &[], b"").await,
            Self::Answer { status, headers, body } => answer(stream, status, &headers, &body).await,
            Self::Hang => hang(stream).await,
            Self::Delay(wait, then) => {
                sleep(wait).await;
                Box::pin(then.perform(stream)).await
            }
            Self::Behind(mut gate, then) => {
                // A sender that is gone lets through too.
                let _ = gate.wait_for(|open| *open).await;
                Box::pin(then.perform(stream)).await
            }
            Self::Reset => {
                stream.set_zero_linger()?;
                Ok(ControlFlow::Break(()))
            }
            Self::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
                Ok(ControlFlow::Break(()))
            }
            Self::HalfClose(bytes) => {
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
                hang(stream).await
            }
            Self::Stall(bytes) => {
                stream.write_all(&bytes).await?;
                hang(stream).await
            }
            Self::Verbatim(bytes) => {
                stream.write_all(&bytes).await?;
                Ok(ControlFlow::Continue(()))
            }
            Self::Drip { head, byte_every } => drip(stream, &head, byte_every).await,
            Self::Flood { bytes } => flood(stream, bytes).await,
        }
    }
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<ControlFlow<()>> {
    let mut message = format!("HTTP/1.1 {status} \r\n");
    for (name, value) in headers {
        message += &format!("{name}: {value}\r\n");
    }
    let has = |wanted| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let framed = has("content-length") || has("transfer-encoding");
    if !framed && !matches!(status, 100..200 | 204 | 304) {
        message += &format!("content-length: {}\r\n", body.len());
    }
    let mut message = (message + "\r\n").into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message).await?;
    Ok(ControlFlow::Continue(()))
}

async fn hang(stream: &mut TcpStream) -> io::Result<ControlFlow<()>> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(ControlFlow::Break(()))
}

async fn drip(
    stream: &mut TcpStream,
    head: &[u8],
    byte_every: Duration,
) -> io::Result<ControlFlow<()>> {
    stream.write_all(head).await?;
    loop {
        sleep(byte_every).await;
        stream.write_all(b".").await?;
    }
}

async fn flood(stream: &mut TcpStream, bytes: u64) -> io::Result<ControlFlow<()>> {
    let chunk = [b'.'; 64 * 1024];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut left = bytes;
    while left > 0 {
        let size = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
        stream.write_all(&chunk[..size]).await?;
        left -= size as u64;
    }
    Ok(ControlFlow::Continue(()))
}
