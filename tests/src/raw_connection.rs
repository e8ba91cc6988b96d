//! A raw connection to a desk: bytes as a test spells them, and the bytes of the answers.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// One connection to a desk; dropped, it is closed.
pub struct RawConnection(TcpStream);

/// One HTTP answer, as its bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl RawConnection {
    /// # Panics
    /// If the desk does not accept.
    pub async fn connect(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self(TcpStream::connect(address).await.expect("it accepts"))
    }

    /// A connection from another address of the loopback.
    ///
    /// # Errors
    /// If it is not accepted.
    pub async fn connect_from(address: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // What is left of it keeps nobody from listening on its port at all addresses.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((address, 0)))?;
        socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map(Self)
    }

    /// A connection with a small receive buffer.
    ///
    /// # Panics
    /// If the desk does not accept.
    pub async fn connect_narrow(port: u16) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_recv_buffer_size(4_096).expect("a new socket takes options");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self(socket.connect(address).await.expect("it accepts"))
    }

    /// # Errors
    /// If the connection is closed.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// Bytes that came: none when the connection has ended.
    pub async fn read(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let read = self.0.read(&mut bytes).await.unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// All that comes until the connection ends, if it does in time.
    pub async fn read_to_end(&mut self, within: Duration) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        // A reset is an end too: what came before it was read.
        let _ended = timeout(within, self.0.read_to_end(&mut bytes)).await.ok()?;
        Some(bytes)
    }

    /// Writes all of this, and hears all answers until the connection ends.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn exchange(mut self, bytes: &[u8], within: Duration) -> Vec<RawAnswer> {
        let (mut from, mut to) = self.0.split();
        let mut heard = Vec::new();
        // Both at once: a desk may answer before it has read all, and wait to be heard. What it does
        // not want to read it may cut off.
        let exchange = async { tokio::join!(to.write_all(bytes), from.read_to_end(&mut heard)) };
        let exchanged = timeout(within, exchange).await;
        let start = bytes[..bytes.len().min(200)].escape_ascii();
        assert!(exchanged.is_ok(), "{start}: the connection does not end");
        RawAnswer::all(&heard)
    }

    /// Closes it at once, with a reset.
    pub fn reset(self) {
        // What is sent is thrown away.
        let _ = self.0.set_zero_linger();
    }
}

impl RawAnswer {
    /// The answers in these bytes, interim ones among them.
    ///
    /// # Panics
    /// If they are none, or the last is not whole.
    pub fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut slots);
            let head = match response.parse(bytes) {
                Ok(httparse::Status::Complete(head)) => head,
                other => panic!("no answer ({other:?}): {}", bytes.escape_ascii()),
            };
            let length = response.headers.iter().find(|one| one.name == "content-length");
            let length = length.map_or(0, |one| {
                let text = std::str::from_utf8(one.value).expect("a length is ASCII");
                text.parse().expect("a length is a number")
            });
            let end = head + length;
            assert!(end <= bytes.len(), "cut off: {}", bytes.escape_ascii());
            let status = response.code.expect("a complete head has a status");
            all.push(Self { status, body: bytes[head..end].to_vec() });
            bytes = &bytes[end..];
        }
        all
    }
}
