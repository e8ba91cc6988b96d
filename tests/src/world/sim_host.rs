//! Simulated hosts of the desk.

use hookdesk_core::incident::{Recorded, Recorder};
use hookdesk_core::{Batch, Committed, HolderId, Millis, Session, Store};

use super::key_holders::Call;
use crate::stores::View;

/// A process that runs a desk.
pub struct SimHost<S> {
    pub name: char,
    pub session: Session<Recorder<View<S>>>,
    /// Its recording since it started, if it is recorded, and the number of recorded batches.
    pub file: Option<String>,
    pub recorded: u32,
    pub holder: HolderId,
    pub calls: Vec<Call>,
    /// Milliseconds by which its clock is ahead of the world's, or behind.
    pub ahead_ms: i64,
    /// When it stops hanging, and the time that it had read before.
    pub hangs: Option<(Millis, Millis)>,
    /// Whether it had a commit of unknown fate.
    pub doubtful: bool,
}

/// Batches after which a new recording begins, as when a file is full.
const TURNS_OVER: u32 = 64;

impl<S: Store> SimHost<S>
where
    S::Fault: std::fmt::Debug,
{
    /// The store, as this host sees it.
    pub fn view(&mut self) -> &mut View<S> {
        self.session.desk_mut().store_mut().store_mut()
    }

    /// Decides a batch, and records it if hosts are recorded; `None` when the store fails. `now` is
    /// the host's time afterwards.
    pub fn run(&mut self, batch: Batch, now: Millis) -> Option<Vec<Committed>> {
        let (file, recorded) = (&mut self.file, &mut self.recorded);
        let committed = self.session.run(
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
        );
        committed.ok()
    }
}

impl<S> SimHost<S> {
    /// Its own time at `now` in the world.
    pub fn clock(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.ahead_ms))
    }

    /// When it wakes by itself, in the world's time.
    pub fn wakes_at(&self, now: Millis) -> Option<Millis> {
        let wake = self.session.next_wake()?;
        let wait_ms = wake.since(self.clock(now));
        let hung = self.hangs.map_or(now, |(until, _)| until);
        Some(now.plus(wait_ms).max(hung))
    }
}
