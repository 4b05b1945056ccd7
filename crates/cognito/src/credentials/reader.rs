//! Reading secrets from where they are kept: late, once for however many wait, and seldom.
//!
//! They are read when the first token is asked for, and again when the upstream refused all that are in hand. Neither a
//! wrong secret nor a source that fails makes every request read: after a second reading that changed nothing there is a
//! pause, and a short one after a reading that failed. While it lasts, everybody is told what the last reading came to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Moment};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::held::Held;
use super::{AppClientSecrets, SecretSource, SecretsUnreadable};

/// The secrets of one app client as they are read from their source.
pub(super) struct Reader {
    source: Arc<dyn SecretSource>,
    pause: Duration,
    /// Held by the one who reads. Whoever waited for it looks at `state` before reading too.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// Until when to wait for secrets, and by which clock pauses are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) until: Instant,
}

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    resting: Option<Rest>,
}

/// A time in which nothing is read.
#[derive(Clone, Copy)]
struct Rest {
    since: Moment,
    length: Duration,
    /// What the reading before it came to.
    failed: bool,
}

/// The secrets that are there instead of the refused ones, if any are.
type Outcome = Result<Option<Arc<Held>>, SecretsUnreadable>;

impl Reader {
    pub(super) fn new(source: Arc<dyn SecretSource>, pause: Duration) -> Self {
        Self { source, pause, turn: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    /// The secrets in hand; they are read if there are none.
    pub(super) async fn known(&self, bounds: Bounds<'_>) -> Result<Arc<Held>, SecretsUnreadable> {
        self.other_than(None, bounds).await?.ok_or(SecretsUnreadable)
    }

    /// What is in hand instead of `refused`; it is read again if nothing is.
    pub(super) async fn instead_of(&self, refused: &Arc<Held>, bounds: Bounds<'_>) -> Outcome {
        self.other_than(Some(refused), bounds).await
    }

    async fn other_than(&self, refused: Option<&Arc<Held>>, bounds: Bounds<'_>) -> Outcome {
        if let Some(outcome) = self.without_reading(refused, bounds.clock.moment()) {
            return outcome;
        }
        let _turn = timeout_at(bounds.until, self.turn.lock()).await.map_err(|_| SecretsUnreadable)?;
        // Whoever had the turn before may have read what is missing here.
        if let Some(outcome) = self.without_reading(refused, bounds.clock.moment()) {
            return outcome;
        }
        let reading = if refused.is_some() { self.source.refresh() } else { self.source.current() };
        let read = timeout_at(bounds.until, reading).await.unwrap_or(Err(SecretsUnreadable));
        self.take_over(read, refused.is_some(), bounds.clock.moment())
    }

    /// The outcome at `now`, if it is known without reading.
    fn without_reading(&self, refused: Option<&Arc<Held>>, now: Moment) -> Option<Outcome> {
        let state = self.state.lock();
        let other = state.held.as_ref().filter(|held| !refused.is_some_and(|old| Arc::ptr_eq(held, old)));
        if let Some(held) = other {
            return Some(Ok(Some(Arc::clone(held))));
        }
        let rest = state.resting.filter(|rest| now.since(rest.since) < rest.length)?;
        Some(if rest.failed { Err(SecretsUnreadable) } else { Ok(None) })
    }

    /// Keeps what was `read`, `again` or for the first time.
    fn take_over(
        &self,
        read: Result<AppClientSecrets, SecretsUnreadable>,
        again: bool,
        now: Moment,
    ) -> Outcome {
        let mut state = self.state.lock();
        let Ok(secrets) = read else {
            let length = self.pause.min(AFTER_FAILURE);
            state.resting = Some(Rest { since: now, length, failed: true });
            return Err(SecretsUnreadable);
        };
        // The first reading may come out of a cache: it must not delay the second, which does not.
        state.resting = again.then_some(Rest { since: now, length: self.pause, failed: false });
        if state.held.as_ref().is_some_and(|held| held.secrets().same(&secrets)) {
            return Ok(None);
        }
        let held = Held::new(secrets);
        state.held = Some(Arc::clone(&held));
        Ok(Some(held))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader(..)")
    }
}

/// A source that is down is asked again this much later: soon, because no token can be had without it.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
