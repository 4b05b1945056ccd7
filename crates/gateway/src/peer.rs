//! Who is at the other end of the front door, as far as the connection says it.
//!
//! Everything in it was found out before the first request: by the kernel, by a proxy that is trusted to say for whom it
//! connects, or in a handshake. No request can change it.

use std::net::SocketAddr;
use std::sync::Arc;

use lambda::ClientCertificate;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it connects from.
    pub address: SocketAddr,
    /// How it speaks.
    pub transport: Transport,
    /// It is a proxy that was to say for whom it connects and named nobody: whatever it passes on about others is not its own
    /// word.
    pub is_proxy_itself: bool,
}

/// How a connection's bytes travel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Transport {
    /// In clear.
    #[default]
    Plain,
    /// Encrypted.
    Tls {
        /// What the client's certificate says, if it showed one. It is data: nobody is let in for it.
        client: Option<Arc<ClientCertificate>>,
    },
}

impl Transport {
    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls { .. } => "https",
        }
    }

    /// What the client's certificate says, if it showed one.
    pub const fn client_certificate(&self) -> Option<&Arc<ClientCertificate>> {
        match self {
            Self::Tls { client: Some(client) } => Some(client),
            Self::Plain | Self::Tls { client: None } => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    /// Somebody of whom the kernel's word is all that is known.
    fn from(address: SocketAddr) -> Self {
        Self { address, transport: Transport::Plain, is_proxy_itself: false }
    }
}
