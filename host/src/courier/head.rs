//! The head of an answer as it was received, to know what the parser had to tolerate.
//!
//! A client may read a head that breaks the grammar, since only its status and `Retry-After` matter
//! here. But where two readers may disagree about a head, they may disagree about where the answer
//! ends, so its connection must not carry another request.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of an answer's head: servers and proxies send some KiB, and common clients take 16 to 300
/// KiB. With 256 requests in flight these are 16 MiB.
pub(super) const MAX_HEAD: usize = 64 << 10;
/// Lines of a head that are parsed: hyper's own limit.
const MAX_LINES: usize = 100;

/// The head that is being received on a connection, shared with the stream that receives it.
#[derive(Clone, Default)]
pub(super) struct Head(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    any: bool,
    /// The head as far as it was received. Empty once it has ended.
    bytes: Vec<u8>,
    ended: bool,
    strict: bool,
}

impl Head {
    /// The next bytes are those of a new answer.
    pub fn expect(&self) {
        *self.received() = Received { strict: true, ..Received::default() };
    }

    /// Whether any byte of the answer was received.
    pub fn is_begun(&self) -> bool {
        self.received().any
    }

    /// Whether the head was received whole, and in the grammar of RFC 9112.
    pub fn is_strict(&self) -> bool {
        let received = self.received();
        received.ended && received.strict
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    fn read(&mut self, bytes: &[u8]) {
        self.any |= !bytes.is_empty();
        // A blank line may begin in what was received before.
        let mut from = self.bytes.len().saturating_sub(2);
        if !self.ended {
            let room = MAX_HEAD.saturating_sub(self.bytes.len());
            self.bytes.extend(bytes.iter().take(room));
        }
        let mut start = 0;
        while let Some(end) = self.blank_line(from) {
            let head = self.bytes.get(start..end).unwrap_or_default();
            self.strict &= is_strict(head);
            self.ended = !is_interim(head);
            if self.ended {
                self.bytes = Vec::new();
                return;
            }
            (start, from) = (end, end);
        }
        self.bytes.drain(..start);
    }

    /// Where a head ends: after a blank line whose line break stands at or after `from`.
    fn blank_line(&self, from: usize) -> Option<usize> {
        let mut newlines = self.bytes.iter().enumerate().skip(from).filter(|(_, b)| **b == b'\n');
        let (at, _) = newlines.find(|(at, _)| {
            let after = self.bytes.get(at + 1..).unwrap_or_default();
            after.starts_with(b"\n") || after.starts_with(b"\r\n")
        })?;
        let after = self.bytes.get(at + 1).copied();
        Some(at + if after == Some(b'\n') { 2 } else { 3 })
    }
}

fn is_strict(head: &[u8]) -> bool {
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let whole = httparse::Response::new(&mut lines).parse(head);
    // The parser takes a line feed alone for the end of a line.
    let bare = |pair: &[u8]| matches!(pair, [before, b'\n'] if *before != b'\r');
    whole.is_ok_and(|parsed| parsed.is_complete()) && !head.windows(2).any(bare)
}

fn is_interim(head: &[u8]) -> bool {
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    status.first() == Some(&b'1')
}

/// A stream whose received bytes are noted as a head.
pub(super) struct Noted<S> {
    pub stream: S,
    pub head: Head,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.head.received().read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known of an answer that comes in pieces of `step` bytes.
    fn received(answer: &str, step: usize) -> (bool, bool) {
        let head = Head::default();
        head.expect();
        answer.as_bytes().chunks(step).for_each(|piece| head.received().read(piece));
        (head.is_begun(), head.is_strict())
    }

    #[test]
    fn a_head_is_strict_if_every_reader_reads_it_alike() {
        for (answer, strict) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nok", true),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\na: b\r\n\r\n a body\n\n", true),
            ("HTTP/1.1 200 OK\r\na: b;\r\n  c\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", false),
            ("HTTP/1.1 200 OK\na: b\n\n", false),
            ("HTTP/1.1 200 OK\r\na: b\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false),
            ("HTTP/1.1 103 Early Hints\r\na\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
            ("\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\na: b\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
        ] {
            for step in [1, 2, 3, 7, 1_000] {
                assert_eq!(received(answer, step), (true, strict), "{answer:?} by {step}");
            }
        }
    }

    #[test]
    fn no_more_of_a_head_is_kept_than_may_be_read() {
        let head = Head::default();
        head.expect();
        assert!(!head.is_begun());
        for _ in 0..100 {
            head.received().read(&[b'x'; 4_096]);
        }
        assert_eq!(head.received().bytes.len(), MAX_HEAD);
        assert!(!head.is_strict());
    }
}
