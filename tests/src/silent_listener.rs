//! A listener that must get no connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// A listener on an address of this machine, or on all, that must not be connected to.
pub struct SilentListener(TcpListener);

impl SilentListener {
    pub fn open(address: impl Into<IpAddr>, port: u16) -> Self {
        let address = SocketAddr::new(address.into(), port);
        Self(TcpListener::bind(address).expect("the port is free"))
    }

    /// On all addresses of both families.
    pub fn everywhere() -> Self {
        Self::open(Ipv6Addr::UNSPECIFIED, 0)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    /// Fails if anything connected. Connections queue up: the first that is accepted was the first.
    pub fn assert_silent(&self) {
        let own = match self.0.local_addr().expect("it is bound") {
            SocketAddr::V6(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, self.port())),
            address @ SocketAddr::V4(_) => address,
        };
        let probe = TcpStream::connect(own).expect("it listens");
        let (_, first) = self.0.accept().expect("the probe connects");
        let probe = probe.local_addr().expect("it is connected");
        assert_eq!(first.port(), probe.port(), "something connected");
    }
}
