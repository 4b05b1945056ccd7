//! The body of a request: read whole, within a size and a deadline, or thrown away.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::http2::Leftovers;
use crate::linger::{LINGER, LINGER_BYTES};

/// The body of a request, of which nothing has been read.
///
/// It need not be read. Over HTTP/1.1 the connection then ends with the answer. Over HTTP/2 what still comes is thrown away
/// for a moment: the library would reset the stream behind the answer, and there are clients (curl 7.88) that then lose the
/// answer if they were still sending.
pub struct RequestBody {
    /// Taken when it is dropped.
    incoming: Option<Incoming>,
    leftovers: Option<Leftovers>,
}

impl RequestBody {
    /// A body that ends with its connection if nobody reads it.
    pub(crate) const fn of_http1(incoming: Incoming) -> Self {
        Self { incoming: Some(incoming), leftovers: None }
    }

    /// A body whose rest goes to `leftovers`.
    pub(crate) const fn of_http2(incoming: Incoming, leftovers: Leftovers) -> Self {
        Self { incoming: Some(incoming), leftovers: Some(leftovers) }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|incoming| !incoming.is_end_stream());
        if let (Some(rest), Some(leftovers)) = (rest, self.leftovers.take()) {
            leftovers.leave(discard(rest));
        }
    }
}

/// Throws away what comes, until the peer has said the last, or enough has come or time has passed.
async fn discard(mut body: Incoming) {
    let discarding = async {
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    let _ended = tokio::time::timeout(LINGER, discarding).await;
}

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
pub async fn read_body(mut body: RequestBody, limit: usize, deadline: Duration) -> Result<Bytes, BodyError> {
    // INVARIANT: it is there until it is dropped.
    let Some(incoming) = body.incoming.as_mut() else { return Err(BodyError::Broken) };
    let declared = incoming.size_hint().lower();
    if usize::try_from(declared).unwrap_or(usize::MAX) > limit {
        return Err(BodyError::TooLarge);
    }
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let collecting = collect(incoming, limit);
    tokio::time::timeout(deadline, collecting).await.unwrap_or(Err(BodyError::TooSlow))
}

/// A body in one piece is handed on as it is. The pieces of any other are copied together as they come: a piece holds on
/// to the whole buffer that it was read into, so that a body kept in pieces of a byte would cost thousands of its size.
async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let first = piece(body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(&*first);
    drop(first);
    while let Some(piece) = piece(body).await? {
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
