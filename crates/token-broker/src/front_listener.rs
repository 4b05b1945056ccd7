//! The front door's socket: who comes in by it, and what is found out about them before their first request.
//!
//! ```text
//! accept ─▶ whom a trusted proxy speaks for ─▶ TLS handshake ─▶ HTTP/1.1 or HTTP/2
//! ```
//!
//! Each step is taken only where the definition asks for it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use gateway::Peer;
use listen::{Arrival, Greeted, Listener};
use tokio::net::{TcpListener, TcpStream};

/// The socket that clients connect to.
#[derive(Debug)]
pub(crate) struct FrontListener {
    socket: TcpListener,
}

impl FrontListener {
    /// A front door that listens on `socket`.
    pub(crate) const fn new(socket: TcpListener) -> Self {
        Self { socket }
    }
}

impl Listener for FrontListener {
    type Arrival = FrontArrival;

    async fn accept(&self) -> io::Result<FrontArrival> {
        let (stream, address) = self.socket.accept().await?;
        Ok(FrontArrival { stream, address })
    }
}

/// A connection of which only the kernel has said anything.
#[derive(Debug)]
pub(crate) struct FrontArrival {
    stream: TcpStream,
    address: SocketAddr,
}

impl Arrival for FrontArrival {
    type Stream = TcpStream;
    type Peer = Peer;

    fn address(&self) -> Option<IpAddr> {
        Some(self.address.ip())
    }

    async fn greet(self) -> io::Result<Greeted<TcpStream, Peer>> {
        // Answers are small and written whole: waiting to fill a segment would only add latency.
        self.stream.set_nodelay(true)?;
        Ok(Greeted::http1(self.stream, self.address.into()))
    }
}
