//! Histories of one ticket as its callers saw it, and whether its reads and writes could have happened
//! one after another, each between its call and its answer.

use std::collections::BTreeMap;
use std::time::Instant;

/// A call that read the ticket or wrote it, and what it was answered.
#[derive(Clone, Debug)]
pub struct Operation {
    pub begun: Instant,
    pub ended: Instant,
    pub is_write: bool,
    pub version: u64,
    pub message: String,
}

/// Checks that a history is one of a ticket that is in one place: each version has one message, was
/// written once, and nobody is answered with less than was answered before the call.
///
/// # Errors
/// What could not have happened.
pub fn check(history: &[Operation]) -> Result<(), String> {
    let mut messages = BTreeMap::new();
    let mut written = BTreeMap::new();
    for operation in history {
        let known = messages.entry(operation.version).or_insert(&operation.message);
        if **known != operation.message {
            return Err(format!("version {} is {known:?} and {operation:?}", operation.version));
        }
        if operation.is_write
            && let Some(other) = written.insert(operation.version, operation)
        {
            return Err(format!("written twice: {other:?} and {operation:?}"));
        }
    }
    for later in history {
        let before = history.iter().filter(|earlier| earlier.ended < later.begun);
        let Some(earlier) = before.max_by_key(|earlier| earlier.version) else { continue };
        let goes_back = if later.is_write {
            later.version <= earlier.version
        } else {
            later.version < earlier.version
        };
        if goes_back {
            return Err(format!("{later:?} comes after {earlier:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A history of operations from one millisecond to another, which write or read a version.
    fn judged(operations: &[(u64, u64, bool, u64, &str)]) -> Result<(), String> {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let operation = |&(begun, ended, is_write, version, message): &(_, _, _, _, &str)| {
            let (begun, ended, message) = (at(begun), at(ended), message.to_owned());
            Operation { begun, ended, is_write, version, message }
        };
        check(&operations.iter().map(operation).collect::<Vec<_>>())
    }

    #[test]
    fn what_happens_at_the_same_time_may_be_in_any_order() {
        assert_eq!(
            judged(&[(0, 9, true, 3, "b"), (1, 8, true, 2, "a"), (2, 7, false, 3, "b")]),
            Ok(())
        );
        assert_eq!(judged(&[(0, 1, true, 2, "a"), (2, 3, false, 2, "a")]), Ok(()));
    }

    #[test]
    fn what_a_ticket_in_two_places_would_show_is_seen() {
        for (history, what) in [
            (&[(0, 1, true, 2, "a"), (2, 3, false, 1, "old")][..], "comes after"),
            (&[(0, 1, false, 2, "a"), (2, 3, true, 2, "a")], "comes after"),
            (&[(0, 1, true, 3, "b"), (2, 3, true, 2, "a")], "comes after"),
            (&[(0, 9, true, 2, "a"), (1, 8, true, 2, "a")], "written twice"),
            (&[(0, 1, true, 2, "a"), (2, 3, false, 2, "b")], "version 2"),
        ] {
            assert!(judged(history).is_err_and(|why| why.contains(what)), "{history:?}");
        }
    }
}
