//! The front door's socket: who comes in by it, and what is found out about them before their first request.
//!
//! ```text
//! accept ─▶ whom a trusted proxy speaks for ─▶ TLS handshake ─▶ HTTP/1.1 or HTTP/2
//! ```
//!
//! Each step is taken only where the definition asks for it.

mod handshakes;
mod stream;
mod told;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway::{Peer, Transport};
use lambda::{ClientCertificate, Validity, certificate_time};
use listen::{Arrival, Greeted, Listener};
use tls::{CertificateFacts, Secured};
use tokio::net::{TcpListener, TcpStream};

pub(crate) use handshakes::Handshakes;
use stream::FrontStream;
use told::Held;
pub(crate) use told::Introductions;

/// The socket that clients connect to.
#[derive(Debug)]
pub(crate) struct FrontListener {
    socket: TcpListener,
    /// Makes connections secure; without it they are in clear.
    tls: Option<Arc<Handshakes>>,
    /// Learns whom connections are for; without it they are for whoever opens them.
    introductions: Option<Arc<Introductions>>,
}

impl FrontListener {
    /// A front door that listens on `socket`.
    pub(crate) const fn new(socket: TcpListener, tls: Option<Arc<Handshakes>>) -> Self {
        Self { socket, tls, introductions: None }
    }

    /// The same behind proxies that say whom their connections are for.
    #[must_use]
    pub(crate) fn with_introductions(self, introductions: Option<Arc<Introductions>>) -> Self {
        Self { introductions, ..self }
    }
}

impl Listener for FrontListener {
    type Arrival = FrontArrival;

    async fn accept(&self) -> io::Result<FrontArrival> {
        let (stream, address) = self.socket.accept().await?;
        Ok(FrontArrival { stream, address, tls: self.tls.clone(), introductions: self.introductions.clone() })
    }
}

/// A connection of which only the kernel has said anything.
#[derive(Debug)]
pub(crate) struct FrontArrival {
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Arc<Handshakes>>,
    introductions: Option<Arc<Introductions>>,
}

impl Arrival for FrontArrival {
    type Stream = Held<FrontStream>;
    type Peer = Peer;

    fn address(&self) -> Option<IpAddr> {
        let address = self.address.ip();
        // A proxy brings everybody's connections. They are counted once it is known whose they are.
        let is_proxy =
            self.introductions.as_ref().is_some_and(|introductions| introductions.is_proxy(address));
        (!is_proxy).then_some(address)
    }

    async fn greet(self) -> io::Result<Greeted<Held<FrontStream>, Peer>> {
        let Self { mut stream, address, tls, introductions } = self;
        // Answers are small and written whole: waiting to fill a segment would only add latency.
        stream.set_nodelay(true)?;
        let (address, entered, is_proxy_itself) = match introductions {
            None => (address, None, false),
            Some(introductions) => {
                let (client, entered) =
                    introductions.whom(&mut stream, address).await.map_err(io::Error::other)?;
                (client, Some(entered), client == address)
            }
        };
        let Greeted { stream, mut peer, protocol } = match tls {
            None => Greeted::http1(FrontStream::Plain(stream), address.into()),
            Some(tls) => secure(stream, address, &tls).await?,
        };
        peer.is_proxy_itself = is_proxy_itself;
        Ok(Greeted { stream: Held::new(stream, entered), peer, protocol })
    }
}

/// The TLS handshake, with whoever `address` is.
async fn secure(
    stream: TcpStream,
    address: SocketAddr,
    tls: &Handshakes,
) -> io::Result<Greeted<FrontStream, Peer>> {
    let Secured { stream, protocol, client } = tls.handshake(stream, address).await?;
    let client = client.map(client_certificate).map(Arc::new);
    let peer = Peer { transport: Transport::Tls { client }, ..Peer::from(address) };
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
