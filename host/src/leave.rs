//! The leave to send that a leader has: until its lease ends, which each commit extends.
//!
//! Another process leads at the earliest when the lease and a part of it have passed since the last
//! commit. What is in flight then is sent again by that one, so it is cut off before.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use crate::moment::boot_clock;

/// How often the end of a leave is looked for: its clock goes on while the machine sleeps, and that of
/// timers does not.
const LOOK: Duration = Duration::from_millis(200);

/// Until when requests may be in flight, by the clock of [`boot_clock`]; for ever without a lease.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leave(Arc<AtomicU64>);

impl Leave {
    /// A leave without an end.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// Sets its end.
    pub fn set(&self, end: Duration) {
        let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
        self.0.store(end, Ordering::Relaxed);
    }

    /// Does something under this leave. `None` when that was cut off at its end. It is looked at
    /// before each step, so that one who slept takes no further one.
    pub async fn hold<T>(&self, act: impl Future<Output = T>) -> Option<T> {
        let mut act = pin!(act);
        if self.end() == u64::MAX {
            return Some(act.await);
        }
        let mut timer = pin!(sleep(LOOK));
        poll_fn(|context| {
            if self.has_ended() {
                return Poll::Ready(None);
            }
            while timer.as_mut().poll(context).is_ready() {
                timer.set(sleep(LOOK));
            }
            act.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Whether another may lead by now.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        boot_clock().as_millis() >= u128::from(self.end())
    }

    fn end(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Leave {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn nothing_is_begun_or_goes_on_after_a_leave_ended() {
        let leave = Leave::new();
        assert_eq!(leave.hold(ready(1)).await, Some(1));
        leave.set(boot_clock() + Duration::from_secs(60));
        assert_eq!(leave.hold(ready(1)).await, Some(1));
        leave.set(boot_clock());
        assert_eq!(leave.hold(ready(1)).await, None);

        leave.set(boot_clock() + Duration::from_millis(300));
        assert_eq!(leave.hold(pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn a_leave_that_is_extended_goes_on() {
        let leave = Leave::new();
        leave.set(boot_clock() + Duration::from_secs(60));
        let extended = leave.clone();
        let act = async {
            extended.set(boot_clock() + Duration::from_secs(120));
            sleep(2 * LOOK).await;
            1
        };
        assert_eq!(leave.hold(act).await, Some(1));
    }
}
