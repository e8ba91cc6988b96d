//! Which types of events a webhook hears of, and how many there were of each.

use std::collections::BTreeSet;

use crate::event::EventType;

/// The types that a webhook names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription(BTreeSet<EventType>);

impl Subscription {
    #[must_use]
    pub fn of(types: impl IntoIterator<Item = EventType>) -> Self {
        Self(types.into_iter().collect())
    }

    #[must_use]
    pub fn names(&self, kind: EventType) -> bool {
        self.0.contains(&kind)
    }

    /// In the order of [`EventType::ALL`].
    pub fn types(&self) -> impl Iterator<Item = EventType> {
        self.0.iter().copied()
    }

    /// Whether it names a type that tells of the desk itself.
    #[must_use]
    pub fn is_operational(&self) -> bool {
        self.types().any(EventType::is_operational)
    }
}

/// All that the integration guide has.
impl Default for Subscription {
    fn default() -> Self {
        Self::of(EventType::ALL.into_iter().filter(|kind| !kind.is_operational()))
    }
}

/// How many events of each type there were up to some place of the log, those left out that are
/// for one webhook only. Two of them say how many events lie between their places, uncounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies([u64; EventType::ALL.len()]);

impl Tallies {
    pub fn count(&mut self, kind: EventType) {
        if let Some(count) = self.0.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Events since `earlier` that a webhook with this subscription hears of.
    #[must_use]
    pub fn owed_since(&self, earlier: &Self, subscription: &Subscription) -> u64 {
        let each = EventType::ALL.into_iter().zip(self.0.iter().zip(&earlier.0));
        let owed = each.filter(|(kind, _)| kind.is_for_all() || subscription.names(*kind));
        owed.map(|(_, (now, then))| now.saturating_sub(*then)).sum()
    }

    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.0
    }

    /// Counts back from the store; types that came later are missing at its end.
    #[must_use]
    pub fn stored(counts: &[u64]) -> Self {
        let mut tallies = Self::default();
        for (tally, count) in tallies.0.iter_mut().zip(counts) {
            *tally = *count;
        }
        tallies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_count_what_a_subscription_hears() {
        let (mut earlier, mut later) = (Tallies::default(), Tallies::default());
        for kind in EventType::ALL {
            earlier.count(kind);
            later.count(kind);
            later.count(kind);
        }
        let hears = |subscription: &Subscription| later.owed_since(&earlier, subscription);
        assert_eq!(hears(&Subscription::default()), 6);
        assert_eq!(hears(&Subscription::of([EventType::TicketOpened])), 2, "and pings");
        assert_eq!(hears(&Subscription::of(EventType::ALL)), 10);
        assert_eq!(Tallies::stored(later.counts()), later);
    }
}
