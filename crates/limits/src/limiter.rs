//! What the admit step asks, whoever keeps the levels: this process, a file, or a server that several replicas share.
//!
//! A limiter promises the law in the crate documentation. It does not promise to answer at once: a store over a network
//! hands out a future that waits, and may fail.

use std::error::Error;
use std::fmt;
use std::future::{self, Future};
use std::pin::Pin;
use std::task::{Context, Poll};

use ambient::Timestamp;

use crate::charge::Charges;
use crate::decision::Decision;
use crate::definitions::{DefineError, Limit, LimitId, LimitName};

/// Spends several allowances at once, all or none.
pub trait Limiter: fmt::Debug + Send + Sync {
    /// Gives the limit called `name` these numbers from `now` on. Saying the same again changes nothing; new numbers
    /// refill nothing.
    ///
    /// Not for the way of a request: it is called when the configuration is loaded or changed.
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError>;

    /// Takes one request's worth of every charge, or nothing at all. `now` is the request's one reading of the clock.
    ///
    /// The spend begins with this call. Dropping the future does not take it back.
    fn spend<'a>(&'a self, now: Timestamp, charges: &'a Charges) -> Spending<'a>;
}

/// The answer to a spend, now or later.
#[must_use = "the spend has begun, and only its decision says whether the request may pass"]
pub struct Spending<'a>(Progress<'a>);

impl<'a> Spending<'a> {
    /// An answer that is there already; nothing is allocated.
    pub fn ready(answer: Result<Decision, StoreError>) -> Self {
        Self(Progress::Ready(future::ready(answer)))
    }

    /// An answer that has to be waited for.
    pub fn pending(answer: impl Future<Output = Result<Decision, StoreError>> + Send + 'a) -> Self {
        Self(Progress::Pending(Box::pin(answer)))
    }
}

impl Future for Spending<'_> {
    type Output = Result<Decision, StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Progress::Ready(answer) => Pin::new(answer).poll(context),
            Progress::Pending(answer) => answer.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for Spending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Progress::Ready(_) => "Spending::Ready",
            Progress::Pending(_) => "Spending::Pending",
        })
    }
}

enum Progress<'a> {
    Ready(future::Ready<Result<Decision, StoreError>>),
    Pending(Pin<Box<dyn Future<Output = Result<Decision, StoreError>> + Send + 'a>>),
}

/// Why a store gave no decision. Whether anything was spent is then unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached, or did not answer in time.
    #[error("the limit store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::memory::Memory;

    fn poll_once(mut spending: Spending<'_>) -> Poll<Result<Decision, StoreError>> {
        Pin::new(&mut spending).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn memory_answers_behind_the_trait_at_once() {
        let limiter: Box<dyn Limiter> = Box::new(Memory::new());
        let answer = poll_once(limiter.spend(Timestamp::EPOCH, &Charges::NONE));
        assert!(matches!(answer, Poll::Ready(Ok(Decision::Admitted { .. }))));
    }

    #[test]
    fn a_store_may_take_its_time_and_fail() {
        assert!(poll_once(Spending::pending(future::pending())).is_pending());
        let lost = Spending::pending(async { Err(StoreError::Unavailable("connection reset".into())) });
        let Poll::Ready(Err(error)) = poll_once(lost) else { panic!("not an error") };
        assert_eq!(error.to_string(), "the limit store is unavailable");
        assert_eq!(error.source().unwrap().to_string(), "connection reset");
    }
}
