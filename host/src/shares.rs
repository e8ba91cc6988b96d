//! Places that are refused where they are taken: no caller takes those that others need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::share_holder::ShareHolder;

/// A number of places; cheap to clone.
#[derive(Clone, Debug)]
pub struct Shares {
    places: Arc<Semaphore>,
    /// Places that are taken, by their holder.
    held: Arc<Mutex<HashMap<ShareHolder, usize>>>,
}

impl Shares {
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), held: Arc::default() }
    }

    /// A place, if one is free; for a holder only while it has fewer than are free, so that the more
    /// it has, the more it leaves to others.
    #[must_use]
    pub fn take(&self, holder: Option<ShareHolder>) -> Option<SharePermit> {
        let mut held = self.held();
        let of_holder = holder.and_then(|holder| held.get(&holder).copied()).unwrap_or_default();
        if holder.is_some() && of_holder >= self.places.available_permits() {
            return None;
        }
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        if let Some(holder) = holder {
            held.insert(holder, of_holder + 1);
        }
        Some(SharePermit { shares: self.clone(), holder, _permit: permit })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ShareHolder, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub struct SharePermit {
    shares: Shares,
    holder: Option<ShareHolder>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for SharePermit {
    fn drop(&mut self) {
        let Some(holder) = self.holder else { return };
        let mut held = self.shares.held();
        if let Some(of_holder) = held.get_mut(&holder) {
            *of_holder -= 1;
            if *of_holder == 0 {
                held.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hookdesk_core::KeyId;

    use super::*;

    fn holder(number: u8) -> Option<ShareHolder> {
        KeyId::parse(&format!("key_{number:032x}")).map(ShareHolder::Key)
    }

    fn take_all(shares: &Shares, holder: Option<ShareHolder>) -> Vec<SharePermit> {
        std::iter::from_fn(|| shares.take(holder)).collect()
    }

    #[test]
    fn each_holder_leaves_half_of_what_is_free() {
        let shares = Shares::new(100);
        let greedy = take_all(&shares, holder(1));
        let second = take_all(&shares, holder(2));
        assert_eq!((greedy.len(), second.len()), (50, 25));
        assert!(shares.take(holder(3)).is_some(), "there is always room for another");
        drop(greedy);
        assert_eq!(take_all(&shares, holder(2)).len(), 25, "of 75 that are free");
    }

    #[test]
    fn callers_without_a_key_share_all_places() {
        let shares = Shares::new(10);
        let all = take_all(&shares, None);
        assert_eq!(all.len(), 10);
        assert!(shares.take(holder(1)).is_none());
        drop(all);
        assert!(shares.held().is_empty());
    }
}
