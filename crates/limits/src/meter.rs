//! What operators ask of quotas: who has used how much, and more for somebody who needs it.
//!
//! Not on the way of a request: these calls may wait for a disk.

use std::fmt;
use std::ops::RangeInclusive;

use ambient::Timestamp;

use crate::charge::Subject;
use crate::day::Day;
use crate::definitions::LimitName;
use crate::limiter::StoreError;
use crate::quota::QuotaSpec;

/// Reads and extends quotas.
pub trait Meter: fmt::Debug + Send + Sync {
    /// Where `subject` stands with the quota called `quota`.
    fn standing(&self, quota: &LimitName, subject: Subject, now: Timestamp) -> Result<Standing, MeterError>;

    /// What `subject` used on each of `days`, without gaps and in order. Days before anything was kept count as unused.
    fn days(
        &self,
        quota: &LimitName,
        subject: Subject,
        days: RangeInclusive<Day>,
        now: Timestamp,
    ) -> Result<Vec<DayUsage>, MeterError>;

    /// Gives `subject` `more` requests in the window that is open, and no later one. Kept before it is given.
    fn extend(
        &self,
        quota: &LimitName,
        subject: Subject,
        more: u64,
        now: Timestamp,
    ) -> Result<Standing, MeterError>;
}

/// Where one subject stands with a quota, in the window that is open.
///
/// `used + lost + left` is `spec.limit() + extra`, unless more counts as used than that: the limit was larger before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The quota's numbers.
    pub spec: QuotaSpec,
    /// Requests given on top of the limit, for this window.
    pub extra: u64,
    /// Requests admitted in the window.
    pub used: u64,
    /// Requests that count as used though they are not known to have been admitted in the window: set aside when a
    /// process died, or used in a longer window before the period was changed.
    pub lost: u64,
    /// Requests that the window will still admit.
    pub left: u64,
    /// When the window began.
    pub window_start: Timestamp,
    /// When the next one begins; `None` in the last month that the calendar can name, in the year 9999.
    pub window_end: Option<Timestamp>,
}

impl Standing {
    /// The most that a limit and what is given on top of it can come to: a store that counts in doubles is exact up to
    /// here.
    pub const MOST: u64 = 1 << 53;

    /// The requests on top of the limit once `more` have been added: so many will be admitted, also if more than the
    /// limit counts as used already because it was larger.
    pub fn extended_by(&self, more: u64) -> Result<u64, MeterError> {
        let limit = self.spec.limit();
        let counted = self.used.saturating_add(self.lost);
        let extra = self.extra.max(counted.saturating_sub(limit)).checked_add(more);
        let extra = extra.filter(|extra| extra.checked_add(limit).is_some_and(|all| all <= Self::MOST));
        extra.ok_or(MeterError::TooMuch { limit, more })
    }
}

/// One subject's usage on one day, as API Gateway's `GetUsage` gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// Requests admitted on it.
    pub used: u64,
    /// What the quota had left when the day ended, or has left now.
    pub remaining: u64,
}

/// Why a quota cannot be read or extended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeterError {
    /// There is no quota of this name.
    #[error("there is no quota `{name}`")]
    NoSuchQuota {
        /// The name.
        name: LimitName,
    },
    /// So much cannot be counted.
    #[error(
        "a quota of {limit} cannot be extended by {more} requests: together with what was given before that is more \
         than {}",
        Standing::MOST
    )]
    TooMuch {
        /// The quota.
        limit: u64,
        /// What was asked for.
        more: u64,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
