//! Token buckets: the numbers of one, what they have been, and the level that follows from them.
//!
//! Pure arithmetic over a stored level and the time it was written. A bucket promises that a level never exceeds the
//! burst, that refill is exact, and that a change of the numbers refills nothing.

use ambient::Timestamp;

use crate::spend::Verdict;
use crate::state::{BucketCell, Cell};
use crate::units::{Burst, MilliRate, ONE_REQUEST};

/// The numbers of a token bucket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct BucketSpec {
    /// How fast it refills.
    pub rate: MilliRate,
    /// How much it holds.
    pub burst: Burst,
}

impl BucketSpec {
    /// `level` after `micros` of refill. Capped at what is missing, so the product cannot carry it over the burst.
    fn refilled(self, level: u64, micros: u64) -> u64 {
        let full = self.burst.nanos();
        let level = level.min(full);
        level + self.rate.nanos_per_micro().saturating_mul(micros).min(full - level)
    }

    /// How long it takes to fill from empty; `None` if it never does.
    fn fill_micros(self) -> Option<u64> {
        let rate = self.rate.nanos_per_micro();
        (rate > 0).then(|| self.burst.nanos().div_ceil(rate))
    }

    /// The first moment at which a bucket that has `level` at `at`, less than one request, can pay one.
    fn ready(self, level: u64, at: Timestamp) -> Option<Timestamp> {
        let rate = self.rate.nanos_per_micro();
        if self.burst.requests() == 0 || rate == 0 {
            return None;
        }
        at.as_micros().checked_add((ONE_REQUEST - level).div_ceil(rate)).map(Timestamp::from_micros)
    }
}

/// A bucket's numbers now, and the earlier ones that a level written under them still needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bucket {
    /// Earlier numbers that levels may have been written under, the oldest first.
    pub past: Vec<Era>,
    /// The numbers in force.
    pub present: Era,
}

impl Bucket {
    /// A bucket that has just come into being, and is full for everybody.
    pub(crate) fn new(spec: BucketSpec, now: Timestamp) -> Self {
        Self { past: Vec::new(), present: Era { spec, since: now, fresh: spec.burst.nanos() } }
    }

    pub(crate) fn spec(&self) -> BucketSpec {
        self.present.spec
    }

    /// The same bucket with other numbers from `now` on, or from its last change if the clock has stepped back since.
    pub(crate) fn changed(&self, spec: BucketSpec, now: Timestamp) -> Self {
        let since = now.max(self.present.since);
        let lasted = since.as_micros() - self.present.since.as_micros();
        let fresh = self.present.fresh_at(since).min(spec.burst.nanos());
        let filled_from_empty = self.present.spec.refilled(0, lasted) == self.present.spec.burst.nanos();
        // Whatever a level was before an era that filled every bucket, it was full at the end: older eras say nothing.
        let mut past = if filled_from_empty { Vec::new() } else { self.past.clone() };
        past.push(self.present);
        if past.len() > MAX_PAST {
            past.remove(0);
        }
        Self { past, present: Era { spec, since, fresh } }
    }

    /// The earliest effective time of a spend: the last spend, or the last change of the numbers.
    pub(crate) fn floor(&self, cell: Option<BucketCell>) -> Timestamp {
        cell.map_or(self.present.since, |cell| cell.last.max(self.present.since))
    }

    /// What a spend at `at` finds. `at` is not before [`Bucket::floor`].
    pub(crate) fn judge(&self, cell: Option<BucketCell>, at: Timestamp) -> Verdict {
        let level = self.level(cell, at);
        match level.checked_sub(ONE_REQUEST) {
            Some(rest) => {
                let after = Cell::Bucket(BucketCell { level: rest, last: at });
                Verdict::Pays { after, available: level / ONE_REQUEST }
            }
            None => Verdict::Refuses { ready: self.spec().ready(level, at) },
        }
    }

    /// The moment from which `cell` says nothing that no cell would not say, if that is not after `now`.
    pub(crate) fn forgettable(&self, cell: BucketCell, now: Timestamp) -> Option<Timestamp> {
        let floor = self.floor(Some(cell));
        if now < floor || self.level(Some(cell), now) != self.present.fresh_at(now) {
            return None;
        }
        // Full again at the latest when it would have filled from empty, and then no earlier cell is above or below it.
        let filled = self.present.spec.fill_micros().and_then(|micros| floor.as_micros().checked_add(micros));
        Some(filled.map_or(now, |filled| now.min(Timestamp::from_micros(filled))))
    }

    /// The bucket that everybody finds after a crash: nobody has more than what refills from `alive_until` on, because
    /// until then anybody may have spent.
    pub(crate) fn after_crash(&self, alive_until: Timestamp) -> Self {
        Self { past: Vec::new(), present: Era { spec: self.present.spec, since: alive_until, fresh: 0 } }
    }

    /// The level at `at`. A subject without a cell is one that has not spent: it has what is fresh.
    pub(crate) fn level(&self, cell: Option<BucketCell>, at: Timestamp) -> u64 {
        let Some(cell) = cell else { return self.present.fresh_at(at) };
        if cell.last < self.present.since {
            return self.replay(cell, at);
        }
        let (level, moment) = self.present.enter(cell);
        self.present.after(level, moment, at)
    }

    /// The level at `at` of a cell that was written before the last change: each era refills its own part.
    fn replay(&self, cell: BucketCell, at: Timestamp) -> u64 {
        let eras = self.past.iter().chain([&self.present]);
        let ends = eras.clone().skip(1).map(|next| next.since).chain([at]);
        let mut reached = None;
        for (era, end) in eras.zip(ends).filter(|(_, end)| *end >= cell.last) {
            let (level, moment) = reached.unwrap_or_else(|| era.enter(cell));
            reached = Some((era.after(level, moment, end), end));
        }
        reached.map_or(0, |(level, _)| level)
    }
}

/// A stretch of time in which a bucket's numbers stayed the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Era {
    /// The numbers.
    pub spec: BucketSpec,
    /// When they came into force.
    pub since: Timestamp,
    /// Nano-tokens that a subject without state had then: the burst, unless the numbers had changed.
    pub fresh: u64,
}

impl Era {
    /// What a subject that has never spent has at `at`.
    fn fresh_at(&self, at: Timestamp) -> u64 {
        self.after(self.fresh, self.since, at)
    }

    /// A cell's level and time as this era, the first that concerns it, takes them over.
    fn enter(&self, cell: BucketCell) -> (u64, Timestamp) {
        // INVARIANT: no level is above a fresh one, so a cell that has reached it may be dropped. It takes enforcing only
        // where the clock stepped back before a change, or the era that the cell was written in is forgotten.
        let moment = cell.last.max(self.since);
        (cell.level.min(self.fresh_at(moment)), moment)
    }

    fn after(&self, level: u64, moment: Timestamp, end: Timestamp) -> u64 {
        self.spec.refilled(level, end.as_micros().saturating_sub(moment.as_micros()))
    }
}

/// How many earlier eras are kept when none of them was long enough to fill the bucket from empty. A level older than
/// that gets no refill for the time before, which errs on the strict side and lasts until the bucket has refilled once.
const MAX_PAST: usize = 16;

#[cfg(test)]
mod tests;
