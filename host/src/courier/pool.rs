//! Idle connections, kept for the next request to the same receiver.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connection::Connection;

/// Idle connections are closed before the receiver's keep-alive ends: common servers keep one for 5
/// s at the shortest (Node.js), and a request on a connection that was just closed is sent twice.
const IDLE: Duration = Duration::from_secs(4);
/// How often idle connections are looked through, so that none lasts long for nothing.
const LOOK: Duration = Duration::from_secs(1);
/// How long a connection may take to be ready for another request after an answer's end: the task
/// that drives it has just to be scheduled.
const READY_WAIT: Duration = Duration::from_millis(100);

pub(super) struct Pool {
    idle: Mutex<Idle>,
    /// Idle connections at once. Above that, the oldest is closed.
    max_idle: usize,
    /// How old a connection may be when a request begins, since a name may lead elsewhere by then.
    max_age: Duration,
}

#[derive(Default)]
struct Idle {
    /// In the order in which they became idle, each with the time of that.
    connections: VecDeque<(Instant, Connection)>,
    /// Connections of an earlier generation carry no further request.
    generation: u64,
}

impl Pool {
    /// An empty pool, which is looked through as long as it exists.
    pub fn start(max_idle: usize, max_age: Duration) -> Arc<Self> {
        let pool = Arc::new(Self { idle: Mutex::default(), max_idle, max_age });
        tokio::spawn(look_through(Arc::downgrade(&pool)));
        pool
    }

    pub fn generation(&self) -> u64 {
        self.idle().generation
    }

    /// Closes all idle connections; those that are in use follow when their answers have come.
    pub fn renew(&self) {
        let mut idle = self.idle();
        idle.generation += 1;
        idle.connections.clear();
    }

    /// A connection to `origin` that may carry a request now, the one that was used last.
    pub fn take(&self, origin: &str) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle();
        self.close_old(&mut idle, now);
        loop {
            let same = |(_, connection): &(Instant, Connection)| connection.origin == origin;
            let place = idle.connections.iter().rposition(same)?;
            let (_, connection) = idle.connections.remove(place)?;
            if connection.is_ready() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection if it may carry another request, and closes it otherwise.
    pub async fn put(&self, mut connection: Connection) {
        if !connection.is_reusable(Instant::now() + READY_WAIT).await {
            return;
        }
        let now = Instant::now();
        let mut idle = self.idle();
        if connection.generation != idle.generation {
            return;
        }
        idle.connections.push_back((now, connection));
        if idle.connections.len() > self.max_idle {
            idle.connections.pop_front();
        }
    }

    fn close_old(&self, idle: &mut Idle, now: Instant) {
        idle.connections.retain(|(since, connection)| {
            now - *since < IDLE && now - connection.since < self.max_age
        });
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look_through(pool: Weak<Pool>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        pool.close_old(&mut pool.idle(), Instant::now());
    }
}
