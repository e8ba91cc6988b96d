//! Carries out the actions of a call, in the name and within the shares of its caller.

use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::api::{
    self, Code, EventsMode, EventsQuery, Listing, LogCursor, Problem, Reading, ReplayRequest,
    Shown, Standing,
};
use hookdesk_core::{ApiKeys, Authorization, CallSource, Command};
use tokio::time::timeout;

use super::events::EventStream;
use super::lookup::Lookup;
use super::response::{HttpResponse, next_page};
use crate::connections::ActiveRequest;
use crate::desk_thread::{CallResult, DeskQueue};
use crate::event_feed::EventFeed;
use crate::key_ring::{KeyHolder, KeyRing};
use crate::leave::Leave;
use crate::moment::clock;
use crate::share_holder::ShareHolder;

/// What the actions of all calls are carried out by.
pub struct Services {
    pub ring: Arc<KeyRing>,
    pub desk: DeskQueue,
    pub lookup: Lookup,
    pub feed: Arc<EventFeed>,
    /// Until when it certainly leads.
    pub leave: Leave,
    /// What this host is to its desk, where several may share one.
    pub standing: Option<Standing>,
}

/// What the actions of a call share.
pub struct CallContext<'a> {
    services: &'a Services,
    authorization: Option<Authorization>,
    holder: Option<ShareHolder>,
    lookup: Lookup,
}

impl<'a> CallContext<'a> {
    #[must_use]
    pub fn new(
        services: &'a Services,
        authorization: Option<Authorization>,
        keys: &ApiKeys,
    ) -> Self {
        let holder = ShareHolder::of(authorization, keys);
        Self { services, authorization, holder, lookup: services.lookup.of(holder) }
    }

    pub async fn decide(
        &self,
        source: CallSource,
        command: Command,
        shown: Option<Shown>,
    ) -> HttpResponse {
        let decided =
            self.services.desk.ask(self.authorization, self.holder, source, command).await;
        match decided {
            CallResult::Ended => HttpResponse::Ended,
            CallResult::Decided(_) | CallResult::Undone(_) => {
                HttpResponse::Whole(decided.response(shown))
            }
        }
    }

    pub async fn count(&self, request: ReplayRequest) -> Result<Command, Problem> {
        let counted = self.lookup.count(move |rows| request.count(rows, clock())).await;
        counted.unwrap_or_else(|_logged| Err(Problem::unreadable()))
    }

    pub async fn read(&self, reading: Reading) -> HttpResponse {
        let authorization = self.authorization;
        let read = self.lookup.read(move |rows| reading.answer(authorization, rows, clock()));
        match read.await {
            Ok(response) => HttpResponse::Whole(response),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    pub async fn ready(&self, paused: bool) -> HttpResponse {
        if self.services.desk.is_faulty() {
            return Problem::unwritable().into();
        }
        let standing = self.services.standing.clone();
        match self.lookup.read(move |rows| api::ready(rows, paused, standing.as_ref())).await {
            Ok(response) => HttpResponse::Whole(response),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    /// Loads the first page before the response begins, so that a failing store can still be
    /// reported.
    pub async fn list(&self, mut listing: Listing, active: &mut ActiveRequest) -> HttpResponse {
        match next_page(&self.lookup, &mut listing).await {
            Ok(Ok(_)) if !listing.is_complete() && !active.stay(self.holder) => {
                too_many_stay().into()
            }
            Ok(Ok(first)) => {
                HttpResponse::Pages { first, rest: listing, lookup: self.lookup.clone() }
            }
            Ok(Err(problem)) => problem.into(),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    pub async fn pull(
        &self,
        pull: EventsQuery,
        active: &mut ActiveRequest,
    ) -> Result<HttpResponse, Problem> {
        if pull.mode != EventsMode::AtOnce && !active.stay(self.holder) {
            return Err(too_many_stay());
        }
        let begun = self.lookup.read(move |rows| pull.begin(rows, clock())).await;
        let start = begun.unwrap_or_else(|_logged| Err(Problem::unreadable()))?;
        match pull.mode {
            EventsMode::AtOnce => {}
            EventsMode::Wait { seconds } => {
                let longest = Duration::from_secs(seconds.into());
                self.wait(pull.authorization, start.cursor, longest).await;
            }
            EventsMode::Stream => {
                let (feed, lookup) = (Arc::clone(&self.services.feed), self.lookup.clone());
                let holder = KeyHolder::new(pull.authorization, &self.services.ring);
                return Ok(HttpResponse::Stream(EventStream::new(start, feed, lookup), holder));
            }
        }
        Ok(self.list(pull.listing(start), active).await)
    }

    /// Waits until there is something to read or the caller may not read any more, at most this
    /// long, and not beyond the host's end.
    async fn wait(
        &self,
        authorization: Option<Authorization>,
        cursor: LogCursor,
        longest: Duration,
    ) {
        let mut state = self.services.feed.listen();
        let mut holder = KeyHolder::new(authorization, &self.services.ring);
        let due = state.wait_for(|state| state.ending || cursor.is_behind(state.head));
        let until = async {
            tokio::select! {
                _ = due => {}
                () = holder.lost() => {}
            }
        };
        // Whether due or timed out, the wait is over.
        let _ = timeout(longest, until).await;
    }
}

pub(super) fn too_many_stay() -> Problem {
    let detail = "More callers wait for events or read long lists than the desk, or your API key, \
                  has places for.";
    Problem::new(Code::Overloaded, detail)
}
