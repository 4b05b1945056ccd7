//! What a certificate says of itself, in the words that API Gateway uses for it.
//!
//! Names are written as RFC 4514 has it: the most specific part first, `,` `+` `"` `\` `<` `>` `;` behind a backslash,
//! controls in hex. So no name can end early or look like two.

use std::fmt;

use ambient::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::pem::{LineEnding, PemLabel as _, encode_string};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// What a certificate says of itself.
///
/// Its `Debug` shows whose it is and its number.
#[derive(Clone, Eq, PartialEq)]
pub struct CertificateFacts {
    /// The certificate in PEM, byte for byte as it was shown, without a line break at its end.
    pub pem: String,
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Its number with that signer, in hex, a colon between bytes.
    pub serial_number: String,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
}

/// A certificate that is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is no X.509 certificate")]
pub struct UnreadableCertificate;

impl CertificateFacts {
    /// Reads a certificate. Whether it is genuine was decided before.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, UnreadableCertificate> {
        let certificate = Certificate::from_der(der).map_err(|_| UnreadableCertificate)?;
        // What was shown, not what was read: reading puts sets in DER's order, and signatures and fingerprints would not
        // be of that.
        let pem =
            encode_string(Certificate::PEM_LABEL, LineEnding::LF, der).map_err(|_| UnreadableCertificate)?;
        let facts = certificate.tbs_certificate();
        let validity = facts.validity();
        Ok(Self {
            pem: pem.trim_end().to_owned(),
            subject: name(facts.subject()),
            issuer: name(facts.issuer()),
            serial_number: colon_hex(facts.serial_number().as_bytes()),
            not_before: moment(validity.not_before),
            not_after: moment(validity.not_after),
        })
    }
}

impl fmt::Debug for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateFacts")
            .field("subject", &self.subject)
            .field("serial_number", &self.serial_number)
            .finish_non_exhaustive()
    }
}

/// A name, its parts under the names that OpenSSL and AWS have for them.
fn name(name: &Name) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|part| {
            let attributes = part.iter().map(|attribute| {
                let text = attribute.to_string();
                match text.split_once('=') {
                    Some((_, value)) if attribute.oid == EMAIL_ADDRESS => format!("emailAddress={value}"),
                    _ => text,
                }
            });
            attributes.collect::<Vec<_>>().join("+")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

fn colon_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn moment(time: Time) -> Timestamp {
    Timestamp::from_secs(time.to_unix_duration().as_secs())
}

const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
