//! A host of the desk, as the world runs it.

use hookdesk_core::{Command, Desk, HolderId, Millis, Report};

use crate::stores::View;

/// A process that runs a desk.
pub struct Host<S> {
    pub name: char,
    pub desk: Desk<View<S>>,
    pub holder: HolderId,
    pub calls: Vec<Command>,
    /// Reports that are not committed yet.
    pub unheard: Vec<Report>,
    pub next_wake: Option<Millis>,
    /// Milliseconds by which its clock is ahead of the world's, or behind.
    pub ahead_ms: i64,
    /// It stands still until then, with the time that it had read before.
    pub hangs: Option<(Millis, Millis)>,
    /// Whether it had a commit of unknown fate.
    pub doubtful: bool,
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
