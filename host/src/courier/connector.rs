//! Connections that lead to addresses that may be called, with TLS where the URL says so.
//!
//! Addresses are vetted before connecting, but on a path through code of others: a resolver, a race
//! of several addresses. So the peer address of each connection is checked before a byte is sent on
//! it. A connection that is reused keeps its peer.
//!
//! No proxy is used, whatever the environment says: the guard would judge the proxy's address, and
//! the proxy would resolve names anew.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hookdesk_core::Failure;
use hookdesk_core::guard::{BadHost, Targets, check_target};
use hyper::Uri;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceExt as _};
use url::Host;

use super::failure::classify;
use super::names::Names;
use super::resolver::{Refused, Resolver};

#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<Proven<HttpConnector<Resolver>>>,
}

impl Connector {
    /// # Errors
    /// When TLS cannot be set up, for example without trusted root certificates.
    pub fn new(names: &Arc<dyn Names>, targets: &Arc<Targets>) -> Result<Self, rustls::Error> {
        let resolver = Resolver::new(Arc::clone(names), Arc::clone(targets));
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let proven = Proven { tcp, targets: Arc::clone(targets) };
        Ok(Self { https: HttpsConnector::from((proven, tls()?)) })
    }

    /// Connects to an origin: scheme, host and port.
    pub async fn connect(
        &self,
        origin: &str,
    ) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, Failure> {
        let origin: Uri = origin.parse().map_err(|_| Failure::Ours)?;
        let connecting = self.https.clone().oneshot(origin);
        connecting.await.map_err(|error| classify(&*error, Failure::Connect))
    }
}

/// TLS 1.2 or later, with certificates that this system trusts.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider);
    let roots = versions.with_safe_default_protocol_versions()?.try_with_platform_verifier()?;
    let mut config = roots.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Makes connections with `tcp`, and passes those on whose peer address may be called.
#[derive(Clone)]
struct Proven<C> {
    tcp: C,
    targets: Arc<Targets>,
}

impl<C> Service<Uri> for Proven<C>
where
    C: Service<Uri, Response = TokioIo<TcpStream>>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let (connecting, targets) = (self.tcp.call(origin), Arc::clone(&self.targets));
        Box::pin(async move {
            let stream = connecting.await.map_err(Into::into)?;
            judge(stream.inner().peer_addr()?, &targets).map_err(Refused)?;
            Ok(stream)
        })
    }
}

fn judge(peer: SocketAddr, targets: &Targets) -> Result<(), BadHost> {
    let host = match peer.ip() {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    };
    check_target(&host, None, targets)
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::io::Read as _;
    use std::net::TcpListener;

    use tower::service_fn;

    use super::*;

    /// Connects as if a name led to this listener, unvetted. An error is what the guard says.
    async fn connect(targets: Targets, listener: &TcpListener) -> Result<(), &'static str> {
        let address = listener.local_addr().unwrap();
        let resolver = service_fn(move |_| ready(Ok::<_, BadHost>([address].into_iter())));
        let tcp = HttpConnector::new_with_resolver(resolver);
        let proven = Proven { tcp, targets: Arc::new(targets) };
        let connected = proven.oneshot(Uri::from_static("http://partner.example/hook")).await;
        connected.map(drop).map_err(|error| error.downcast::<Refused>().unwrap().0.name())
    }

    #[tokio::test]
    async fn a_connection_that_reached_a_forbidden_address_hears_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();

        let connected = connect(Targets::public(), &listener).await;

        assert_eq!(connected, Err("loopback"));
        let (mut reached, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        reached.read_to_end(&mut heard).unwrap();
        assert!(heard.is_empty(), "{}", String::from_utf8_lossy(&heard));
    }

    #[tokio::test]
    async fn a_connection_that_reached_an_allowed_address_stands() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();

        let connected = connect(Targets::public().with_loopback(), &listener).await;

        assert_eq!(connected, Ok(()));
    }
}
