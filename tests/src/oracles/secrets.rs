//! The secrets of a webhook, as replies showed them to its owner.

use hookdesk_core::{Event, Millis, Refusal, Secret, SecretId, Webhook};

#[derive(Clone, Debug)]
struct Known {
    id: SecretId,
    secret: Secret,
    ends_at: Option<Millis>,
}

/// From the oldest to the newest.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<Known>);

/// Secrets that may sign at the same time.
const MAX: usize = 5;

impl Secrets {
    pub fn of(webhook: &Webhook) -> Self {
        let current = webhook.secrets.current();
        Self(vec![Known { id: current.id, secret: current.secret.clone(), ends_at: None }])
    }

    fn live(&self, now: Millis) -> impl DoubleEndedIterator<Item = &Known> {
        self.0.iter().filter(move |one| one.ends_at.is_none_or(|end| end > now))
    }

    /// The signatures that a request of `now` must have.
    pub fn signatures(&self, event: &Event, now: Millis) -> String {
        let sign = |one: &Known| one.secret.signature(event.id, now.0 / 1_000, &event.body);
        self.live(now).rev().map(sign).collect::<Vec<_>>().join(" ")
    }

    pub fn may_rotate(&self, now: Millis, overlap_ms: u64) -> bool {
        let former = self.live(now).filter(|one| one.ends_at.is_some()).count();
        former + usize::from(overlap_ms > 0) < MAX
    }

    pub fn rotated(&mut self, id: SecretId, secret: &Secret, now: Millis, overlap_ms: u64) {
        if let Some(last) = self.0.last_mut() {
            last.ends_at = Some(now.plus(overlap_ms));
        }
        self.0.push(Known { id, secret: secret.clone(), ends_at: None });
    }

    pub fn may_end(&self, id: SecretId, now: Millis) -> Result<(), Refusal> {
        let others = self.live(now).filter(|one| one.id != id).count();
        match (self.live(now).any(|one| one.id == id), others) {
            (false, _) => Err(Refusal::UnknownSecret),
            (true, 0) => Err(Refusal::LastSecret),
            (true, _) => Ok(()),
        }
    }

    /// One signs no more; the newest of the others has no end then.
    pub fn ended(&mut self, id: SecretId, now: Millis) {
        let is_left = |one: &Known| one.id != id && one.ends_at.is_none_or(|end| end > now);
        self.0.retain(is_left);
        if let Some(newest) = self.0.last_mut() {
            newest.ends_at = None;
        }
    }
}
