//! Why a handshake failed: in a word for counting, and in rustls's own for the log.
//!
//! Neither has anything out of a certificate. Of a message that breaks the rules the latter may have its type, or the number
//! of an alert.

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

    /// In rustls's words, with nothing out of a certificate.
    pub fn reason(&self) -> &str {
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

/// rustls's words, but for certificates: there they have names and numbers that whoever made one chose.
fn said(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => match certificate_fault(fault) {
            Some(word) => format!("invalid peer certificate: {word}"),
            None => "invalid peer certificate".to_owned(),
        },
        error => error.to_string(),
    }
}

/// rustls's name for what is wrong with a certificate, or words that are always the same. What is not known here has none.
const fn certificate_fault(error: &CertificateError) -> Option<&'static str> {
    use CertificateError as Fault;
    Some(match error {
        Fault::BadEncoding => "BadEncoding",
        Fault::BadSignature => "BadSignature",
        Fault::Expired | Fault::ExpiredContext { .. } => "Expired",
        Fault::ExpiredRevocationList | Fault::ExpiredRevocationListContext { .. } => "ExpiredRevocationList",
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => {
            "certificate does not allow extended key usage for client authentication"
        }
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => "NotValidYet",
        Fault::Revoked => "Revoked",
        Fault::UnhandledCriticalExtension => "UnhandledCriticalExtension",
        Fault::UnknownIssuer => "UnknownIssuer",
        Fault::UnknownRevocationStatus => "UnknownRevocationStatus",
        Fault::UnsupportedSignatureAlgorithmContext { .. }
        | Fault::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => "UnsupportedSignatureAlgorithm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::UnixTime;

    use super::*;

    fn reason(error: CertificateError) -> String {
        let error = io::Error::new(io::ErrorKind::InvalidData, Error::InvalidCertificate(error));
        HandshakeError::from(&error).reason
    }

    #[test]
    fn names_and_numbers_of_a_certificate_are_left_out() {
        let (bytes, time) = (vec![47, 11], UnixTime::since_unix_epoch(std::time::Duration::from_secs(4711)));
        for (error, word) in [
            (CertificateError::ExpiredContext { time, not_after: time }, "Expired"),
            (CertificateError::NotValidYetContext { time, not_before: time }, "NotValidYet"),
            (
                CertificateError::ExpiredRevocationListContext { time, next_update: time },
                "ExpiredRevocationList",
            ),
            (
                CertificateError::UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: bytes.clone(),
                    supported_algorithms: Vec::new(),
                },
                "UnsupportedSignatureAlgorithm",
            ),
            (
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: bytes.clone(),
                    public_key_algorithm_id: bytes,
                },
                "UnsupportedSignatureAlgorithm",
            ),
            (CertificateError::BadSignature, "BadSignature"),
        ] {
            assert_eq!(reason(error), format!("invalid peer certificate: {word}"));
        }
        let named = CertificateError::NotValidForNameContext {
            expected: "localhost".try_into().unwrap(),
            presented: vec!["4711".to_owned()],
        };
        assert_eq!(reason(named), "invalid peer certificate");
    }
}
