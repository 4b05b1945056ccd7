//! A certificate for development, which its own key signed.
//!
//! It is no authority: whoever trusts it trusts this one certificate and nothing that its key might sign.

use std::net::IpAddr;
use std::time::Duration;

use ambient::{Entropy, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, date_time_ymd,
};
use zeroize::Zeroizing;

/// A certificate with its key, in PEM.
pub struct Development {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: Zeroizing<String>,
}

/// Only that there is one.
impl std::fmt::Debug for Development {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Development").finish_non_exhaustive()
    }
}

/// A certificate for this machine by `localhost`, by `names` and by its loopback addresses, from `now` on for 90 days. A name
/// that no certificate can have is left out.
pub fn self_signed(
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Development, rcgen::Error> {
    let mut params = CertificateParams::default();
    let dns = |name: &str| name.try_into().map(SanType::DnsName);
    let addresses = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    params.subject_alt_names = vec![dns("localhost")?];
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    let hosts = names.iter().filter(|name| is_host(name)).filter_map(|name| dns(name).ok());
    params.subject_alt_names.extend(hosts);
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "token-broker development");
    params.distinguished_name = name;
    let epoch = date_time_ymd(1970, 1, 1);
    // A client's clock may be behind by a little.
    let begin = Duration::from_secs(now.as_secs().saturating_sub(SLACK));
    (params.not_before, params.not_after) = (epoch + begin, epoch + begin + LIFE);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.serial_number = Some(serial_number(entropy));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Development { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

/// 16 bytes, positive and with nothing in front that would be left out (RFC 5280 §4.1.2.2).
fn serial_number(entropy: &dyn Entropy) -> SerialNumber {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    SerialNumber::from_slice(&bytes)
}

fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name != "localhost" && name.len() <= 253 && name.split('.').all(is_label)
}

const SLACK: u64 = 60 * 60;
const LIFE: Duration = Duration::from_hours(90 * 24);
