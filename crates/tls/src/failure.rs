//! Why a handshake failed: in a word for counting, and in rustls's own for the log.
//!
//! Neither has a byte of what was sent.

use std::io;

use rustls::{CertificateError, Error, PeerIncompatible};

/// A handshake that failed.
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake failed: {reason}")]
pub struct HandshakeError {
    /// In a word.
    pub class: FailureClass,
    reason: String,
}

/// Why a handshake failed, in a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureClass {
    /// The connection ended before the handshake did.
    Closed,
    /// What came is no TLS.
    NotTls,
    /// There is no version, cipher suite, group or signature that both know.
    Incompatible,
    /// The client speaks neither HTTP/2 nor HTTP/1.1.
    NoApplicationProtocol,
    /// A certificate is required, and none came.
    NoClientCertificate,
    /// The client's certificate is not good.
    BadClientCertificate,
    /// The client refused, most often because it does not trust the certificate.
    RefusedByClient,
    /// It was given up: it took too long, or the program stopped.
    GivenUp,
    /// The client broke the rules of the protocol, or something else happened.
    Other,
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Closed,
        Self::NotTls,
        Self::Incompatible,
        Self::NoApplicationProtocol,
        Self::NoClientCertificate,
        Self::BadClientCertificate,
        Self::RefusedByClient,
        Self::GivenUp,
        Self::Other,
    ];

    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::NoApplicationProtocol => "no_application_protocol",
            Self::NoClientCertificate => "no_client_certificate",
            Self::BadClientCertificate => "bad_client_certificate",
            Self::RefusedByClient => "refused_by_client",
            Self::GivenUp => "given_up",
            Self::Other => "other",
        }
    }

    /// Whether it is about a client's certificate: something that its owner will ask the operator about.
    pub(crate) const fn concerns_client_certificate(self) -> bool {
        matches!(self, Self::NoClientCertificate | Self::BadClientCertificate)
    }
}

impl From<&io::Error> for HandshakeError {
    fn from(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let class = cause.map_or(FailureClass::Closed, class);
        Self { class, reason: cause.map_or_else(|| error.kind().to_string(), said) }
    }
}

impl HandshakeError {
    /// rustls took a certificate that cannot be read all the same: nobody behind must see half of one.
    pub(crate) fn unreadable() -> Self {
        let reason = "the client's certificate cannot be read".to_owned();
        Self { class: FailureClass::BadClientCertificate, reason }
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

fn class(error: &Error) -> FailureClass {
    match error {
        Error::InvalidMessage(_) => FailureClass::NotTls,
        Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon)
        | Error::InvalidCertificate(_)
        | Error::InvalidCertRevocationList(_) => FailureClass::BadClientCertificate,
        Error::PeerIncompatible(_) => FailureClass::Incompatible,
        Error::NoApplicationProtocol => FailureClass::NoApplicationProtocol,
        Error::NoCertificatesPresented => FailureClass::NoClientCertificate,
        Error::AlertReceived(_) => FailureClass::RefusedByClient,
        _ => FailureClass::Other,
    }
}

/// rustls's words, where these show nothing of what was sent.
fn said(error: &Error) -> String {
    match error {
        // These come with names and numbers out of the certificate.
        Error::InvalidCertificate(CertificateError::ExpiredContext { .. }) => {
            Error::InvalidCertificate(CertificateError::Expired).to_string()
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { .. }) => {
            Error::InvalidCertificate(CertificateError::NotValidYet).to_string()
        }
        Error::InvalidCertificate(CertificateError::Other(_)) => "invalid peer certificate".to_owned(),
        error => error.to_string(),
    }
}
