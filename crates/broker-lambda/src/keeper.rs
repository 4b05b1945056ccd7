//! Who holds the broker: reads the bindings when the first request needs them, and again from time to time.
//!
//! They are read again after some minutes, and when a request shows a key (or needs an app client) that they do not have,
//! for it may have been added since; but not by every such request. Where reading fails, what was read last stays in
//! force. However many requests run at once, one of them reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use arc_swap::ArcSwapOption;
use bindings::Reference;
use lambda::RequestContext;
use tokio::sync::{Mutex, MutexGuard};

use crate::bound::{BindError, Bound, Factory};

/// Holds the broker.
pub(crate) struct Keeper {
    factory: Factory,
    held: ArcSwapOption<Bound>,
    /// Held by the one who reads; inside is when that last happened and what it came to.
    reading: Mutex<Option<Reading>>,
}

#[derive(Clone, Debug)]
struct Reading {
    ended: Moment,
    error: Option<BindError>,
}

/// How much a request needs what it would read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Need {
    /// There is no broker.
    Everything,
    /// There is one that lacks what this request is about.
    Something,
    /// There is one, read a while ago.
    Freshness,
}

impl Need {
    /// How long after a reading of `bindings` the next one has to wait.
    const fn pause(self, bindings: &Reference) -> Duration {
        match (self, bindings) {
            (Self::Everything, _) => Duration::from_secs(1),
            // A file costs next to nothing, and whoever wrote it waits for what is in it: a key is in it before the front
            // door admits it.
            (Self::Something, Reference::File(_)) => Duration::ZERO,
            // The service behind it has a rate that all execution environments share.
            (Self::Something, _) => Duration::from_secs(10),
            (Self::Freshness, _) => Duration::from_secs(30),
        }
    }

    /// How long a request waits for a reading, with everything that it takes.
    const fn within(self) -> Duration {
        match self {
            Self::Everything | Self::Something => Duration::from_secs(5),
            Self::Freshness => Duration::from_secs(1),
        }
    }
}

impl Keeper {
    pub(crate) fn new(factory: Factory) -> Self {
        Self { factory, held: ArcSwapOption::empty(), reading: Mutex::default() }
    }

    /// The broker for a request in `context`, which has `time` in all.
    pub(crate) async fn broker(
        &self,
        context: &RequestContext<'_>,
        time: Duration,
    ) -> Result<Arc<Bound>, BindError> {
        let held = self.held.load_full();
        let Some(need) = self.need(held.as_deref(), context) else { return enough(held) };
        // Who has a broker that will do does not wait for another to be read.
        let turn = if need == Need::Freshness {
            self.reading.try_lock().ok()
        } else {
            Some(self.reading.lock().await)
        };
        let Some(mut turn) = turn else { return enough(held) };
        let held = self.held.load_full();
        match self.need(held.as_deref(), context) {
            Some(need) if !self.is_resting(turn.as_ref(), need) => {
                self.read(held, need.within().min(time / 2), time, &mut turn).await
            }
            _ => held.ok_or_else(|| said(turn.as_ref())),
        }
    }

    async fn read(
        &self,
        held: Option<Arc<Bound>>,
        within: Duration,
        time: Duration,
        turn: &mut MutexGuard<'_, Option<Reading>>,
    ) -> Result<Arc<Bound>, BindError> {
        let reading = tokio::time::timeout(within, self.factory.bind(held.as_deref(), time));
        let bound = reading.await.unwrap_or(Err(BindError::TimedOut));
        let error = bound.as_ref().err().cloned();
        **turn = Some(Reading { ended: self.factory.clock.moment(), error });
        match (bound, held) {
            (Ok(bound), _) => {
                let bound = Arc::new(bound);
                self.held.store(Some(Arc::clone(&bound)));
                Ok(bound)
            }
            (Err(error), Some(held)) => {
                let bindings = &self.factory.bindings;
                tracing::warn!(%bindings, %error, "no new bindings; those that were read last stay in force");
                Ok(held)
            }
            (Err(error), None) => {
                let bindings = &self.factory.bindings;
                tracing::error!(%bindings, %error, "there are no bindings, so there are no tokens");
                Err(error)
            }
        }
    }

    fn need(&self, held: Option<&Bound>, context: &RequestContext<'_>) -> Option<Need> {
        let Some(held) = held else { return Some(Need::Everything) };
        if !held.suffices(context, &self.factory.definition) {
            return Some(Need::Something);
        }
        let age = self.factory.clock.moment().since(held.read);
        (age >= FRESH).then_some(Need::Freshness)
    }

    fn is_resting(&self, last: Option<&Reading>, need: Need) -> bool {
        let now = self.factory.clock.moment();
        last.is_some_and(|last| now.since(last.ended) < need.pause(&self.factory.bindings))
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("factory", &self.factory).finish_non_exhaustive()
    }
}

fn enough(held: Option<Arc<Bound>>) -> Result<Arc<Bound>, BindError> {
    held.ok_or(BindError::TimedOut)
}

/// What the last reading came to.
fn said(last: Option<&Reading>) -> BindError {
    last.and_then(|last| last.error.clone()).unwrap_or(BindError::TimedOut)
}

/// How old bindings may be and still be used without reading them again.
const FRESH: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests;
