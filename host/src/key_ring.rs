//! The desk's API keys in memory: a call's head is judged by them before its body is read, and a
//! stream for as long as it lasts. What counts is judged over the rows.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use hookdesk_core::api::{Api, LiveKeys};
use hookdesk_core::{ApiKeys, Authorization, KeyId, Millis};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::moment::{clock, sleep_towards};

#[derive(Debug)]
pub struct KeyRing {
    keys: watch::Sender<Arc<ApiKeys>>,
    /// When each key was last used, to the minute, as far as it is not noted.
    used: Mutex<BTreeMap<KeyId, Millis>>,
}

impl KeyRing {
    #[must_use]
    pub fn new(keys: ApiKeys) -> Self {
        Self { keys: watch::Sender::new(Arc::new(keys)), used: Mutex::default() }
    }

    /// Replaces the keys, before any caller hears of the change.
    pub fn publish(&self, keys: &Arc<ApiKeys>) {
        if Arc::ptr_eq(&self.keys.borrow(), keys) {
            return;
        }
        self.keys.send_if_modified(|known| {
            let differs = *known != *keys;
            known.clone_from(keys);
            differs
        });
    }

    #[must_use]
    pub fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.keys.borrow())
    }

    /// The keys, to wait for a change of them.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<Arc<ApiKeys>> {
        self.keys.subscribe()
    }

    /// Notes that a caller used its key.
    pub fn note_use(&self, authorization: Option<Authorization>, now: Millis) {
        let Some(id) = authorization.and_then(|authorization| authorization.key()) else { return };
        let used = self.keys.borrow().new_use(id, now);
        if let Some((key, minute)) = used {
            self.change(|used| used.insert(key, minute));
        }
    }

    /// What was noted since it was last taken.
    #[must_use]
    pub fn take_uses(&self) -> Vec<(KeyId, Millis)> {
        self.change(std::mem::take).into_iter().collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<KeyId, Millis>) -> T) -> T {
        change(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A caller for as long as its call lasts.
#[derive(Debug)]
pub struct KeyHolder {
    authorization: Option<Authorization>,
    keys: watch::Receiver<Arc<ApiKeys>>,
}

impl KeyHolder {
    #[must_use]
    pub fn new(authorization: Option<Authorization>, ring: &KeyRing) -> Self {
        Self { authorization, keys: ring.listen() }
    }

    /// Waits until the caller's key is revoked, expires or no longer grants the call.
    pub async fn lost(&mut self) {
        while let Some(until) = self.granted_until() {
            let changed = self.keys.changed();
            match until {
                Some(at) => {
                    let _ = timeout(sleep_towards(at), changed).await;
                }
                None if changed.await.is_err() => return pending().await,
                None => {}
            }
        }
    }

    /// Until when the call is granted, if nothing changes: `None` if it is not, and for ever if that
    /// has no end.
    #[expect(clippy::option_option, reason = "it may not be granted, or without an end")]
    fn granted_until(&mut self) -> Option<Option<Millis>> {
        let keys = self.keys.borrow_and_update();
        Api::judge(self.authorization, live(&keys, clock())).ok()?;
        Some(self.authorization.and_then(|authorization| keys.ends_at(authorization.key()?)))
    }
}

/// The keys that are live at `now`.
#[must_use]
pub fn live(keys: &ApiKeys, now: Millis) -> LiveKeys<'_> {
    LiveKeys { keys, now }
}
