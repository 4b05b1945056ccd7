//! What is kept for one subject under one limit: as types for arithmetic and for stores, and packed for the table.

use ambient::Timestamp;

use crate::charge::Subject;
use crate::day::Day;
use crate::decision::Kind;
use crate::definitions::LimitId;

/// One subject's state under one limit, for stores that keep it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The limit.
    pub limit: LimitId,
    /// Whose state.
    pub subject: Subject,
    /// The state.
    pub state: State,
}

/// What is kept for one subject under one limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Of a token bucket.
    Bucket {
        /// Nano-tokens that were left after the last spend.
        level: u64,
        /// The effective time of that spend.
        last: Timestamp,
    },
    /// Of a quota.
    Quota {
        /// Requests counted in the window.
        used: u64,
        /// The first moment of the window.
        window: Timestamp,
        /// How far `used` may go without asking the store again; `u64::MAX` where there is none.
        granted: u64,
        /// The day of the last spend.
        day: Day,
        /// Requests admitted on that day.
        today: u64,
    },
}

/// [`State`] of a bucket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BucketCell {
    pub(crate) level: u64,
    pub(crate) last: Timestamp,
}

/// [`State`] of a quota, and whether the store has been asked for more and has not answered yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct QuotaCell {
    pub(crate) used: u64,
    pub(crate) window: Timestamp,
    pub(crate) granted: u64,
    pub(crate) day: Day,
    pub(crate) today: u64,
    pub(crate) asked: bool,
}

/// Either.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cell {
    Bucket(BucketCell),
    Quota(QuotaCell),
}

impl From<Cell> for State {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Bucket(BucketCell { level, last }) => Self::Bucket { level, last },
            Cell::Quota(QuotaCell { used, window, granted, day, today, asked: _ }) => {
                Self::Quota { used, window, granted, day, today }
            }
        }
    }
}

impl From<State> for Cell {
    fn from(state: State) -> Self {
        match state {
            State::Bucket { level, last } => Self::Bucket(BucketCell { level, last }),
            State::Quota { used, window, granted, day, today } => {
                Self::Quota(QuotaCell { used, window, granted, day, today, asked: false })
            }
        }
    }
}

/// A cell in 40 bytes, with its limit. Which kind it is, the limit's definition knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    pub(crate) limit: LimitId,
    /// Of a quota: the day, and [`ASKED`].
    day: u32,
    /// Of a bucket: level and last spend. Of a quota: used, window, granted, today.
    numbers: [u64; 4],
}

impl Slot {
    /// A place that holds nothing.
    pub(crate) const EMPTY: Self = Self { limit: LimitId::UNDEFINED, day: 0, numbers: [0; 4] };

    pub(crate) fn pack(limit: LimitId, cell: Cell) -> Self {
        match cell {
            Cell::Bucket(BucketCell { level, last }) => {
                Self { limit, day: 0, numbers: [level, last.as_micros(), 0, 0] }
            }
            Cell::Quota(QuotaCell { used, window, granted, day, today, asked }) => Self {
                limit,
                day: day.number() | if asked { ASKED } else { 0 },
                numbers: [used, window.as_micros(), granted, today],
            },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.limit == LimitId::UNDEFINED
    }

    pub(crate) fn cell(&self, kind: Kind) -> Cell {
        match kind {
            Kind::Bucket => Cell::Bucket(self.bucket()),
            Kind::Quota => Cell::Quota(self.quota()),
        }
    }

    pub(crate) fn bucket(&self) -> BucketCell {
        let [level, last, ..] = self.numbers;
        BucketCell { level, last: Timestamp::from_micros(last) }
    }

    pub(crate) fn quota(&self) -> QuotaCell {
        let [used, window, granted, today] = self.numbers;
        QuotaCell {
            used,
            window: Timestamp::from_micros(window),
            granted,
            day: Day::from_number(self.day & !ASKED),
            today,
            asked: self.day & ASKED != 0,
        }
    }
}

/// Above every day that the calendar can name.
const ASKED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_comes_out_as_it_was_packed() {
        let limit = LimitId::nth(3);
        let bucket = Cell::Bucket(BucketCell { level: 7, last: Timestamp::from_micros(9) });
        assert_eq!(Slot::pack(limit, bucket).cell(Kind::Bucket), bucket);
        for asked in [false, true] {
            let quota = Cell::Quota(QuotaCell {
                used: 1,
                window: Timestamp::from_secs(2),
                granted: u64::MAX,
                day: Day::from_number(u32::MAX),
                today: 4,
                asked,
            });
            assert_eq!(Slot::pack(limit, quota).cell(Kind::Quota), quota);
            assert_eq!(Cell::from(State::from(quota)) == quota, !asked);
        }
    }
}
