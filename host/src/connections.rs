//! Connection slots. When the last slot is taken, one connection is aborted: of those whose request
//! is pending (silent, slow or idle callers), the one that has been so the longest. So strangers
//! that open connections and leave them keep nobody out, and a call that is being answered is safe.
//! One that was just opened has a while to send its first request, and one that was used again and
//! again has as long for its next: neither callers that come for one request each, nor strangers
//! that open connections as fast as they can, end who comes once or who stays.
//! Permits for large bodies are revoked in the same way.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use salvo::async_trait;
use salvo::conn::ConnCtrl;
use salvo::fuse::{ArcConnObserver, ConnObserver, FuseAction, FuseConfig, FuseInfo, FusePolicy};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::share_holder::ShareHolder;
use crate::shares::{SharePermit, Shares};

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
/// How long a new connection, or one that had more than one answer, may take to send its next
/// request before it makes room as others do.
const GRACE: Duration = Duration::from_secs(1);

/// The connection slots of a listener; cheap to clone.
#[derive(Clone)]
pub struct ConnectionTable {
    most: usize,
    limits: FuseConfig,
    permits: Arc<Semaphore>,
    permit_wait: Duration,
    calls: Shares,
    staying: Shares,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    connections: HashMap<SocketAddr, Connection>,
    /// Connections whose request is pending, each by the turn since when: the first of a map has
    /// taken the longest.
    awaited: Awaited,
    /// Connections that send a large body, by the turn at which it became large.
    large: BTreeMap<u64, SocketAddr>,
    turn: u64,
}

#[derive(Default)]
struct Awaited {
    /// Those with [`GRACE`], which is over for the first of a map before it is for another.
    first: BTreeMap<u64, SocketAddr>,
    again: BTreeMap<u64, SocketAddr>,
    /// Those that had one answer: most callers come for no more.
    second: BTreeMap<u64, SocketAddr>,
}

struct Connection {
    /// The turn of its arrival: an address may return before its last connection is removed.
    entered: u64,
    control: ConnCtrl,
    answers: u64,
    /// Since when its request is pending, and its turn among those whose is.
    awaits: Option<(u64, Instant)>,
}

impl Connection {
    fn has_grace(&self) -> bool {
        self.answers != 1 && self.awaits.is_some_and(|(_, since)| since.elapsed() < GRACE)
    }
}

impl Awaited {
    fn of(&mut self, answers: u64) -> &mut BTreeMap<u64, SocketAddr> {
        match answers {
            0 => &mut self.first,
            1 => &mut self.second,
            _ => &mut self.again,
        }
    }

    /// The first of each map.
    fn longest(&self) -> impl Iterator<Item = (u64, SocketAddr)> {
        let maps = [&self.first, &self.second, &self.again];
        maps.into_iter().filter_map(|map| map.first_key_value().map(|(turn, at)| (*turn, *at)))
    }
}

impl ConnectionTable {
    /// At most `most` slots, for connections with these limits.
    #[must_use]
    pub fn new(most: usize, limits: FuseConfig) -> Self {
        Self {
            most,
            limits,
            permits: Arc::new(Semaphore::new(MAX_LARGE)),
            permit_wait: PERMIT_WAIT,
            calls: Shares::new(most),
            staying: Shares::new(most * MAX_STAYING / 100),
            table: Arc::default(),
        }
    }

    /// A place for a call with a key, held to its end: while calls are answered no connection of
    /// theirs makes room for others. None if its holder has as many as are left.
    #[must_use]
    pub fn admit(&self, holder: ShareHolder) -> Option<SharePermit> {
        self.calls.take(Some(holder))
    }

    /// Marks the caller's request as complete: its connection is safe until the result is dropped.
    #[must_use]
    pub fn answer(&self, address: Option<SocketAddr>) -> ActiveRequest {
        if let Some(address) = address {
            self.table().stop_awaiting(address);
        }
        ActiveRequest { slots: self.clone(), address, stays: None, share: None }
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
        Some(BodyPermit { slots: self.clone(), turn, _permit: permit })
    }

    fn enter(&self, address: SocketAddr, control: ConnCtrl) -> ConnectionSlot {
        let mut table = self.table();
        if table.connections.len() + 1 >= self.most {
            table.abort_longest_awaited();
        }
        // A pending request of an earlier connection of this address is void.
        table.stop_awaiting(address);
        table.turn += 1;
        let entered = table.turn;
        let connection = Connection { entered, control, answers: 0, awaits: None };
        table.connections.insert(address, connection);
        table.await_request(address);
        ConnectionSlot { slots: self.clone(), address, entered }
    }

    /// After a panic the table is still usable: at worst the wrong connection is aborted.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn await_request(&mut self, address: SocketAddr) {
        let Some(connection) = self.connections.get_mut(&address) else { return };
        self.turn += 1;
        connection.awaits = Some((self.turn, Instant::now()));
        self.awaited.of(connection.answers).insert(self.turn, address);
    }

    fn stop_awaiting(&mut self, address: SocketAddr) {
        let Some(connection) = self.connections.get_mut(&address) else { return };
        if let Some((turn, _)) = connection.awaits.take() {
            self.awaited.of(connection.answers).remove(&turn);
        }
    }

    /// The connection that makes room for the next.
    fn longest_awaited(&self) -> Option<SocketAddr> {
        let longest = self.awaited.longest().min_by_key(|(turn, address)| {
            let connection = self.connections.get(address);
            (connection.is_some_and(Connection::has_grace), *turn)
        });
        longest.map(|(_, address)| address)
    }

    fn cut_off_largest(&mut self) {
        if let Some((_, longest)) = self.large.pop_first()
            && let Some(connection) = self.connections.get(&longest)
        {
            connection.control.abort();
        }
    }

    fn abort_longest_awaited(&mut self) {
        let Some(address) = self.longest_awaited() else { return };
        self.stop_awaiting(address);
        if let Some(connection) = self.connections.get(&address) {
            connection.control.abort();
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
struct ConnectionSlot {
    slots: ConnectionTable,
    address: SocketAddr,
    entered: u64,
}

impl ConnObserver for ConnectionSlot {}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        let connection = table.connections.get(&self.address);
        if connection.is_some_and(|connection| connection.entered == self.entered) {
            table.stop_awaiting(self.address);
            table.connections.remove(&self.address);
        }
    }
}

/// The permit to hold a large body in memory.
pub struct BodyPermit {
    slots: ConnectionTable,
    turn: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        self.slots.table().large.remove(&self.turn);
    }
}

/// A request that is being answered.
pub struct ActiveRequest {
    slots: ConnectionTable,
    address: Option<SocketAddr>,
    stays: Option<SharePermit>,
    /// The call's share of the connections.
    share: Option<SharePermit>,
}

impl ActiveRequest {
    /// Marks the caller as one that waits for events or reads for long; false if as many do so as
    /// may, in all or of its holder.
    #[must_use]
    pub fn stay(&mut self, holder: Option<ShareHolder>) -> bool {
        if self.stays.is_none() {
            self.stays = self.slots.staying.take(holder);
        }
        self.stays.is_some()
    }

    /// Holds the call's share of the connections until it is answered.
    pub fn hold(&mut self, share: Option<SharePermit>) {
        self.share = share;
    }

    /// Whether all slots are taken and no other connection can be aborted for the next caller.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        let table = self.slots.table();
        table.connections.len() >= self.slots.most && table.longest_awaited().is_none()
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        // The connection with the last slot got it without another being aborted.
        if table.connections.len() >= self.slots.most {
            table.abort_longest_awaited();
        }
        if let Some(address) = self.address {
            table.stop_awaiting(address);
            if let Some(connection) = table.connections.get_mut(&address) {
                connection.answers += 1;
            }
            table.await_request(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use hookdesk_core::KeyId;
    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::*;

    fn enter(slots: &ConnectionTable, port: u16) -> (ConnectionSlot, ConnCtrl) {
        let connection = ConnCtrl::new();
        (slots.enter(SocketAddr::from(([127, 0, 0, 1], port)), connection.clone()), connection)
    }

    fn end_grace(slots: &ConnectionTable, slot: &ConnectionSlot) {
        let mut table = slots.table();
        let (_, since) = table.connections.get_mut(&slot.address).unwrap().awaits.as_mut().unwrap();
        *since -= GRACE;
    }

    #[test]
    fn the_last_slot_is_that_of_the_request_that_is_pending_the_longest() {
        let slots = ConnectionTable::new(4, FuseConfig::disabled());
        let (first, second, third) = (enter(&slots, 1), enter(&slots, 2), enter(&slots, 3));
        let answered = slots.answer(Some(first.0.address));
        drop(slots.answer(Some(second.0.address)));
        end_grace(&slots, &third.0);

        let _fourth = enter(&slots, 4);

        let gave_up = [&first, &second, &third].map(|(_, connection)| connection.is_aborted());
        assert_eq!(gave_up, [false, false, true]);
        drop((third, answered));
        let _fifth = enter(&slots, 5);
        assert!(second.1.is_aborted() && !first.1.is_aborted());
    }

    #[test]
    fn a_new_connection_has_a_while_to_send_its_first_request() {
        let slots = ConnectionTable::new(4, FuseConfig::disabled());
        let (new, newer, idle) = (enter(&slots, 1), enter(&slots, 2), enter(&slots, 3));
        drop(slots.answer(Some(idle.0.address)));

        let _fourth = enter(&slots, 4);
        assert!(idle.1.is_aborted() && !new.1.is_aborted());
        drop(idle);

        let _fifth = enter(&slots, 5);
        assert!(new.1.is_aborted() && !newer.1.is_aborted(), "no other had an answer");
    }

    #[test]
    fn a_connection_that_is_used_again_and_again_has_a_while_between_requests() {
        let slots = ConnectionTable::new(4, FuseConfig::disabled());
        let (kept, once, new) = (enter(&slots, 1), enter(&slots, 2), enter(&slots, 3));
        drop(slots.answer(Some(kept.0.address)));
        drop(slots.answer(Some(kept.0.address)));
        drop(slots.answer(Some(once.0.address)));

        let _fourth = enter(&slots, 4);
        assert!(once.1.is_aborted(), "it had one answer");
        drop(once);

        let fifth = enter(&slots, 5);
        assert!(new.1.is_aborted() && !kept.1.is_aborted(), "it is awaited longer");
        drop(new);

        end_grace(&slots, &kept.0);
        let _sixth = enter(&slots, 6);
        assert!(kept.1.is_aborted() && !fifth.1.is_aborted());
    }

    #[test]
    fn a_connection_that_ends_while_answered_is_awaited_no_more() {
        let slots = ConnectionTable::new(3, FuseConfig::disabled());
        let gone = enter(&slots, 1);
        let answered = slots.answer(Some(gone.0.address));
        drop(gone);
        drop(answered);
        let table = slots.table();
        assert!(table.connections.is_empty() && table.longest_awaited().is_none());
    }

    #[test]
    fn an_address_that_comes_again_has_the_new_slot() {
        let slots = ConnectionTable::new(9, FuseConfig::disabled());
        let old = enter(&slots, 1);
        let new = enter(&slots, 1);

        drop(old);

        let taken = || {
            let table = slots.table();
            (table.connections.len(), table.awaited.first.len())
        };
        assert_eq!(taken(), (1, 1));
        drop(new);
        assert_eq!(taken(), (0, 0));
    }

    #[test]
    fn an_answer_is_in_the_way_where_no_other_connection_can_be_aborted() {
        let slots = ConnectionTable::new(2, FuseConfig::disabled());
        let (first, second) = (enter(&slots, 1), enter(&slots, 2));
        let answered = slots.answer(Some(first.0.address));
        assert!(!answered.is_in_the_way(), "the request of another is pending");

        let _other = slots.answer(Some(second.0.address));

        assert!(answered.is_in_the_way());
    }

    #[test]
    fn the_first_answer_that_ends_makes_up_for_a_slot_that_was_not_freed() {
        let slots = ConnectionTable::new(2, FuseConfig::disabled());
        let first = enter(&slots, 1);
        let answered = slots.answer(Some(first.0.address));
        let second = enter(&slots, 2);
        assert!(!second.1.is_aborted());

        drop(answered);

        assert!(second.1.is_aborted() && !first.1.is_aborted());
    }

    #[test]
    fn callers_that_stay_leave_slots_for_others() {
        let slots = ConnectionTable::new(12, FuseConfig::disabled());
        let mut staying: Vec<_> = (0..3).map(|_| slots.answer(None)).collect();
        assert!(staying.iter_mut().all(|active| active.stay(None)));
        assert!(staying[0].stay(None), "it counts once");
        let mut fourth = slots.answer(None);
        assert!(!fourth.stay(None));

        staying.pop();

        assert!(fourth.stay(None));
    }

    #[test]
    fn a_holder_that_stays_leaves_places_to_others() {
        let slots = ConnectionTable::new(40, FuseConfig::disabled());
        let holders =
            [1, 2].map(|number| KeyId::parse(&format!("key_{number:032x}")).map(ShareHolder::Key));
        let mut staying = Vec::new();
        let mut stay = |holder| {
            let mut active = slots.answer(None);
            let stays = active.stay(holder);
            staying.push(active);
            stays
        };
        let first = (0..10).filter(|_| stay(holders[0])).count();
        let second = (0..10).filter(|_| stay(holders[1])).count();
        assert_eq!((first, second), (5, 3), "of ten places");
    }

    /// Connections, and permits for all of these but the last.
    async fn crowded(
        slots: &ConnectionTable,
    ) -> (Vec<(ConnectionSlot, ConnCtrl)>, Vec<BodyPermit>) {
        let connections: Vec<_> =
            (1..).take(MAX_LARGE + 1).map(|port| enter(slots, port)).collect();
        let mut permits = Vec::new();
        for (slot, _) in &connections[..MAX_LARGE] {
            permits.push(slots.make_room(Some(slot.address)).await.unwrap());
        }
        (connections, permits)
    }

    #[tokio::test]
    async fn the_last_permit_is_revoked_where_it_was_held_the_longest() {
        let mut slots = ConnectionTable::new(1_000, FuseConfig::disabled());
        slots.permit_wait = Duration::ZERO;
        let (connections, mut permits) = crowded(&slots).await;

        let late = slots.make_room(Some(connections[MAX_LARGE].0.address));
        let cut_off = async {
            while !connections[0].1.is_aborted() {
                yield_now().await;
            }
            let others = connections[MAX_LARGE - 1].1.is_aborted();
            permits.remove(0);
            others
        };
        let (permit, others) = tokio::join!(late, cut_off);

        assert!(permit.is_some() && !others);
        drop((permit, permits));
        assert!(slots.table().large.is_empty());
    }

    #[tokio::test]
    async fn no_connection_is_cut_off_where_a_permit_is_released_in_time() {
        let mut slots = ConnectionTable::new(1_000, FuseConfig::disabled());
        slots.permit_wait = Duration::from_secs(600);
        let (connections, mut permits) = crowded(&slots).await;

        let late = slots.make_room(Some(connections[MAX_LARGE].0.address));
        // Time enough to cut others off, if it did not wait.
        let release = async {
            sleep(Duration::from_millis(20)).await;
            drop(permits.pop());
        };
        let (permit, ()) = tokio::join!(late, release);

        assert!(permit.is_some());
        assert!(connections.iter().all(|(_, connection)| !connection.is_aborted()));
    }
}
