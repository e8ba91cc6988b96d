//! A host of the desk, as the world runs it.

use hookdesk_core::incident::{Recorded, Recorder};
use hookdesk_core::{Command, Committed, Desk, HolderId, Millis, Moment, Report, Store};

use crate::stores::View;

/// A process that runs a desk.
pub struct Host<S> {
    pub name: char,
    pub desk: Desk<Recorder<View<S>>>,
    /// What it was told since it started, where that is recorded, and so many batches of it.
    pub file: Option<String>,
    pub recorded: u32,
    pub holder: HolderId,
    pub calls: Vec<Command>,
    /// Reports that are not committed yet.
    pub uncommitted_reports: Vec<Report>,
    pub next_wake: Option<Millis>,
    /// Milliseconds by which its clock is ahead of the world's, or behind.
    pub ahead_ms: i64,
    /// It stands still until then, with the time that it had read before.
    pub hangs: Option<(Millis, Millis)>,
    /// Whether it had a commit of unknown fate.
    pub doubtful: bool,
}

/// Batches after which a recording begins anew, as it does when a file is full.
const TURNS_OVER: u32 = 64;

impl<S: Store> Host<S>
where
    S::Fault: std::fmt::Debug,
{
    /// Decides a batch; `None` when the store fails.
    pub fn run(&mut self, batch: &[(Command, Moment)]) -> Option<Vec<Committed>> {
        let Some(file) = &mut self.file else { return self.desk.run(batch).ok() };
        self.recorded += 1;
        if self.recorded.is_multiple_of(TURNS_OVER) {
            file.push_str(&self.desk.begin_recording(batch.first()?.1.now, [1; 32], 0));
        }
        let Recorded { ended, lines } = self.desk.run_recorded(batch);
        file.push_str(&lines.expect("no line is too long here"));
        ended.ok()
    }
}

impl<S> Host<S> {
    /// What it takes for the time when the world has `now`.
    pub fn clock(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.ahead_ms))
    }

    /// When it wakes by itself, in the world's time.
    pub fn wakes_at(&self, now: Millis) -> Option<Millis> {
        let wake = self.next_wake?;
        let wait_ms = wake.since(self.clock(now));
        let hung = self.hangs.map_or(now, |(until, _)| until);
        Some(now.plus(wait_ms).max(hung))
    }
}
