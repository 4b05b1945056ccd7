//! A client of rustls that sends what it is told, byte for byte.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::GRANT;
use crate::harness::{Place, Server};

/// The way to a server.
pub(super) struct Wire {
    address: String,
    config: Arc<ClientConfig>,
}

/// A connection to it.
pub(super) struct Line(StreamOwned<ClientConnection, TcpStream>);

impl Wire {
    /// Trusts the authority of servers alone.
    pub(super) fn to(place: &Place, server: &Server) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(place.path("tls/servers.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address: super::address(server), config: Arc::new(config) }
    }

    /// A connection whose handshake is over.
    pub(super) fn connect(&self) -> Line {
        let name = "localhost".try_into().unwrap();
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        Line(StreamOwned::new(session, stream))
    }

    /// What comes back for `request` on a connection of its own, until that ends.
    pub(super) fn once(&self, request: &str) -> String {
        let Line(mut stream) = self.connect();
        // The answer may come, and the connection be closed, before everything was sent.
        let _sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        let _ended = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    /// The answer to a token request on a connection of its own.
    pub(super) fn token(&self, key: &str) -> String {
        self.once(&request(key, "Connection: close\r\n"))
    }
}

impl Line {
    /// The number of the certificate that the server showed.
    pub(super) fn serial(&self) -> String {
        let chain = self.0.conn.peer_certificates().unwrap();
        tls::CertificateFacts::read(&chain[0]).unwrap().serial_number
    }

    /// The answer to a token request, after which the connection stays.
    pub(super) fn token(&mut self, key: &str) -> String {
        let Self(stream) = self;
        stream.write_all(request(key, "").as_bytes()).unwrap();
        stream.flush().unwrap();
        let mut answer = Vec::new();
        loop {
            let mut some = [0; 4096];
            let read = stream.read(&mut some).unwrap();
            assert_ne!(read, 0, "the connection ended: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&some[..read]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() == length.unwrap() {
                return text.into_owned();
            }
        }
    }
}

fn request(key: &str, further: &str) -> String {
    let length = GRANT.len();
    format!(
        "POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n{further}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{GRANT}"
    )
}
