//! The accept loop that every listener of the program shares: front door, user pool, admin, control socket.
//!
//! It bounds what a peer can take before any of our own code has looked at the request: how many connections are open,
//! and from one address, how many bytes and headers a request head has, how long head and body may take, how long an
//! answer may lie untaken, how long a connection is kept. When told to, it drains: it stops accepting, lets requests in
//! flight finish, and closes what is left at the deadline.
//!
//! It holds the bytes of every request against RFC 9112 before the HTTP library sees them, more strictly than the library
//! would: what two readers could read in two ways is no request. A [`Handler`] is asked how to refuse it, so that every
//! byte that is answered is answered, and logged, in one way.
//!
//! It speaks HTTP/1.1, and HTTP/2 where a greeting has agreed on it. There the frames are watched instead, and requests are
//! held against RFC 9113. It knows nothing of routes.

mod addresses;
mod body;
mod chunks;
mod connection;
mod counts;
mod drain;
mod follow;
mod head;
mod holding;
mod host;
mod house;
mod http1;
mod http2;
mod lines;
mod linger;
mod listener;
mod seat;
mod serve;
mod stall;
mod target;
#[cfg(test)]
mod tests;
mod vetted;
mod violation;

pub use addresses::{Addresses, Entered};
pub use body::{BodyError, RequestBody, read_body};
pub use counts::Counts;
pub use drain::{Drain, DrainSignal};
pub use listener::{Arrival, Greeted, Listener, LocalPeer, PeerOf, Protocol};
pub use serve::{Answer, Bounds, Handler, Inbound, Refused, serve, serve_counted};
pub use violation::{RequestLine, Violation};
