//! What a certificate says, as functions and logs are shown it.

use rcgen::{DnType, DnValue, ExtendedKeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::fixtures::{Authority, YEAR, params};
use crate::{CertificateFacts, UnreadableCertificate};

fn subject(parts: &[(DnType, &str)]) -> String {
    let mut params = params("x", 1, YEAR);
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in parts {
        let value = match kind {
            DnType::CustomDnType(_) => DnValue::Ia5String((*value).try_into().unwrap()),
            _ => DnValue::Utf8String((*value).to_owned()),
        };
        params.distinguished_name.push(kind.clone(), value);
    }
    let pair = Authority::new("an authority").sign(params, ExtendedKeyUsagePurpose::ClientAuth);
    let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    CertificateFacts::read(&der).unwrap().subject
}

#[test]
fn name_is_written_most_specific_part_first() {
    let parts = [
        (DnType::CountryName, "DE"),
        (DnType::StateOrProvinceName, "Berlin"),
        (DnType::LocalityName, "Berlin"),
        (DnType::OrganizationName, "Example GmbH"),
        (DnType::OrganizationalUnitName, "Payments"),
        (DnType::CommonName, "billing.example.com"),
        (DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]), "ops@example.com"),
    ];
    assert_eq!(
        subject(&parts),
        "emailAddress=ops@example.com,CN=billing.example.com,OU=Payments,O=Example GmbH,L=Berlin,ST=Berlin,C=DE"
    );
}

#[test]
fn name_cannot_look_like_two_or_end_a_line() {
    for (value, written) in [
        ("a,CN=b", r"CN=a\,CN=b"),
        ("a+OU=b", r"CN=a\+OU=b"),
        ("a\"b\\c;d<e>f", "CN=a\\\"b\\\\c\\;d\\<e\\>f"),
        (" #a ", r"CN=\ #a\ "),
        ("#a", r"CN=\#a"),
        ("a\nb\u{7f}", r"CN=a\0ab\7f"),
        ("Bär", "CN=Bär"),
    ] {
        assert_eq!(subject(&[(DnType::CommonName, value)]), written);
    }
}

#[test]
fn what_is_no_certificate_is_not_half_read() {
    let pair = Authority::new("an authority").client("x", 1, YEAR);
    let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    for length in 0..der.len() {
        assert_eq!(CertificateFacts::read(&der[..length].into()), Err(UnreadableCertificate));
    }
    let mut longer = der.to_vec();
    longer.push(0);
    assert_eq!(CertificateFacts::read(&longer.into()), Err(UnreadableCertificate));
}
