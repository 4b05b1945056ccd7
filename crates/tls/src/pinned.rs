//! The client's end, for commands that talk to the front door of their own machine.
//!
//! They know which certificate their server has: they trust that one and no other, whatever name or address they reach it
//! by and whoever signed it. Where the server asks for a certificate of theirs, they show the one that they are told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::load::{HTTP1, LoadError, chain, private_key, refusal};

/// A certificate that a client shows of itself: its file and that of its key, in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The certificate, and behind it what signed it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A client that speaks to whoever has the key of the first certificate in the file `known`, and to nobody else. It shows
/// `own`, if it is asked for a certificate.
pub fn pinned_client(known: &Path, own: Option<&Identity>) -> Result<ClientConfig, LoadError> {
    let missing = || LoadError::Missing { path: known.into(), what: "certificate" };
    let known = chain(known)?.into_iter().next().ok_or_else(missing)?;
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(Pinned { known, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LoadError::Unusable(error.to_string()))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => builder
            .with_client_auth_cert(chain(certificate)?, private_key(key)?.0)
            .map_err(|error| refusal(&error, certificate, key))?,
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct Pinned {
    known: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _stapled: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *shown == self.known {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
