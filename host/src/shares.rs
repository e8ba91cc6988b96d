//! Shares of the calls that wait for a decision: no API key takes the places that others need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookdesk_core::KeyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of calls that wait; cheap to clone.
#[derive(Clone, Debug)]
pub struct CallShares {
    places: Arc<Semaphore>,
    /// Calls that wait, by their key.
    held: Arc<Mutex<HashMap<KeyId, usize>>>,
}

impl CallShares {
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), held: Arc::default() }
    }

    /// A place for a call, if one is free; with a key only while fewer of its calls wait than places
    /// are free, so that the more it holds, the more it leaves to others.
    #[must_use]
    pub fn take(&self, key: Option<KeyId>) -> Option<CallPermit> {
        let mut held = self.held();
        let of_key = key.and_then(|key| held.get(&key).copied()).unwrap_or_default();
        if key.is_some() && of_key >= self.places.available_permits() {
            return None;
        }
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        if let Some(key) = key {
            held.insert(key, of_key + 1);
        }
        Some(CallPermit { shares: self.clone(), key, _permit: permit })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place, free again when it is dropped.
#[derive(Debug)]
pub struct CallPermit {
    shares: CallShares,
    key: Option<KeyId>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut held = self.shares.held();
        if let Some(of_key) = held.get_mut(&key) {
            *of_key -= 1;
            if *of_key == 0 {
                held.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Option<KeyId> {
        KeyId::parse(&format!("key_{number:032x}"))
    }

    fn take_all(shares: &CallShares, key: Option<KeyId>) -> Vec<CallPermit> {
        std::iter::from_fn(|| shares.take(key)).collect()
    }

    #[test]
    fn each_key_leaves_half_of_what_is_free() {
        let shares = CallShares::new(100);
        let greedy = take_all(&shares, key(1));
        let second = take_all(&shares, key(2));
        assert_eq!((greedy.len(), second.len()), (50, 25));
        assert!(shares.take(key(3)).is_some(), "there is always room for another");
        drop(greedy);
        assert_eq!(take_all(&shares, key(2)).len(), 25, "of 75 that are free");
    }

    #[test]
    fn callers_without_a_key_share_all_places() {
        let shares = CallShares::new(10);
        let all = take_all(&shares, None);
        assert_eq!(all.len(), 10);
        assert!(shares.take(key(1)).is_none());
        drop(all);
        assert!(shares.held().is_empty());
    }
}
