//! What a webhook was owed in all, reckoned apart from the core: the number of events, and the sum
//! of the SHA-256 of their ids modulo 2²⁵⁶.

use std::collections::BTreeMap;

use hookdesk_core::EventId;
use sha2::{Digest, Sha256};

/// A number of 256 bits, its least significant part first.
type Sum = [u128; 2];

/// The hashes of ids that were asked for, as each is asked for again and again.
#[derive(Debug, Default)]
pub struct Hashes(BTreeMap<EventId, Sum>);

impl Hashes {
    fn of(&mut self, event: EventId) -> Sum {
        *self.0.entry(event).or_insert_with(|| {
            let hash: [u8; 32] = Sha256::digest(event.to_string()).into();
            let part =
                |at: usize| u128::from_be_bytes(std::array::from_fn(|index| hash[at + index]));
            [part(16), part(0)]
        })
    }
}

#[derive(Debug, Default)]
pub struct Owed {
    pub count: u64,
    /// The last event that is counted.
    pub through: Option<EventId>,
    sum: Sum,
}

impl Owed {
    pub fn add(&mut self, event: EventId, hashes: &mut Hashes) {
        let [low, high] = hashes.of(event);
        let (sum, carries) = self.sum[0].overflowing_add(low);
        let above = self.sum[1].wrapping_add(high).wrapping_add(u128::from(carries));
        self.sum = [sum, above];
        self.through = self.through.max(Some(event));
        self.count += 1;
    }

    /// As 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        let [low, high] = self.sum;
        format!("{high:032x}{low:032x}")
    }
}
