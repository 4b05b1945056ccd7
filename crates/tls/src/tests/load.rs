//! Files that cannot be used, each named, and what is only unwise.

use std::error::Error as _;

use super::fixtures::{Authority, Files, YEAR, load};
use crate::{Authorities, Clients, Credentials, LoadError, Settings, Warning};

/// What is said of the files after `change`, their directory left out.
fn said(change: impl FnOnce(&Files, &mut Settings)) -> String {
    let authority = Authority::new("an authority");
    let files = Files::with(&authority.server(7, YEAR));
    let mut settings = files.settings();
    change(&files, &mut settings);
    let error = load(&settings).unwrap_err();
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
        .replace(&format!("{}/", files.path("").display().to_string().trim_end_matches('/')), "")
}

#[test]
fn file_that_is_wrong_is_named_with_what_is_wrong() {
    let other = || Authority::new("another").server(8, YEAR);
    let clients = |files: &Files, ca: &str, crl: Option<&str>| Clients::Required(files.authorities(ca, crl));
    let ca = Authority::new("of clients").pem;
    let said = [
        said(|_, settings| settings.certificate.push("gone")),
        said(|_, settings| settings.key.set_file_name("gone.pem")),
        said(|files, _| drop(files.write("certificate.pem", ""))),
        said(|files, _| drop(files.write("certificate.pem", "no PEM"))),
        said(|files, _| drop(files.write("certificate.pem", &other().key))),
        said(|files, _| {
            drop(files.write("certificate.pem", &other().certificate.replace("-----END", "----END")));
        }),
        said(|files, _| drop(files.write("certificate.pem", &pem("CERTIFICATE", "AAAA")))),
        said(|files, _| drop(files.write("key.pem", ""))),
        said(|files, _| drop(files.write("key.pem", &other().certificate))),
        said(|files, _| drop(files.write("key.pem", &other().key))),
        said(|files, _| drop(files.write("key.pem", &format!("{}{}", other().key, other().key)))),
        said(|files, _| drop(files.write("key.pem", &pem("PRIVATE KEY", "AAAA")))),
        said(|files, _| files.mode("key.pem", 0o644)),
        said(|files, _| files.mode("key.pem", 0o602)),
        said(|files, settings| settings.clients = clients(files, "", None)),
        said(|files, settings| settings.clients = clients(files, &other().key, None)),
        said(|files, settings| settings.clients = clients(files, &pem("CERTIFICATE", "AAAA"), None)),
        said(|files, settings| settings.clients = clients(files, &ca, Some(&ca))),
        said(|files, settings| settings.clients = clients(files, &ca, Some(&pem("X509 CRL", "AAAA")))),
        said(|files, settings| {
            let gone = Authorities { ca: files.path("gone.pem"), crl: None };
            settings.clients = Clients::Asked(gone);
        }),
        said(|files, _| drop(files.write("certificate.pem", &"x".repeat(5 << 20)))),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

fn pem(what: &str, base64: &str) -> String {
    format!("-----BEGIN {what}-----\n{base64}\n-----END {what}-----\n")
}

#[test]
fn key_is_shown_by_nothing() {
    let authority = Authority::new("an authority");
    let (pair, other) = (authority.server(7, YEAR), authority.server(8, YEAR));
    let files = Files::with(&pair);
    let whole = load(&files.settings()).unwrap();
    files.write("key.pem", &other.key);
    let mismatch = load(&files.settings()).unwrap_err();
    assert!(matches!(mismatch, LoadError::Mismatch { .. }));
    let shown = format!("{whole:?} {mismatch:?} {mismatch}");
    for key in [&pair.key, &other.key] {
        assert!(key.lines().filter(|line| !line.starts_with('-')).all(|line| !shown.contains(line)));
    }
    assert!(shown.contains("CN=a server"), "{shown}");
}

#[test]
fn certificate_is_warned_about_thirty_days_before_its_end() {
    let authority = Authority::new("an authority");
    let warnings = |days| {
        let files = Files::with(&authority.server(7, days));
        let credentials = load(&files.settings()).unwrap();
        let directory = format!("{}/", files.path("").display().to_string().trim_end_matches('/'));
        let said = credentials.warnings().iter().map(|warning| warning.to_string().replace(&directory, ""));
        said.collect::<Vec<_>>().join("; ")
    };
    for (days, said) in [
        (YEAR, ""),
        (-5..30, ""),
        (-5..29, "the certificate `certificate.pem` expires in 29 day(s)"),
        (-5..1, "the certificate `certificate.pem` expires in 1 day(s)"),
        (-5..0, "the certificate `certificate.pem` has expired"),
        (1..90, "the certificate `certificate.pem` is not valid yet"),
    ] {
        assert_eq!(warnings(days.clone()), said, "{days:?}");
    }
}

#[test]
fn group_may_read_the_key_and_a_list_may_be_old_with_a_warning() {
    let (authority, clients) = (Authority::new("an authority"), Authority::new("of clients"));
    let files = Files::with(&authority.server(7, YEAR));
    files.mode("key.pem", 0o640);
    let mut settings = files.settings();
    let warned =
        |settings: &Settings| load(settings).map(|credentials: Credentials| credentials.warnings().to_vec());
    let key = Warning::KeyForGroup { path: files.path("key.pem") };
    assert_eq!(warned(&settings).unwrap(), std::slice::from_ref(&key));
    settings.clients = Clients::Required(files.authorities(&clients.pem, Some(&clients.revoked(&[], 1))));
    assert_eq!(warned(&settings).unwrap(), std::slice::from_ref(&key));
    settings.clients = Clients::Required(files.authorities(&clients.pem, Some(&clients.revoked(&[], 0))));
    let list = Warning::OldRevocations { path: files.path("clients-crl.pem") };
    assert_eq!(warned(&settings).unwrap(), [key, list]);
}
