//! The accept loop that every listener of the program shares: front door, user pool, admin, control socket.
//!
//! It bounds what a peer can take before any of our own code has looked at the request: how many connections are open,
//! and from one address, how many bytes and headers a request head has, how long head and body may take, how long an
//! answer may lie untaken, how long a connection is kept. When told to, it drains: it stops accepting, lets requests in
//! flight finish, and closes what is left at the deadline.
//!
//! It speaks HTTP/1.1 and knows nothing of routes. What hyper refuses by itself (a malformed head) is answered by hyper
//! with an empty body and never reaches a [`Handler`].

mod addresses;
mod body;
mod counts;
mod drain;
mod listener;
mod serve;
mod stall;
#[cfg(test)]
mod tests;

pub use body::{BodyError, read_body};
pub use counts::Counts;
pub use drain::{Drain, DrainSignal};
pub use listener::{Listener, LocalPeer};
pub use serve::{Answer, Bounds, Handler, Inbound, serve, serve_counted};
