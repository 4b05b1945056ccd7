//! Where a client is, when somebody else connects for it.
//!
//! A socket's peer is the only source address that nobody can make up. Behind a proxy it is the proxy's, and what the
//! proxy says counts only if it is one of [`TrustedProxies`]. It can say it in two ways: in one request header, read by
//! [`SourceRule`], or at the beginning of the connection in a PROXY protocol header, read by [`read_header`].
//!
//! Promises: what an untrusted peer writes changes nothing; what stands beyond the first address that is not trusted is
//! not looked at; no bytes make it panic, and all of it is bounded. It opens no socket and reads no clock.

mod checksum;
mod entry;
mod forwarded;
mod header;
mod source;
mod trusted;
mod x_forwarded_for;

pub use header::{HeaderError, MOST_HEADER_BYTES, Progress, Told, read_header};
pub use source::{AddressHeader, MOST_HOPS, SourceRule};
pub use trusted::{TrustedProxies, TrustsEverybody};
