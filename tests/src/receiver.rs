//! A webhook receiver on a real loopback socket, whose responses are a test's to choose.
//!
//! One thread with a runtime of its own serves all connections, so a test may block its own, and
//! hundreds of hanging sockets cost hundreds of small tasks. For each request the behaviour is asked
//! first, then the request is recorded, then the reaction happens: a test that sees a delivery can
//! change the behaviour and knows that only later deliveries meet the new one.
//!
//! A request that no plain HTTP/1.1 server would read, and a behaviour that panics, fail the test
//! when the receiver is dropped. A connection that merely breaks does not: senders are killed here
//! on purpose.

use std::{
    io,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::{JoinError, JoinSet},
    time::timeout,
};

use crate::server::Port;

mod delivery;
mod gate;
mod reaction;
#[cfg(test)]
mod tests;

pub use delivery::{Delivery, event_ids};
pub use gate::Gate;
pub use reaction::Reaction;

/// Connections that may wait to be accepted. A storm of 300 must not meet a full queue: the kernel
/// then drops the connection's first packet, which costs its sender a whole second.
const BACKLOG: u32 = 1024;

type Behaviour = dyn Fn(&Delivery) -> Reaction + Send + Sync;

/// A running receiver; dropped, it closes its port and all connections.
pub struct Receiver {
    port: Port,
    shared: Arc<Shared>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Receiver {
    /// Starts on a free port.
    pub fn start(behaviour: impl Fn(&Delivery) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start_on(0, behaviour)
    }

    /// One that takes all with 200, at once.
    pub fn kind() -> Self {
        Self::start(|_| Reaction::Status(200))
    }

    /// Starts on this port: a partner that comes back.
    pub fn start_on(
        port: u16,
        behaviour: impl Fn(&Delivery) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let port = Port::take(port);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = {
            let _inside = runtime.enter();
            port.listen(BACKLOG)
        };
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Arc::new(behaviour)),
            deliveries: Mutex::default(),
            faults: Mutex::default(),
            arrival: watch::Sender::new(()),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || runtime.block_on(serve(listener, serving, stopped)));
        Self { port, shared, running: Some((stop, thread)) }
    }

    /// The callback URL to register.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port())
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Reacts like this to every request read from now on.
    pub fn behave(&self, behaviour: impl Fn(&Delivery) -> Reaction + Send + Sync + 'static) {
        *locked(&self.shared.behaviour) = Arc::new(behaviour);
    }

    /// All that has arrived, in order of arrival.
    pub fn deliveries(&self) -> Vec<Delivery> {
        locked(&self.shared.deliveries).clone()
    }

    pub fn count(&self) -> usize {
        locked(&self.shared.deliveries).len()
    }

    /// Waits until `enough` says so of what has arrived, and gives that.
    ///
    /// # Panics
    /// If that takes longer than `within`, saying what did arrive.
    #[track_caller]
    pub fn wait_for(
        &self,
        enough: impl Fn(&[Delivery]) -> bool,
        within: Duration,
    ) -> impl Future<Output = Vec<Delivery>> {
        let caller = Location::caller();
        async move {
            match timeout(within, self.enough(enough)).await {
                Ok(deliveries) => deliveries,
                Err(_) => panic!("{caller}: not within {within:?}; {}", self.summary()),
            }
        }
    }

    /// Closes the listener and every connection. What was recorded stays readable, and the port is
    /// kept for the next receiver that is started on it.
    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            if thread.join().is_err() {
                self.shared.fault("its own thread panicked".to_owned());
            }
        }
    }

    async fn enough(&self, enough: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let mut arrival = self.shared.arrival.subscribe();
        loop {
            {
                let deliveries = locked(&self.shared.deliveries);
                if enough(&deliveries) {
                    return deliveries.clone();
                }
            }
            let changed = arrival.changed().await;
            changed.expect("the sender lives as long as the receiver");
        }
    }

    fn summary(&self) -> String {
        let deliveries = locked(&self.shared.deliveries);
        let first = deliveries.len().saturating_sub(20);
        let last: Vec<_> = deliveries[first..].iter().map(Delivery::to_string).collect();
        format!("{} came, the last:\n  {}", deliveries.len(), last.join("\n  "))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
        let faults = locked(&self.shared.faults);
        if !faults.is_empty() && !thread::panicking() {
            panic!("the receiver on port {}: {}", self.port(), faults.join("; "));
        }
    }
}

struct Shared {
    behaviour: Mutex<Arc<Behaviour>>,
    deliveries: Mutex<Vec<Delivery>>,
    faults: Mutex<Vec<String>>,
    arrival: watch::Sender<()>,
}

impl Shared {
    fn record(&self, delivery: Delivery) {
        locked(&self.deliveries).push(delivery);
        self.arrival.send_replace(());
    }

    fn judge(&self, ended: Result<io::Result<()>, JoinError>) {
        match ended {
            Err(panic) => self.fault(format!("a behaviour failed: {panic}")),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                self.fault(format!("a bad request: {error}"));
            }
            Ok(_) => {}
        }
    }

    fn fault(&self, what: String) {
        locked(&self.faults).push(what);
    }
}

/// A test's predicate may panic under a lock; what the lock guards is whole all the same.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut conversations = JoinSet::new();
    let mut connection = 0;
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connection += 1;
                    conversations.spawn(converse(stream, connection, Arc::clone(&shared)));
                }
                Err(error) => return shared.fault(format!("cannot accept: {error}")),
            },
            Some(ended) = conversations.join_next() => shared.judge(ended),
        }
    }
    // The sender may have seen its connection end, and the test its sender's error, before us.
    while let Some(ended) = conversations.try_join_next() {
        shared.judge(ended);
    }
}

async fn converse(mut stream: TcpStream, connection: u64, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    while let Some(delivery) = next_delivery(&mut stream, &mut unread, connection).await? {
        let behaviour = Arc::clone(&locked(&shared.behaviour));
        let reaction = behaviour(&delivery);
        let last = delivery.header("connection") == Some("close");
        shared.record(delivery);
        if reaction.perform(&mut stream).await?.is_break() || last {
            break;
        }
    }
    Ok(())
}

async fn next_delivery(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    connection: u64,
) -> io::Result<Option<Delivery>> {
    loop {
        let parsed = Delivery::parse(unread, connection)
            .map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))?;
        if let Some((delivery, length)) = parsed {
            unread.drain(..length);
            return Ok(Some(delivery));
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}
