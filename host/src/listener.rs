//! The listener of callers: its socket, and how many connections it may have.

use std::io;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// Connections at once, if the limit of open files allows them: the desk holds at most a few
/// hundred MiB for them.
pub const MAX_CONNECTIONS: u64 = 10_000;
/// Files that are left for everything else: deliveries in flight, as many idle connections to
/// receivers, and the database with its readers.
const OTHER_FILES: u64 = 600;
/// Connections that are accepted even if the limit of open files is lower.
const MIN_CONNECTIONS: u64 = 64;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// The number of connections that the limit of open files allows, once it is raised to its maximum.
#[must_use]
pub fn most_connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if raised { maximum } else { current };
    let room = files.map_or(MAX_CONNECTIONS, |files| files.saturating_sub(OTHER_FILES));
    let most = room.clamp(MIN_CONNECTIONS, MAX_CONNECTIONS);
    if most < MAX_CONNECTIONS {
        tracing::warn!(
            "{most} callers at once: for {MAX_CONNECTIONS}, let the desk open {} files \
             (ulimit -Hn, LimitNOFILE=)",
            MAX_CONNECTIONS + OTHER_FILES
        );
    }
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// A listener at an address, whose connections send what they have at once.
///
/// # Errors
/// When the address cannot be bound.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Inherited by accepted sockets: a response in two writes does not wait for an acknowledgement.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
