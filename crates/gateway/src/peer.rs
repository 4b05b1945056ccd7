//! Who is at the other end of the front door, as far as the connection says it.
//!
//! Everything in it was found out before the first request: by the kernel, by a proxy that is trusted to say for whom it
//! connects, or in a handshake. No request can change it.

use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it connects from.
    pub address: SocketAddr,
}

impl From<SocketAddr> for Peer {
    /// Somebody of whom the kernel's word is all that is known.
    fn from(address: SocketAddr) -> Self {
        Self { address }
    }
}
