//! A server's stderr, followed while it runs.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What a server has written, and whether it can write more.
#[derive(Default)]
pub(super) struct Log {
    state: Mutex<Written>,
    grown: Condvar,
}

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Log {
    /// All of it so far.
    pub(super) fn text(&self) -> String {
        self.locked().text.clone()
    }

    /// A new run begins; says where.
    pub(super) fn begin(&self) -> usize {
        let mut written = self.locked();
        written.ended = false;
        written.text.len()
    }

    /// Takes in all that the server writes, until it ends.
    pub(super) fn follow(&self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        let mut more = |line: &mut Vec<u8>| lines.read_until(b'\n', line).is_ok_and(|n| n > 0);
        while more(&mut line) {
            self.locked().text += &String::from_utf8_lossy(&line);
            self.grown.notify_all();
            line.clear();
        }
        self.locked().ended = true;
        self.grown.notify_all();
    }

    /// What `find` finds in the text so far and whether it has ended, or nothing in time.
    pub(super) fn wait<T>(
        &self,
        within: Duration,
        find: impl Fn(&str, bool) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut written = self.locked();
        loop {
            if let Some(found) = find(&written.text, written.ended) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let woken = self.grown.wait_timeout(written, left);
            written = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of level ERROR, as text or as JSON, or the first line of a panic.
pub(super) fn is_error(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("ERROR")
        || line.contains(r#""level":"ERROR""#)
        || (line.starts_with("thread '") && line.contains("panicked at"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_from_a_line_that_speaks_of_one() {
        let errors = [
            "2026-11-24T13:40:54.123Z ERROR hookdesk::desk: the disk is full",
            r#"{"timestamp":"2026-11-24T13:40:54.123Z","level":"ERROR","message":"full"}"#,
            "thread 'desk' (4711) panicked at host/src/desk.rs:1:1:",
        ];
        let others = [
            "2026-11-24T13:40:54.123Z  WARN hookdesk::courier: ERROR is what it answered",
            "2026-11-24T13:40:54.123Z  INFO hookdesk: listening on http://127.0.0.1:8080",
            "",
        ];

        assert!(errors.iter().all(|line| is_error(line)));
        assert!(!others.iter().any(|line| is_error(line)));
    }
}
