//! The tokens that are kept, and who is getting which: a state machine without a runtime.
//!
//! The key is caller, app client and the sorted scopes, so that a token never serves anybody or anything else. Whoever
//! asks is authorized by then. A slot holds a token, or a flight that will bring one, or both while it is renewed; at
//! most one flight per slot, whoever asks.
//!
//! Promises: no token with less than the minimum life is found; the bounds on tokens hold, because the expired and
//! then the least recently used ones go; what is in flight stays, so that no token is ever fetched twice at a time; a
//! failure leaves a token that can still be served where it is, and is not remembered as an answer. Ages are by
//! [`Moment`], so that setting the time back makes no token live longer. Tokens are in memory only. It makes no calls ([`fetch`](crate::fetch)) and reads no clock.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use cognito::IssuedToken;
use oauth::{AccessToken, ScopeSet};
use parking_lot::Mutex;
use policy::ClientId;

use crate::flight::{Arrival, Landing, Ticket};
use crate::{AppClientName, BrokerSettings, CacheOutcome};

/// What a token belongs to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CacheKey {
    pub(crate) client: ClientId,
    pub(crate) app_client: AppClientName,
    pub(crate) scopes: ScopeSet,
}

/// A token and its time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) token: AccessToken,
    asked: Moment,
    life: Duration,
}

impl Held {
    /// The life that is left.
    pub(crate) fn left(&self, now: Moment) -> Duration {
        self.life.saturating_sub(now.since(self.asked))
    }
}

// Its life was counted from when it was asked for, before it was issued: it never lives shorter than is said here.
impl From<IssuedToken> for Held {
    fn from(issued: IssuedToken) -> Self {
        Self { token: issued.token, asked: issued.asked, life: issued.lifetime }
    }
}

/// What a look into the cache comes to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A token to serve. Whoever gets the ticket with it must renew it, and may wait for that.
    Token { held: Held, outcome: CacheOutcome, renewal: Option<(Ticket, Arrival)> },
    /// Nothing to serve, but somebody is getting it.
    Underway(Arrival),
    /// Nothing to serve: whoever gets this ticket must get it.
    Absent(Ticket, Arrival),
    /// Nothing to serve, and no room for another flight.
    Crowded,
}

/// The cache. All tokens of one client are in one shard, so that its bound is kept under one lock.
pub(crate) struct Cache {
    // Shared with those that look at the same tokens by other settings.
    shards: Arc<[Mutex<Shard>]>,
    hasher: RandomState,
    settings: BrokerSettings,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<CacheKey, Slot>,
    /// Counts looks, to tell which slot was used last.
    looks: u64,
}

// INVARIANT: a slot has a token or a flight. One that has neither is removed.
#[derive(Default)]
struct Slot {
    held: Option<Held>,
    flight: Option<Arrival>,
    /// When the last renewal failed, if it did.
    renewal_failed: Option<Moment>,
    used: u64,
}

impl Cache {
    pub(crate) fn new(settings: BrokerSettings) -> Self {
        let shards = MAX_SHARDS.min(settings.tokens).max(1);
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(shards).collect(),
            hasher: RandomState::new(),
            settings,
        }
    }

    /// The same tokens and flights, by other settings. How many there may be stays as it is: room was made for that.
    pub(crate) fn with(&self, settings: BrokerSettings) -> Self {
        let BrokerSettings { tokens, tokens_per_client, .. } = self.settings;
        let settings = BrokerSettings { tokens, tokens_per_client, ..settings };
        Self { shards: Arc::clone(&self.shards), hasher: self.hasher.clone(), settings }
    }

    /// Looks for the token of `key`. What comes back with a ticket has taken off already.
    pub(crate) fn look_up(self: &Arc<Self>, key: &CacheKey, now: Moment) -> Found {
        let Some(shard) = self.shard(&key.client) else { return Found::Crowded };
        let mut shard = shard.lock();
        shard.looks += 1;
        let used = shard.looks;
        if let Some(slot) = shard.slots.get_mut(key) {
            slot.used = used;
            return self.look_into(slot, key, now);
        }
        if !self.make_room(&mut shard, &key.client, now) {
            return Found::Crowded;
        }
        let slot = shard.slots.entry(key.clone()).or_insert(Slot { used, ..Slot::default() });
        let (ticket, arrival) = self.take_off(slot, key, now);
        Found::Absent(ticket, arrival)
    }

    /// Ends the flight of `key`.
    pub(crate) fn land(&self, key: &CacheKey, landing: &Landing, now: Moment) {
        let Some(shard) = self.shard(&key.client) else { return };
        let mut shard = shard.lock();
        let Some(slot) = shard.slots.get_mut(key) else { return };
        slot.flight = None;
        match &landing.token {
            Ok(held) => {
                slot.held = Some(held.clone());
                slot.renewal_failed = None;
            }
            Err(_) if slot.held.is_some() => {
                slot.renewal_failed = Some(now);
            }
            Err(_) => drop(shard.slots.remove(key)),
        }
    }

    fn look_into(self: &Arc<Self>, slot: &mut Slot, key: &CacheKey, now: Moment) -> Found {
        if let Some(held) = slot.held.clone().filter(|held| self.is_servable(held, now)) {
            return self.serve(slot, held, key, now);
        }
        slot.held = None;
        if let Some(flight) = &slot.flight {
            return Found::Underway(flight.clone());
        }
        let (ticket, arrival) = self.take_off(slot, key, now);
        Found::Absent(ticket, arrival)
    }

    fn serve(self: &Arc<Self>, slot: &mut Slot, held: Held, key: &CacheKey, now: Moment) -> Found {
        let ageing = held.left(now) < self.settings.refresh_below.of(held.life);
        let pause = self.settings.refresh_pause;
        let paused = slot.renewal_failed.is_some_and(|failed| now.since(failed) < pause);
        let renewal = (ageing && !paused && slot.flight.is_none()).then(|| self.take_off(slot, key, now));
        let outcome = match (&renewal, slot.renewal_failed) {
            (Some(_), _) => CacheOutcome::Refresh,
            (None, Some(_)) => CacheOutcome::Stale,
            (None, None) => CacheOutcome::Hit,
        };
        Found::Token { held, outcome, renewal }
    }

    fn take_off(self: &Arc<Self>, slot: &mut Slot, key: &CacheKey, now: Moment) -> (Ticket, Arrival) {
        let (ticket, arrival) = Ticket::issue(Arc::clone(self), key.clone(), now);
        slot.flight = Some(arrival.clone());
        (ticket, arrival)
    }

    fn is_servable(&self, held: &Held, now: Moment) -> bool {
        held.left(now) >= self.settings.minimum_life
    }

    /// Whether there is room for one more slot of `client`, which may mean that another has to go.
    fn make_room(&self, shard: &mut Shard, client: &ClientId, now: Moment) -> bool {
        let own = shard.slots.keys().filter(|key| key.client == *client).count();
        if own >= self.settings.tokens_per_client {
            // Its own tokens go first: nobody loses a token because somebody else asks for many.
            return self.evict(shard, now, |key| key.client == *client);
        }
        shard.slots.len() < self.settings.tokens / self.shards.len() || self.evict(shard, now, |_| true)
    }

    fn evict(&self, shard: &mut Shard, now: Moment, among: impl Fn(&CacheKey) -> bool) -> bool {
        let idle = shard.slots.iter().filter(|(key, slot)| slot.flight.is_none() && among(key));
        let victim = idle.min_by_key(|(_, slot)| {
            let servable = slot.held.as_ref().is_some_and(|held| self.is_servable(held, now));
            (servable, slot.used)
        });
        let victim = victim.map(|(key, _)| key.clone());
        victim.is_some_and(|key| shard.slots.remove(&key).is_some())
    }

    fn shard(&self, client: &ClientId) -> Option<&Mutex<Shard>> {
        let shards = u64::try_from(self.shards.len()).ok()?;
        let index = self.hasher.hash_one(client).checked_rem(shards)?;
        self.shards.get(usize::try_from(index).ok()?)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// Enough that cores seldom meet at one lock; few enough that each has room for many clients.
const MAX_SHARDS: usize = 16;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
