//! A desk over any store, as a host without threads drives it: one input at a time, each decided and
//! committed with what is due by then.

use std::collections::BTreeMap;
use std::fmt::Display;

use hookdesk_core::api::{self, Action, Api, Call, Listing, Problem, ReplayRequest};
use hookdesk_core::incident::{Header, Recorded, Recorder};
use hookdesk_core::{
    self as core, Answer, AttemptKey, Command, Committed, Desk, FAULT_PAUSE_MS, Fact, HolderId,
    Memory, Millis, Moment, Need, Seq, Store, excerpt,
};

use crate::options::Options;
use crate::shapes::{At, Handled, Page, Report, Response};

/// Lists that may be unfinished at once; the oldest is given up for a new one.
const MAX_LISTS: usize = 64;

/// A desk and its door.
#[derive(Debug)]
pub struct Face<S> {
    desk: Desk<Recorder<S>>,
    api: Api,
    holder: HolderId,
    /// Reports whose batch was not committed. They are decided again: a report is never given up.
    uncommitted_reports: Vec<core::Report>,
    next_wake: Option<Millis>,
    lists: BTreeMap<u32, Listing>,
    next_list: u32,
}

impl<S: Store> Face<S>
where
    S::Fault: Display,
{
    /// A desk over `store`.
    ///
    /// # Errors
    /// A sentence that names the option that makes no sense.
    pub fn new(store: S, options: &Options, at: &At) -> Result<Self, String> {
        let mut desk = Desk::new(Recorder::new(store), Memory::Kept);
        if let Some(most) = options.most_in_flight {
            desk.limit_in_flight(most);
        }
        desk.judge_health_by(options.health()?);
        desk.retain(options.retention()?);
        Ok(Self {
            desk,
            api: options.api()?,
            holder: HolderId::new(Millis(at.now_ms), &at.chance.ids),
            uncommitted_reports: Vec::new(),
            next_wake: Some(Millis(at.now_ms)),
            lists: BTreeMap::new(),
            next_list: 0,
        })
    }

    pub fn store_mut(&mut self) -> &mut S {
        self.desk.store_mut().store_mut()
    }

    /// Begins a recording, and gives the first lines of its file. Its key is chance of `at`.
    pub fn record(&mut self, at: &At) -> String {
        let header = Header::raw(1).line();
        header + &self.desk.begin_recording(Millis(at.now_ms), at.chance.secret, 0)
    }

    /// The answer to a call that is not let in, whatever its body.
    pub fn refuse(&self, call: &Call<'_>) -> Option<Response> {
        let problem = self.api.admit(call).err()?;
        Some(api::Response::from(problem).into())
    }

    /// Takes a call.
    pub fn call(&mut self, at: &At, call: &Call<'_>) -> Handled {
        match self.api.open(call, || at.chance.secret) {
            Action::Answer(response) => self.answered(response),
            Action::Decide(command) => self.decide(Some(command), at),
            Action::CountReplay(request) => match self.prepare(*request) {
                Ok(command) => self.decide(Some(command), at),
                Err(problem) => self.answered(problem.into()),
            },
            Action::Read(reading) => {
                let facts = self.load(|known| reading.needs(known));
                self.answered(match facts {
                    Ok(facts) => reading.answer(&facts, Millis(at.now_ms)),
                    Err(problem) => problem.into(),
                })
            }
            Action::List(listing) => self.list(listing),
            // The door lets nobody wait, so that every pull is answered at once.
            Action::ReadEvents(pull) => {
                let facts = self.load(|known| pull.needs(known));
                match facts.and_then(|facts| pull.begin(&facts)) {
                    Ok(walk) => self.list(pull.listing(walk)),
                    Err(problem) => self.answered(problem.into()),
                }
            }
        }
    }

    /// Takes in how a request ended.
    ///
    /// # Errors
    /// When the report has neither or both of a status and a failure.
    pub fn report(&mut self, at: &At, report: Report) -> Result<Handled, &'static str> {
        let answer = match (report.status, report.failure) {
            (Some(status), None) => Answer::Status {
                status,
                retry_after: report.retry_after,
                excerpt: excerpt(report.body.as_bytes()),
            },
            (None, Some(failure)) => Answer::Failure(failure.into()),
            (Some(_), Some(_)) | (None, None) => {
                return Err("a report has either a status or a failure");
            }
        };
        self.uncommitted_reports.push(core::Report {
            key: AttemptKey {
                seq: Seq(report.key.seq),
                webhook: report.key.webhook,
                number: report.key.number,
            },
            sent_at: Millis(report.key.sent_at_ms),
            duration_ms: report.duration_ms,
            answer,
        });
        Ok(self.wake(at))
    }

    /// Lets time pass.
    pub fn wake(&mut self, at: &At) -> Handled {
        self.decide(None, at)
    }

    /// The next part of a list's body.
    ///
    /// # Errors
    /// When the list was given up, or the store cannot be read; then it is given up.
    pub fn page(&mut self, list: u32) -> Result<Page, String> {
        let listing = self.lists.remove(&list);
        let mut listing = listing.ok_or("the list is complete, or was given up")?;
        let text = self.next_page(&mut listing).map_err(|fault| fault.to_string())?;
        let more = !listing.is_complete();
        if more {
            self.lists.insert(list, listing);
        }
        Ok(Page { text, more })
    }

    /// Gives a list up.
    pub fn close_list(&mut self, list: u32) {
        self.lists.remove(&list);
    }

    /// A caller's command, what was reported, and then what is due.
    fn decide(&mut self, command: Option<Command>, at: &At) -> Handled {
        let moment = Moment { now: Millis(at.now_ms), chance: at.chance.ids, holder: self.holder };
        let asked = command.is_some();
        let reports = std::mem::take(&mut self.uncommitted_reports);
        let heard = reports.iter().cloned().map(Command::Report);
        let commands = command.into_iter().chain(heard).chain([Command::Wake]);
        let batch: Vec<_> = commands.map(|command| (command, moment)).collect();
        let Recorded { ended, lines } = self.desk.run_recorded(&batch);
        match ended {
            Ok(decided) => Handled { lines, ..self.follow(asked, decided, moment.now) },
            Err(fault) => {
                self.uncommitted_reports = reports;
                self.next_wake = Some(moment.now.plus(FAULT_PAUSE_MS));
                let response = asked.then(|| api::Response::from(Problem::undone()).into());
                Handled { response, lines, fault: Some(fault.to_string()), ..self.nothing() }
            }
        }
    }

    fn follow(&mut self, asked: bool, decided: Vec<Committed>, now: Millis) -> Handled {
        let mut handled = self.nothing();
        for Committed { reply, requests, events: _, next_wake } in decided {
            if asked && handled.response.is_none() {
                handled.response = Some(api::answer(reply).into());
            }
            for request in requests {
                self.hand_out(request, &mut handled);
            }
            self.next_wake = next_wake;
        }
        if !self.uncommitted_reports.is_empty() {
            self.next_wake = Some(now);
        }
        Handled { next_wake_ms: self.next_wake.map(|at| at.0), ..handled }
    }

    fn nothing(&self) -> Handled {
        Handled {
            response: None,
            requests: Vec::new(),
            next_wake_ms: self.next_wake.map(|at| at.0),
            changes: None,
            told: None,
            lines: None,
            fault: None,
        }
    }

    fn answered(&self, response: api::Response) -> Handled {
        Handled { response: Some(response.into()), ..self.nothing() }
    }

    /// A URL that was registered when more could be called is not called.
    fn hand_out(&mut self, request: core::Request, handled: &mut Handled) {
        if request.url.check(&self.api.targets).is_ok() {
            handled.requests.push(request.into());
            return;
        }
        self.uncommitted_reports.push(core::Report {
            key: request.key,
            sent_at: request.sent_at,
            duration_ms: 0,
            answer: Answer::Failure(core::Failure::Blocked),
        });
    }

    fn prepare(&mut self, mut request: ReplayRequest) -> Result<Command, Problem> {
        while let Some(need) = request.need() {
            let fact = self.desk.store_mut().load(&need);
            request.learn(fact.map_err(|_| Problem::unreadable())?);
        }
        request.command()
    }

    fn list(&mut self, mut listing: Listing) -> Handled {
        let Ok(body) = self.next_page(&mut listing) else {
            return self.answered(Problem::unreadable().into());
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
        Handled { response: Some(response), ..self.nothing() }
    }

    fn next_page(&mut self, listing: &mut Listing) -> Result<String, S::Fault> {
        let facts = self.try_load(|known| listing.needs(known))?;
        Ok(listing.page(&facts))
    }

    fn load(&mut self, needs: impl Fn(&[Fact]) -> Vec<Need>) -> Result<Vec<Fact>, Problem> {
        self.try_load(needs).map_err(|_| Problem::unreadable())
    }

    /// All that `needs` asks for, given what is known so far, until it asks for nothing more.
    fn try_load(&mut self, needs: impl Fn(&[Fact]) -> Vec<Need>) -> Result<Vec<Fact>, S::Fault> {
        let mut facts = Vec::new();
        loop {
            let needed = needs(&facts);
            if needed.is_empty() {
                return Ok(facts);
            }
            for need in &needed {
                facts.push(self.desk.store_mut().load(need)?);
            }
        }
    }
}
