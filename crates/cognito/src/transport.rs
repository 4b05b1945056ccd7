//! How a request gets to a user pool and its answer back: the border between logic and sockets.
//!
//! Everything that decides (retries, breaker, what an answer means) stands on this side and is tested without sockets.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;

/// An answer, read whole.
pub type Reply = http::Response<Bytes>;

/// Carries a call to the one endpoint that it knows.
pub trait Transport: Send + Sync {
    /// Sends `call` and reads the whole answer, of bounded size. It may be dropped at any moment.
    fn send(&self, call: TokenCall) -> impl Future<Output = Result<Reply, TransportError>> + Send;
}

impl<T: Transport> Transport for Arc<T> {
    fn send(&self, call: TokenCall) -> impl Future<Output = Result<Reply, TransportError>> + Send {
        T::send(self, call)
    }
}

/// A `POST` that asks for a token. Its `Debug` shows neither headers nor body: in either of them is the secret.
#[derive(Clone)]
pub struct TokenCall {
    /// The headers, without those that frame the message.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for TokenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCall(..)")
    }
}

/// Why there is no whole answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TransportError {
    /// No connection could be made: nothing was sent.
    #[error("no connection could be made")]
    NotConnected,
    /// The connection broke; the request may have arrived.
    #[error("the connection broke")]
    Broken,
    /// The answer is larger than any token reply.
    #[error("the answer is too large")]
    TooLarge,
}
