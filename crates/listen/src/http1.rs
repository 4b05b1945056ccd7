//! HTTP/1.1 on one connection: the vetting reader, hyper behind it, and what becomes of what is no request.

use std::convert::Infallible;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderValue, Request};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::body::RequestBody;
use crate::connection::{Connection, Served, lingered, see_through};
use crate::drain::DrainSignal;
use crate::follow::{HeadBounds, Stop};
use crate::head::MOST_FIELDS;
use crate::serve::{Handler, Inbound, Refused};
use crate::stall::Stalling;
use crate::vetted::Vetted;

/// Serves requests from `stream` until the connection ends.
pub(crate) async fn serve<H, S, P>(connection: Connection<H>, stream: S, peer: P, drain: DrainSignal)
where
    H: Handler<P>,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: Clone + fmt::Debug + Send + Sync + 'static,
{
    let Connection { bounds, handler, counts, stores: _, seat, clock } = connection;
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
    let whose = peer.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(RequestBody::of_http1);
        let (handler, seat, draining) = (Arc::clone(&handler), Arc::clone(&seat), draining.clone());
        let peer = whose.clone();
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
    let served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    see_through(served, (bounds, &counts), &peer, lingered(drain, bounds.linger)).await;
}

impl<I, S, B> Served for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
