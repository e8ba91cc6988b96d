//! Places that callers take in turn: whoever has many calls waiting gets no more of them than others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::share_holder::ShareHolder;

/// A number of places. Where all are taken, calls wait, and the next place is for the first call of
/// the holder whose turn it is; callers without a key are one holder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FairGate {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Holders with calls that wait, in the order of their turns.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    holder: Option<ShareHolder>,
    /// Not empty, but for calls that were given up.
    calls: VecDeque<oneshot::Sender<Place>>,
}

impl FairGate {
    #[must_use]
    pub fn new(places: usize) -> Self {
        let state = State { free: places, waiting: VecDeque::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a place.
    ///
    /// # Panics
    /// Never: a call that waits is kept until it has one.
    pub async fn take(&self, holder: Option<ShareHolder>) -> Place {
        let next = match self.enter(holder) {
            Ok(place) => return place,
            Err(next) => next,
        };
        next.await.expect("a call that waits is kept until it has a place")
    }

    fn enter(&self, holder: Option<ShareHolder>) -> Result<Place, oneshot::Receiver<Place>> {
        let mut state = self.state();
        // Nobody waits while a place is free.
        if state.free > 0 {
            state.free -= 1;
            return Ok(Place { gate: Some(self.clone()) });
        }
        let (call, next) = oneshot::channel();
        match state.waiting.iter_mut().find(|waiting| waiting.holder == holder) {
            Some(waiting) => waiting.calls.push_back(call),
            None => state.waiting.push_back(Waiting { holder, calls: VecDeque::from([call]) }),
        }
        Err(next)
    }

    /// Gives a place that is free again to the next call.
    fn free(&self) {
        let mut state = self.state();
        let mut place = Place { gate: Some(self.clone()) };
        while let Some(call) = state.next() {
            match call.send(place) {
                Ok(()) => return,
                // The call was given up.
                Err(back) => place = back,
            }
        }
        place.gate = None;
        state.free += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first call of the holder whose turn it is. With more calls that holder is the last again.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let mut waiting = self.waiting.pop_front()?;
        let call = waiting.calls.pop_front();
        if !waiting.calls.is_empty() {
            self.waiting.push_back(waiting);
        }
        call
    }
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    /// `None` once it is the gate's own again.
    gate: Option<FairGate>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.free();
        }
    }
}

#[cfg(test)]
mod tests {
    use hookdesk_core::KeyId;

    use super::*;

    fn holder(number: u8) -> Option<ShareHolder> {
        KeyId::parse(&format!("key_{number:032x}")).map(ShareHolder::Key)
    }

    /// The holders of calls that wait, in the order in which they get the place.
    fn order(gate: &FairGate, held: Place, holders: &[u8]) -> Vec<u8> {
        let waiting: Vec<_> =
            holders.iter().map(|of| (*of, gate.enter(holder(*of)).unwrap_err())).collect();
        let (mut waiting, mut held, mut order) = (waiting, Some(held), Vec::new());
        while !waiting.is_empty() {
            drop(held.take());
            let next = waiting.iter_mut().position(|(_, next)| {
                held = next.try_recv().ok();
                held.is_some()
            });
            order.push(waiting.remove(next.expect("somebody has the place")).0);
        }
        order
    }

    #[test]
    fn holders_take_turns_however_many_calls_each_has() {
        let gate = FairGate::new(1);
        let held = gate.enter(None).unwrap();
        assert_eq!(order(&gate, held, &[1, 1, 1, 1, 2, 2, 3]), [1, 2, 3, 1, 2, 1, 1]);
        assert!(gate.enter(None).is_ok(), "all is free again");
    }

    #[test]
    fn calls_that_are_given_up_take_no_place() {
        let gate = FairGate::new(1);
        let held = gate.enter(None).unwrap();
        let given_up = [1, 1, 2].map(|of| gate.enter(holder(of)).unwrap_err());
        let mut stays = gate.enter(holder(3)).unwrap_err();
        drop(given_up);
        drop(held);
        let place = stays.try_recv().unwrap();
        let late = gate.enter(None).unwrap_err();
        drop(place);
        // It had its place already when it was given up.
        drop(late);
        assert!(gate.enter(None).is_ok());
    }

    #[tokio::test]
    async fn places_are_as_many_as_they_were() {
        let gate = FairGate::new(2);
        let (first, _second) = (gate.take(None).await, gate.take(holder(1)).await);
        let third = gate.take(holder(1));
        drop(first);
        let _third = third.await;
        assert!(gate.enter(None).is_err());
    }
}
