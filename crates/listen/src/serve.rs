//! Accepting connections, and serving requests on each of them.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::counts::Counts;
use crate::drain::DrainSignal;
use crate::follow::{HeadBounds, Stop};
use crate::head::MOST_FIELDS;
use crate::house::{House, HouseClock};
use crate::listener::Listener;
use crate::seat::Seat;
use crate::stall::Stalling;
use crate::vetted::Vetted;
use crate::violation::{Fault, RequestLine, Violation};

/// An answer whose body is known whole.
pub type Answer = http::Response<Full<Bytes>>;

/// A request as it came in, and who sent it.
pub struct Inbound<P = SocketAddr> {
    /// The request; its body has not been read yet.
    pub request: http::Request<Incoming>,
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

    /// Answers what is no request. The connection ends with this answer.
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
    fn new(fault: &Fault, peer: P) -> Self {
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
    /// How long a request head may take; also how long a connection may sit idle.
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
    /// How many bytes a request head may have.
    pub head_bytes: usize,
    /// How many header fields a request may have. No more than 100.
    pub header_fields: usize,
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
        }
    }
}

/// Serves `listener` until the drain has begun and its grace is over or nothing is in flight.
///
/// When it returns, no handler runs any more: a future that was cut at the end of the grace has been dropped.
pub async fn serve<L: Listener, H: Handler<L::Peer>>(
    listener: L,
    bounds: Bounds,
    handler: Arc<H>,
    drain: DrainSignal,
) {
    serve_counted(listener, bounds, handler, drain, Arc::default()).await;
}

/// Like [`serve`], and keeps `counts`.
pub async fn serve_counted<L: Listener, H: Handler<L::Peer>>(
    listener: L,
    bounds: Bounds,
    handler: Arc<H>,
    mut drain: DrainSignal,
    counts: Arc<Counts>,
) {
    let addresses = Addresses::new(bounds.per_address);
    let mut house = House::new(bounds.connections, Arc::clone(&counts));
    let grace = loop {
        house.tidy();
        let accepted = tokio::select! {
            grace = drain.begun() => break grace,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                // Out of file descriptors, or a peer that left already. The first does not mend itself in a busy loop.
                if let Ok(grace) = tokio::time::timeout(ACCEPT_PAUSE, drain.begun()).await {
                    break grace;
                }
                continue;
            }
        };
        let entered = match L::address(peer).map(|address| addresses.enter(address)) {
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
            peer,
            bounds,
            handler: Arc::clone(&handler),
            counts: Arc::clone(&counts),
            seat: Arc::clone(&seat),
            clock,
        };
        let drain = drain.clone();
        house.let_in(seat, async move {
            connection.run::<L>(stream, drain).await;
            drop(held);
        });
    };
    drop(listener);
    house.close(grace).await;
}

/// One accepted connection, and what its requests need.
struct Connection<H, P> {
    peer: P,
    bounds: Bounds,
    handler: Arc<H>,
    counts: Arc<Counts>,
    seat: Arc<Seat>,
    clock: HouseClock,
}

impl<H: Handler<P>, P: Copy + fmt::Debug + Send + Sync + 'static> Connection<H, P> {
    async fn run<L: Listener<Peer = P>>(self, stream: L::Stream, drain: DrainSignal) {
        if L::prepare(&stream).is_err() {
            return;
        }
        let Self { peer, bounds, handler, counts, seat, clock } = self;
        let head = HeadBounds { bytes: bounds.head_bytes, fields: bounds.header_fields };
        let mut stream = Vetted::new(Stalling::new(stream, bounds.stall), head, Arc::clone(&seat));
        let begun = tokio::select! {
            begun = tokio::time::timeout(bounds.head, stream.first()) => begun,
            () = lingered(drain.clone(), bounds.linger) => return,
        };
        if !matches!(begun, Ok(Ok(true))) {
            return;
        }
        let accepted = Instant::now();
        let draining = drain.clone();
        let service = service_fn(move |request| {
            let (handler, seat, draining) = (Arc::clone(&handler), Arc::clone(&seat), draining.clone());
            async move {
                let number = seat.ask();
                let mut answer = match seat.end_at(number) {
                    Some(Stop::Refuse(fault)) => handler.refuse(Refused::new(fault, peer)).await,
                    _ => handler.handle(Inbound { request, peer }).await,
                };
                let is_last = draining.is_draining() || accepted.elapsed() >= bounds.age;
                if is_last || seat.end_at(number).is_some() {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                seat.answer(clock.now());
                Ok::<_, Infallible>(answer)
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            // What is larger never comes here. Room for the beginning of what follows a head.
            .max_buf_size(bounds.head_bytes.saturating_add(8 * 1024))
            .max_headers(MOST_FIELDS);
        let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = async {
            tokio::select! {
                ended = served.as_mut() => ended,
                () = lingered(drain, bounds.linger) => {
                    served.as_mut().graceful_shutdown();
                    served.as_mut().await
                }
            }
        };
        match tokio::time::timeout(bounds.age.saturating_add(bounds.last_answer), ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                if is_stall(&error) {
                    counts.cut_off();
                }
                // The text of hyper's errors names what was wrong, never what was sent.
                tracing::debug!(?peer, %error, "a connection ended early");
            }
            Err(_elapsed) => {
                counts.cut_off();
                tracing::debug!(?peer, "a connection outlived its age and is cut");
            }
        }
    }
}

/// Waits until the drain has begun and `linger` has passed.
async fn lingered(mut drain: DrainSignal, linger: Duration) {
    let _grace = drain.begun().await;
    let _passed = tokio::time::timeout(linger, std::future::pending::<()>()).await;
}

fn is_stall(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
