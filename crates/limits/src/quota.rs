//! Quotas: so many requests in each day, week or month of the UTC calendar.
//!
//! Pure arithmetic over a stored count and the start of the window it belongs to. A quota promises that no window
//! admits more than the limit, also when the clock steps back across a window's edge: the count then belongs to the
//! later window. When API Gateway's own windows turn is not documented; ours turn at midnight UTC, exactly.

use ambient::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::spend::{Cell, Verdict};

/// The numbers of a quota.
///
/// The window begins at midnight UTC: every day; every week, `offset` days after Sunday; every month, `offset` days
/// after the 1st. API Gateway names an offset and bounds it like this, but does not say what it does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QuotaSpec {
    limit: u64,
    period: Period,
    offset: u8,
}

impl QuotaSpec {
    /// `limit` requests per `period`. The offset is 0 for a day, 0 to 6 for a week, 0 to 27 for a month.
    ///
    /// ```
    /// # use limits::{Period, QuotaSpec};
    /// assert!(QuotaSpec::new(10_000, Period::Month, 27).is_ok());
    /// assert!(QuotaSpec::new(10_000, Period::Day, 1).is_err());
    /// ```
    pub const fn new(limit: u64, period: Period, offset: u8) -> Result<Self, QuotaSpecError> {
        if offset > period.largest_offset() {
            return Err(QuotaSpecError { period, offset });
        }
        Ok(Self { limit, period, offset })
    }

    /// How many requests a window admits.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// How long a window is.
    pub const fn period(&self) -> Period {
        self.period
    }

    /// Days by which the window begins later than the week or the month.
    pub const fn offset(&self) -> u8 {
        self.offset
    }

    /// The earliest effective time of a spend: the window that has been counted in does not end early.
    pub(crate) fn floor(cell: Option<Cell>) -> Timestamp {
        cell.map_or(Timestamp::EPOCH, |cell| cell.moment)
    }

    /// What a spend at `at` finds. `at` is not before [`QuotaSpec::floor`].
    pub(crate) fn judge(&self, cell: Option<Cell>, at: Timestamp) -> Verdict {
        let usage = self.usage(cell, at);
        if usage.left == 0 {
            return Verdict::Refuses { ready: usage.window_end.filter(|_| self.limit > 0) };
        }
        let after = Cell { amount: usage.used + 1, moment: usage.window_start };
        Verdict::Pays { after, available: usage.left }
    }

    pub(crate) fn usage(&self, cell: Option<Cell>, at: Timestamp) -> Usage {
        let (window_start, window_end) = self.window(at);
        // A count from inside this window belongs to it even if a shorter period was in force when it began.
        let used = cell.filter(|cell| cell.moment >= window_start).map_or(0, |cell| cell.amount);
        Usage { used, left: self.limit.saturating_sub(used), window_start, window_end }
    }

    /// The window that `at` lies in: its first moment, and the first moment after it.
    fn window(&self, at: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let today = at.as_micros() / DAY;
        match self.period {
            Period::Day => (days(today).unwrap_or_default(), days(today + 1)),
            Period::Week => {
                // 1970-01-01 was a Thursday, four days after a Sunday.
                let into_week = (today + 4 + 7 - u64::from(self.offset)) % 7;
                (days(today.saturating_sub(into_week)).unwrap_or_default(), days(today + 7 - into_week))
            }
            Period::Month => month(at, self.offset),
        }
    }
}

/// How long a quota's window is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// Seven days, from Sunday unless there is an offset.
    Week,
    /// A month of the calendar, from the 1st unless there is an offset.
    Month,
}

impl Period {
    /// The largest offset that moves the window by less than itself, whatever the month.
    pub const fn largest_offset(self) -> u8 {
        match self {
            Self::Day => 0,
            Self::Week => 6,
            Self::Month => 27,
        }
    }
}

/// Where one subject's quota stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// Requests admitted in the window.
    pub used: u64,
    /// Requests that it will still admit.
    pub left: u64,
    /// When the window began.
    pub window_start: Timestamp,
    /// When the next one begins; `None` in the last month that the calendar can name, in the year 9999.
    pub window_end: Option<Timestamp>,
}

/// An offset that does not fit its period.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a quota offset of {offset} is more than {} days", .period.largest_offset())]
pub struct QuotaSpecError {
    period: Period,
    offset: u8,
}

/// Midnight `count` days after the epoch.
fn days(count: u64) -> Option<Timestamp> {
    count.checked_mul(DAY).map(Timestamp::from_micros)
}

/// The window of a month that begins `offset` days after the 1st.
fn month(at: Timestamp, offset: u8) -> (Timestamp, Option<Timestamp>) {
    let moment =
        i64::try_from(at.as_micros()).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    let today = Offset::UTC.to_datetime(moment.unwrap_or(jiff::Timestamp::MAX)).date();
    let offset = i64::from(offset);
    let first = if i64::from(today.day()) > offset { today } else { today.saturating_sub(1.month()) };
    let first = first.first_of_month().saturating_add(offset.days());
    (midnight(first), first.checked_add(1.month()).ok().map(midnight))
}

/// The first moment of `date`, or the epoch for an earlier one.
fn midnight(date: Date) -> Timestamp {
    let since_epoch = date.duration_since(Date::constant(1970, 1, 1));
    Timestamp::from_secs(u64::try_from(since_epoch.as_secs()).unwrap_or_default())
}

/// A day in microseconds. UTC as computers count it has no leap seconds.
const DAY: u64 = 86_400_000_000;

#[cfg(test)]
mod tests;
