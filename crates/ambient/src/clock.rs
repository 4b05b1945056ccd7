//! The time of day in microseconds, and who tells it.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Tells the time. One reading serves a whole request, so that every step of it agrees on when it happened.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now. The time of day can be set, backwards too.
    fn now(&self) -> Timestamp;

    /// How much time has passed since some moment before the first reading. It cannot be set, but it may stand still
    /// while the machine sleeps.
    fn uptime(&self) -> Duration;

    /// This moment by both.
    fn moment(&self) -> Moment {
        Moment { time: self.now(), uptime: self.uptime() }
    }
}

/// A moment by the time of day and by a clock that nobody can set.
///
/// For ages that must not be underestimated: whoever sets the time back must not make anything younger.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// The time of day.
    pub time: Timestamp,
    /// The time since some moment of this process.
    pub uptime: Duration,
}

impl Moment {
    /// How long after `earlier` this is, by whichever clock counted more: the time of day may have been set back, and
    /// the other may have slept.
    ///
    /// ```
    /// # use {ambient::{Moment, Timestamp}, std::time::Duration};
    /// let moment = |time, uptime| Moment { time: Timestamp::from_secs(time), uptime: Duration::from_secs(uptime) };
    /// assert_eq!(moment(1_000, 50).since(moment(2_000, 20)), Duration::from_secs(30));
    /// assert_eq!(moment(9_000, 21).since(moment(2_000, 20)), Duration::from_secs(7_000));
    /// ```
    pub fn since(self, earlier: Self) -> Duration {
        self.time.since(earlier.time).max(self.uptime.saturating_sub(earlier.uptime))
    }
}

/// A moment in microseconds since 1970-01-01T00:00:00Z.
///
/// Microseconds are the limiter's unit: one milli-request per second refills one nano-token in each of them, so a
/// refill is an exact integer product. `u64` lasts for 584,000 years.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment `secs` seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero when it is not after it.
    ///
    /// ```
    /// # use {ambient::Timestamp, std::time::Duration};
    /// assert_eq!(Timestamp::from_secs(5).since(Timestamp::from_secs(2)), Duration::from_secs(3));
    /// assert_eq!(Timestamp::from_secs(2).since(Timestamp::from_secs(5)), Duration::ZERO);
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `wait` later, rounded down to a microsecond.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// `wait` in whole seconds, rounded up and at least one, so that nobody who is told to wait comes back too early.
///
/// ```
/// # use {ambient::whole_seconds, std::time::Duration};
/// assert_eq!([0, 1, 1_000, 1_001].map(|millis| whole_seconds(Duration::from_millis(millis))), [1, 1, 1, 2]);
/// ```
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::EPOCH.plus(since_epoch)
    }

    fn uptime(&self) -> Duration {
        FIRST_READING.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the steady clock")]
static FIRST_READING: LazyLock<Instant> = LazyLock::new(Instant::now);
