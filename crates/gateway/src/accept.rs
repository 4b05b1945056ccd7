//! Step 1, accept: a request is read whole, within bounds, and gets its ids.
//!
//! The listener has kept back what is no request by the rules of the protocol, and this step says how that is refused. On
//! top come the bounds of API Gateway, and headers of which a second one would leave open which was meant. Nothing that
//! the client says about itself is trusted: the source address is the connection's, or what a proxy that is trusted says in
//! the one header that is chosen for it, and request ids are our own.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use listen::{BodyError, Inbound, RequestBody, Violation, read_body};
use proxied::SourceRule;

use crate::access_log::Record;
use crate::call::{Received, Refused, Step};
use crate::door::RequestBounds;
use crate::live::Live;
use crate::peer::Peer;
use crate::refusal::{Mistake, Refusal};

/// The header that carries an API key.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Headers of which a second one would leave open which was meant.
const SINGLE: [HeaderName; 3] = [X_API_KEY, AUTHORIZATION, CONTENT_TYPE];

/// A request as it arrived: nothing of it has been read but its head.
pub(crate) struct Arrived {
    pub(crate) record: Record,
    pub(crate) parts: Parts,
    pub(crate) body: RequestBody,
    pub(crate) peer: Peer,
    pub(crate) source_ip: IpAddr,
}

/// Notes what is known of a request from its head. It cannot fail, so that every request is logged.
pub(crate) fn arrive(inbound: Inbound<Peer>, record: Record, rule: &SourceRule) -> Arrived {
    let (parts, body) = inbound.request.into_parts();
    let source_ip = source_ip(&parts.headers, &inbound.peer, rule);
    let record = record.with_peer(&inbound.peer).with_head(&parts, source_ip);
    Arrived { record, parts, body, peer: inbound.peer, source_ip }
}

/// Where a request comes from, as far as those say it whose word counts.
fn source_ip(headers: &HeaderMap, peer: &Peer, rule: &SourceRule) -> IpAddr {
    let header = rule.header.filter(|_| !peer.is_proxy_itself);
    let said = header.map(|header| headers.get_all(header.name()).into_iter());
    rule.source(peer.address.ip(), said.into_iter().flatten().map(HeaderValue::as_bytes))
}

/// Refuses what came in place of a request, with what could still be read of it. No header of it was read, so that it comes
/// from its connection.
pub(crate) fn refuse(refused: listen::Refused<Peer>, record: Record) -> Box<Refused> {
    let record = record.with_peer(&refused.peer);
    let record = record.with_line(refused.line, refused.peer.address.ip().to_canonical());
    Box::new(Refused { refusal: refusal(refused.violation), record, stage: None })
}

/// The row of the one table that a violation is answered from.
pub(crate) fn refusal(violation: Violation) -> Refusal {
    match violation {
        Violation::TargetTooLong => Refusal::UrlTooLong,
        Violation::TooManyFields | Violation::HeadTooLarge => Refusal::HeadersTooLarge,
        Violation::HugeLength => Refusal::BodyTooLarge,
        Violation::Expectation => Refusal::ExpectationFailed,
        violation => Refusal::BadRequest(Mistake::Protocol(violation)),
    }
}

/// Checks the head and reads the body.
pub(crate) async fn read(arrived: Arrived, bounds: &RequestBounds, live: Arc<Live>) -> Step<Received> {
    let Arrived { record, parts, body, peer, source_ip } = arrived;
    let mut call = Received { record, parts, body: bytes::Bytes::new(), peer, source_ip, live };
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
    Ok(())
}

fn stands_twice(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}
