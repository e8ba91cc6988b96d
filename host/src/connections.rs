//! Connection slots. When the last slot is taken, one connection is aborted: of those whose request
//! is pending (silent, slow or idle callers), the one that has been so the longest. So strangers
//! that open connections and leave them keep nobody out, and a call that is being answered is safe.
//! Permits for large bodies are revoked in the same way.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use salvo::async_trait;
use salvo::conn::ConnCtrl;
use salvo::fuse::{ArcConnObserver, ConnObserver, FuseAction, FuseConfig, FuseInfo, FusePolicy};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Percent of the slots for callers that wait for events or read a long response. They stay as long
/// as they like, and others must still get in; and each event is written to all of them before the
/// next call is answered.
const MAX_STAYING: usize = 25;
/// Large bodies that are read at once: 1 MiB for each of these is little, for every connection it
/// would be much.
const MAX_LARGE: usize = 64;
/// How long a large body waits for a permit before another is cut off. Those of fast callers are
/// released in milliseconds, so that one of a slow caller is not cut off for them.
const PERMIT_WAIT: Duration = Duration::from_secs(1);

/// The connection slots of a listener; cheap to clone.
#[derive(Clone)]
pub struct ConnectionTable {
    most: usize,
    limits: FuseConfig,
    permits: Arc<Semaphore>,
    permit_wait: Duration,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    callers: HashMap<SocketAddr, Caller>,
    /// Connections whose request is pending, by the turn since when: the first has taken longest.
    owing: BTreeMap<u64, SocketAddr>,
    /// Connections that send a large body, by the turn at which it became large.
    large: BTreeMap<u64, SocketAddr>,
    staying: usize,
    turn: u64,
}

struct Caller {
    /// The turn of its arrival: an address may return before its last connection is removed.
    entered: u64,
    connection: ConnCtrl,
    /// Its turn in `owing`, while its request is pending.
    owes: Option<u64>,
}

impl ConnectionTable {
    /// At most `most` slots, for connections with these limits.
    #[must_use]
    pub fn new(most: usize, limits: FuseConfig) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_LARGE));
        Self { most, limits, permits, permit_wait: PERMIT_WAIT, table: Arc::default() }
    }

    /// Marks the caller's request as complete: its connection is safe until the result is dropped.
    #[must_use]
    pub fn answer(&self, address: Option<SocketAddr>) -> ActiveRequest {
        if let Some(address) = address {
            self.table().stop_owing(address);
        }
        ActiveRequest { places: self.clone(), address, stays: false }
    }

    /// A permit for a large body. If all stay taken, the connection that has held one the longest is
    /// aborted.
    pub async fn make_room(&self, address: Option<SocketAddr>) -> Option<BodyPermit> {
        let address = address?;
        let mut permit = pin!(Arc::clone(&self.permits).acquire_owned());
        let permit = loop {
            match timeout(self.permit_wait, &mut permit).await {
                Ok(permit) => break permit.ok()?,
                Err(_) => self.table().cut_off_largest(),
            }
        };
        let mut table = self.table();
        table.turn += 1;
        let turn = table.turn;
        table.large.insert(turn, address);
        Some(BodyPermit { places: self.clone(), turn, _permit: permit })
    }

    fn enter(&self, address: SocketAddr, connection: ConnCtrl) -> Place {
        let mut table = self.table();
        if table.callers.len() + 1 >= self.most {
            table.give_up_one();
        }
        // A pending request of an earlier connection of this address is void.
        table.stop_owing(address);
        table.turn += 1;
        let entered = table.turn;
        table.callers.insert(address, Caller { entered, connection, owes: None });
        table.owe(address);
        Place { places: self.clone(), address, entered }
    }

    /// After a panic the table is still usable: at worst the wrong connection is aborted.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn owe(&mut self, address: SocketAddr) {
        self.stop_owing(address);
        let Some(caller) = self.callers.get_mut(&address) else { return };
        self.turn += 1;
        caller.owes = Some(self.turn);
        self.owing.insert(self.turn, address);
    }

    fn stop_owing(&mut self, address: SocketAddr) {
        let turn = self.callers.get_mut(&address).and_then(|caller| caller.owes.take());
        if let Some(turn) = turn {
            self.owing.remove(&turn);
        }
    }

    fn cut_off_largest(&mut self) {
        if let Some((_, longest)) = self.large.pop_first()
            && let Some(caller) = self.callers.get(&longest)
        {
            caller.connection.abort();
        }
    }

    fn give_up_one(&mut self) {
        let longest = self.owing.pop_first();
        let caller = longest.and_then(|(_, address)| self.callers.get_mut(&address));
        if let Some(caller) = caller {
            caller.owes = None;
            caller.connection.abort();
        }
    }
}

#[async_trait]
impl FusePolicy for ConnectionTable {
    async fn decide(&self, _info: &FuseInfo) -> FuseAction {
        FuseAction::Accept(self.limits)
    }

    fn observe(&self, info: &FuseInfo, connection: &ConnCtrl) -> Option<ArcConnObserver> {
        let address = info.remote_addr.clone().into_std()?;
        Some(Arc::new(self.enter(address, connection.clone())))
    }
}

/// A connection's slot, free again when it ends.
struct Place {
    places: ConnectionTable,
    address: SocketAddr,
    entered: u64,
}

impl ConnObserver for Place {}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table();
        let caller = table.callers.get(&self.address);
        if caller.is_some_and(|caller| caller.entered == self.entered) {
            table.stop_owing(self.address);
            table.callers.remove(&self.address);
        }
    }
}

/// The permit to hold a large body in memory.
pub struct BodyPermit {
    places: ConnectionTable,
    turn: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        self.places.table().large.remove(&self.turn);
    }
}

/// A request that is being answered.
pub struct ActiveRequest {
    places: ConnectionTable,
    address: Option<SocketAddr>,
    stays: bool,
}

impl ActiveRequest {
    /// Marks the caller as one that waits for events or reads for long; false if as many do so as
    /// may.
    #[must_use]
    pub fn stay(&mut self) -> bool {
        let mut table = self.places.table();
        if !self.stays && table.staying < self.places.most * MAX_STAYING / 100 {
            table.staying += 1;
            self.stays = true;
        }
        self.stays
    }

    /// Whether all slots are taken and no other connection can be aborted for the next caller.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        let table = self.places.table();
        table.callers.len() >= self.places.most && table.owing.is_empty()
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut table = self.places.table();
        table.staying -= usize::from(self.stays);
        // The connection with the last slot got it without another being aborted.
        if table.callers.len() >= self.places.most {
            table.give_up_one();
        }
        if let Some(address) = self.address {
            table.owe(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::*;

    fn enter(places: &ConnectionTable, port: u16) -> (Place, ConnCtrl) {
        let connection = ConnCtrl::new();
        (places.enter(SocketAddr::from(([127, 0, 0, 1], port)), connection.clone()), connection)
    }

    #[test]
    fn the_last_place_is_given_up_by_who_owes_a_request_the_longest() {
        let places = ConnectionTable::new(4, FuseConfig::disabled());
        let (first, second, third) = (enter(&places, 1), enter(&places, 2), enter(&places, 3));
        let answered = places.answer(Some(first.0.address));
        drop(places.answer(Some(second.0.address)));

        let _fourth = enter(&places, 4);

        let gave_up = [&first, &second, &third].map(|(_, connection)| connection.is_aborted());
        assert_eq!(gave_up, [false, false, true]);
        drop((third, answered));
        let _fifth = enter(&places, 5);
        assert!(second.1.is_aborted() && !first.1.is_aborted());
    }

    #[test]
    fn who_leaves_while_answered_owes_nothing() {
        let places = ConnectionTable::new(3, FuseConfig::disabled());
        let gone = enter(&places, 1);
        let answered = places.answer(Some(gone.0.address));
        drop(gone);
        drop(answered);
        let table = places.table();
        assert!(table.callers.is_empty() && table.owing.is_empty());
    }

    #[test]
    fn an_address_that_comes_again_has_the_new_place() {
        let places = ConnectionTable::new(9, FuseConfig::disabled());
        let old = enter(&places, 1);
        let new = enter(&places, 1);

        drop(old);

        let taken = || {
            let table = places.table();
            (table.callers.len(), table.owing.len())
        };
        assert_eq!(taken(), (1, 1));
        drop(new);
        assert_eq!(taken(), (0, 0));
    }

    #[test]
    fn who_keeps_others_out_is_told_to_leave_once_answered() {
        let places = ConnectionTable::new(2, FuseConfig::disabled());
        let (first, second) = (enter(&places, 1), enter(&places, 2));
        let answered = places.answer(Some(first.0.address));
        assert!(!answered.is_in_the_way(), "another owes a request");

        let _other = places.answer(Some(second.0.address));

        assert!(answered.is_in_the_way());
    }

    #[test]
    fn the_first_answer_that_ends_makes_up_for_a_place_that_nobody_could_give_up() {
        let places = ConnectionTable::new(2, FuseConfig::disabled());
        let first = enter(&places, 1);
        let answered = places.answer(Some(first.0.address));
        let second = enter(&places, 2);
        assert!(!second.1.is_aborted());

        drop(answered);

        assert!(second.1.is_aborted() && !first.1.is_aborted());
    }

    #[test]
    fn callers_that_stay_leave_places_for_others() {
        let places = ConnectionTable::new(12, FuseConfig::disabled());
        let mut staying: Vec<_> = (0..3).map(|_| places.answer(None)).collect();
        assert!(staying.iter_mut().all(ActiveRequest::stay));
        assert!(staying[0].stay(), "it counts once");
        let mut fourth = places.answer(None);
        assert!(!fourth.stay());

        staying.pop();

        assert!(fourth.stay());
    }

    /// Callers, and permits for all of these but the last.
    async fn crowded(places: &ConnectionTable) -> (Vec<(Place, ConnCtrl)>, Vec<BodyPermit>) {
        let callers: Vec<_> = (1..).take(MAX_LARGE + 1).map(|port| enter(places, port)).collect();
        let mut rooms = Vec::new();
        for (place, _) in &callers[..MAX_LARGE] {
            rooms.push(places.make_room(Some(place.address)).await.unwrap());
        }
        (callers, rooms)
    }

    #[tokio::test]
    async fn the_last_room_is_given_up_by_who_has_it_the_longest() {
        let mut places = ConnectionTable::new(1_000, FuseConfig::disabled());
        places.permit_wait = Duration::ZERO;
        let (callers, mut rooms) = crowded(&places).await;

        let late = places.make_room(Some(callers[MAX_LARGE].0.address));
        let cut_off = async {
            while !callers[0].1.is_aborted() {
                yield_now().await;
            }
            let others = callers[MAX_LARGE - 1].1.is_aborted();
            rooms.remove(0);
            others
        };
        let (room, others) = tokio::join!(late, cut_off);

        assert!(room.is_some() && !others);
        drop((room, rooms));
        assert!(places.table().large.is_empty());
    }

    #[tokio::test]
    async fn nobody_is_cut_off_where_a_room_is_released_in_time() {
        let mut places = ConnectionTable::new(1_000, FuseConfig::disabled());
        places.permit_wait = Duration::from_secs(600);
        let (callers, mut rooms) = crowded(&places).await;

        let late = places.make_room(Some(callers[MAX_LARGE].0.address));
        // Time enough to cut others off, if it did not wait.
        let release = async {
            sleep(Duration::from_millis(20)).await;
            drop(rooms.pop());
        };
        let (room, ()) = tokio::join!(late, release);

        assert!(room.is_some());
        assert!(callers.iter().all(|(_, caller)| !caller.is_aborted()));
    }
}
