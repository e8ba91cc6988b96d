//! The log as a stream of Server-Sent Events (HTML Living Standard, section 9.2).
//!
//! A block without data is no event, and yet some client libraries make an empty one of it (httpx-sse,
//! fetch-event-source) or lose its id (eventsource for Node). So every block here has data in JSON,
//! and what else there is to say stands in lines of the block that follows.

use crate::api::view::EventView;
use crate::api::{LogCursor, headers};
use crate::engine::store::Rows;
use crate::model::event::Event;
use crate::model::id::EventId;
use crate::model::seq::Seq;

/// A piece of a stream that is sent whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The reader's position after it.
    pub to: Seq,
    pub text: String,
}

impl Frame {
    /// Begins a stream: a client that loses it reconnects after a second, so that thousands do not
    /// return at once. A line of the block that follows.
    pub const FIRST: &str = "retry: 1000\n";
    /// A comment that keeps the connection alive on both sides. A line of the block that follows.
    pub const HEARTBEAT: &str = ": \n";
    /// Milliseconds of silence before a heartbeat: proxies close a connection that is silent for 30
    /// s or longer.
    pub const HEARTBEAT_AFTER_MS: u64 = 15_000;

    /// The headers of a stream. The last one keeps proxies such as nginx from buffering it.
    #[must_use]
    pub fn headers() -> Vec<(&'static str, String)> {
        let mut headers = headers("text/event-stream");
        headers.push(("x-accel-buffering", "no".to_owned()));
        headers
    }

    /// An event's frame, the same for all streams.
    ///
    /// # Panics
    /// Never with an event of a desk or of its store, which checks bodies as it reads them.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let item = serde_json::to_string(&EventView::from(event))
            .expect("views always have a JSON form, in one line");
        let head = format!("id: {}\nevent: {}\ndata: ", event.id, event.kind.name());
        // Hosts keep thousands of these: not a byte more than the text needs.
        let text = [head.as_str(), &item, "\n\n"].concat();
        Self { to: event.seq, text }
    }

    /// The position of a stream whose client named none: one that loses it before the first event
    /// reconnects with this id, and misses nothing. `EventSource` hands it to nobody who does not
    /// listen for its type.
    #[must_use]
    pub fn position(id: EventId) -> String {
        format!("id: {id}\nevent: position\ndata: {{\"id\":\"{id}\",\"event\":\"position\"}}\n\n")
    }

    /// A frame without an id, so that the reader keeps its last one.
    fn expired(to: Seq, count: u64) -> Self {
        Self { to, text: format!("event: expired\ndata: {{\"count\":{count}}}\n\n") }
    }
}

impl LogCursor {
    /// The next frames of a stream, of at most `limit` events: before them, the number of events
    /// that have expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn frames<R: Rows + ?Sized>(
        self,
        rows: &mut R,
        limit: u32,
    ) -> Result<Vec<Frame>, R::Fault> {
        let page = self.page(rows, limit)?;
        let expired = (page.expired > 0).then(|| Frame::expired(page.log.floor, page.expired));
        Ok(expired.into_iter().chain(page.events.iter().map(Frame::of)).collect())
    }
}
