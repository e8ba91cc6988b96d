//! Signing secrets of a webhook and their rotation: several are live while a receiver moves from
//! one to the next.
//!
//! The newest is current and has no end. Each older one signs until its own end, so that a receiver
//! with either secret can verify requests (Standard Webhooks, "Secret rotation").

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::event::Event;
use crate::model::id::SecretId;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::webhook::sign::Secret;

/// A secret of a webhook, and the time during which it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningSecret {
    pub id: SecretId,
    pub secret: Secret,
    pub created_at: Millis,
    /// The time from which it does not sign; `None` for the current one.
    pub ends_at: Option<Millis>,
}

impl SigningSecret {
    /// A secret without an end.
    #[must_use]
    pub fn new(id: SecretId, secret: Secret, created_at: Millis) -> Self {
        Self { id, secret, created_at, ends_at: None }
    }

    fn is_live(&self, now: Millis) -> bool {
        self.ends_at.is_none_or(|at| at > now)
    }
}

/// The secrets of a webhook: those that sign, and those that ended since the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    current: SigningSecret,
    /// Newest first, each with an end.
    former: Vec<SigningSecret>,
}

impl Secrets {
    /// Live secrets of one webhook, at most: each adds a signature to every request, and rotations
    /// that are faster than receivers can follow gain nothing.
    pub const MAX: usize = 5;
    /// Default seconds that a former secret goes on signing: a day includes working hours.
    pub const OVERLAP_S: u32 = 86_400;
    /// Seconds that it goes on signing, at most: a week. A leaked secret must not live for ever.
    pub const MAX_OVERLAP_S: u32 = 604_800;

    #[must_use]
    pub fn new(current: SigningSecret) -> Self {
        Self { current, former: Vec::new() }
    }

    /// These secrets, each with the bytes that `other` maps its own to.
    pub(crate) fn with_each(&self, other: impl Fn(&Secret) -> Secret) -> Self {
        let of = |one: &SigningSecret| SigningSecret { secret: other(&one.secret), ..one.clone() };
        Self { current: of(&self.current), former: self.former.iter().map(of).collect() }
    }

    #[must_use]
    pub fn current(&self) -> &SigningSecret {
        &self.current
    }

    /// All stored secrets, newest first, including those that ended.
    pub fn stored(&self) -> impl Iterator<Item = &SigningSecret> {
        std::iter::once(&self.current).chain(&self.former)
    }

    /// The secrets that sign at `now`, newest first.
    pub fn live(&self, now: Millis) -> impl Iterator<Item = &SigningSecret> {
        self.stored().filter(move |one| one.is_live(now))
    }

    /// The value of `webhook-signature`: a signature of each live secret, newest first.
    #[must_use]
    pub fn signatures(&self, event: &Event, now: Millis) -> String {
        let seconds = now.unix_seconds();
        let sign = |one: &SigningSecret| one.secret.signature(event.id, seconds, &event.body);
        self.live(now).map(sign).collect::<Vec<_>>().join(" ")
    }

    /// These secrets with a new current one. The previous one signs for `overlap_ms` more.
    ///
    /// # Errors
    /// [`Refusal::TooManySecrets`] when more than [`Secrets::MAX`] would be live.
    pub fn rotate(
        &self,
        current: SigningSecret,
        now: Millis,
        overlap_ms: u64,
    ) -> Result<Self, Refusal> {
        let last = SigningSecret { ends_at: Some(now.plus(overlap_ms)), ..self.current.clone() };
        let former = std::iter::once(&last).chain(&self.former);
        let former: Vec<_> = former.filter(|one| one.is_live(now)).cloned().collect();
        if former.len() < Self::MAX {
            return Ok(Self { current, former });
        }
        let ends = self.live(now).filter_map(|one| one.ends_at);
        Err(Refusal::TooManySecrets { next_ends_at: ends.min().unwrap_or(now) })
    }

    /// These secrets without one. When that was the current one, the newest other live one becomes
    /// current and has no end.
    ///
    /// # Errors
    /// [`Refusal::UnknownSecret`] when it is not live, [`Refusal::LastSecret`] when no other is.
    pub fn end(&self, id: SecretId, now: Millis) -> Result<Self, Refusal> {
        let mut live: Vec<_> = self.live(now).cloned().collect();
        let place = live.iter().position(|one| one.id == id).ok_or(Refusal::UnknownSecret)?;
        live.remove(place);
        if live.is_empty() {
            return Err(Refusal::LastSecret);
        }
        let current = SigningSecret { ends_at: None, ..live.remove(0) };
        Ok(Self { current, former: live })
    }
}

/// The stored form of a secret.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    id: SecretId,
    secret: &'a str,
    created_at: Millis,
    ends_at: Option<Millis>,
}

impl Secrets {
    /// The JSON list for a webhook's row, with the secrets in clear.
    #[must_use]
    pub(crate) fn to_json(&self) -> String {
        let texts: Vec<Zeroizing<String>> = self.stored().map(|one| one.secret.reveal()).collect();
        let rows = self.stored().zip(&texts).map(|(one, secret)| Row {
            id: one.id,
            secret,
            created_at: one.created_at,
            ends_at: one.ends_at,
        });
        let rows: Vec<Row<'_>> = rows.collect();
        serde_json::to_string(&rows).expect("texts and whole numbers always have a JSON form")
    }

    /// Parses the JSON list of a webhook's row; `None` when the desk did not write it so.
    #[must_use]
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let rows: Vec<Row<'_>> = serde_json::from_str(text).ok()?;
        let read = |row: &Row<'_>| {
            let secret = Secret::parse(row.secret)?;
            Some(SigningSecret {
                ends_at: row.ends_at,
                ..SigningSecret::new(row.id, secret, row.created_at)
            })
        };
        let mut all = rows.iter().map(read).collect::<Option<Vec<_>>>()?.into_iter();
        let (current, former) = (all.next()?, all.collect::<Vec<_>>());
        let right = current.ends_at.is_none() && former.iter().all(|one| one.ends_at.is_some());
        right.then_some(Self { current, former })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Stamp;

    const NOW: Millis = Millis(1_700_000_000_000);

    fn id(number: u8) -> SecretId {
        SecretId::new(Stamp { at: NOW, count: number.into() }, &[number; 16])
    }

    fn one(number: u8, ends_in_ms: Option<u64>) -> SigningSecret {
        let secret = SigningSecret::new(id(number), Secret::new([number; 32]), NOW);
        SigningSecret { ends_at: ends_in_ms.map(|ms| NOW.plus(ms)), ..secret }
    }

    /// Secrets with these numbers and ends, newest first.
    fn secrets(all: &[(u8, Option<u64>)]) -> Secrets {
        let mut all = all.iter().map(|(number, ends)| one(*number, *ends));
        Secrets { current: all.next().unwrap(), former: all.collect() }
    }

    #[test]
    fn a_former_secret_signs_until_its_own_end() {
        let all = secrets(&[(3, None), (2, Some(100)), (1, Some(50))]);
        let table: [(u64, &[u8]); 5] =
            [(0, &[3, 2, 1]), (49, &[3, 2, 1]), (50, &[3, 2]), (99, &[3, 2]), (100, &[3])];
        for (ms, expected) in table {
            let live: Vec<SecretId> = all.live(NOW.plus(ms)).map(|one| one.id).collect();
            assert_eq!(live, expected.iter().map(|n| id(*n)).collect::<Vec<_>>(), "{ms}");
        }
    }

    #[test]
    fn rotating_keeps_those_that_live_and_their_ends() {
        type Given<'a> = &'a [(u8, Option<u64>)];
        let table: [(Given<'_>, u64, Given<'_>); 4] = [
            (&[(1, None)], 100, &[(9, None), (1, Some(100))]),
            (&[(1, None)], 0, &[(9, None)]),
            (&[(2, None), (1, Some(7))], 100, &[(9, None), (2, Some(100)), (1, Some(7))]),
            (&[(2, None), (1, Some(0))], 100, &[(9, None), (2, Some(100))]),
        ];
        for (before, overlap_ms, after) in table {
            let rotated = secrets(before).rotate(one(9, None), NOW, overlap_ms);
            assert_eq!(rotated, Ok(secrets(after)), "{before:?} {overlap_ms}");
        }
    }

    #[test]
    fn a_sixth_live_secret_is_refused_with_the_time_at_which_there_is_room() {
        let five =
            secrets(&[(5, None), (4, Some(90)), (3, Some(30)), (2, Some(60)), (1, Some(80))]);
        let next_ends_at = NOW.plus(30);
        let refused = Err(Refusal::TooManySecrets { next_ends_at });
        assert_eq!(five.rotate(one(6, None), NOW, 1), refused);
        let at_once = five.rotate(one(6, None), NOW, 0);
        assert_eq!(at_once.map(|all| all.live(NOW).count()), Ok(5));
        let later = five.rotate(one(6, None), next_ends_at, 1);
        assert_eq!(later.map(|all| all.live(next_ends_at).count()), Ok(5));
    }

    #[test]
    fn ending_takes_any_but_the_last_that_lives() {
        let all = secrets(&[(3, None), (2, Some(100)), (1, Some(200))]);
        let without_former = secrets(&[(3, None), (1, Some(200))]);
        let without_current = secrets(&[(2, None), (1, Some(200))]);
        assert_eq!(all.end(id(2), NOW), Ok(without_former));
        assert_eq!(all.end(id(3), NOW), Ok(without_current));
        assert_eq!(all.end(id(4), NOW), Err(Refusal::UnknownSecret));
        let later = NOW.plus(100);
        assert_eq!(all.end(id(2), later), Err(Refusal::UnknownSecret));
        assert_eq!(all.end(id(3), later), Ok(secrets(&[(1, None)])), "the newest that lives");
        assert_eq!(all.end(id(3), NOW.plus(200)), Err(Refusal::LastSecret));
    }

    #[test]
    fn they_are_read_back_from_their_row_and_never_printed() {
        let all = secrets(&[(2, None), (1, Some(100))]);
        assert_eq!(Secrets::from_json(&all.to_json()), Some(all.clone()));
        assert!(!format!("{all:?}").contains("whsec_"));
        let ends = secrets(&[(2, Some(7))]).to_json();
        let endless = secrets(&[(2, None), (1, None)]).to_json();
        for bad in ["", "[]", "{}", &ends, &endless, &all.to_json().replace("whsec_", "")] {
            assert_eq!(Secrets::from_json(bad), None, "{bad}");
        }
    }
}
