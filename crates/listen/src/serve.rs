//! Accepting connections, and serving requests on each of them.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::drain::DrainSignal;

/// An answer whose body is known whole.
pub type Answer = http::Response<Full<Bytes>>;

/// A request as it came in, and who sent it.
#[derive(Debug)]
pub struct Inbound {
    /// The request; its body has not been read yet.
    pub request: http::Request<Incoming>,
    /// The address at the other end of the socket: the only source address that a peer cannot choose.
    pub peer: SocketAddr,
}

/// Answers requests. It is dropped mid-way when the peer goes away.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, inbound: Inbound) -> impl Future<Output = Answer> + Send;
}

/// What one listener allows before a handler sees anything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections open at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long a request head may take; also how long a connection may sit idle.
    pub head: Duration,
    /// How many bytes a request head may have. At least 8 KiB.
    pub head_bytes: usize,
    /// How many header fields a request may have.
    pub header_fields: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(15), head_bytes: 16 * 1024, header_fields: 100 }
    }
}

/// Serves `listener` until the drain has begun and its grace is over or nothing is in flight.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    bounds: Bounds,
    handler: Arc<H>,
    mut drain: DrainSignal,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
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
        let (handler, drain) = (Arc::clone(&handler), drain.clone());
        connections.spawn(async move {
            connection(stream, peer, bounds, handler, drain).await;
            drop(place);
        });
    };
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, finished).await.is_err() {
        tracing::warn!(
            grace_s = grace.as_secs(),
            "connections were still open at the end of the drain and are closed"
        );
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
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

async fn connection<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    bounds: Bounds,
    handler: Arc<H>,
    mut drain: DrainSignal,
) {
    // Answers are small and written whole: waiting to fill a segment would only add latency.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(Inbound { request, peer }).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(bounds.head_bytes.max(8 * 1024))
        .max_headers(bounds.header_fields);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        _grace = drain.begun() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // The text of hyper's errors names what was wrong, never what was sent.
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
