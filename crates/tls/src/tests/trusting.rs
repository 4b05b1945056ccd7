//! The client that trusts an authority of its network.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testkit::ManualClock;
use tokio::io::duplex;
use tokio_rustls::TlsConnector;

use super::fixtures::{Authority, Files, YEAR, acceptor};
use crate::{LoadError, trusting_client};

#[tokio::test]
async fn whom_the_authority_vouches_for_is_trusted_under_its_name_and_in_its_time() {
    let (authority, other) = (Authority::new("an authority"), Authority::new("another"));
    let files = Files::with(&authority.server(7, YEAR));
    let acceptor = acceptor(&files.settings());
    for (ca, name, days, refused) in [
        (&authority.pem, "localhost", 0, None),
        (&authority.pem, "localhost", 334, None),
        (&other.pem, "localhost", 0, Some("UnknownIssuer")),
        (&authority.pem, "collector.example.com", 0, Some("not valid for name")),
        (&authority.pem, "127.0.0.1", 0, Some("not valid for name")),
        (&authority.pem, "localhost", 336, Some("certificate expired")),
    ] {
        let clock = ManualClock::default();
        clock.advance(Duration::from_hours(24 * days));
        let config = trusting_client(&files.write("ca.pem", ca), Arc::new(clock)).unwrap();
        let (ours, theirs) = duplex(64 * 1024);
        let connector = TlsConnector::from(Arc::new(config));
        let connecting = connector.connect(name.try_into().unwrap(), theirs);
        let (_, client) = tokio::join!(acceptor.handshake(ours), connecting);
        let said = client.err().map(|error| error.to_string());
        assert_eq!(said.is_some(), refused.is_some(), "{name} {days} {said:?}");
        assert!(said.unwrap_or_default().contains(refused.unwrap_or_default()), "{name} {days}");
    }
}

#[test]
fn file_without_an_authority_is_refused() {
    let authority = Authority::new("an authority");
    let files = Files::with(&authority.server(7, YEAR));
    let load = |path: PathBuf| trusting_client(&path, Arc::new(ManualClock::default())).map(drop);
    assert!(matches!(load(files.path("gone.pem")), Err(LoadError::Unreadable { .. })));
    assert!(matches!(load(files.path("key.pem")), Err(LoadError::Missing { .. })));
    let broken = files.write("ca.pem", &authority.pem.replace("MII", "MIJ"));
    assert!(matches!(load(broken), Err(LoadError::BadCertificate { number: 1, .. })));
}
