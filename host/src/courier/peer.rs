//! Proof that a connection leads to an address that may be called.
//!
//! Addresses are vetted before connecting, but on a path through code of others: a resolver, a race
//! of several addresses, a pool. So the peer address of each connection is checked before a byte of
//! HTTP is sent on it. A connection that is reused keeps its peer.

use std::future::{Ready, ready};
use std::net::IpAddr;

use hookdesk_core::guard::{BadHost, Targets, verdict};
use hyper::http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use url::Host;

use super::resolver::Refused;

type Anything = Box<dyn std::error::Error + Send + Sync>;

/// Passes the connection on if its peer address may be called.
pub(super) fn proven<C: Connection>(
    connection: C,
    targets: &Targets,
) -> Ready<Result<C, Anything>> {
    let judged = judge(&connection, targets);
    ready(judged.map(|()| connection).map_err(|why| Refused(why).into()))
}

fn judge(connection: &impl Connection, targets: &Targets) -> Result<(), BadHost> {
    let mut known = Extensions::new();
    connection.connected().get_extras(&mut known);
    let reached: &HttpInfo = known.get().ok_or(BadHost::Nowhere)?;
    let host = match reached.remote_addr().ip() {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    };
    verdict(&host, None, targets)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io::Read;
    use std::net::TcpListener;
    use std::time::Duration;

    use reqwest::Client;
    use tower::util::AndThenLayer;

    use super::*;

    /// How long the listener is silent.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Why a client fails whose own configuration maps a name to this listener, unvetted.
    async fn why(targets: Targets, listener: &TcpListener) -> Option<&'static str> {
        let address = listener.local_addr().unwrap();
        let proof = AndThenLayer::new(move |connection| proven(connection, &targets));
        let client = Client::builder().no_proxy().timeout(PATIENCE);
        let client = client.resolve("partner.example", address);
        let client = client.connector_layer(proof).build().unwrap();
        let request = client.post("http://partner.example/hook").body("a secret");
        let failed = request.send().await.unwrap_err();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&failed);
        while let Some(error) = cause {
            if let Some(Refused(why)) = error.downcast_ref() {
                return Some(why.name());
            }
            cause = error.source();
        }
        None
    }

    #[tokio::test]
    async fn a_connection_that_reached_a_forbidden_address_hears_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();

        let refused = why(Targets::public(), &listener).await;

        assert_eq!(refused, Some("loopback"));
        let (mut reached, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        reached.read_to_end(&mut heard).unwrap();
        assert!(heard.is_empty(), "{}", String::from_utf8_lossy(&heard));
    }

    #[tokio::test]
    async fn a_connection_that_reached_an_allowed_address_is_spoken_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let targets = Targets::public().with_loopback();
        let listening = listener.try_clone().unwrap();
        let heard = std::thread::spawn(move || {
            let (mut reached, _) = listening.accept().unwrap();
            let mut byte = [0];
            reached.read_exact(&mut byte).unwrap();
            byte
        });

        let failed = why(targets, &listener).await;

        assert_eq!(failed, None);
        assert_eq!(&heard.join().unwrap(), b"P");
    }
}
