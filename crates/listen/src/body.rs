//! Reading a request body whole, within a size and a deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// The body is, or says it is, larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The peer broke off, or framed the body wrongly.
    #[error("the body broke off")]
    Broken,
}

/// Reads `body` whole: at most `limit` bytes, all of them within `deadline`.
///
/// One deadline covers the whole body, not each piece of it: a peer that drips a byte at a time is cut off as well.
pub async fn read_body(body: Incoming, limit: usize, deadline: Duration) -> Result<Bytes, BodyError> {
    let declared = body.size_hint().lower();
    if usize::try_from(declared).unwrap_or(usize::MAX) > limit {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(deadline, collect(body, limit)).await.unwrap_or(Err(BodyError::TooSlow))
}

/// A body in one piece is handed on as it is. The pieces of any other are copied together as they come: a piece holds on
/// to the whole buffer that it was read into, so that a body kept in pieces of a byte would cost thousands of its size.
async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let first = piece(&mut body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(&*first);
    drop(first);
    while let Some(piece) = piece(&mut body).await? {
        if whole.len() + piece.len() > limit {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next bytes; none at the end.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    let Some(frame) = body.frame().await else { return Ok(None) };
    // A frame without data is a trailer. Nobody needs them, and of HTTP/1.1 none comes this far.
    frame.map_err(|_broken| BodyError::Broken)?.into_data().map(Some).map_err(|_trailer| BodyError::Broken)
}
