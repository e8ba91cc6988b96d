//! The status of the company's service, as last announced.

use serde::Serialize;

use crate::model::event::EventType;
use crate::model::millis::Millis;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Availability {
    Available,
    Unavailable,
}

impl Availability {
    /// The type of the event that announces it.
    #[must_use]
    pub fn event_type(self) -> EventType {
        match self {
            Self::Available => EventType::ServiceAvailable,
            Self::Unavailable => EventType::ServiceUnavailable,
        }
    }
}

/// The service's status. Without an announcement it is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub availability: Availability,
    /// When it last changed; `None` while nothing was ever announced.
    pub since: Option<Millis>,
}

impl Default for Service {
    fn default() -> Self {
        Self { availability: Availability::Available, since: None }
    }
}

impl Service {
    /// The status after an announcement. Announcing the same again does not change `since`.
    #[must_use]
    pub fn announced(self, availability: Availability, at: Millis) -> Self {
        match self.since {
            Some(_) if self.availability == availability => self,
            _ => Self { availability, since: Some(at) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_when_it_last_changed() {
        let down = Service::default().announced(Availability::Unavailable, Millis(5));
        assert_eq!(down.since, Some(Millis(5)));
        assert_eq!(down.announced(Availability::Unavailable, Millis(9)), down);
        assert_eq!(down.announced(Availability::Available, Millis(9)).since, Some(Millis(9)));
    }
}
