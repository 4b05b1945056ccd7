//! What connections are carried by: TLS, on which HTTP/2 was agreed.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Place, Server};

pub(super) type Carrier = StreamOwned<ClientConnection, TcpStream>;

/// The program, whose front door is encrypted with a certificate of its own.
pub(super) fn up() -> (Place, Server) {
    let place = Place::new();
    let server = place.up(&["--tls"]);
    (place, server)
}

/// A connection to the front door, on which HTTP/2 is agreed.
pub(super) fn open(server: &Server) -> Carrier {
    let url = server.url("invoke_url");
    let address: SocketAddr =
        url.strip_prefix("https://").unwrap().split('/').next().unwrap().parse().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.url("certificate")).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::from(address.ip());
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut carrier = StreamOwned::new(tls, stream);
    while carrier.conn.is_handshaking() {
        carrier.conn.complete_io(&mut carrier.sock).unwrap();
    }
    assert_eq!(carrier.conn.alpn_protocol(), Some(b"h2".as_slice()));
    carrier
}
