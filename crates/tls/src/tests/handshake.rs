//! Versions, protocols, what fails and how it is counted; other credentials for later connections.

use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::fixtures::{Authority, Client, Files, YEAR, acceptor, load, shake};
use crate::{Acceptor, FailureClass, MinVersion};
use listen::Protocol;

fn house() -> (Authority, Files) {
    let authority = Authority::new("an authority");
    let files = Files::with(&authority.server(7, YEAR));
    (authority, files)
}

/// How many handshakes failed for each reason that any failed for.
fn failed(acceptor: &Acceptor) -> Vec<(FailureClass, u64)> {
    acceptor.counts().failed().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn both_versions_are_spoken_unless_the_newer_one_is_demanded() {
    let (authority, files) = house();
    let (old, new) = (Client::speaking(&authority.pem, &TLS12), Client::speaking(&authority.pem, &TLS13));
    let both = acceptor(&files.settings());
    assert!(shake(&both, &old).await.client.is_ok());
    assert!(shake(&both, &new).await.client.is_ok());
    assert_eq!(both.counts().completed(), [1, 1]);
    let mut settings = files.settings();
    settings.min_version = MinVersion::Tls13;
    let newer = acceptor(&settings);
    assert!(shake(&newer, &new).await.client.is_ok());
    let refused = shake(&newer, &old).await;
    assert!(refused.client.is_err());
    assert_eq!(refused.server.unwrap_err().class, FailureClass::Incompatible);
    assert_eq!((newer.counts().completed(), failed(&newer)), ([0, 1], vec![(FailureClass::Incompatible, 1)]));
}

#[tokio::test]
async fn protocol_is_the_one_agreed_on_and_a_client_of_neither_is_told_so() {
    let (authority, files) = house();
    let acceptor = acceptor(&files.settings());
    for (offered, agreed) in [
        (&[][..], Protocol::Http1),
        (&["http/1.1"], Protocol::Http1),
        (&["h2"], Protocol::Http2),
        (&["http/1.1", "h2"], Protocol::Http2),
        (&["spdy/3", "http/1.1"], Protocol::Http1),
    ] {
        let ends = shake(&acceptor, &Client::new(&authority.pem).offering(offered)).await;
        assert_eq!(ends.server.unwrap().protocol, agreed, "{offered:?}");
    }
    let ends = shake(&acceptor, &Client::new(&authority.pem).offering(&["spdy/3", "http/1.0"])).await;
    assert_eq!(ends.server.unwrap_err().class, FailureClass::NoApplicationProtocol);
    assert!(ends.client.unwrap_err().to_string().contains("NoApplicationProtocol"));
}

#[tokio::test]
async fn nothing_of_a_connection_is_kept_for_the_next() {
    let (authority, files) = house();
    let acceptor = acceptor(&files.settings());
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking(&authority.pem, version);
        for _ in 0..3 {
            let ends = shake(&acceptor, &client).await;
            let (mut server, mut client) = (ends.server.unwrap().stream, ends.client.unwrap());
            // Tickets would come with the first answer.
            server.write_all(b"answer").await.unwrap();
            server.flush().await.unwrap();
            client.read_exact(&mut [0; 6]).await.unwrap();
            assert_eq!(client.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(client.get_ref().1.tls13_tickets_received(), 0);
        }
    }
}

#[tokio::test]
async fn what_is_no_tls_fails_without_a_word_of_it_in_the_reason() {
    let (_, files) = house();
    let acceptor = acceptor(&files.settings());
    for (sent, class) in [
        (
            &b"POST /dev/oauth2/token HTTP/1.1\r\nx-api-key: sesame-sesame-sesame\r\n\r\n"[..],
            FailureClass::NotTls,
        ),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", FailureClass::NotTls),
        (b"", FailureClass::Closed),
        (b"\x16\x03\x01", FailureClass::Closed),
    ] {
        let (ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(sent).await.unwrap();
        theirs.shutdown().await.unwrap();
        let error = acceptor.handshake(ours).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
    }
    assert_eq!(failed(&acceptor), [(FailureClass::Closed, 2), (FailureClass::NotTls, 2)]);
}

#[tokio::test]
async fn client_that_does_not_trust_the_certificate_is_counted_as_such() {
    let (_, files) = house();
    let acceptor = acceptor(&files.settings());
    let other = Authority::new("another authority");
    let ends = shake(&acceptor, &Client::speaking(&other.pem, &TLS12)).await;
    assert!(ends.client.is_err());
    assert_eq!(ends.server.unwrap_err().class, FailureClass::RefusedByClient);
}

#[tokio::test(start_paused = true)]
async fn handshake_that_is_given_up_is_counted() {
    let (_, files) = house();
    let acceptor = acceptor(&files.settings());
    let (ours, _silent) = duplex(64);
    let bound = std::time::Duration::from_secs(10);
    let handshake = acceptor.handshake(ours);
    assert!(tokio::time::timeout(bound, handshake).await.is_err());
    assert_eq!(failed(&acceptor), [(FailureClass::GivenUp, 1)]);
}

#[tokio::test]
async fn other_credentials_are_for_new_connections_and_old_ones_live_on() {
    let (authority, files) = house();
    let acceptor = acceptor(&files.settings());
    let client = Client::new(&authority.pem);
    let mut living = Vec::new();
    for serial in 8..13_u64 {
        living.push(shake(&acceptor, &client).await);
        files.put(&authority.server(serial, YEAR));
        acceptor.replace(load(&files.settings()).unwrap());
        let shown = shake(&acceptor, &client).await.client.unwrap();
        let chain = shown.get_ref().1.peer_certificates().unwrap().to_vec();
        let facts = crate::CertificateFacts::read(&chain[0]).unwrap();
        assert_eq!(facts.serial_number, format!("{serial:02x}"));
        for ends in &mut living {
            let (server, client) = (&mut ends.server.as_mut().unwrap().stream, ends.client.as_mut().unwrap());
            client.write_all(b"ping").await.unwrap();
            client.flush().await.unwrap();
            let mut heard = [0; 4];
            server.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"ping");
        }
    }
}
