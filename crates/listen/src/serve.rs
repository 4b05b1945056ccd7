//! Accepting connections, and letting each of them in.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body_util::Full;

use crate::addresses::Addresses;
use crate::body::RequestBody;
use crate::connection::Connection;
use crate::counts::Counts;
use crate::drain::DrainSignal;
use crate::head::MOST_FIELDS;
use crate::holding::Stores;
use crate::house::House;
use crate::listener::{Arrival as _, Listener, PeerOf};
use crate::seat::Seat;
use crate::violation::{Fault, RequestLine, Violation};

/// An answer whose body is known whole.
pub type Answer = http::Response<Full<Bytes>>;

/// A request as it came in, and who sent it.
pub struct Inbound<P = SocketAddr> {
    /// The request; its body has not been read yet.
    pub request: http::Request<RequestBody>,
    /// Who is at the other end of the socket; of TCP, the only source address that a peer cannot choose.
    pub peer: P,
}

impl<P: fmt::Debug> fmt::Debug for Inbound<P> {
    /// Without the head: an `Authorization` or `x-api-key` stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("method", self.request.method())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Answers requests. It is dropped mid-way when the peer goes away or the connection is cut.
pub trait Handler<P = SocketAddr>: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, inbound: Inbound<P>) -> impl Future<Output = Answer> + Send;

    /// Answers what is no request. Over HTTP/1.1 the connection ends with this answer, over HTTP/2 its stream.
    fn refuse(&self, refused: Refused<P>) -> impl Future<Output = Answer> + Send {
        std::future::ready(refused.plain_answer())
    }
}

/// What came in place of a request, and who sent it.
#[derive(Clone, Debug)]
pub struct Refused<P = SocketAddr> {
    /// What is wrong with it.
    pub violation: Violation,
    /// Its first line, if that is not what is wrong.
    pub line: Option<RequestLine>,
    /// Who is at the other end of the socket.
    pub peer: P,
}

impl<P> Refused<P> {
    pub(crate) fn new(fault: &Fault, peer: P) -> Self {
        Self { violation: fault.violation, line: fault.line.clone(), peer }
    }

    /// An answer for listeners that have no form of their own for it: the status, and what is wrong in words.
    fn plain_answer(&self) -> Answer {
        let mut answer = Answer::new(Full::new(format!("{}\n", self.violation).into()));
        *answer.status_mut() = self.violation.status();
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer
    }
}

/// What one listener allows before a handler sees anything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections open at once. A further one takes the place of the one that has waited longest for its peer; if none
    /// does, because each has a request under way, it and those behind it wait.
    pub connections: usize,
    /// Connections open at once from one address; further ones are closed. Zero is no cap. The default leaves half of
    /// the places to others, and is not less because a proxy in front brings everybody's requests from one address.
    pub per_address: usize,
    /// How long a request head may take, and the greeting before the first; also how long a connection may sit idle.
    pub head: Duration,
    /// How long a peer may leave an answer untaken, without reading any of it.
    pub stall: Duration,
    /// How old a connection may be and still be kept. The next answer after that says `Connection: close` and is the
    /// last one: a well-behaved client opens another connection and notices nothing, since no request is ever lost. The
    /// age is bounded because each request starts the other deadlines again, so a peer that keeps sending could hold its
    /// place for good. There is no bound on the number of requests: a busy client's are as good as a slow one's.
    pub age: Duration,
    /// How long a connection past its age may take over its last answer before it is cut. More than head, body and the
    /// slowest function together.
    pub last_answer: Duration,
    /// How long, once the drain has begun, a connection that waits for its peer is kept: a request may be on its way, and
    /// closing would lose it. What comes is answered, and the answer says `Connection: close`.
    pub linger: Duration,
    /// How many bytes a request head may have. Over HTTP/2 it is that of a header list (RFC 9113 §10.5.1), and the HTTP library
    /// answers one that is larger by itself.
    pub head_bytes: usize,
    /// How many header fields a request may have. No more than 100.
    pub header_fields: usize,
    /// How many bytes all connections of HTTP/2 may hold together of the heads of requests under way, and how many of the bodies,
    /// beyond what each may hold by itself: a hundred ordinary heads, and the largest body.
    pub common_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_address: 2048,
            head: Duration::from_secs(15),
            stall: Duration::from_secs(15),
            age: Duration::from_mins(5),
            last_answer: Duration::from_secs(90),
            linger: Duration::ZERO,
            head_bytes: 24 * 1024,
            header_fields: MOST_FIELDS,
            common_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Serves `listener` until the drain has begun and its grace is over or nothing is in flight.
///
/// When it returns, no handler runs any more: a future that was cut at the end of the grace has been dropped.
pub async fn serve<L: Listener, H: Handler<PeerOf<L>>>(
    listener: L,
    bounds: Bounds,
    handler: Arc<H>,
    drain: DrainSignal,
) {
    serve_counted(listener, bounds, handler, drain, Arc::default()).await;
}

/// Like [`serve`], and keeps `counts`.
pub async fn serve_counted<L: Listener, H: Handler<PeerOf<L>>>(
    listener: L,
    bounds: Bounds,
    handler: Arc<H>,
    mut drain: DrainSignal,
    counts: Arc<Counts>,
) {
    let (addresses, stores) = (Addresses::new(bounds.per_address), Stores::new(bounds.common_bytes));
    let mut house = House::new(bounds.connections, Arc::clone(&counts));
    let grace = loop {
        house.tidy();
        let accepted = tokio::select! {
            grace = drain.begun() => break grace,
            accepted = listener.accept() => accepted,
        };
        let arrival = match accepted {
            Ok(arrival) => arrival,
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                // Out of file descriptors, or a peer that left already. The first does not mend itself in a busy loop.
                if let Ok(grace) = tokio::time::timeout(ACCEPT_PAUSE, drain.begun()).await {
                    break grace;
                }
                continue;
            }
        };
        let entered = match arrival.address().map(|address| addresses.enter(address)) {
            Some(None) => {
                counts.refuse();
                continue;
            }
            entered => entered.flatten(),
        };
        let place = tokio::select! {
            // Who has been accepted has sent a request, perhaps: a place that is free is theirs though the drain has begun.
            biased;
            place = house.place() => place,
            grace = drain.begun() => break grace,
        };
        let held = (place, entered, counts.enter());
        let clock = house.clock();
        let seat = Arc::new(Seat::new(clock.now()));
        let connection = Connection {
            bounds,
            handler: Arc::clone(&handler),
            counts: Arc::clone(&counts),
            stores: stores.clone(),
            seat: Arc::clone(&seat),
            clock,
        };
        let drain = drain.clone();
        house.let_in(seat, async move {
            connection.run(arrival, drain).await;
            drop(held);
        });
    };
    drop(listener);
    house.close(grace).await;
}

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
