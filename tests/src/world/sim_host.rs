//! Simulated hosts of the desk.

use hookdesk_core::incident::{Recorded, Recorder};
use hookdesk_core::term::{Candidate, TermFault};
use hookdesk_core::{Batch, Committed, HolderId, Millis, Request, RunError, Session, Store};

use super::key_holders::Call;
use crate::stores::{Connection, Injected, SimStore};

/// A process that runs a desk, or waits for its turn to.
pub struct SimHost<S> {
    pub name: char,
    pub role: Role<S>,
    /// Its recording since it started, if it is recorded, and the number of recorded batches.
    pub file: Option<String>,
    pub recorded: u32,
    /// That of its term, or of its last one.
    pub holder: HolderId,
    pub calls: Vec<Call>,
    /// Milliseconds by which its clock is ahead of the world's, or behind.
    pub ahead_ms: i64,
    /// When it stops hanging, and the time that it had read before.
    pub hangs: Option<(Millis, Millis)>,
    /// Until when it cannot reach the database.
    pub cut_until: Millis,
    /// Requests that it had decided when it stood still, before it sent them.
    pub held: Vec<Request>,
    /// Whether it had a commit of unknown fate.
    pub doubtful: bool,
}

/// What a host does.
#[expect(clippy::large_enum_variant, reason = "there are three at most")]
pub enum Role<S> {
    Leads(Session<Recorder<SimStore<S>>>),
    /// When it looked last; without a candidate it could not reach the database.
    Waits {
        candidate: Option<Candidate<Connection<S>>>,
        looked_at: Millis,
    },
}

/// Batches after which a new recording begins, as when a file is full.
const TURNS_OVER: u32 = 64;

impl<S: Store> SimHost<S>
where
    S::Fault: std::fmt::Debug,
{
    /// Decides a batch, and records it if hosts are recorded. `now` is the host's time afterwards.
    pub fn run(
        &mut self,
        batch: Batch,
        now: Millis,
    ) -> Result<Vec<Committed>, RunError<TermFault<Injected>>> {
        let Role::Leads(session) = &mut self.role else { panic!("{} does not lead", self.name) };
        let (file, recorded) = (&mut self.file, &mut self.recorded);
        session.run(
            batch,
            || now,
            |desk, commands| {
                let (Some(file), Some((_, first))) = (file, commands.first()) else {
                    return desk.run(commands);
                };
                *recorded += 1;
                if recorded.is_multiple_of(TURNS_OVER) {
                    file.push_str(&desk.begin_recording(first.now, [1; 32], 0));
                }
                let Recorded { ended, lines } = desk.run_recorded(commands);
                file.push_str(&lines.expect("no line is too long here"));
                ended
            },
        )
    }

    /// When it wakes by itself, in the world's time. One that waits looks as often as it has to where
    /// nobody leads.
    pub fn wakes_at(&self, now: Millis, is_led: bool) -> Option<Millis> {
        let hung = self.hangs.map_or(now, |(until, _)| until);
        let at = match &self.role {
            Role::Leads(session) => now.plus(session.next_wake()?.since(self.clock(now))),
            Role::Waits { .. } if is_led => return None,
            Role::Waits { candidate: None, looked_at } => looked_at.plus(1_000),
            Role::Waits { candidate: Some(candidate), looked_at } => {
                let interval_ms = candidate.interval().as_millis();
                looked_at.plus(u64::try_from(interval_ms).unwrap_or(u64::MAX).max(1))
            }
        };
        Some(at.max(hung))
    }

    /// Until when what it sends may be in flight, if that has an end.
    pub fn lease_end(&self) -> Option<Millis> {
        let Role::Leads(session) = &self.role else { return None };
        let SimStore::Led(leader) = session.desk().store().store() else { return None };
        Some(Millis(u64::try_from(leader.lease_end().as_millis()).unwrap_or(u64::MAX)))
    }
}

impl<S> SimHost<S> {
    /// Its own time at `now` in the world.
    pub fn clock(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.ahead_ms))
    }

    pub fn session(&self) -> Option<&Session<Recorder<SimStore<S>>>> {
        match &self.role {
            Role::Leads(session) => Some(session),
            Role::Waits { .. } => None,
        }
    }

    pub fn session_mut(&mut self) -> Option<&mut Session<Recorder<SimStore<S>>>> {
        match &mut self.role {
            Role::Leads(session) => Some(session),
            Role::Waits { .. } => None,
        }
    }

    /// The store of one that leads.
    pub fn store(&mut self) -> Option<&mut SimStore<S>> {
        Some(self.session_mut()?.desk_mut().store_mut().store_mut())
    }
}
