//! TLS in front of a listener: a certificate with its key, the handshake, and what a client's certificate says.
//!
//! It stands between the socket and HTTP. A connection that got through its handshake is encrypted by TLS 1.2 or 1.3, and
//! both ends know which HTTP is spoken on it. Certificate, key and the authorities that clients are judged by are read and
//! checked whole before any of it is used, and are replaced as one while connections live on.
//!
//! Nothing is kept of a connection for the next one: there are no session tickets, no cache of sessions and no early data.
//! So every connection sees the certificate in force, and every client's certificate is judged each time.
//!
//! A client's certificate is data for those behind. Nothing here decides what it allows.
//!
//! Two clients are here as well, for what this program asks by TLS where Mozilla's authorities are not meant: its own front door
//! ([`pinned_client`]) and whoever has an authority of a network ([`trusting_client`]).

mod acceptor;
mod counts;
mod development;
mod facts;
mod failure;
mod load;
mod pinned;
mod settings;
mod trusting;

pub use acceptor::{Acceptor, Secured};
pub use counts::Counts;
pub use development::{Development, self_signed};
pub use facts::{CertificateFacts, UnreadableCertificate};
pub use failure::{FailureClass, HandshakeError};
pub use load::{Credentials, LoadError, Warning};
pub use pinned::{Identity, pinned_client};
pub use settings::{Authorities, Clients, MinVersion, Settings};
pub use trusting::trusting_client;

#[cfg(test)]
mod tests;
