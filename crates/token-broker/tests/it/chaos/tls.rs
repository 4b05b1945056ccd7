//! A user pool that shows a certificate that nobody vouches for.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{AlertDescription, Error, ServerConfig, ServerConnection, Stream};

use super::peer::OWN_HOST;
use super::pool::SECRET;
use super::program::{Home, Setup};

#[test]
fn pool_with_a_certificate_of_its_own_is_told_nothing() {
    for home in [Home::InProcess, Home::Processes(1)] {
        let (address, ended) = impostor();
        let endpoint = format!("token_endpoint: \"https://{address}/oauth2/token\"");
        let mut program = Setup::new(home, endpoint, &["orders/read".to_owned()]).up();
        let answer = program.ask("a", "orders/read");
        assert_eq!((answer.status, answer.retry_after()), (503, Some(2)));
        let audit = program.audited("a", "orders/read", 503);
        assert_eq!(
            (&audit["reason"], &audit["upstream_attempts"]),
            (&"upstream_not_connected".into(), &2.into())
        );
        for _ in 0..2 {
            assert_eq!(ended.recv().unwrap(), Err(Error::AlertReceived(AlertDescription::UnknownCA)));
        }
        assert!(ended.try_recv().is_err(), "it was tried a third time");
        program.stop();
    }
}

/// A server with a certificate that only it signed, and how each connection to it ended: what was said, or the alert.
fn impostor() -> (SocketAddr, Receiver<Result<String, Error>>) {
    let listener = TcpListener::bind((OWN_HOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::new(config());
    let (end, ended) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            if end.send(said(&mut connection, stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (address, ended)
}

fn said(connection: &mut ServerConnection, mut stream: TcpStream) -> Result<String, Error> {
    let mut said = vec![0; 4096];
    let length = Stream::new(connection, &mut stream).read(&mut said).map_err(|error| {
        error.downcast::<Error>().unwrap_or_else(|error| Error::General(error.to_string()))
    })?;
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    assert!(!said.contains(SECRET));
    Ok(said)
}

fn config() -> ServerConfig {
    let key = Ed25519KeyPair::generate().unwrap();
    let certificate = CertificateDer::from(certificate(&key));
    let pkcs8 = PrivatePkcs8KeyDer::from(key.to_pkcs8().unwrap().as_ref().to_vec());
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], pkcs8.into())
        .unwrap()
}

/// A certificate for the address that is listened on, in force and well-formed: only that nobody knows who signed it.
fn certificate(key: &Ed25519KeyPair) -> Vec<u8> {
    let ed25519 = sequence(&[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
    let common_name = sequence(&[&[0x06, 0x03, 0x55, 0x04, 0x03], &der(0x0c, &[b"pool"])]);
    let name = sequence(&[&der(0x31, &[&common_name])]);
    let validity = sequence(&[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"491231235959Z"])]);
    let public_key = sequence(&[&ed25519, &der(0x03, &[&[0], key.public_key().as_ref()])]);
    let address = sequence(&[&der(0x87, &[&[127, 0, 0, 2]])]);
    let alternative_name = sequence(&[&[0x06, 0x03, 0x55, 0x1d, 0x11], &der(0x04, &[&address])]);
    let extensions = der(0xa3, &[&sequence(&[&alternative_name])]);
    let version_and_serial = [0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01];
    let signed =
        sequence(&[&version_and_serial, &ed25519, &name, &validity, &name, &public_key, &extensions]);
    let signature = key.sign(&signed);
    sequence(&[&signed, &ed25519, &der(0x03, &[&[0], signature.as_ref()])])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, parts)
}

/// A value of ASN.1 in DER, shorter than 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}
