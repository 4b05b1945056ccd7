//! Step 4: the token, from the cache or from the upstream.
//!
//! A token in the cache is served at once; when it grows old, this very request also starts its renewal, and nobody
//! waits for that, or this request alone for a short while, as the settings say. Without one, the first who asks starts a call upstream and everybody waits for that call. Calls run in
//! tasks of their own: a caller who goes away, the first one included, stops nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Moment};
use oauth::TokenReply;

use crate::cache::{Cache, CacheKey, Found, Held};
use crate::flight::{Arrival, FetchError, Landing, Ticket};
use crate::stats::{BrokerStats, Called};
use crate::traced::Traced;
use crate::{BrokerSettings, CacheOutcome, KeptTokens, TokenSource};

/// Gets tokens.
pub(crate) struct Fetcher {
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
}

/// What getting a token came to.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) cache: CacheOutcome,
    /// How many requests upstream this request caused. Who joins another's flight causes none.
    pub(crate) attempts: u32,
    /// How long this request waited for the upstream.
    pub(crate) waited: Duration,
    pub(crate) token: Result<TokenReply, FetchError>,
}

impl Fetcher {
    pub(crate) fn new(
        settings: BrokerSettings,
        source: Arc<dyn TokenSource>,
        clock: Arc<dyn Clock>,
        stats: Arc<BrokerStats>,
    ) -> Self {
        let cache = Arc::new(Cache::new(settings));
        Self { cache, upstream: Arc::new(Upstream { settings, source, clock, stats }) }
    }

    /// One that asks `source` by these settings. It serves the tokens that this one has, if they are kept.
    pub(crate) fn succeeded(
        &self,
        settings: BrokerSettings,
        source: Arc<dyn TokenSource>,
        tokens: KeptTokens,
    ) -> Self {
        let cache = match tokens {
            KeptTokens::All => self.cache.with(settings),
            KeptTokens::None => Cache::new(settings),
        };
        let (clock, stats) = (Arc::clone(&self.upstream.clock), Arc::clone(&self.upstream.stats));
        Self { cache: Arc::new(cache), upstream: Arc::new(Upstream { settings, source, clock, stats }) }
    }

    /// The token of `key`. A call that this request causes is shown among its spans.
    // INVARIANT: a call that is in flight has its task before the first await, so that dropping this future loses none.
    pub(crate) async fn token(&self, key: &CacheKey, now: Moment, traced: Option<&Traced>) -> Fetched {
        match self.cache.look_up(key, now) {
            Found::Token { held, outcome, renewal } => {
                if let Some((ticket, arrival)) = renewal {
                    self.launch(ticket, traced);
                    if !self.upstream.settings.refresh_wait.is_zero() {
                        return self.renew(outcome, held, arrival, now).await;
                    }
                }
                Fetched::at_once(outcome, Ok(reply(&held, now)))
            }
            Found::Absent(ticket, arrival) => {
                self.launch(ticket, traced);
                self.wait(CacheOutcome::Miss, arrival, now).await
            }
            Found::Underway(arrival) => self.wait(CacheOutcome::Joined, arrival, now).await,
            Found::Crowded => Fetched::at_once(CacheOutcome::None, Err(FetchError::Crowded)),
        }
    }

    fn launch(&self, ticket: Ticket, traced: Option<&Traced>) {
        tokio::spawn(Arc::clone(&self.upstream).fly(ticket, traced.cloned()));
    }

    /// Waits for a renewal as long as the settings say, and then makes do with `held`.
    async fn renew(&self, cache: CacheOutcome, held: Held, arrival: Arrival, since: Moment) -> Fetched {
        let landing = tokio::time::timeout(self.upstream.settings.refresh_wait, arrival.wait()).await;
        let now = self.upstream.clock.moment();
        let (attempts, renewed) = landing.map_or((0, None), |landing| (landing.attempts, landing.token.ok()));
        // The old one has aged as well.
        let token = self.upstream.servable(renewed.unwrap_or(held), now);
        Fetched { cache, attempts, waited: now.since(since), token: token.map(|held| reply(&held, now)) }
    }

    async fn wait(&self, cache: CacheOutcome, arrival: Arrival, since: Moment) -> Fetched {
        let landing = arrival.wait().await;
        // The token has aged while it was waited for.
        let now = self.upstream.clock.moment();
        let attempts = if cache == CacheOutcome::Miss { landing.attempts } else { 0 };
        let token = landing.token.and_then(|held| self.upstream.servable(held, now));
        Fetched { cache, attempts, waited: now.since(since), token: token.map(|held| reply(&held, now)) }
    }
}

impl Fetched {
    const fn at_once(cache: CacheOutcome, token: Result<TokenReply, FetchError>) -> Self {
        Self { cache, attempts: 0, waited: Duration::ZERO, token }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

/// What a call upstream needs, apart from the one who caused it.
struct Upstream {
    settings: BrokerSettings,
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    stats: Arc<BrokerStats>,
}

impl Upstream {
    /// The task of one flight.
    async fn fly(self: Arc<Self>, ticket: Ticket, traced: Option<Traced>) {
        let began = self.clock.moment();
        let landing = self.call(ticket.key()).await;
        let error = landing.token.as_ref().err().map(FetchError::name);
        let ended = self.clock.moment();
        let called = Called {
            attempts: landing.attempts,
            took: ended.since(began),
            error,
            circuit: self.source.circuit(),
        };
        if let Err(error) = &landing.token {
            let CacheKey { client, app_client, scopes } = ticket.key();
            let attempts = landing.attempts;
            tracing::warn!(%client, %app_client, %scopes, attempts, %error, "no token was minted");
        }
        if let Some(traced) = traced {
            traced.called(&ticket.key().app_client, began.time, ended.time, &called);
        }
        ticket.land(landing, ended);
        self.stats.called_upstream(called);
    }

    async fn call(&self, key: &CacheKey) -> Landing {
        let minting = self.source.request_token(&key.app_client, &key.scopes);
        let Ok(minting) = tokio::time::timeout(self.settings.longest_call, minting).await else {
            // How often it has tried by then, only the source knows. It has tried.
            return Landing { attempts: 1, token: Err(FetchError::TimedOut) };
        };
        let token = minting.outcome.map_err(FetchError::Source);
        let token = token.and_then(|issued| self.servable(issued.into(), self.clock.moment()));
        Landing { attempts: minting.effort.attempts, token }
    }

    fn servable(&self, held: Held, now: Moment) -> Result<Held, FetchError> {
        if held.left(now) < self.settings.minimum_life { Err(FetchError::ShortLived) } else { Ok(held) }
    }
}

fn reply(held: &Held, now: Moment) -> TokenReply {
    TokenReply { access_token: held.token.clone(), expires_in: held.left(now) }
}

#[cfg(test)]
mod tests;
