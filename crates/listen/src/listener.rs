//! What connections come in by: a TCP socket, or a Unix one for this machine alone.
//!
//! A connection that has been accepted is greeted before it is served. On a plain socket there is nothing to say; where a
//! proxy tells whom it speaks for, or the bytes are encrypted, it is the greeting that finds out who is there and what is
//! spoken. It runs beside others' and within the time that a request head may take.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that listens.
pub trait Listener: Send + Sync + 'static {
    /// What a connection is when it has been accepted.
    type Arrival: Arrival;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Arrival>> + Send;
}

/// A connection that has been accepted and not been greeted.
pub trait Arrival: Send + 'static {
    /// What its requests are read from.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// Who is at the other end.
    type Peer: Clone + fmt::Debug + Send + Sync + 'static;

    /// The address whose connections are counted together, if peers have any.
    fn address(&self) -> Option<IpAddr>;

    /// Finds out who is there and what is spoken. An error ends the connection without a word.
    fn greet(self) -> impl Future<Output = io::Result<Greeted<Self::Stream, Self::Peer>>> + Send;
}

/// A connection that may send requests.
#[derive(Debug)]
pub struct Greeted<S, P> {
    /// What its requests are read from.
    pub stream: S,
    /// Who is at the other end.
    pub peer: P,
    /// What is spoken.
    pub protocol: Protocol,
}

impl<S, P> Greeted<S, P> {
    /// A connection on which HTTP/1.1 is spoken.
    pub const fn http1(stream: S, peer: P) -> Self {
        Self { stream, peer, protocol: Protocol::Http1 }
    }
}

/// What is spoken on a connection. It is agreed upon before the first request and never changes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/1.0 (RFC 9112).
    #[default]
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

/// The type of a listener's peers.
pub type PeerOf<L> = <<L as Listener>::Arrival as Arrival>::Peer;

impl Listener for TcpListener {
    type Arrival = (TcpStream, SocketAddr);

    fn accept(&self) -> impl Future<Output = io::Result<Self::Arrival>> + Send {
        Self::accept(self)
    }
}

impl Arrival for (TcpStream, SocketAddr) {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn address(&self) -> Option<IpAddr> {
        Some(self.1.ip())
    }

    async fn greet(self) -> io::Result<Greeted<TcpStream, SocketAddr>> {
        let (stream, peer) = self;
        // Answers are small and written whole: waiting to fill a segment would only add latency.
        stream.set_nodelay(true)?;
        Ok(Greeted::http1(stream, peer))
    }
}

/// A process of this machine, at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalPeer {
    /// The user that it ran as when it connected.
    pub uid: u32,
}

impl Listener for UnixListener {
    type Arrival = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _unnamed) = Self::accept(self).await?;
        Ok(stream)
    }
}

impl Arrival for UnixStream {
    type Stream = Self;
    type Peer = LocalPeer;

    fn address(&self) -> Option<IpAddr> {
        None
    }

    async fn greet(self) -> io::Result<Greeted<Self, LocalPeer>> {
        let uid = self.peer_cred()?.uid();
        Ok(Greeted::http1(self, LocalPeer { uid }))
    }
}
