//! HTTP/2 on one connection: somebody who watches its frames, hyper behind them, and what becomes of what is no request.
//!
//! A request that must not be is refused on its own stream, and the others never notice. Where the frames themselves are
//! wrong, the HTTP library resets the stream or ends the connection, and nobody is answered.

mod conduct;
mod crew;
mod frames;
mod request;
mod watched;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::rt::{Read, Write};
use hyper::server::conn::http2;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::crew::Leftovers;
use self::crew::{Crew, Manned};
use self::watched::Watched;
use crate::body::RequestBody;
use crate::connection::{Connection, Place, Served, lingered, see_through};
use crate::drain::DrainSignal;
use crate::holding::{Holding, Store};
use crate::serve::{Answer, Bounds, Handler, Inbound, Refused};
use crate::stall::Stalling;

/// Serves requests from `stream` until the connection ends.
pub(crate) async fn serve<H, S, P>(connection: Connection<H>, stream: S, peer: P, drain: DrainSignal)
where
    H: Handler<P>,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: Clone + fmt::Debug + Send + Sync + 'static,
{
    let Connection { bounds, handler, counts, stores, seat, clock } = connection;
    let place = Arc::new(Place { counts: Arc::clone(&counts), seat, clock });
    let heads = Heads::new(stores.heads, bounds);
    let bodies = Holding::new(stores.bodies, OWN_BODIES, BODIES);
    let mut stream = Watched::new(Stalling::new(stream, bounds.stall), bounds, place, bodies);
    let begun = tokio::select! {
        begun = tokio::time::timeout(bounds.head, stream.first()) => begun,
        () = lingered(drain.clone(), bounds.linger) => return,
    };
    if !matches!(begun, Ok(Ok(true))) {
        return;
    }
    let (whose, crew) = (peer.clone(), Crew::default());
    let leftovers = crew.leftovers();
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(|body| RequestBody::of_http2(body, leftovers.clone()));
        let (handler, peer, held) =
            (Arc::clone(&handler), whose.clone(), heads.hold(request::weight(&request)));
        async move {
            let Some(_held) = held else { return Err(h2::Error::from(h2::Reason::REFUSED_STREAM)) };
            Ok(answer(&*handler, request, peer, bounds).await)
        }
    });
    let served = settings(crew.clone(), bounds).serve_connection(TokioIo::new(stream), service);
    let served = pin!(Manned::new(served, crew));
    see_through(served, (bounds, &counts), &peer, last_call(drain, bounds.age)).await;
}

async fn answer<H: Handler<P>, P>(
    handler: &H,
    request: Request<RequestBody>,
    peer: P,
    bounds: Bounds,
) -> Answer {
    let is_head = request.method() == Method::HEAD;
    let mut answer = match request::check(request, bounds.header_fields) {
        Ok(request) => handler.handle(Inbound { request, peer }).await,
        Err(fault) => handler.refuse(Refused::new(&fault, peer)).await,
    };
    // A field of HTTP/1.1: here a stream ends, and the connection does not.
    answer.headers_mut().remove(CONNECTION);
    if is_head {
        let length = HeaderValue::from(answer.body().size_hint().lower());
        answer.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
        *answer.body_mut() = Full::new(Bytes::new());
    }
    answer
}

/// Nothing that a token request needs is near these.
fn settings(crew: Crew, bounds: Bounds) -> http2::Builder<Crew> {
    let mut builder = http2::Builder::new(crew);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(bounds.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(ALIVE);
    builder
}

/// When no further request is welcome: a client that is told so (GOAWAY) finishes what it has begun, and takes its next
/// request elsewhere.
async fn last_call(mut drain: DrainSignal, age: Duration) {
    let _grown_old = tokio::time::timeout(age, drain.begun()).await;
}

/// What the heads of the requests under way hold together. A few bytes of compressed fields can stand for a whole head.
#[derive(Clone, Debug)]
struct Heads(Arc<Mutex<Holding>>);

/// A head's part, for as long as its request is under way.
#[derive(Debug)]
struct Held {
    heads: Heads,
    bytes: usize,
}

impl Heads {
    /// One head is never too much.
    fn new(store: Arc<Store>, bounds: Bounds) -> Self {
        let own = OWN_HEADS.max(bounds.head_bytes);
        Self(Arc::new(Mutex::new(Holding::new(store, own, HEADS.max(own)))))
    }

    /// Takes so many bytes more, unless that is too much.
    fn hold(&self, bytes: usize) -> Option<Held> {
        self.lock().take(bytes).then(|| Held { heads: self.clone(), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Holding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heads.lock().give(self.bytes);
    }
}

impl<I, S, B> Served for http2::Connection<I, S, Crew>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    Crew: Http2ServerConnExec<S::Future, B>,
{
    fn finish(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Streams that a client may have open at once. RFC 9113 §6.5.2 asks for no less; a client that needs more opens another
/// connection.
const STREAMS: u32 = 100;

/// What a client may send on a stream before anybody has read it: more than a body may have, so that one that is too large
/// is refused for that.
const STREAM_WINDOW: u32 = 96 * 1024;

/// The same on all streams together.
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// The least that RFC 9113 §4.2 lets a receiver take.
const FRAME: u32 = 16 * 1024;

/// How much of an answer is kept in the library.
const SEND_BUFFER: usize = 64 * 1024;

/// How many streams a client may open and reset before anybody has looked at them (CVE-2023-44487).
const RESETS: usize = 20;

/// How many streams a client may make us reset on one connection (CVE-2025-8671). Past it the connection ends.
const ERRORS: usize = 128;

/// How long a client may be silent before it is asked whether it is there, and how long it may take to say so.
const ALIVE: Duration = Duration::from_secs(20);

/// How many bytes the heads under way on one connection may hold, and how many of them are its own: a hundred ordinary heads.
const HEADS: usize = 256 * 1024;
const OWN_HEADS: usize = 64 * 1024;

/// The same of bodies. A single one never comes to more than what is its own, even if it is refused for its size on the way.
const BODIES: usize = 512 * 1024;
const OWN_BODIES: usize = 160 * 1024;

#[cfg(test)]
mod tests;
