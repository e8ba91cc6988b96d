//! Log lines about troubles that callers can cause as often as they like: one for each kind and
//! minute, with a count of those that it stands for.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// From one line to the next of its kind.
const PERIOD: Duration = Duration::from_secs(60);
/// Kinds that are told apart: the errors of a socket and of the store are fewer.
const MAX_KINDS: usize = 64;

#[derive(Debug, Default)]
pub struct TroubleLog(Mutex<HashMap<String, LastLine>>);

#[derive(Debug)]
struct LastLine {
    logged_at: Instant,
    unlogged: u64,
}

impl TroubleLog {
    /// Logs a trouble as an error, if its kind is due.
    pub fn note(&self, trouble: impl Display) {
        if let Some(line) = self.line(trouble.to_string(), Instant::now()) {
            tracing::error!("{line}");
        }
    }

    fn line(&self, trouble: String, now: Instant) -> Option<String> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds.get_mut(&trouble);
        if let Some(known) = known {
            known.unlogged += 1;
            if now.saturating_duration_since(known.logged_at) < PERIOD {
                return None;
            }
            let line = format!("{trouble} ({} times since the last such line)", known.unlogged);
            *known = LastLine { logged_at: now, unlogged: 0 };
            return Some(line);
        }
        if kinds.len() >= MAX_KINDS {
            kinds.clear();
        }
        kinds.insert(trouble.clone(), LastLine { logged_at: now, unlogged: 0 });
        Some(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_line_a_minute_with_a_count() {
        let log = TroubleLog::default();
        let start = Instant::now();
        let line = |trouble: &str, second| {
            log.line(trouble.to_owned(), start + Duration::from_secs(second))
        };

        assert_eq!(line("no files", 0).as_deref(), Some("no files"));
        assert_eq!(line("reset", 1).as_deref(), Some("reset"));
        for second in 1..60 {
            assert_eq!(line("no files", second), None);
        }
        let counted = "no files (60 times since the last such line)";
        assert_eq!(line("no files", 60).as_deref(), Some(counted));
        assert_eq!(line("no files", 61), None);
        let counted = "no files (2 times since the last such line)";
        assert_eq!(line("no files", 1_000).as_deref(), Some(counted));
    }
}
