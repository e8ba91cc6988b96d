//! The subscription of a webhook: a set of event types.

use std::collections::BTreeSet;

use crate::model::event::EventType;
use crate::model::tallies::Tallies;

/// The event types that a webhook is subscribed to.
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

    /// The types in the order of [`EventType::ALL`].
    pub fn types(&self) -> impl Iterator<Item = EventType> {
        self.0.iter().copied()
    }

    /// The number of events for the subscription between two positions of the log, without
    /// reading them.
    #[must_use]
    pub fn events_between(&self, from: &Tallies, to: &Tallies) -> u64 {
        let each = EventType::ALL.into_iter().zip(to.counts().iter().zip(from.counts()));
        let wanted = each.filter(|(kind, _)| kind.is_for_all() || self.names(*kind));
        wanted.map(|(_, (to, from))| to.saturating_sub(*from)).sum()
    }

    /// Whether it includes an operational type.
    #[must_use]
    pub fn is_operational(&self) -> bool {
        self.types().any(EventType::is_operational)
    }
}

/// All types of the integration guide.
impl Default for Subscription {
    fn default() -> Self {
        Self::of(EventType::ALL.into_iter().filter(|kind| !kind.is_operational()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tallies::Tallies;

    #[test]
    fn tallies_count_what_a_subscription_hears() {
        let (mut earlier, mut later) = (Tallies::default(), Tallies::default());
        for kind in EventType::ALL {
            earlier.count(kind);
            later.count(kind);
            later.count(kind);
        }
        let hears = |subscription: &Subscription| subscription.events_between(&earlier, &later);
        assert_eq!(hears(&Subscription::default()), 6);
        assert_eq!(hears(&Subscription::of([EventType::TicketOpened])), 2, "and pings");
        assert_eq!(hears(&Subscription::of(EventType::ALL)), 10);
        assert_eq!(Tallies::stored(later.counts()), later);
    }
}
