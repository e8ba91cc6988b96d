//! A host of the desk, as the world runs it.

use hookdesk_core::incident::{Recorded, Recorder};
use hookdesk_core::{Batch, Command, Committed, HolderId, Millis, Session, Store};

use crate::stores::View;

/// A process that runs a desk.
pub struct SimHost<S> {
    pub name: char,
    pub session: Session<Recorder<View<S>>>,
    /// What it was told since it started, where that is recorded, and so many batches of it.
    pub file: Option<String>,
    pub recorded: u32,
    pub holder: HolderId,
    pub calls: Vec<Command>,
    /// Milliseconds by which its clock is ahead of the world's, or behind.
    pub ahead_ms: i64,
    /// It stands still until then, with the time that it had read before.
    pub hangs: Option<(Millis, Millis)>,
    /// Whether it had a commit of unknown fate.
    pub doubtful: bool,
}

/// Batches after which a recording begins anew, as it does when a file is full.
const TURNS_OVER: u32 = 64;

impl<S: Store> SimHost<S>
where
    S::Fault: std::fmt::Debug,
{
    /// The store, as this host has it.
    pub fn view(&mut self) -> &mut View<S> {
        self.session.desk_mut().store_mut().store_mut()
    }

    /// Decides a batch, and records it where that is asked for; `None` when the store fails. `now`
    /// is what the host takes for the time afterwards.
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
    /// What it takes for the time when the world has `now`.
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
