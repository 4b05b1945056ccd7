//! The front door's socket: who comes in by it, and what is found out about them before their first request.
//!
//! ```text
//! accept ─▶ whom a trusted proxy speaks for ─▶ TLS handshake ─▶ HTTP/1.1 or HTTP/2
//! ```
//!
//! Each step is taken only where the definition asks for it.

mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway::{Peer, Transport};
use lambda::{ClientCertificate, Validity, certificate_time};
use listen::{Arrival, Greeted, Listener};
use tls::{Acceptor, CertificateFacts, Secured};
use tokio::net::{TcpListener, TcpStream};

use stream::FrontStream;

/// The socket that clients connect to.
#[derive(Debug)]
pub(crate) struct FrontListener {
    socket: TcpListener,
    /// Makes connections secure; without it they are in clear.
    tls: Option<Arc<Acceptor>>,
}

impl FrontListener {
    /// A front door that listens on `socket`.
    pub(crate) const fn new(socket: TcpListener, tls: Option<Arc<Acceptor>>) -> Self {
        Self { socket, tls }
    }
}

impl Listener for FrontListener {
    type Arrival = FrontArrival;

    async fn accept(&self) -> io::Result<FrontArrival> {
        let (stream, address) = self.socket.accept().await?;
        Ok(FrontArrival { stream, address, tls: self.tls.clone() })
    }
}

/// A connection of which only the kernel has said anything.
#[derive(Debug)]
pub(crate) struct FrontArrival {
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Arc<Acceptor>>,
}

impl Arrival for FrontArrival {
    type Stream = FrontStream;
    type Peer = Peer;

    fn address(&self) -> Option<IpAddr> {
        Some(self.address.ip())
    }

    async fn greet(self) -> io::Result<Greeted<FrontStream, Peer>> {
        let Self { stream, address, tls } = self;
        // Answers are small and written whole: waiting to fill a segment would only add latency.
        stream.set_nodelay(true)?;
        match tls {
            None => Ok(Greeted::http1(FrontStream::Plain(stream), address.into())),
            Some(tls) => secure(stream, address, &tls).await,
        }
    }
}

/// The TLS handshake, with whoever `address` is.
async fn secure(
    stream: TcpStream,
    address: SocketAddr,
    tls: &Acceptor,
) -> io::Result<Greeted<FrontStream, Peer>> {
    let Secured { stream, protocol, client } = tls.handshake(stream, address).await?;
    let client = client.map(client_certificate).map(Arc::new);
    let peer = Peer { address, transport: Transport::Tls { client } };
    Ok(Greeted { stream: FrontStream::Tls(Box::new(stream)), peer, protocol })
}

/// What a certificate says, in the event's members.
fn client_certificate(facts: CertificateFacts) -> ClientCertificate {
    let CertificateFacts { pem, subject, issuer, serial_number, not_before, not_after } = facts;
    ClientCertificate {
        client_cert_pem: pem,
        subject_dn: subject,
        issuer_dn: issuer,
        serial_number,
        validity: Validity {
            not_before: certificate_time(not_before.as_secs()),
            not_after: certificate_time(not_after.as_secs()),
        },
    }
}
