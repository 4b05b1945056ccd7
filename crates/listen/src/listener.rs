//! What connections come in by: a TCP socket, or a Unix one for this machine alone.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that listens.
pub trait Listener: Send + Sync + 'static {
    /// One connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// Who is at the other end, as the kernel says it.
    type Peer: Copy + fmt::Debug + Send + Sync + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;

    /// What is to be set on a connection before it is served.
    fn prepare(stream: &Self::Stream) -> io::Result<()>;

    /// The address whose connections are counted together, if peers have any.
    fn address(peer: Self::Peer) -> Option<IpAddr>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }

    fn prepare(stream: &TcpStream) -> io::Result<()> {
        // Answers are small and written whole: waiting to fill a segment would only add latency.
        stream.set_nodelay(true)
    }

    fn address(peer: SocketAddr) -> Option<IpAddr> {
        Some(peer.ip())
    }
}

/// A process of this machine, at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalPeer {
    /// The user that it ran as when it connected.
    pub uid: u32,
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Peer = LocalPeer;

    async fn accept(&self) -> io::Result<(UnixStream, LocalPeer)> {
        let (stream, _unnamed) = Self::accept(self).await?;
        let uid = stream.peer_cred()?.uid();
        Ok((stream, LocalPeer { uid }))
    }

    fn prepare(_stream: &UnixStream) -> io::Result<()> {
        Ok(())
    }

    fn address(_peer: LocalPeer) -> Option<IpAddr> {
        None
    }
}
