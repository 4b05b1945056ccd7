//! The `governor` crate: one limit per request, with its recommended store for keys, and its limiter for a single key.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use ambient::Timestamp;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use limits::Burst;

use crate::contender::Contender;
use crate::ours::MOST_PER_SECOND;

type Middleware<C> = NoOpMiddleware<<C as Clock>::Instant>;

/// Its limiter for many keys.
pub struct Keyed<C: Clock>(RateLimiter<u64, DefaultKeyedStateStore<u64>, C, Middleware<C>>);

impl Keyed<Given> {
    /// It is told the time, as ours are.
    pub fn told(quota: Quota) -> Self {
        Self(RateLimiter::new(quota, DefaultKeyedStateStore::default(), Given))
    }
}

impl Keyed<DefaultClock> {
    /// It reads its own clock, as its users have it.
    pub fn by_itself(quota: Quota) -> Self {
        Self(RateLimiter::keyed(quota))
    }
}

impl<C: Clock + Sync> Contender for Keyed<C>
where
    C::Instant: Sync,
{
    type Request = u64;

    fn request(&self, key: u64) -> u64 {
        key
    }

    fn admits(&self, now: Timestamp, key: &u64) -> bool {
        NOW.set(now.as_micros() * 1_000);
        self.0.check_key(key).is_ok()
    }
}

/// Its limiter for one key, which has no table.
pub struct Direct(RateLimiter<NotKeyed, InMemoryState, Given, Middleware<Given>>);

impl Direct {
    pub fn told(quota: Quota) -> Self {
        Self(RateLimiter::direct_with_clock(quota, Given))
    }
}

impl Contender for Direct {
    type Request = ();

    fn request(&self, _: u64) {}

    fn admits(&self, now: Timestamp, (): &()) -> bool {
        NOW.set(now.as_micros() * 1_000);
        self.0.check().is_ok()
    }
}

/// Five limits, asked one after the other: three for the key, two for everybody. Not all or none: what a later one refuses
/// has been paid to those before it.
pub struct InTurn {
    own: [Keyed<Given>; 3],
    shared: [Direct; 2],
}

impl InTurn {
    pub fn told(quota: Quota) -> Self {
        Self { own: [(); 3].map(|()| Keyed::told(quota)), shared: [(); 2].map(|()| Direct::told(quota)) }
    }
}

impl Contender for InTurn {
    type Request = u64;

    fn request(&self, key: u64) -> u64 {
        key
    }

    fn admits(&self, now: Timestamp, key: &u64) -> bool {
        self.own.iter().all(|limiter| limiter.admits(now, key))
            && self.shared.iter().all(|limiter| limiter.admits(now, &()))
    }
}

/// The time that the benchmark says it is.
#[derive(Clone, Debug)]
pub struct Given;

impl Clock for Given {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        NOW.get().into()
    }
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// The same as [`crate::ours::abundant`].
pub fn abundant() -> Quota {
    Quota::per_second(MOST_PER_SECOND).allow_burst(NonZeroU32::new(Burst::MAX.requests()).unwrap())
}

/// The same as [`crate::ours::scarce`].
pub fn scarce() -> Quota {
    Quota::with_period(Duration::from_secs(1_000)).unwrap()
}
