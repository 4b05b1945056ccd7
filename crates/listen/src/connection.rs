//! One connection: greeted, and then served by the protocol that is spoken on it.
//!
//! It ends when its peer leaves, when it has outlived its age, or when the drain has begun and whoever lingers has had the
//! time for it. What a protocol does with requests is in its own module.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::counts::Counts;
use crate::drain::DrainSignal;
use crate::holding::Stores;
use crate::house::HouseClock;
use crate::http1;
use crate::http2;
use crate::listener::{Arrival, Greeted, Protocol};
use crate::seat::Seat;
use crate::serve::{Bounds, Handler};
use crate::stall::is_stall;

/// One accepted connection, and what its requests need.
pub(crate) struct Connection<H> {
    pub(crate) bounds: Bounds,
    pub(crate) handler: Arc<H>,
    pub(crate) counts: Arc<Counts>,
    /// What the connections may hold together beyond their own parts.
    pub(crate) stores: Stores,
    pub(crate) seat: Arc<Seat>,
    pub(crate) clock: HouseClock,
}

/// What keeps a connection in its house.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) counts: Arc<Counts>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) clock: HouseClock,
}

impl<H> Connection<H> {
    /// Greets `arrival`, and serves what it sends until it ends.
    pub(crate) async fn run<A: Arrival>(self, arrival: A, drain: DrainSignal)
    where
        H: Handler<A::Peer>,
    {
        let (head, linger) = (self.bounds.head, self.bounds.linger);
        let greeted = tokio::select! {
            greeted = tokio::time::timeout(head, arrival.greet()) => greeted,
            () = lingered(drain.clone(), linger) => return,
        };
        let Ok(Ok(Greeted { stream, peer, protocol })) = greeted else { return };
        match protocol {
            Protocol::Http1 => http1::serve(self, stream, peer, drain).await,
            Protocol::Http2 => http2::serve(self, stream, peer, drain).await,
        }
    }
}

/// A connection that HTTP is served on, and that can be told to end after what is under way.
pub(crate) trait Served: Future<Output = hyper::Result<()>> {
    /// Ends it after the requests that have begun.
    fn finish(self: Pin<&mut Self>);
}

/// Waits for the end of `served`, and brings it about if it has to: gracefully at the `last_call`, at once when it has
/// outlived its age.
pub(crate) async fn see_through(
    mut served: Pin<&mut impl Served>,
    (bounds, counts): (Bounds, &Counts),
    peer: &impl fmt::Debug,
    last_call: impl Future<Output = ()>,
) {
    let ended = async {
        tokio::select! {
            ended = served.as_mut() => ended,
            () = last_call => {
                served.as_mut().finish();
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

/// Waits until the drain has begun and `linger` has passed.
pub(crate) async fn lingered(mut drain: DrainSignal, linger: Duration) {
    let _grace = drain.begun().await;
    let _passed = tokio::time::timeout(linger, std::future::pending::<()>()).await;
}
