//! Quotas: so many requests in each day, week or month of the UTC calendar.
//!
//! Pure arithmetic over a stored count and the start of the window it belongs to. A quota promises that no window
//! admits more than the limit, also when the clock steps back across a window's edge: the count then belongs to the
//! later window. When API Gateway's own windows turn is not documented; ours turn at midnight UTC, exactly.

use ambient::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::day::{self, Day};
use crate::spend::Verdict;
use crate::state::{Cell, QuotaCell};

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

    /// Whether the windows of `other` begin and end with these.
    pub fn turns_with(&self, other: &Self) -> bool {
        (self.period, self.offset) == (other.period, other.offset)
    }

    /// The window that `at` lies in: its first moment, and the first moment after it.
    pub fn window(&self, at: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let today = at.as_micros() / day::MICROS;
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

/// A quota, and what subjects without state count as having used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quota {
    /// The numbers in force.
    pub spec: QuotaSpec,
    /// What crashes left in doubt.
    pub presumed: Vec<Presumption>,
}

/// How much every subject without state counts as having used in windows that began by some moment.
///
/// After a crash nobody knows who had used the allowance that needs no record; so everybody counts as having done so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Presumption {
    /// Until when the process that crashed may have admitted requests.
    pub until: Timestamp,
    /// Requests.
    pub amount: u64,
    /// The largest limit that was in force meanwhile: nobody used more than that.
    pub ceiling: u64,
}

impl Presumption {
    /// The same once the windows turn as those of `spec` and not of `before` any more; `None` if it is over with the
    /// windows that are.
    pub fn taken_over(self, spec: QuotaSpec, before: QuotaSpec, now: Timestamp) -> Option<Self> {
        let open = self.until >= before.window(now).0;
        open.then(|| Self { until: self.until.max(spec.window(now).0), ..self })
    }

    /// What somebody counts as having used who had used `used` before, with `extra` requests on top of the limit.
    pub fn added_to(&self, used: u64, extra: u64) -> u64 {
        used.saturating_add(self.amount).min(self.ceiling.saturating_add(extra)).max(used)
    }
}

/// What bears on a spend besides the quota's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Requests that subjects without state may use before the store is asked; `u64::MAX` where there is no store.
    pub(crate) opening: u64,
    /// Whether what is granted bounds what is used.
    pub(crate) gated: bool,
    /// Requests on top of the limit, with the window they are for.
    pub(crate) extra: Option<Extra>,
}

/// Requests on top of the limit, in one window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Extra {
    pub(crate) window: Timestamp,
    pub(crate) amount: u64,
}

/// A quota as one subject finds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) used: u64,
    pub(crate) granted: u64,
    pub(crate) left: u64,
    pub(crate) extra: u64,
    pub(crate) window_start: Timestamp,
    pub(crate) window_end: Option<Timestamp>,
}

impl Quota {
    pub(crate) fn new(spec: QuotaSpec) -> Self {
        Self { spec, presumed: Vec::new() }
    }

    /// The earliest effective time of a spend: the window that has been counted in does not end early.
    pub(crate) fn floor(cell: QuotaCell) -> Timestamp {
        cell.window
    }

    /// What a spend at `at` finds. `at` is not before [`Quota::floor`].
    pub(crate) fn judge(&self, cell: Option<QuotaCell>, at: Timestamp, terms: Terms) -> Verdict {
        let found = self.found(cell, at, terms);
        if found.left == 0 {
            return Verdict::Refuses { ready: found.window_end.filter(|_| self.spec.limit > 0) };
        }
        if terms.gated && found.used >= found.granted {
            return Verdict::Unready { available: found.left };
        }
        let day = Day::of(at);
        // The day only ever goes forward: a step back within a window is counted on the later day.
        let (day, today) = match cell {
            Some(cell) if cell.day >= day => (cell.day, cell.today),
            _ => (day, 0),
        };
        let asked = cell.is_some_and(|cell| cell.asked && cell.window >= found.window_start);
        let after = QuotaCell {
            used: found.used + 1,
            window: found.window_start,
            granted: found.granted,
            day,
            today: today + 1,
            asked,
        };
        Verdict::Pays { after: Cell::Quota(after), available: found.left }
    }

    pub(crate) fn found(&self, cell: Option<QuotaCell>, at: Timestamp, terms: Terms) -> Found {
        let (window_start, window_end) = self.spec.window(at);
        let counted = cell.filter(|cell| cell.window >= window_start).map(|cell| (cell.used, cell.granted));
        let (used, granted) = counted.unwrap_or_else(|| {
            let presumed = self.presumed_in(window_start);
            (presumed, presumed.saturating_add(terms.opening))
        });
        let extra = terms.extra.filter(|extra| extra.window == window_start).map_or(0, |extra| extra.amount);
        let left = self.spec.limit.saturating_add(extra).saturating_sub(used);
        Found { used, granted, left, extra, window_start, window_end }
    }

    /// `cell` in place of one whose windows turned with those of `before`; `None` if its window is over.
    ///
    /// What was used in the window that is open counts in the one that takes its place, however much shorter: a change
    /// gives nobody anything.
    pub(crate) fn taken_over(
        spec: QuotaSpec,
        before: QuotaSpec,
        cell: QuotaCell,
        now: Timestamp,
    ) -> Option<QuotaCell> {
        let now = now.max(cell.window);
        let open = before.window(now).0 <= cell.window;
        // Not before the day of the last spend, should the clock be behind it.
        open.then(|| QuotaCell { window: spec.window(now.max(cell.day.start())).0, ..cell })
    }

    /// The moment from which `cell` says nothing that no cell would not say, if that is not after `now`.
    pub(crate) fn forgettable(&self, cell: QuotaCell, now: Timestamp) -> Option<Timestamp> {
        let (window_start, _) = self.spec.window(now);
        (cell.window < window_start).then_some(window_start)
    }

    fn presumed_in(&self, window: Timestamp) -> u64 {
        let concerned = self.presumed.iter().filter(|presumption| presumption.until >= window);
        concerned.fold(0, |used, presumption| presumption.added_to(used, 0))
    }

    /// The quota with other numbers. What counts in the window that is open counts in the one that takes its place.
    pub(crate) fn changed(&self, spec: QuotaSpec, now: Timestamp) -> Self {
        let presumed = self.presumed.iter();
        let presumed = if spec.turns_with(&self.spec) {
            presumed.copied().collect()
        } else {
            presumed.filter_map(|presumption| presumption.taken_over(spec, self.spec, now)).collect()
        };
        Self { spec, presumed }
    }

    /// The quota that everybody finds after a crash.
    pub(crate) fn after_crash(&self, presumption: Presumption) -> Self {
        let mut presumed = self.presumed.clone();
        presumed.push(presumption);
        Self { spec: self.spec, presumed }
    }
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
    count.checked_mul(day::MICROS).map(Timestamp::from_micros)
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

#[cfg(test)]
mod tests;
