//! A listener that would hear who should not call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// A listener on all addresses of this machine that nobody should call.
pub struct Ear(TcpListener);

impl Ear {
    pub fn open(address: impl Into<IpAddr>, port: u16) -> Self {
        let address = SocketAddr::new(address.into(), port);
        Self(TcpListener::bind(address).expect("the port is free"))
    }

    /// One that hears both families.
    pub fn everywhere() -> Self {
        Self::open(Ipv6Addr::UNSPECIFIED, 0)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    /// Sees that nobody called. Callers wait in a queue: who comes out first came first.
    pub fn assert_silent(&self) {
        let own = match self.0.local_addr().expect("it is bound") {
            SocketAddr::V6(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, self.port())),
            address @ SocketAddr::V4(_) => address,
        };
        let probe = TcpStream::connect(own).expect("it listens");
        let (_, first) = self.0.accept().expect("the probe calls");
        let probe = probe.local_addr().expect("it is connected");
        assert_eq!(first.port(), probe.port(), "somebody called");
    }
}
