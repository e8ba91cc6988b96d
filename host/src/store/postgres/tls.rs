//! TLS to a PostgreSQL server.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::postgres::url::TlsMode;

/// A client's side of TLS.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// # Errors
    /// When the certificates to trust cannot be read: the text is for the operator.
    pub(super) fn new(mode: TlsMode, roots: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let is_checked = match mode {
            TlsMode::Disable | TlsMode::Prefer => false,
            TlsMode::Require => roots.is_some(),
            TlsMode::VerifyCa | TlsMode::VerifyFull => true,
        };
        let issuer = if is_checked { Some(issuer(roots, &provider)?) } else { None };
        let checks_name = mode == TlsMode::VerifyFull;
        let verifier = Arc::new(AsAsked { issuer, checks_name, algorithms });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn connector(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new((*self.0).clone())
    }
}

/// Checks who issued a certificate: one of a file's, or somebody whom the system trusts.
fn issuer(
    roots: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let Some(path) = roots.filter(|path| *path != Path::new("system")) else {
        let system = Verifier::new(Arc::clone(provider)).map_err(|error| error.to_string())?;
        return Ok(Arc::new(system));
    };
    let shown = path.display();
    let unread = |error: rustls::pki_types::pem::Error| format!("sslrootcert {shown}: {error}");
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
        let added = trusted.add(certificate.map_err(unread)?);
        added.map_err(|error| format!("sslrootcert {shown}: {error}"))?;
    }
    let built =
        WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(provider));
    Ok(built.build().map_err(|error| format!("sslrootcert {shown}: {error}"))?)
}

/// Checks of a server's certificate what the operator asks for.
#[derive(Debug)]
struct AsAsked {
    issuer: Option<Arc<dyn ServerCertVerifier>>,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AsAsked {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(issuer) = &self.issuer else { return Ok(ServerCertVerified::assertion()) };
        let verified = issuer.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            // The name is the last that is looked at.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
