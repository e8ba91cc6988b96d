//! The key pair that a host proves itself by to others, and what it asks of them.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs as provider,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};

/// The protocol between hosts. Those of another version refuse each other's connections.
const PROTOCOL: &[u8] = b"hookdesk/1";

/// A host's key pair, of Ed25519, drawn when the process starts and kept in its memory alone.
#[derive(Clone, Debug)]
pub struct Identity {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

impl Identity {
    /// # Errors
    /// When the system gives no chance.
    pub fn draw() -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let no_chance = |_| Error::FailedToGetRandomBytes;
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(no_chance)?;
        let pair = PrivatePkcs8KeyDer::from(pair.as_ref().to_vec());
        let pair = provider.key_provider.load_private_key(pair.into())?;
        let public = pair.public_key().ok_or(Error::FailedToGetRandomBytes)?.to_vec();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], pair));
        Ok(Self { provider, key })
    }

    /// The public key, as a `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.cert.first().map(|key| &**key).unwrap_or_default()
    }

    /// How others are accepted, whatever key they prove: the acceptor then looks whose it is.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn server(&self) -> Result<ServerConfig, Error> {
        let keys = Arc::new(Keys { expected: None, algorithms: self.algorithms() });
        let own = Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.key)));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(keys)
            .with_cert_resolver(own);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        // A resumed session would be one whose key was proven to nobody.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// How a host is called that must prove this key.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client(&self, expected: &[u8]) -> Result<ClientConfig, Error> {
        let expected = Some(expected.to_vec());
        let keys = Arc::new(Keys { expected, algorithms: self.algorithms() });
        let own = Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&self.key)));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(keys)
            .with_client_cert_resolver(own);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn algorithms(&self) -> WebPkiSupportedAlgorithms {
        self.provider.signature_verification_algorithms
    }
}

/// Asks for a raw public key (RFC 7250), and that the other side has its private key.
#[derive(Debug)]
struct Keys {
    /// The only key that will do, if there is one.
    expected: Option<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Keys {
    fn judge(&self, key: &CertificateDer<'_>) -> Result<(), Error> {
        let is_right = self.expected.as_ref().is_none_or(|expected| *expected == **key);
        let refused = CertificateError::ApplicationVerificationFailure;
        if is_right { Ok(()) } else { Err(refused.into()) }
    }

    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(&**key);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }
}

impl ServerCertVerifier for Keys {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Keys {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// Whether a host is reached that must have this key, and which key it saw of who leader.
    async fn reach(follower: &Identity, expected: &[u8], leader: &Identity) -> (bool, Vec<u8>) {
        let (near, far) = tokio::io::duplex(1 << 14);
        let acceptor = TlsAcceptor::from(Arc::new(leader.server().unwrap()));
        let connector = TlsConnector::from(Arc::new(follower.client(expected).unwrap()));
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let (accepted, connected) =
            tokio::join!(acceptor.accept(far), connector.connect(name, near));
        let seen = accepted.ok().and_then(|stream| {
            let keys = stream.get_ref().1.peer_certificates()?;
            keys.first().map(|key| key.to_vec())
        });
        (connected.is_ok(), seen.unwrap_or_default())
    }

    #[tokio::test]
    async fn hosts_prove_their_keys_to_each_other() {
        let (follower, leader) = (Identity::draw().unwrap(), Identity::draw().unwrap());

        let reached = reach(&follower, leader.public_key(), &leader).await;

        assert_eq!(reached, (true, follower.public_key().to_vec()));
        assert_ne!(follower.public_key(), leader.public_key());
    }

    #[tokio::test]
    async fn a_host_with_another_key_than_the_expected_hears_nothing() {
        let (follower, leader) = (Identity::draw().unwrap(), Identity::draw().unwrap());

        let reached = reach(&follower, follower.public_key(), &leader).await;

        assert_eq!(reached, (false, Vec::new()));
    }
}
