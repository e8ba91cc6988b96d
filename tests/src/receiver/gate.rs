//! A gate that holds back a receiver's responses until a test opens it.

use tokio::sync::watch;

use super::Reaction;

/// Closed until it is opened, and then open for good; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// This reaction, once the gate is open.
    pub fn then(&self, reaction: Reaction) -> Reaction {
        Reaction::Behind(self.0.subscribe(), Box::new(reaction))
    }
}
