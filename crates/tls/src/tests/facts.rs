//! What a certificate says, as functions and logs are shown it.

use rcgen::{DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose};
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

/// A certificate whose subject is `CN=ab+O=a`, written in this order. DER has the shorter attribute first.
fn with_unsorted_name() -> Vec<u8> {
    let mut params = params("x", 1, YEAR);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "ab");
    params.distinguished_name.push(DnType::OrganizationName, "a");
    let pair = Authority::new("an authority").sign(params, ExtendedKeyUsagePurpose::ClientAuth);
    let mut der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap().to_vec();
    let two: [&[u8]; 4] = [b"\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02", b"ab", ORGANIZATION, b"a"];
    let two = two.concat();
    let begin = der.windows(two.len()).position(|window| window == two).unwrap();
    // Both in the first set: the second one's tag and length go, and all that is around it is shorter by these.
    der[begin + 1] += u8::try_from(ORGANIZATION.len() + 1 - 2).unwrap();
    der.drain(begin + 13..begin + 15);
    assert_eq!((&der[..2], &der[4..6]), (&b"\x30\x82"[..], &b"\x30\x81"[..]), "lengths stand elsewhere");
    for length in [3, 6, begin - 1] {
        der[length] -= 2;
    }
    der
}

#[test]
fn certificate_is_told_of_byte_for_byte_even_where_der_would_have_another_order() {
    let shown = CertificateDer::from(with_unsorted_name());
    let facts = CertificateFacts::read(&shown).unwrap();
    assert_eq!(CertificateDer::from_pem_slice(facts.pem.as_bytes()).unwrap(), shown);
    assert!(facts.subject.contains("CN=ab") && facts.subject.contains('+'), "{}", facts.subject);
}

/// The beginning of a set with an organization of one byte.
const ORGANIZATION: &[u8] = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01";
