//! The requests of one connection that are being answered, and the connection, as one future.
//!
//! The HTTP library wants somebody who runs what answers each of its streams. They run where the connection runs: when that
//! is dropped, nothing of them is left, and no handler outlives the drain.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream as _};
use hyper::rt::Executor;

use crate::connection::Served;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes work on.
#[derive(Clone, Default)]
pub(crate) struct Crew(Arc<Mutex<Vec<Work>>>);

/// Where what is left of a request goes, for as long as there is a crew.
#[derive(Clone)]
pub(crate) struct Leftovers(Weak<Mutex<Vec<Work>>>);

impl Crew {
    pub(crate) fn leftovers(&self) -> Leftovers {
        Leftovers(Arc::downgrade(&self.0))
    }
}

impl Leftovers {
    /// Leaves `work` to the crew. It is begun when the connection is looked at next, or right after what leaves it if that is
    /// the crew's as well.
    pub(crate) fn leave(self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(crew) = self.0.upgrade() {
            Crew(crew).execute(work);
        }
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Crew")
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Crew {
    fn execute(&self, work: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(work));
    }
}

/// A connection with its crew.
pub(crate) struct Manned<C> {
    connection: Pin<Box<C>>,
    crew: Crew,
    under_way: FuturesUnordered<Work>,
}

impl<C> Manned<C> {
    /// `connection`, which hands its work to `crew`.
    pub(crate) fn new(connection: C, crew: Crew) -> Self {
        Self { connection: Box::pin(connection), crew, under_way: FuturesUnordered::new() }
    }
}

impl<C: Served> Future for Manned<C> {
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Answers wake the connection that they are for, so that it is looked at again after them.
        let ended = this.connection.as_mut().poll(context);
        loop {
            let further = mem::take(&mut *this.crew.0.lock().unwrap_or_else(PoisonError::into_inner));
            let has_more = !further.is_empty();
            this.under_way.extend(further);
            while let Poll::Ready(Some(())) = Pin::new(&mut this.under_way).poll_next(context) {}
            if !has_more {
                return ended;
            }
        }
    }
}

impl<C: Served> Served for Manned<C> {
    fn finish(mut self: Pin<&mut Self>) {
        self.connection.as_mut().finish();
    }
}
