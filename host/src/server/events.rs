//! One caller's stream of events. A piece is made when the connection can take one, so a slow
//! reader costs the memory of one piece, and the stream ends between two pieces.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use hookdesk_core::api::{EventsStart, Frame, LogCursor};
use hookdesk_core::{EventId, Seq};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::event_feed::{EventFeed, FeedState};
use crate::key_ring::KeyHolder;
use crate::server::lookup::Lookup;
use crate::store::StoreFault;

/// Bytes read from the store that a stream holds until its connection takes them, beside one event
/// of any size: small enough for thousands of streams.
const HELD_BYTES: usize = 32 << 10;

/// A stream's cursor, and the sources of its events.
#[derive(Debug)]
pub struct EventStream {
    cursor: LogCursor,
    /// The position that it begins with, if its reader has none.
    position: Option<EventId>,
    feed: Arc<EventFeed>,
    state: watch::Receiver<FeedState>,
    lookup: Lookup,
    /// Read from the store, to be sent first.
    held: VecDeque<(Seq, Bytes)>,
    /// Events of the next read, about as many as may be held.
    most: u32,
    silence: Duration,
}

impl EventStream {
    #[must_use]
    pub fn new(start: EventsStart, feed: Arc<EventFeed>, lookup: Lookup) -> Self {
        let EventsStart { cursor, position } = start;
        let silence = Duration::from_millis(Frame::HEARTBEAT_AFTER_MS);
        let state = feed.listen();
        Self { cursor, position, feed, state, lookup, held: VecDeque::new(), most: 1, silence }
    }

    /// The pieces of the response body, for as long as its caller may read.
    pub fn pieces(
        self,
        holder: KeyHolder,
    ) -> impl Stream<Item = Result<Bytes, StoreFault>> + Send + 'static {
        let position = self.position.map(Frame::position).unwrap_or_default();
        let first = Bytes::from([Frame::FIRST, &position].concat());
        let rest = stream::try_unfold((self, holder), |(mut stream, mut holder)| async move {
            let piece = tokio::select! {
                biased;
                () = holder.lost() => None,
                piece = stream.next() => piece?,
            };
            Ok(piece.map(|piece| (piece, (stream, holder))))
        });
        stream::once(async { Ok(first) }).chain(rest)
    }

    /// Waits for the next piece; `None` when the host is stopping.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreFault> {
        loop {
            let state = *self.state.borrow_and_update();
            if state.ending {
                return Ok(None);
            }
            let ready = self.held.pop_front().or_else(|| self.feed.after(self.cursor.at));
            if let Some((place, piece)) = ready {
                self.cursor.at = place;
                return Ok(Some(piece));
            }
            if self.cursor.is_behind(state.head) {
                self.recall().await?;
                if self.held.is_empty() {
                    // The store has lost committed events. The reader reconnects and gets the
                    // problem.
                    return Ok(None);
                }
                continue;
            }
            match timeout(self.silence, self.state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => return Ok(None),
                Err(_silent) => return Ok(Some(Bytes::from_static(Frame::HEARTBEAT.as_bytes()))),
            }
        }
    }

    /// Reads events that are no longer in memory.
    async fn recall(&mut self) -> Result<(), StoreFault> {
        let (cursor, most) = (self.cursor, self.most);
        let frames = self.lookup.read(move |rows| cursor.frames(rows, most)).await?;
        let mut bytes = 0;
        for frame in frames {
            if bytes > HELD_BYTES {
                break;
            }
            bytes += frame.text.len();
            self.held.push_back((frame.to, frame.text.into()));
        }
        let fitting = u32::try_from(self.held.len()).unwrap_or(LogCursor::PAGE);
        self.most = (fitting * 2).clamp(1, LogCursor::PAGE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;

    #[tokio::test]
    async fn silence_is_filled_with_heartbeats_until_the_host_stops() {
        let feed = Arc::new(EventFeed::new(Seq(3)));
        let lookup = Lookup::new(Database::File("never opened".into()).readers());
        let start = EventsStart { cursor: LogCursor { at: Seq(3) }, position: None };
        let mut stream = EventStream::new(start, Arc::clone(&feed), lookup);
        stream.silence = Duration::from_millis(1);

        for _ in 0..2 {
            let piece = stream.next().await.unwrap();
            assert_eq!(piece.as_deref(), Some(b": \n".as_slice()));
        }
        feed.end();
        assert_eq!(stream.next().await.unwrap(), None);
    }
}
