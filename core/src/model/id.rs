//! Identifiers: a prefix and a UUIDv7 in 32 lower-case hex digits, such as `tkt_0197…`.
//!
//! Ids of one desk are strictly increasing in creation order: each takes its time from a [`Stamp`],
//! and stamps within one millisecond are counted (RFC 9562 §6.2, method 1: a counter in the twelve
//! bits after the time). A list sorted by id is sorted by age, and an index on ids is only appended
//! to.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

use crate::model::millis::Millis;
use crate::model::seq::Seq;

/// A unique, monotonic timestamp of the desk: milliseconds, and a counter within them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    pub at: Millis,
    pub count: u16,
}

impl Stamp {
    /// Stamps per millisecond: a UUIDv7 has twelve bits for the counter.
    const PER_MILLI: u16 = 1 << 12;

    /// The stamp after this one, which is always greater: when `now` is not later than this stamp,
    /// the counter goes on, and when this millisecond is full, the next one begins.
    #[must_use]
    pub fn next(self, now: Millis) -> Self {
        if now > self.at {
            Self { at: now, count: 0 }
        } else if self.count + 1 < Self::PER_MILLI {
            Self { at: self.at, count: self.count + 1 }
        } else {
            Self { at: self.at.plus(1), count: 0 }
        }
    }
}

/// A UUIDv7 with the stamp in its first 60 bits and `low` in the last 62.
fn uuid(stamp: Stamp, low: [u8; 8]) -> Uuid {
    let mut rest = [0; 10];
    let (count, after) = rest.split_at_mut(2);
    count.copy_from_slice(&stamp.count.to_be_bytes());
    after.copy_from_slice(&low);
    Builder::from_unix_timestamp_millis(stamp.at.0, &rest).into_uuid()
}

/// The UUID after `prefix`; `None` unless `text` is in canonical form.
fn parse(text: &str, prefix: &str) -> Option<Uuid> {
    let hex = text.strip_prefix(prefix)?;
    let ours = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if ours { Uuid::try_parse_ascii(hex.as_bytes()).ok() } else { None }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            const PREFIX: &str = $prefix;

            /// Parses an id; `None` unless `text` is in canonical form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse(text, Self::PREFIX).map(Self)
            }

            /// The sixteen bytes of the UUID.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an id of ours"))
            }
        }
    )*};
}

ids! {
    /// A ticket's id.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    TicketId = "tkt_";
    /// A webhook's id.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    WebhookId = "whk_";
    /// A signing secret's id: it may be shown, the secret may not.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    SecretId = "sec_";
    /// An event's id: the header `webhook-id`. Its last 62 bits are its [`Seq`].
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    EventId = "evt_";
    /// An API key's id: it may be shown, the key may not.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    KeyId = "key_";
    /// An audit row's id.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    AuditId = "aud_";
    /// The id of a call: the response header `request-id` of hosts that give one.
    #[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
    RequestId = "req_";
    /// The id of a running host: a new one at each start of the process.
    HolderId = "hst_";
}

impl TicketId {
    #[must_use]
    pub fn new(stamp: Stamp, chance: &[u8; 16]) -> Self {
        Self(uuid(stamp, low(chance)))
    }
}

impl WebhookId {
    #[must_use]
    pub fn new(stamp: Stamp, chance: &[u8; 16]) -> Self {
        Self(uuid(stamp, low(chance)))
    }
}

impl SecretId {
    #[must_use]
    pub fn new(stamp: Stamp, chance: &[u8; 16]) -> Self {
        Self(uuid(stamp, low(chance)))
    }
}

impl KeyId {
    #[must_use]
    pub fn new(stamp: Stamp, chance: &[u8; 16]) -> Self {
        Self(uuid(stamp, low(chance)))
    }
}

impl AuditId {
    #[must_use]
    pub fn new(stamp: Stamp, chance: &[u8; 16]) -> Self {
        Self(uuid(stamp, low(chance)))
    }
}

impl WebhookId {
    /// Whether the webhook was registered before the event was appended. Ids of one desk are
    /// ordered by creation.
    #[must_use]
    pub fn is_older_than(&self, event: EventId) -> bool {
        let (webhook, _) = self.0.as_u64_pair();
        let (event, _) = event.0.as_u64_pair();
        webhook < event
    }
}

impl RequestId {
    /// Calls are distinguished by chance alone; the time is for people who read a log.
    #[must_use]
    pub fn new(now: Millis, chance: &[u8; 16]) -> Self {
        Self(uuid(Stamp { at: now, count: 0 }, low(chance)))
    }
}

impl HolderId {
    /// Holders are distinguished by chance alone; the time is for people who read a log.
    #[must_use]
    pub fn new(now: Millis, chance: &[u8; 16]) -> Self {
        Self(uuid(Stamp { at: now, count: 0 }, low(chance)))
    }
}

impl EventId {
    #[must_use]
    pub fn new(stamp: Stamp, seq: Seq) -> Self {
        Self(uuid(stamp, seq.0.to_be_bytes()))
    }

    /// When the event was appended: its [`Stamp`]'s time.
    #[must_use]
    pub fn made_at(&self) -> Millis {
        let (high, _) = self.0.as_u64_pair();
        Millis(high >> 16)
    }

    /// The event's position in the log.
    #[must_use]
    pub fn seq(&self) -> Seq {
        let (_, low) = self.0.as_u64_pair();
        Seq(low & (u64::MAX >> 2))
    }
}

fn low(chance: &[u8; 16]) -> [u8; 8] {
    let (first, _) = chance.split_first_chunk().expect("sixteen bytes have a first eight");
    *first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_runs_back() {
        let mut stamp = Stamp::default();
        let mut last = TicketId::new(stamp, &[0xff; 16]);
        for step in 0..20_000_u64 {
            let now = Millis(1_000 + if step < 9_000 { step / 5_000 } else { 0 });
            stamp = stamp.next(now);
            let id = TicketId::new(stamp, &[(step % 251) as u8; 16]);
            assert!(id > last, "{id} after {last}");
            assert!(id.to_string() > last.to_string());
            last = id;
        }
    }

    #[test]
    fn an_event_id_carries_its_time_and_its_place_in_the_log() {
        for seq in [Seq(1), Seq(77), Seq::LAST] {
            let id = EventId::new(Stamp { at: Millis(1_700_000_000_000), count: 4_095 }, seq);
            assert_eq!(id.seq(), seq);
            assert_eq!(id.made_at(), Millis(1_700_000_000_000));
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn ids_are_version_7() {
        let id = WebhookId::new(Stamp { at: Millis(0x0197_0000_0001), count: 0xabc }, &[0xee; 16]);
        assert_eq!(id.to_string(), "whk_0197000000017abcaeeeeeeeeeeeeeee");
    }

    #[test]
    fn only_our_own_spelling_is_an_id() {
        let id = "tkt_0197000000017abcaeeeeeeeeeeeeeee";
        assert!(TicketId::parse(id).is_some());
        for other in [
            "",
            "tkt_",
            "whk_0197000000017abcaeeeeeeeeeeeeeee",
            "tkt_0197000000017ABCAEEEEEEEEEEEEEEE",
            "tkt_01970000-0001-7abc-aeee-eeeeeeeeeeee",
            "tkt_0197000000017abcaeeeeeeeeeeeeee",
            "tkt_0197000000017abcaeeeeeeeeeeeeeeé",
        ] {
            assert!(TicketId::parse(other).is_none(), "{other}");
        }
    }
}
