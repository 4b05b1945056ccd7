//! The certificate for development, and commands that trust one certificate alone.

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use testkit::{ManualClock, SeededEntropy};
use tokio::io::duplex;
use tokio_rustls::TlsConnector;

use super::fixtures::{Authority, Client, Files, Pair, YEAR, acceptor, load, shake};
use crate::{LoadError, pinned_client, self_signed};

fn made(seed: u64) -> Pair {
    let names = ["workstation", "abc.execute-api.us-east-1.localhost", "no host!", "localhost", ""];
    let now = ManualClock::default().now();
    let made = self_signed(&names.map(ToOwned::to_owned), now, &SeededEntropy::new(seed)).unwrap();
    assert!(!format!("{made:?}").contains("KEY"));
    Pair { certificate: made.certificate.clone(), key: made.key.to_string() }
}

#[tokio::test]
async fn machine_is_reached_by_its_names_and_loopback_addresses_and_by_nothing_else() {
    let pair = made(1);
    let acceptor = acceptor(&Files::with(&pair).settings());
    let names = ["localhost", "workstation", "abc.execute-api.us-east-1.localhost", "127.0.0.1", "::1"];
    for name in names {
        let ends = shake(&acceptor, &Client::new(&pair.certificate).named(name)).await;
        assert!(ends.client.is_ok(), "{name}: {:?}", ends.client.err());
    }
    for name in ["example.com", "127.0.0.2", "a.localhost", "192.0.2.1"] {
        let ends = shake(&acceptor, &Client::new(&pair.certificate).named(name)).await;
        assert!(ends.client.is_err(), "{name}");
    }
}

#[test]
fn it_holds_for_ninety_days_and_has_a_number_of_its_own() {
    let facts = [1, 2].map(|seed| load(&Files::with(&made(seed)).settings()).unwrap().facts().clone());
    let now = ManualClock::default().now();
    for facts in &facts {
        assert!(facts.not_before < now);
        assert_eq!(facts.not_after.since(facts.not_before), Duration::from_hours(90 * 24));
        assert_eq!(facts.serial_number.len(), 16 * 3 - 1);
    }
    assert_ne!(facts[0].serial_number, facts[1].serial_number);
}

#[tokio::test]
async fn command_talks_to_whoever_has_the_key_of_its_certificate_and_to_nobody_else() {
    let authority = Authority::new("an authority");
    let (own, other) = (authority.server(7, YEAR), authority.server(8, YEAR));
    let acceptor = acceptor(&Files::with(&own).settings());
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known.pem");
    for (pem, is_trusted) in [(&own.certificate, true), (&other.certificate, false), (&authority.pem, false)]
    {
        std::fs::write(&known, pem).unwrap();
        let config = Arc::new(pinned_client(&known, None).unwrap());
        let (ours, theirs) = duplex(64 * 1024);
        let name = "192.0.2.7".try_into().unwrap();
        let (_, client) =
            tokio::join!(acceptor.handshake(ours), TlsConnector::from(config).connect(name, theirs));
        assert_eq!(client.is_ok(), is_trusted);
    }
    std::fs::write(&known, "no PEM").unwrap();
    assert!(matches!(pinned_client(&known, None), Err(LoadError::Missing { .. })));
}
