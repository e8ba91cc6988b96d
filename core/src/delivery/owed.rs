//! The owed digest: count and digest of all events that a webhook was due to get. A receiver that
//! computes the same digest got exactly the same events.
//!
//! The digest is the sum of the SHA-256 of each event's id, as whole numbers modulo 2²⁵⁶. It does
//! not depend on any order, so a receiver adds ids as events arrive, and a filtered event is
//! subtracted again. Only the desk makes ids: nobody can choose them so that sums collide (the
//! additive hash of Bellare and Micciancio, EUROCRYPT 1997).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::model::id::EventId;

/// The events of a webhook so far: read, delivered, abandoned or expired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Owed {
    /// Events up to here are not counted: they were read before there was a digest.
    pub after: Option<EventId>,
    /// The last event that is counted.
    pub through: Option<EventId>,
    pub count: u64,
    pub digest: Sum,
}

impl Owed {
    /// Adds an event, unless it is one of those that are not counted.
    pub fn add(&mut self, event: EventId) {
        if self.counts(event) {
            self.through = self.through.max(Some(event));
            self.count += 1;
            self.digest.add(event);
        }
    }

    /// Subtracts an added event that is filtered out.
    pub fn remove(&mut self, event: EventId) {
        if self.counts(event) {
            self.count -= 1;
            self.digest.remove(event);
        }
    }

    fn counts(&self, event: EventId) -> bool {
        self.after.is_none_or(|after| event > after)
    }
}

/// A sum of hashes: 32 bytes, the most significant first, shown as 64 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
pub struct Sum([u8; 32]);

impl Sum {
    fn add(&mut self, event: EventId) {
        self.plus(hash(event), 0);
    }

    /// Subtraction is adding the complement and one.
    fn remove(&mut self, event: EventId) {
        self.plus(hash(event).map(|byte| !byte), 1);
    }

    fn plus(&mut self, bytes: [u8; 32], mut carry: u16) {
        for (sum, byte) in self.0.iter_mut().zip(bytes).rev() {
            let [high, low] = (u16::from(*sum) + u16::from(byte) + carry).to_be_bytes();
            *sum = low;
            carry = high.into();
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

fn hash(event: EventId) -> [u8; 32] {
    Sha256::digest(event.to_string()).into()
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a sum of hashes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Stamp;
    use crate::model::millis::Millis;
    use crate::model::seq::Seq;
    use proptest::prelude::*;

    fn event(place: u64) -> EventId {
        EventId::new(Stamp { at: Millis(1_672_531_200_000 + place), count: 0 }, Seq(place))
    }

    fn owed(places: impl IntoIterator<Item = u64>) -> Owed {
        let mut owed = Owed::default();
        places.into_iter().for_each(|place| owed.add(event(place)));
        owed
    }

    #[test]
    fn a_digest_is_the_sum_of_the_hashes_of_ids() {
        // python3: '%064x' % (sum(int(sha256(id).hexdigest(), 16) for id in ids) % 2**256)
        assert_eq!(event(1).to_string(), "evt_01856aa0c80170008000000000000001");
        let digest = "27585e4ad2f4a3c4e41e94a68770dad453fa64d81bc3fe83a2d1a5a80b34c61a";
        assert_eq!(owed([1, 2, 3]).digest.to_string(), digest);
        assert_eq!(owed([]).digest.to_string(), "0".repeat(64));
    }

    #[test]
    fn what_was_read_before_there_was_a_digest_is_neither_added_nor_taken_away() {
        let before = Owed { after: Some(event(5)), ..Owed::default() };
        let mut owed = before.clone();
        owed.remove(event(5));
        owed.add(event(4));
        assert_eq!(owed, before);
        owed.add(event(6));
        owed.remove(event(6));
        assert_eq!((owed.count, owed.digest), (0, Sum::default()));
    }

    proptest! {
        #[test]
        fn equal_digests_mean_equal_sets(
            one in proptest::collection::btree_set(1_u64..40, 0..12),
            other in proptest::collection::btree_set(1_u64..40, 0..12),
        ) {
            let same = one == other;
            let (one, other) = (owed(one), owed(other));
            prop_assert_eq!(one.digest == other.digest, same);
            prop_assert_eq!((one.digest, one.count) == (other.digest, other.count), same);
        }

        #[test]
        fn order_does_not_matter_and_what_is_taken_away_is_as_if_it_never_came(
            kept in proptest::collection::btree_set(1_u64..40, 0..12),
            gone in proptest::collection::btree_set(40_u64..60, 0..6),
        ) {
            let mut owed_in_all = owed(gone.iter().chain(kept.iter().rev()).copied());
            for place in gone {
                owed_in_all.remove(event(place));
            }
            let expected = owed(kept.iter().copied());
            prop_assert_eq!(owed_in_all.digest, expected.digest);
            prop_assert_eq!(owed_in_all.count, expected.count);
            let stored = serde_json::to_string(&expected).unwrap();
            prop_assert_eq!(serde_json::from_str::<Owed>(&stored).unwrap(), expected);
        }
    }
}
