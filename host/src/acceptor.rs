//! Accepts callers' connections. It adds to salvo and hyper what they leave out: a log that callers
//! cannot fill, 505 for HTTP/2, and 414 for a request line that is too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use salvo::conn::tcp::{TcpAcceptor, TcpCoupler};
use salvo::conn::{Accepted, Acceptor, Holding};
use salvo::fuse::ArcFusePolicy;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use crate::trouble_log::TroubleLog;

/// From a failure to the next trial: without free files each would fail at once.
const BACK_OFF: Duration = Duration::from_millis(10);
/// What a client of HTTP/2 sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const NO_HTTP_2: &[u8] = b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\n\
                           content-length: 0\r\n\r\n";
/// The beginning of hyper's answer to a head that is longer than its buffer.
const HEAD_TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
const LINE_TOO_LONG: &[u8] = b"HTTP/1.1 414 URI Too Long\r\n";

type Transport = <TcpAcceptor as Acceptor>::Stream;

pub struct CallerAcceptor {
    inner: TcpAcceptor,
    troubles: TroubleLog,
}

impl CallerAcceptor {
    #[must_use]
    pub fn new(inner: TcpAcceptor) -> Self {
        Self { inner, troubles: TroubleLog::default() }
    }
}

impl Acceptor for CallerAcceptor {
    type Coupler = TcpCoupler<CallerStream>;
    type Stream = CallerStream;

    fn holdings(&self) -> &[Holding] {
        self.inner.holdings()
    }

    async fn accept(
        &mut self,
        fuse_policy: Option<ArcFusePolicy>,
    ) -> io::Result<Accepted<Self::Coupler, Self::Stream>> {
        loop {
            match self.inner.accept(fuse_policy.clone()).await {
                Ok(accepted) => {
                    return Ok(accepted.map_into(|_| TcpCoupler::new(), CallerStream::new));
                }
                Err(error) => {
                    self.troubles.note(format_args!("accept connection failed: {error}"));
                    sleep(BACK_OFF).await;
                }
            }
        }
    }
}

/// A caller's connection.
pub struct CallerStream {
    inner: Transport,
    /// Bytes of [`PREFACE`] with which the connection begins, as long as it may be one.
    preface: Option<usize>,
    line: Line,
}

/// How much of a request line came since the latest answer. Of requests that are sent together the
/// second may count as begun too late, and gets 414 where it should get 431.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Awaited,
    Begun,
    Complete,
}

impl CallerStream {
    fn new(inner: Transport) -> Self {
        Self { inner, preface: Some(0), line: Line::Awaited }
    }

    /// Whether these bytes complete the preface of HTTP/2.
    fn is_http_2(&mut self, read: &[u8]) -> bool {
        let Some(seen) = self.preface else { return false };
        let rest = PREFACE.get(seen..).unwrap_or_default();
        let common = rest.len().min(read.len());
        let is_same = rest.get(..common) == read.get(..common);
        self.preface = (is_same && common < rest.len()).then_some(seen + common);
        is_same && common == rest.len()
    }

    fn note_line(&mut self, read: &[u8]) {
        for byte in read {
            self.line = match (self.line, byte) {
                (Line::Complete, _) => return,
                (Line::Awaited, b'\r' | b'\n') => Line::Awaited,
                (Line::Begun, b'\n') => Line::Complete,
                (Line::Awaited | Line::Begun, _) => Line::Begun,
            };
        }
    }

    /// The answer in place of these bytes of hyper's.
    fn mended(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let rest = bytes.strip_prefix(HEAD_TOO_LONG).filter(|_| self.line == Line::Begun);
        self.line = Line::Awaited;
        rest.map(|rest| [LINE_TOO_LONG, rest].concat())
    }
}

impl AsyncRead for CallerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        self.note_line(read);
        if self.is_http_2(read) {
            // It is the first that is written, so the socket has room for it; and hyper sees an end.
            let _ = Pin::new(&mut self.inner).poll_write(context, NO_HTTP_2);
            buffer.set_filled(before);
        }
        polled
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.mended(bytes) {
            // It is hyper's last answer, and a hundred bytes: what is not written at once is lost.
            Some(mended) => {
                let _ = Pin::new(&mut self.inner).poll_write(context, &mended);
                Poll::Ready(Ok(bytes.len()))
            }
            None => Pin::new(&mut self.inner).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        self.line = Line::Awaited;
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
