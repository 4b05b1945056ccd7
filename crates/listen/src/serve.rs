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
use http::header::CONNECTION;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::counts::Counts;
use crate::drain::DrainSignal;
use crate::listener::Listener;
use crate::stall::Stalling;

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
}

/// What one listener allows before a handler sees anything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections open at once; further ones wait in the kernel's queue.
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
    /// How many bytes a request head may have. At least 8 KiB.
    pub head_bytes: usize,
    /// How many header fields a request may have.
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
            head_bytes: 16 * 1024,
            header_fields: 100,
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
    let places = Arc::new(Semaphore::new(bounds.connections));
    let addresses = Addresses::new(bounds.per_address);
    let mut connections = JoinSet::new();
    let grace = loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            grace = drain.begun() => break grace,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            // Out of file descriptors, or a peer that left already. The first does not mend itself in a busy loop.
            if let Ok(grace) = tokio::time::timeout(ACCEPT_PAUSE, drain.begun()).await {
                break grace;
            }
            continue;
        };
        let entered = match L::address(peer).map(|address| addresses.enter(address)) {
            Some(None) => {
                counts.refuse();
                continue;
            }
            entered => entered.flatten(),
        };
        let held = (place, entered, counts.enter());
        let connection =
            Connection { peer, bounds, handler: Arc::clone(&handler), counts: Arc::clone(&counts) };
        let drain = drain.clone();
        connections.spawn(async move {
            connection.run::<L>(stream, drain).await;
            drop(held);
        });
    };
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, finished).await.is_err() {
        tracing::warn!(
            grace_s = grace.as_secs(),
            "connections were still open at the end of the drain and are closed"
        );
        // Waited for: whoever called may go on to close what handlers write to.
        connections.shutdown().await;
    }
}

async fn accept<L: Listener>(
    listener: &L,
    places: &Arc<Semaphore>,
) -> Option<(L::Stream, L::Peer, OwnedSemaphorePermit)> {
    // The place is taken first: a full house leaves connections in the kernel's queue instead of accepting and closing.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(error = %error, "a connection could not be accepted");
            None
        }
    }
}

/// One accepted connection, and what its requests need.
struct Connection<H, P> {
    peer: P,
    bounds: Bounds,
    handler: Arc<H>,
    counts: Arc<Counts>,
}

impl<H: Handler<P>, P: Copy + fmt::Debug + Send + Sync + 'static> Connection<H, P> {
    async fn run<L: Listener<Peer = P>>(self, stream: L::Stream, mut drain: DrainSignal) {
        if L::prepare(&stream).is_err() {
            return;
        }
        let Self { peer, bounds, handler, counts } = self;
        let accepted = Instant::now();
        let service = service_fn(move |request| {
            let handler = Arc::clone(&handler);
            async move {
                let mut answer = handler.handle(Inbound { request, peer }).await;
                if accepted.elapsed() >= bounds.age {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(bounds.head_bytes.max(8 * 1024))
            .max_headers(bounds.header_fields);
        let stream = TokioIo::new(Stalling::new(stream, bounds.stall));
        let mut served = pin!(builder.serve_connection(stream, service));
        let ended = async {
            tokio::select! {
                ended = served.as_mut() => ended,
                _grace = drain.begun() => {
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

fn is_stall(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
