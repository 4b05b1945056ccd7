//! Where this machine's limits are kept: who spends, who meters, and what else there is to do and to watch.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use anyhow::Context as _;
use config::{KeptLimits, LimitsSettings, WhenLost};
use limits::{Batch, Limiter, Memory, Meter};
use limits_store::{Lost, Settings, Sqlite, Stats};
use listen::DrainSignal;

use crate::control::Moment;
use crate::state::State;

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
    /// Whether what has to be kept can be written, and what that means for requests.
    fn keeping(&self) -> Keeping;

    /// What it has counted, for `/metrics`.
    fn samples(&self) -> Vec<Sample>;

    /// The limits in memory, to look at how full they are. Not every store has them.
    fn memory(&self) -> Option<&Memory> {
        None
    }

    /// Does a bounded part of what has to be done now and again. Called once a second, and not on the way of a request.
    fn tidy(&self, now: Timestamp);

    /// Writes what has not been written yet. Nothing is spent any more.
    fn close(&self, now: Timestamp) -> anyhow::Result<()>;
}

/// Whether a store can write what it has to keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keeping {
    /// It can.
    Kept,
    /// It cannot, and requests are admitted all the same: every kind of limit is open.
    Suspended,
    /// It cannot, and requests are refused once what is set aside is used up: some kind of limit is closed.
    Closed,
}

impl Keeping {
    fn of(is_writable: bool, when_lost: limits_store::WhenLost) -> Self {
        let limits_store::WhenLost { buckets, quotas } = when_lost;
        match (is_writable, buckets, quotas) {
            (true, _, _) => Self::Kept,
            (false, Lost::Open, Lost::Open) => Self::Suspended,
            (false, _, _) => Self::Closed,
        }
    }
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
    pub(crate) fn open(
        settings: &LimitsSettings,
        state: &State,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        match settings {
            LimitsSettings::Memory => Ok(Self::in_memory()),
            LimitsSettings::Sqlite(kept) => {
                let path = state.path(FILE);
                // What is wrong with the file the store says; that it has a place of one's choice it does not know.
                Self::in_file(kept, &path, clock).with_context(|| {
                    format!(
                        "limits cannot be kept in `{}`; mend that, or name another state directory with --state, with keys \
                         of its own",
                        path.display()
                    )
                })
            }
        }
    }

    fn in_file(kept: &KeptLimits, path: &Path, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let KeptLimits { quota_batch, lease, throttle_when_lost, quota_when_lost } = *kept;
        let when_lost =
            limits_store::WhenLost { buckets: lost(throttle_when_lost), quotas: lost(quota_when_lost) };
        let settings = Settings { batch: Batch::new(quota_batch), lease, when_lost };
        let sqlite = Arc::new(Sqlite::open(path, settings, clock.now())?);
        say_what_a_crash_cost(&sqlite, kept);
        sqlite.start(Arc::clone(clock)).context("the thread that writes limits cannot be started")?;
        let (limiter, meter) = (sqlite.clone(), sqlite.clone());
        Ok(Self { limiter, meter, store: Arc::new(InFile { sqlite, when_lost }) })
    }

    fn in_memory() -> Self {
        let memory = Arc::new(Memory::new());
        let (limiter, meter) = (memory.clone(), memory.clone());
        Self { limiter, meter, store: Arc::new(InMemory(memory)) }
    }
}

/// Whoever looks at the log for why clients are refused finds it there.
fn say_what_a_crash_cost(sqlite: &Sqlite, kept: &KeptLimits) {
    if let Some(until) = sqlite.crash() {
        tracing::warn!(
            target: "limits_store",
            path = %sqlite.path().display(),
            // In whole seconds, and not too early.
            buckets.empty_until = String::from(Moment(until.plus(Duration::from_micros(999_999)))),
            quotas.most_lost = kept.quota_batch.get(),
            "the last run did not end cleanly: every bucket is empty until then, and of each quota up to a batch counts as \
             used"
        );
    }
}

const fn lost(when_lost: WhenLost) -> Lost {
    match when_lost {
        WhenLost::Closed => Lost::Closed,
        WhenLost::Open => Lost::Open,
    }
}

/// Limits in a file.
#[derive(Debug)]
struct InFile {
    sqlite: Arc<Sqlite>,
    when_lost: limits_store::WhenLost,
}

impl LimitStore for InFile {
    fn keeping(&self) -> Keeping {
        Keeping::of(self.sqlite.stats().writable, self.when_lost)
    }

    fn samples(&self) -> Vec<Sample> {
        let Stats { commits, failures, rows, alive_until, writable, .. } = self.sqlite.stats();
        let mut samples = of_memory(self.sqlite.memory()).to_vec();
        samples.extend([
            count("limit_store_commits", "Transactions that the limit store has written", commits),
            count("limit_store_failures", "Transactions that the limit store could not write", failures),
            count("limit_store_rows", "Rows that the limit store has written", rows),
            level(
                "limit_store_writable",
                "Whether the limit store could be written when last tried",
                writable.into(),
            ),
            level(
                "limit_store_alive_until_seconds",
                "Nothing is admitted later than this, in seconds since 1970, unless the store says more",
                alive_until.as_secs(),
            ),
        ]);
        samples
    }

    fn memory(&self) -> Option<&Memory> {
        Some(self.sqlite.memory())
    }

    /// Its own thread does.
    fn tidy(&self, _now: Timestamp) {}

    fn close(&self, now: Timestamp) -> anyhow::Result<()> {
        self.sqlite.close(now).context("limits are not written; the next start takes this stop for a crash")
    }
}

const fn count(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample { name, help, value: Amount::Count(value) }
}

const fn level(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample { name, help, value: Amount::Level(value) }
}

/// What every store has: limits are spent in memory.
fn of_memory(memory: &Memory) -> [Sample; 2] {
    let subjects = u64::try_from(memory.subjects()).unwrap_or(u64::MAX);
    [
        level("limit_subjects", "Keys that limits have state for", subjects),
        count(
            "limit_subjects_dropped",
            "Keys whose state said nothing any more: full buckets, quotas that started anew",
            memory.dropped(),
        ),
    ]
}

/// The store's file in the state directory.
const FILE: &str = "limits.db";

/// Limits that nothing is kept of.
#[derive(Debug)]
struct InMemory(Arc<Memory>);

impl LimitStore for InMemory {
    fn keeping(&self) -> Keeping {
        Keeping::Kept
    }

    fn samples(&self) -> Vec<Sample> {
        of_memory(&self.0).to_vec()
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.0)
    }

    fn tidy(&self, now: Timestamp) {
        self.0.tidy(now);
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
    use std::sync::atomic::{AtomicU64, Ordering};

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
        fn keeping(&self) -> Keeping {
            Keeping::Kept
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

    #[test]
    fn store_that_cannot_be_written_is_closed_unless_every_kind_of_limit_is_open() {
        let when_lost = |buckets, quotas| limits_store::WhenLost { buckets, quotas };
        for (buckets, quotas, lost) in [
            (Lost::Open, Lost::Open, Keeping::Suspended),
            (Lost::Open, Lost::Closed, Keeping::Closed),
            (Lost::Closed, Lost::Open, Keeping::Closed),
            (Lost::Closed, Lost::Closed, Keeping::Closed),
        ] {
            assert_eq!(Keeping::of(true, when_lost(buckets, quotas)), Keeping::Kept);
            assert_eq!(Keeping::of(false, when_lost(buckets, quotas)), lost, "{buckets:?} {quotas:?}");
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
