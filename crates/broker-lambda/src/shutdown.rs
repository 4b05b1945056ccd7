//! The end: Lambda says SIGTERM when an execution environment is given up, and a host on this machine when it stops.
//!
//! Every line is written in place, so nothing has to be flushed. What is left to do is to let an invocation that is under
//! way have its answer.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lambda_runtime::tower::{Layer, Service};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How many invocations are under way, their answers included.
#[derive(Clone, Debug)]
pub(crate) struct Underway(Arc<watch::Sender<usize>>);

impl Underway {
    pub(crate) fn none() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Waits for SIGTERM, and then for what is under way, but not for long.
    pub(crate) async fn ended(&self) {
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            // Without a way to hear of it, there is nothing to wait for but the end itself.
            return std::future::pending().await;
        };
        terminate.recv().await;
        let mut count = self.0.subscribe();
        let idle = tokio::time::timeout(GRACE, count.wait_for(|count| *count == 0)).await.is_ok();
        tracing::info!(idle, "told to stop");
    }
}

impl<S> Layer<S> for Underway {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, underway: self.clone() }
    }
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted<S> {
    inner: S,
    underway: Underway,
}

impl<S, Request> Service<Request> for Counted<S>
where
    S: Service<Request>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let one = One::more(&self.underway);
        let call = self.inner.call(request);
        Box::pin(async move {
            let _one = one;
            call.await
        })
    }
}

/// One that is counted until it is dropped.
struct One(Underway);

impl One {
    fn more(underway: &Underway) -> Self {
        underway.0.send_modify(|count| *count += 1);
        Self(underway.clone())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Lambda gives two seconds in all, and then kills.
const GRACE: Duration = Duration::from_millis(1_500);
