//! API keys: what callers show, and the rows that are kept of them.
//!
//! A key is shown once, when it is made. The desk keeps its digest, so that a copy of the database
//! opens nothing. What signs a browser in, and keeps it signed in, is a key as well: it has an end, and
//! ends before that with the key on whose behalf it was made, its parent.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::model::digest::Digest;
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::partner::{Grant, Partner};
use crate::model::scope::{Scope, Scopes};

/// An API key in clear: the prefix of its kind, then random bytes and a checksum in Base58, so that a
/// key that was cut off is told apart from one that is unknown. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// Random bytes of a key.
    pub const LENGTH: usize = 32;
    /// Characters that are shown of a key, by which people recognize it: its prefix, and 29 of its
    /// 256 bits.
    const SHOWN: usize = 9;
    /// Characters that 36 bytes take in Base58, at most.
    const MAX_ENCODED: usize = 50;

    /// The key of random bytes that make nothing else.
    #[must_use]
    pub fn new(kind: KeyKind, bytes: [u8; Self::LENGTH]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let mut whole = Zeroizing::new(bytes.to_vec());
        whole.extend_from_slice(&checksum(bytes.as_slice()));
        let encoded = Zeroizing::new(bs58::encode(whole.as_slice()).into_string());
        Self(Zeroizing::new(format!("{}{}", kind.prefix(), *encoded)))
    }

    /// Parses a key; `None` unless it has the prefix of its kind, its length and its checksum.
    #[must_use]
    pub fn parse(kind: KeyKind, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(kind.prefix())?;
        if encoded.len() > Self::MAX_ENCODED {
            return None;
        }
        let whole = Zeroizing::new(bs58::decode(encoded).into_vec().ok()?);
        let (bytes, check) = whole.split_at_checked(Self::LENGTH)?;
        (check == checksum(bytes)).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.0.as_bytes()])
    }

    /// The first characters of the key, by which people recognize it.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.0.chars().take(Self::SHOWN).collect()
    }

    /// The key in clear, for the response that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = *Digest::of(&[bytes]).as_bytes();
    [a, b, c, d]
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(hidden)")
    }
}

/// A key that callers may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub kind: KeyKind,
    /// The key on whose behalf it was made, and with which it ends. Those that an administrator makes
    /// for others have none.
    pub parent: Option<KeyId>,
    /// The digest of its text.
    pub digest: Digest,
    /// The first characters of its text.
    pub prefix: String,
    pub settings: KeySettings,
    pub created_at: Millis,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Millis>,
    /// Grows by one with each change of this row.
    pub rev: u64,
}

/// What may be changed of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// For people; nothing depends on it.
    pub name: Option<String>,
    pub scopes: Scopes,
    /// Of a partner's key: it reaches that partner's webhooks alone.
    pub grant: Option<Grant>,
    /// Calls a second, at most, in place of the host's own limit.
    pub rate_limit: Option<u32>,
    pub expires_at: Option<Millis>,
}

impl KeySettings {
    /// The partner whose key it is.
    #[must_use]
    pub fn partner(&self) -> Option<Partner> {
        self.grant.as_ref().map(|grant| grant.partner)
    }
}

impl ApiKey {
    /// Keys of one desk, at most: they stay in memory.
    pub const MAX: usize = 1_000;
    /// Bytes of a name.
    pub const MAX_NAME: usize = 200;
    /// Calls a second of a partner's key that has no other limit: many times what an integrator's
    /// console and monitors need.
    pub const PARTNER_RATE: u32 = 10;
    /// Bounds of a rate limit.
    pub const RATES: RangeInclusive<u32> = 1..=10_000;
    /// How exactly the last use is kept, in milliseconds: a busy key costs one write in it.
    pub const USE_MS: u64 = 60_000;

    /// Calls a second that it may be used for, if there is a limit.
    #[must_use]
    pub fn rate_limit(&self) -> Option<u32> {
        let KeySettings { rate_limit, grant, .. } = &self.settings;
        rate_limit.or(grant.as_ref().map(|_| Self::PARTNER_RATE))
    }

    /// Whether it has not expired.
    #[must_use]
    pub fn is_live(&self, now: Millis) -> bool {
        self.settings.expires_at.is_none_or(|at| now < at)
    }

    /// What whoever holds it may do at `now`, given the row of its parent; `None` if it may not be
    /// used for calls. A session may do what its parent may: that which a link began, what the link
    /// granted, as long as its parent may make links.
    #[must_use]
    pub fn grants<'a>(&'a self, parent: Option<&'a Self>, now: Millis) -> Option<&'a KeySettings> {
        let is_link = self.kind == KeyKind::Link;
        if is_link || !self.is_live(now) {
            return None;
        }
        match (self.parent, parent) {
            (None, _) => Some(&self.settings),
            (Some(_), None) => None,
            (Some(_), Some(parent)) => self.granted_by(parent, now),
        }
    }

    fn granted_by<'a>(&'a self, parent: &'a Self, now: Millis) -> Option<&'a KeySettings> {
        if !parent.is_live(now) {
            None
        } else if self.settings.grant.is_none() {
            Some(&parent.settings)
        } else {
            parent.may_make_links().then_some(&self.settings)
        }
    }

    /// Whether it may sign others in, as partners.
    #[must_use]
    pub fn may_make_links(&self) -> bool {
        self.settings.grant.is_none() && self.settings.scopes.contains(Scope::Admin)
    }

    /// Whether its holder is that of its parent: a browser, signed in with that key.
    #[must_use]
    pub fn is_of_parents_holder(&self) -> bool {
        self.kind == KeyKind::Session && self.settings.grant.is_none()
    }
}

/// All API keys of a desk, by id and by digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys {
    rows: BTreeMap<KeyId, Arc<ApiKey>>,
    ids: HashMap<Digest, KeyId>,
}

impl ApiKeys {
    #[must_use]
    pub fn of(rows: Vec<ApiKey>) -> Self {
        let mut keys = Self::default();
        for row in rows {
            keys.put(row.id, Some(Arc::new(row)));
        }
        keys
    }

    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&Arc<ApiKey>> {
        self.rows.get(&id)
    }

    #[must_use]
    pub fn with_digest(&self, kind: KeyKind, digest: &Digest) -> Option<&Arc<ApiKey>> {
        self.get(*self.ids.get(digest)?).filter(|key| key.kind == kind)
    }

    /// What the holder of a key may do at `now`; `None` if the key may not be used for calls.
    #[must_use]
    pub fn grants(&self, id: KeyId, now: Millis) -> Option<&KeySettings> {
        let key = self.get(id)?;
        key.grants(self.parent(key).map(|parent| &**parent), now)
    }

    /// When a key can no longer be used, if nothing changes: as early as its parent at the latest.
    #[must_use]
    pub fn ends_at(&self, id: KeyId) -> Option<Millis> {
        let key = self.get(id)?;
        let ends = [Some(key), self.parent(key)].into_iter().flatten();
        ends.filter_map(|key| key.settings.expires_at).min()
    }

    fn parent(&self, key: &ApiKey) -> Option<&Arc<ApiKey>> {
        self.get(key.parent?)
    }

    /// The key by which a holder is known: of a browser that signed in with a key, that key.
    #[must_use]
    pub fn of_holder(&self, id: KeyId) -> Option<&Arc<ApiKey>> {
        let key = self.get(id)?;
        if key.is_of_parents_holder() { self.parent(key) } else { Some(key) }
    }

    /// The key that is used with another one at `now`, to the minute, unless a use in that minute is
    /// noted already.
    #[must_use]
    pub fn new_use(&self, id: KeyId, now: Millis) -> Option<(KeyId, Millis)> {
        let minute = Millis(now.0 - now.0 % ApiKey::USE_MS);
        let key = self.of_holder(id)?;
        (key.last_used_at < Some(minute)).then_some((key.id, minute))
    }

    /// Keys of a kind, oldest first.
    pub fn of_kind(&self, kind: KeyKind) -> impl Iterator<Item = &Arc<ApiKey>> {
        self.iter().filter(move |key| key.kind == kind)
    }

    /// Keys of all kinds, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ApiKey>> {
        self.rows.values()
    }

    /// Puts a row, or removes it. The digest of a key never changes.
    pub(crate) fn put(&mut self, id: KeyId, row: Option<Arc<ApiKey>>) {
        if let Some(row) = row {
            self.ids.insert(row.digest, id);
            self.rows.insert(id, row);
        } else if let Some(was) = self.rows.remove(&id) {
            self.ids.remove(&was.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_a_part_of_it_is_not() {
        for bytes in [[0; 32], [7; 32], [0xff; 32]] {
            let key = KeyText::new(KeyKind::Bearer, bytes);
            let text = key.reveal();
            assert_eq!(KeyText::parse(KeyKind::Bearer, text), Some(key.clone()), "{text}");
            assert_eq!(KeyText::parse(KeyKind::Session, text), None);
            assert!(text.starts_with(&key.prefix()) && key.prefix().len() == 9, "{text}");
            let (cut, _) = text.split_at(text.len() - 1);
            let swapped =
                format!("{}{}", &text[..20], text[20..].chars().rev().collect::<String>());
            for bad in [cut, &swapped, &text[4..], &text.to_uppercase(), "hdk_", "", "hdk_0OIl"] {
                assert_eq!(KeyText::parse(KeyKind::Bearer, bad), None, "{bad}");
            }
        }
        let short = format!("hdk_{}", bs58::encode([7; 31]).into_string());
        assert_eq!(KeyText::parse(KeyKind::Bearer, &short), None);
        assert_eq!(KeyText::parse(KeyKind::Bearer, &format!("hdk_{}", "1".repeat(100_000))), None);
    }

    #[test]
    fn keys_are_hidden_and_differ_in_their_digests() {
        let key = |bytes| KeyText::new(KeyKind::Bearer, bytes);
        let (one, other) = (key([1; 32]), key([2; 32]));
        assert_eq!(format!("{one:?}"), "KeyText(hidden)");
        assert_ne!(one.digest(), other.digest());
    }
}
