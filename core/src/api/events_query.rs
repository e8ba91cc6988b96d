//! A query of the event log: at once, with a long poll, or as a stream.
//!
//! Its cursor is an event's id, which stays a position in the log after the event has expired. It
//! is checked once, when the [`LogCursor`] from it begins.

use crate::api::listing::ListKind;
use crate::api::query::{Query, bad_parameter};
use crate::api::{Call, Listing, LogCursor, Problem, authorization};
use crate::engine::store::Rows;
use crate::model::caller::Authorization;
use crate::model::event::Event;
use crate::model::id::EventId;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

/// A query of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsQuery {
    start: Start,
    limit: u32,
    pub mode: EventsMode,
    /// The caller: a stream lasts as long as it may read.
    pub authorization: Option<Authorization>,
}

/// The form of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsMode {
    /// A [list](EventsQuery::listing).
    AtOnce,
    /// A list, as soon as there are events, and after this time in any case.
    Wait { seconds: u32 },
    /// [Frames](LogCursor::frames), until one side ends the stream.
    Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The oldest event that is kept.
    Oldest,
    /// Only events that are yet to come.
    Newest,
    After(EventId),
}

/// Where a query begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsStart {
    pub cursor: LogCursor,
    /// The same as an id, for a caller that named no cursor and gets only what is yet to come: with
    /// it the caller can return before the first event, and misses nothing.
    pub position: Option<EventId>,
}

impl EventsQuery {
    /// Events of a list if the caller names no limit.
    const LIMIT: u32 = 100;
    /// The longest wait: proxies and callers allow as long without a byte.
    const MAX_WAIT_S: u32 = 60;

    pub(super) fn of(call: &Call<'_>, query: &Query<'_>, can_wait: bool) -> Result<Self, Problem> {
        let limit = query.limit()?.unwrap_or(Self::LIMIT);
        let mode = mode(call, query, can_wait)?;
        let (cursor, without) = match mode {
            EventsMode::AtOnce => (query.get("after"), Start::Oldest),
            EventsMode::Wait { .. } => (query.get("after"), Start::Newest),
            EventsMode::Stream => {
                // Some clients send it empty if they have no id.
                let last = call.header("last-event-id").filter(|id| !id.is_empty());
                (last.or_else(|| query.get("after")), Start::Newest)
            }
        };
        let start = match cursor {
            Some(text) => Start::After(EventId::parse(text).ok_or_else(bad_cursor)?),
            None => without,
        };
        Ok(Self { start, limit, mode, authorization: None })
    }

    pub(super) fn by(self, authorization: Option<Authorization>) -> Self {
        Self { authorization, ..self }
    }

    /// Where it begins; a [`Problem`] when the caller may not read, or when its cursor is no
    /// position in this log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn begin<R: Rows + ?Sized>(
        self,
        rows: &mut R,
        now: Millis,
    ) -> Result<Result<EventsStart, Problem>, R::Fault> {
        if let Err(refusal) = authorization::judge_over(self.authorization, rows, now)? {
            return Ok(Err(refusal.into()));
        }
        let log = rows.log()?;
        let (at, position) = match self.start {
            Start::Oldest => (Some(log.floor), None),
            Start::Newest => {
                let last = event_at(log.head, rows)?.filter(|_| log.head > log.floor);
                // Where no event is kept, its place alone counts.
                let id = last.map_or(EventId::new(log.stamp, log.head), |event| event.id);
                (Some(log.head), Some(id))
            }
            Start::After(event) => (place(event, &log, event_at(event.seq(), rows)?), None),
        };
        let start = |at| EventsStart { cursor: LogCursor { at }, position };
        Ok(at.map(start).ok_or_else(bad_cursor))
    }

    #[must_use]
    pub fn listing(self, start: EventsStart) -> Listing {
        let listing = Listing::new(ListKind::Events(start.cursor), None, Some(self.limit));
        listing.resuming_at(start.position).by(self.authorization)
    }
}

/// The event at a position, or the last one before it; without its body.
fn event_at<R: Rows + ?Sized>(seq: Seq, rows: &mut R) -> Result<Option<Event>, R::Fault> {
    Ok(rows.events_before(Some(seq.next()), 1)?.into_iter().next())
}

/// A cursor's position. An id before the log's first event, or of an expired one, cannot be
/// compared, and is accepted.
fn place(cursor: EventId, log: &Log, found: Option<Event>) -> Option<Seq> {
    let seq = cursor.seq();
    let is_kept = found.is_some_and(|event| event.id == cursor);
    (seq <= log.head && (seq <= log.floor || is_kept)).then_some(seq)
}

fn mode(call: &Call<'_>, query: &Query<'_>, can_wait: bool) -> Result<EventsMode, Problem> {
    if !can_wait {
        return match query.get("wait") {
            None => Ok(EventsMode::AtOnce),
            Some(_) => Err(bad_parameter("wait", "cannot be had here: only a server can wait")),
        };
    }
    let wait = query.whole("wait", &(1..=EventsQuery::MAX_WAIT_S))?;
    Ok(match wait {
        _ if prefers_stream(call) => EventsMode::Stream,
        Some(seconds) => EventsMode::Wait { seconds },
        None => EventsMode::AtOnce,
    })
}

/// Whether the caller names the content type of streams, and prefers no list (RFC 9110 §12.5.1).
fn prefers_stream(call: &Call<'_>) -> bool {
    let stream = weight(call, &["text/event-stream"]).unwrap_or(0.0);
    let list = weight(call, &["application/json", "application/*", "*/*"]).unwrap_or(0.0);
    stream > 0.0 && stream >= list
}

/// The weight of the first of these media ranges that the caller names, ranges without a weight
/// having the greatest.
fn weight(call: &Call<'_>, ranges: &[&str]) -> Option<f32> {
    let of = |wanted: &&str| {
        let mut named = call.all("accept").flat_map(|accept| accept.split(','));
        named.find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
            is_wanted.then(|| parts.find_map(quality).unwrap_or(1.0))
        })
    };
    ranges.iter().find_map(of)
}

/// The weight that a parameter `q` gives.
fn quality(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    let weight = value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight));
    name.trim().eq_ignore_ascii_case("q").then_some(weight).flatten()
}

fn bad_cursor() -> Problem {
    bad_parameter("after", "must be the id of an event of this desk")
}

#[cfg(test)]
mod tests;
