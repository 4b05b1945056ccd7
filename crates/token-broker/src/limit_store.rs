//! Where this machine's limits are kept: who spends, who meters, and what else there is to do and to watch.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use config::LimitsSettings;
use limits::{Limiter, Memory, Meter};
use listen::DrainSignal;

/// A store of limits, each side of it.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// What the front door spends from.
    pub(crate) limiter: Arc<dyn Limiter>,
    /// What operators read and extend.
    pub(crate) meter: Arc<dyn Meter>,
    /// What health and metrics look at.
    pub(crate) store: Arc<dyn LimitStore>,
}

/// What has to be done for a store, and what is seen of it.
pub(crate) trait LimitStore: fmt::Debug + Send + Sync {
    /// Whether what has to be kept can be written.
    fn is_writable(&self) -> bool;

    /// What it has counted, for `/metrics`.
    fn samples(&self) -> Vec<Sample>;

    /// Does a bounded part of what has to be done now and again. Called once a second, and not on the way of a request.
    fn tidy(&self, now: Timestamp);

    /// Writes what has not been written yet. Nothing is spent any more.
    fn close(&self, now: Timestamp) -> anyhow::Result<()>;
}

/// One number of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Without prefix and suffix.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) help: &'static str,
    /// How much.
    pub(crate) value: Amount,
}

/// A number that only grows, or one that goes both ways.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Count(u64),
    Level(u64),
}

impl Limits {
    /// Opens the store that the definition names.
    pub(crate) fn open(settings: &LimitsSettings) -> Self {
        match settings {
            LimitsSettings::Sqlite(_) | LimitsSettings::Memory => Self::in_memory(),
        }
    }

    fn in_memory() -> Self {
        let memory = Arc::new(Memory::new());
        let (limiter, meter) = (memory.clone(), memory.clone());
        Self { limiter, meter, store: Arc::new(InMemory { memory, dropped: AtomicU64::new(0) }) }
    }
}

/// Limits that nothing is kept of.
#[derive(Debug)]
struct InMemory {
    memory: Arc<Memory>,
    dropped: AtomicU64,
}

impl LimitStore for InMemory {
    fn is_writable(&self) -> bool {
        true
    }

    fn samples(&self) -> Vec<Sample> {
        let subjects = u64::try_from(self.memory.subjects()).unwrap_or(u64::MAX);
        let dropped = self.dropped.load(Relaxed);
        vec![
            Sample {
                name: "limit_subjects",
                help: "Keys that limits have state for",
                value: Amount::Level(subjects),
            },
            Sample {
                name: "limit_subjects_dropped",
                help: "Keys whose state said nothing any more: full buckets, quotas that started anew",
                value: Amount::Count(dropped),
            },
        ]
    }

    fn tidy(&self, now: Timestamp) {
        let dropped = self.memory.tidy(now);
        self.dropped.fetch_add(u64::try_from(dropped).unwrap_or(u64::MAX), Relaxed);
    }

    fn close(&self, _now: Timestamp) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Keeps a store tidy until the drain begins.
pub(crate) async fn keep_tidy(store: Arc<dyn LimitStore>, clock: Arc<dyn Clock>, mut drain: DrainSignal) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _grace = drain.begun() => return,
            _tick = ticks.tick() => store.tidy(clock.now()),
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use listen::Drain;
    use testkit::ManualClock;
    use tokio::sync::Notify;

    use super::*;

    /// Counts how often it was tidied.
    #[derive(Debug, Default)]
    struct Counted {
        tidied: AtomicU64,
        again: Notify,
    }

    impl LimitStore for Counted {
        fn is_writable(&self) -> bool {
            true
        }

        fn samples(&self) -> Vec<Sample> {
            Vec::new()
        }

        fn tidy(&self, _now: Timestamp) {
            self.tidied.fetch_add(1, Ordering::SeqCst);
            self.again.notify_one();
        }

        fn close(&self, _now: Timestamp) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn store_is_tidied_every_second_until_the_drain() {
        let (drain, draining) = Drain::new();
        let store = Arc::new(Counted::default());
        let started = tokio::time::Instant::now();
        let keeping = tokio::spawn(keep_tidy(store.clone(), Arc::new(ManualClock::default()), draining));
        while store.tidied.load(Ordering::SeqCst) < 4 {
            store.again.notified().await;
        }
        assert_eq!(started.elapsed(), Duration::from_secs(3), "at once, and then each second");
        drain.begin(Duration::ZERO);
        keeping.await.unwrap();
        assert_eq!(store.tidied.load(Ordering::SeqCst), 4);
    }
}
