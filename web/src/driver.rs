//! The driver of a desk over any store, for a host without threads: one input at a time, each
//! decided and committed with whatever is due by then.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use hookdesk_core::api::{
    self, Action, Allowance, Api, Call, CallLimits, Callers, Listing, LiveKeys, Opened, Problem,
    Reading, Shown,
};
use hookdesk_core::incident::{Header, Recorded, Recorder};
use hookdesk_core::{
    self as core, Answer, ApiKey, ApiKeys, Authorization, Command, Desk, HolderId, KeyId, Limits,
    Memory, Millis, Moment, Session, Store,
};

use crate::effects::{Admission, Effects, Page, Response};
use crate::input::{JsMoment, Report};
use crate::options::Options;

/// Lists that may be unfinished at once; a new one closes the oldest.
const MAX_LISTS: usize = 64;

/// A desk and its API.
#[derive(Debug)]
pub struct Driver<S> {
    session: Session<Recorder<S>>,
    api: Api,
    paused: bool,
    holder: HolderId,
    /// The API keys, once they are needed.
    keys: Option<Arc<ApiKeys>>,
    /// When keys were last used, to the minute, as far as it is not noted.
    used: BTreeMap<KeyId, Millis>,
    lists: BTreeMap<u32, Listing>,
    next_list: u32,
    limits: CallLimits,
}

impl<S: Store> Driver<S>
where
    S::Fault: Display,
{
    /// A desk over `store`.
    ///
    /// # Errors
    /// A sentence that names the invalid option.
    pub fn new(store: S, options: &Options, at: &JsMoment) -> Result<Self, String> {
        let defaults = Limits::default();
        let in_flight = options.most_in_flight.unwrap_or(defaults.in_flight);
        let limits = Limits {
            in_flight: if options.paused { 0 } else { in_flight },
            health: options.health()?,
            retention: options.retention()?,
            audit: options.audit()?,
            webhooks_per_partner: options.per_partner()?,
            ..defaults
        };
        let now = Millis(at.now_ms);
        let desk = Desk::new(Recorder::new(store), Memory::Kept).with_limits(limits);
        Ok(Self {
            session: Session::new(desk, now),
            api: options.api()?,
            paused: options.paused,
            holder: HolderId::new(now, &at.chance.ids),
            keys: None,
            used: BTreeMap::new(),
            lists: BTreeMap::new(),
            next_list: 0,
            limits: CallLimits::default(),
        })
    }

    pub fn store_mut(&mut self) -> &mut S {
        self.session.desk_mut().store_mut().store_mut()
    }

    /// Begins a recording, and returns the first lines of its file. Its key is drawn from `at`.
    pub fn record(&mut self, at: &JsMoment) -> String {
        let header = Header::raw(1).line();
        header + &self.session.desk_mut().begin_recording(Millis(at.now_ms), at.chance.secret, 0)
    }

    /// What the head of a call decides, whatever its body.
    pub fn admit(&mut self, at: &JsMoment, call: &Call<'_>) -> Admission {
        match self.admitted(at, call) {
            Ok(allowance) => {
                let headers = allowance.into_iter().flat_map(Allowance::headers).collect();
                Admission { refused: None, headers }
            }
            Err(refused) => {
                Admission { refused: Some(self.shared(call, refused)), ..Default::default() }
            }
        }
    }

    fn admitted(&mut self, at: &JsMoment, call: &Call<'_>) -> Result<Option<Allowance>, Response> {
        if let Some(preflight) = self.api.preflight(call) {
            return Err(preflight.into());
        }
        let refused = |problem| Response::from(api::Response::from(problem));
        let keys = self.keys().map_err(refused)?;
        let now = Millis(at.now_ms);
        let live = LiveKeys { keys: &keys, now };
        let authorization = self.api.admit(call, live).map_err(refused)?;
        let admitted = self.limits.admit(authorization, None, &keys, micros(now));
        // It is not held back: an object that waits is billed.
        admitted.map_err(|early| refused(early.problem))
    }

    /// A response as the page that sent the call may read it.
    fn shared(&self, call: &Call<'_>, mut response: Response) -> Response {
        let origins = call.headers.iter().filter(|(name, _)| *name == "origin");
        response.headers.extend(self.api.sharing_headers(origins.map(|(_, value)| *value)));
        response
    }

    /// Handles a call.
    pub fn call(&mut self, at: &JsMoment, call: &Call<'_>) -> Effects {
        let mut effects = self.open(at, call);
        effects.response = effects.response.map(|response| self.shared(call, response));
        effects
    }

    fn open(&mut self, at: &JsMoment, call: &Call<'_>) -> Effects {
        let now = Millis(at.now_ms);
        let keys = match self.keys() {
            Ok(keys) => keys,
            Err(problem) => return self.answered(problem.into()),
        };
        let opened = self.api.open(call, LiveKeys { keys: &keys, now }, || at.chance.secret);
        let Opened { action, authorization, shown } = opened;
        self.note_use(authorization, &keys, now);
        if let Err(early) = self.limits.charge(authorization, &action, &keys, micros(now)) {
            return self.answered(early.problem.into());
        }
        match action {
            Action::Answer(response) => self.answered(response),
            Action::Decide(command) => {
                self.decide(Some(CallersCommand { command, authorization, shown }), at)
            }
            Action::CountReplay(request) => match readable(request.count(self.rows(), now)) {
                Ok(command) => {
                    self.decide(Some(CallersCommand { command, authorization, shown: None }), at)
                }
                Err(problem) => self.answered(problem.into()),
            },
            Action::Read(Reading::Ready) => self.ready(),
            Action::Read(reading) => {
                let answer = reading.answer(authorization, self.rows(), now);
                self.answered(answer.unwrap_or_else(|_| Problem::unreadable().into()))
            }
            Action::List(listing) => self.list(listing, now),
            // With `can_wait: false` every events query is answered at once.
            Action::ReadEvents(pull) => match readable(pull.begin(self.rows(), now)) {
                Ok(start) => self.list(pull.listing(start), now),
                Err(problem) => self.answered(problem.into()),
            },
        }
    }

    /// Handles the report of a request that ended.
    ///
    /// # Errors
    /// When the report has neither or both of a status and a failure.
    pub fn report(&mut self, at: &JsMoment, report: Report) -> Result<Effects, &'static str> {
        let answer = match (report.status, report.failure) {
            (Some(status), None) => Answer::of(status, report.retry_after, report.body.as_bytes()),
            (None, Some(failure)) => Answer::Failure(failure),
            (Some(_), Some(_)) | (None, None) => {
                return Err("a report has either a status or a failure");
            }
        };
        self.session.report(core::Report {
            key: report.key,
            duration_ms: report.duration_ms,
            answer,
        });
        Ok(self.wake(at))
    }

    /// Decides what is due by now.
    pub fn wake(&mut self, at: &JsMoment) -> Effects {
        self.decide(None, at)
    }

    /// The next page of a list's body.
    ///
    /// # Errors
    /// When the list was closed, or the store cannot be read or the caller may not read any more,
    /// which closes it.
    pub fn page(&mut self, at: &JsMoment, list: u32) -> Result<Page, String> {
        let listing = self.lists.remove(&list);
        let mut listing = listing.ok_or("the list is complete, or was given up")?;
        let page =
            listing.page(self.rows(), Millis(at.now_ms)).map_err(|fault| fault.to_string())?;
        let text = page.map_err(|problem| problem.detail)?;
        let more = !listing.is_complete();
        if more {
            self.lists.insert(list, listing);
        }
        Ok(Page { text, more })
    }

    /// Closes a list.
    pub fn close_list(&mut self, list: u32) {
        self.lists.remove(&list);
    }

    /// Decides a caller's command, the reports, and then what is due.
    fn decide(&mut self, call: Option<CallersCommand>, at: &JsMoment) -> Effects {
        let moment = Moment::new(Millis(at.now_ms), at.chance.ids, self.holder);
        let calls = usize::from(call.is_some());
        let mut shown = None;
        if let Some(call) = call {
            self.session.call_by(call.authorization, core::CallSource::default(), call.command);
            shown = call.shown;
        }
        if !self.used.is_empty() {
            let used = std::mem::take(&mut self.used).into_iter().collect();
            self.session.call(Command::NoteKeyUse { used });
        }
        let batch = self.session.batch(|| moment);
        let mut written = None;
        let committed = self.session.run(
            batch,
            || moment.now,
            |desk, commands| {
                let Recorded { ended, lines } = desk.run_recorded(commands);
                written = lines;
                ended
            },
        );
        match (&committed, self.session.desk().api_keys()) {
            (Ok(_), Some(keys)) => self.keys = Some(Arc::clone(keys)),
            (Ok(_), None) => {}
            // What a failed commit did is not known.
            (Err(_), _) => self.keys = None,
        }
        let effects = match committed {
            Ok(committed) => self.follow(core::Effects::of(committed, calls), shown, moment.now),
            Err(fault) => {
                let undone = || api::Response::from(Problem::undone()).into();
                let response = (calls > 0).then(undone);
                Effects { response, fault: Some(fault.to_string()), ..self.nothing() }
            }
        };
        Effects { lines: written, ..effects }
    }

    fn follow(&mut self, committed: core::Effects, shown: Option<Shown>, now: Millis) -> Effects {
        let core::Effects { replies, cancels, renews_connections: _, requests, events: _ } =
            committed;
        let mut effects = Effects { cancels, ..self.nothing() };
        effects.response = replies.into_iter().next().map(|reply| api::answer(reply, shown).into());
        for request in requests {
            self.hand_out(request, &mut effects);
        }
        // A queued report is due at once.
        let is_due = !self.session.reports().is_empty();
        let next_wake = if is_due { Some(now) } else { self.next_wake() };
        Effects { next_wake_ms: next_wake.map(|at| at.0), ..effects }
    }

    /// When something is due by time alone, the note of which keys were used included.
    fn next_wake(&self) -> Option<Millis> {
        let used = self.used.values().min().map(|at| at.plus(ApiKey::USE_MS));
        self.session.next_wake().into_iter().chain(used).min()
    }

    fn nothing(&self) -> Effects {
        Effects {
            response: None,
            cancels: Vec::new(),
            requests: Vec::new(),
            next_wake_ms: self.next_wake().map(|at| at.0),
            changes: None,
            row_changes: None,
            lines: None,
            fault: None,
        }
    }

    fn answered(&self, response: api::Response) -> Effects {
        Effects { response: Some(response.into()), ..self.nothing() }
    }

    /// The URL is checked again: it may have been registered when more targets were allowed.
    fn hand_out(&mut self, request: core::Request, effects: &mut Effects) {
        if request.url.check(&self.api.targets).is_ok() {
            effects.requests.push(request);
            return;
        }
        self.session.report(core::Report {
            key: request.key,
            duration_ms: 0,
            answer: Answer::Failure(core::Failure::Blocked),
        });
    }

    fn ready(&mut self) -> Effects {
        if self.session.is_faulty() {
            return self.answered(Problem::unwritable().into());
        }
        let paused = self.paused;
        let answer = api::ready(self.rows(), paused, None);
        self.answered(answer.unwrap_or_else(|_| Problem::unreadable().into()))
    }

    fn list(&mut self, mut listing: Listing, now: Millis) -> Effects {
        let body = match readable(listing.page(self.rows(), now)) {
            Ok(body) => body,
            Err(problem) => return self.answered(problem.into()),
        };
        let mut response =
            Response::from(api::Response { status: 200, headers: listing.headers(), body });
        if !listing.is_complete() {
            if self.lists.len() >= MAX_LISTS {
                self.lists.pop_first();
            }
            response.list = Some(self.next_list);
            self.lists.insert(self.next_list, listing);
            self.next_list = self.next_list.wrapping_add(1);
        }
        Effects { response: Some(response), ..self.nothing() }
    }

    /// The API keys; none where no caller has one.
    fn keys(&mut self) -> Result<Arc<ApiKeys>, Problem> {
        if !matches!(self.api.callers, Callers::Keys { .. }) {
            return Ok(Arc::default());
        }
        if let Some(keys) = &self.keys {
            return Ok(Arc::clone(keys));
        }
        let keys = self.rows().api_keys().map_err(|_| Problem::unreadable())?;
        Ok(Arc::clone(self.keys.insert(Arc::new(ApiKeys::of(keys)))))
    }

    /// Notes that a caller used its key; it is written with the next decision.
    fn note_use(&mut self, authorization: Option<Authorization>, keys: &ApiKeys, now: Millis) {
        let Some(id) = authorization.and_then(|authorization| authorization.key()) else { return };
        if let Some((key, minute)) = keys.new_use(id, now) {
            self.used.insert(key, minute);
        }
    }

    fn rows(&mut self) -> &mut S {
        self.session.desk_mut().store_mut().store_mut()
    }
}

/// A caller's command.
struct CallersCommand {
    command: Command,
    authorization: Option<Authorization>,
    /// What its response is to show.
    shown: Option<Shown>,
}

/// A fault of the store as the caller's problem.
fn micros(at: Millis) -> u64 {
    at.0.saturating_mul(1_000)
}

fn readable<T, F>(read: Result<Result<T, Problem>, F>) -> Result<T, Problem> {
    read.unwrap_or_else(|_| Err(Problem::unreadable()))
}
