//! A port that stays reserved while nothing listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// A port of the loopback that is kept from everybody who asks for any free one, so that a server
/// or receiver finds it again later: bound but never listened on, which lets a listener have it.
pub struct Port(TcpSocket);

impl Port {
    /// This one, or any for 0.
    ///
    /// # Panics
    /// If somebody listens on it.
    pub fn take(number: u16) -> Self {
        Self(bound(number))
    }

    pub fn number(&self) -> u16 {
        self.0.local_addr().expect("a bound socket has an address").port()
    }

    /// Listens on it, in the runtime that the caller is in.
    pub(crate) fn listen(&self, backlog: u32) -> TcpListener {
        bound(self.number()).listen(backlog).expect("a bound socket can listen")
    }
}

fn bound(number: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("a new socket takes options");
    if let Err(error) = socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, number))) {
        panic!("port {number} cannot be had: {error}");
    }
    socket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stays_free_for_a_listener_and_for_no_second_one() {
        let port = Port::take(0);
        let address = (Ipv4Addr::LOCALHOST, port.number());

        for _ in 0..3 {
            let listener = std::net::TcpListener::bind(address).expect("it was kept for us");
            std::net::TcpStream::connect(address).expect("it accepts");
            std::net::TcpListener::bind(address).expect_err("it is in use");
            drop(listener);
            std::net::TcpStream::connect(address).expect_err("nobody listens");
        }
    }
}
