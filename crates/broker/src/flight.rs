//! One call upstream under way, and those who wait for it.
//!
//! A flight belongs to a task of its own, so that no caller who goes away takes it down. It ends exactly once: by
//! landing, or, when its task panics or the runtime stops, by the ticket being dropped; in either case the cache is told
//! first and then everybody who waits. So a broken flight never blocks its slot, and whoever asks next tries anew.

use std::fmt;
use std::sync::Arc;

use ambient::Moment;
use thiserror::Error;
use tokio::sync::watch;

use crate::SourceError;
use crate::cache::{Cache, CacheKey, Held};

/// How a flight ended. Everybody who waited for it gets the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Landing {
    /// How many requests it took.
    pub(crate) attempts: u32,
    pub(crate) token: Result<Held, FetchError>,
}

/// Why there is no token to hand out.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the upstream call took too long")]
    TimedOut,
    #[error("the upstream's token lives shorter than the minimum life")]
    ShortLived,
    #[error("the upstream call ended without an answer")]
    Lost,
    #[error("too many different tokens are being fetched")]
    Crowded,
}

/// The duty to end a flight.
pub(crate) struct Ticket {
    cache: Arc<Cache>,
    key: CacheKey,
    issued: Moment,
    waiting: watch::Sender<Option<Landing>>,
    landed: bool,
}

impl Ticket {
    /// The ticket for a flight that brings the token of `key`, and what others wait with.
    pub(crate) fn issue(cache: Arc<Cache>, key: CacheKey, issued: Moment) -> (Self, Arrival) {
        let (waiting, arrival) = watch::channel(None);
        (Self { cache, key, issued, waiting, landed: false }, Arrival(arrival))
    }

    pub(crate) const fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Ends the flight.
    pub(crate) fn land(mut self, landing: Landing, now: Moment) {
        self.settle(landing, now);
    }

    fn settle(&mut self, landing: Landing, now: Moment) {
        self.landed = true;
        self.cache.land(&self.key, &landing, now);
        self.waiting.send_replace(Some(landing));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.landed {
            self.settle(Landing { attempts: 0, token: Err(FetchError::Lost) }, self.issued);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What one waits for a flight with.
#[derive(Clone, Debug)]
pub(crate) struct Arrival(watch::Receiver<Option<Landing>>);

impl Arrival {
    /// Waits for the flight to end.
    pub(crate) async fn wait(mut self) -> Landing {
        let landing = self.0.wait_for(Option::is_some).await.ok().and_then(|landing| landing.clone());
        landing.unwrap_or(Landing { attempts: 0, token: Err(FetchError::Lost) })
    }
}
