//! Step 1, accept: a request is read whole, within bounds, and gets its ids.
//!
//! What cannot be read one way only is refused: no `Host` or two, a second `x-api-key`, a body that breaks off. This step
//! trusts nothing the client says about itself: the source address is the socket's, and request ids are our own.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, TRANSFER_ENCODING};
use http::request::Parts;
use hyper::body::Incoming;
use listen::{BodyError, Inbound, read_body};

use crate::access_log::Record;
use crate::call::{Received, Step};
use crate::door::RequestBounds;
use crate::host;
use crate::live::Live;
use crate::refusal::{Mistake, Refusal};

/// The header that carries an API key.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Headers of which a second one would leave open which was meant.
const SINGLE: [HeaderName; 4] = [HOST, X_API_KEY, AUTHORIZATION, CONTENT_TYPE];

/// A request as it arrived: nothing of it has been read but its head.
pub(crate) struct Arrived {
    pub(crate) record: Record,
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
    pub(crate) peer: SocketAddr,
}

/// Notes what is known of a request from its head. It cannot fail, so that every request is logged.
pub(crate) fn arrive(inbound: Inbound, record: Record) -> Arrived {
    let (parts, body) = inbound.request.into_parts();
    Arrived { record: record.with_head(&parts, inbound.peer), parts, body, peer: inbound.peer }
}

/// Checks the head and reads the body.
pub(crate) async fn read(arrived: Arrived, bounds: &RequestBounds, live: Arc<Live>) -> Step<Received> {
    let Arrived { record, parts, body, peer } = arrived;
    let mut call = Received { record, parts, body: bytes::Bytes::new(), peer, live };
    if let Err(refusal) = check_head(&call.parts, bounds) {
        return Err(call.refuse(refusal));
    }
    match read_body(body, bounds.body_bytes, bounds.body).await {
        Ok(body) => {
            call.body = body;
            Ok(call)
        }
        Err(error) => Err(call.refuse(match error {
            BodyError::TooLarge => Refusal::BodyTooLarge,
            BodyError::TooSlow => Refusal::BadRequest(Mistake::SlowBody),
            BodyError::Broken => Refusal::BadRequest(Mistake::BrokenBody),
        })),
    }
}

fn check_head(parts: &Parts, bounds: &RequestBounds) -> Result<(), Refusal> {
    let url = parts.uri.path_and_query().map_or(0, |url| url.as_str().len());
    if url > bounds.url_bytes {
        return Err(Refusal::UrlTooLong);
    }
    // Name, colon, space, value, line end: what API Gateway counts against its 10,240 bytes is not documented closer.
    let headers: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > bounds.header_bytes {
        return Err(Refusal::HeadersTooLarge);
    }
    if SINGLE.iter().any(|name| stands_twice(&parts.headers, name)) {
        return Err(Refusal::BadRequest(Mistake::RepeatedHeader));
    }
    if !is_framed_once(&parts.headers) {
        return Err(Refusal::BadRequest(Mistake::Framing));
    }
    if names_one_host(parts) { Ok(()) } else { Err(Refusal::BadRequest(Mistake::Host)) }
}

/// Two readers of the same bytes must not disagree about where the body ends: that is how one request is smuggled inside
/// another (RFC 9112 §11.2). A length beside a transfer coding is not seen here: the HTTP library ignores it, and ends
/// the connection after the request.
fn is_framed_once(headers: &HeaderMap) -> bool {
    let coding = headers.get(TRANSFER_ENCODING);
    coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && !stands_twice(headers, &TRANSFER_ENCODING)
}

/// Whether there is a `Host`, and the target, if it is a whole URL, says the same.
fn names_one_host(parts: &Parts) -> bool {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| {
        host::is_host(host)
            && parts.uri.authority().is_none_or(|target| target.as_str().eq_ignore_ascii_case(host))
    })
}

fn stands_twice(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}
