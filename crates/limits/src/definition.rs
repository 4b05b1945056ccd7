//! One limit: its numbers, what its past still means, and what it says to a spend.

use ambient::Timestamp;

use crate::batch::Batch;
use crate::bucket::Bucket;
use crate::decision::Kind;
use crate::definitions::Limit;
use crate::memory::Level;
use crate::quota::{Extra, Found, Presumption, Quota, Terms};
use crate::spend::Verdict;
use crate::state::Slot;

/// A limit's present numbers and what its past still means, for stores to keep.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// A token bucket.
    Bucket(Bucket),
    /// A quota.
    Quota(Quota),
}

impl Record {
    /// A limit that has just come into being.
    pub(crate) fn new(limit: Limit, now: Timestamp) -> Self {
        match limit {
            Limit::Bucket(spec) => Self::Bucket(Bucket::new(spec, now)),
            Limit::Quota(spec) => Self::Quota(Quota::new(spec)),
        }
    }

    /// The numbers in force.
    pub fn limit(&self) -> Limit {
        match self {
            Self::Bucket(bucket) => bucket.spec().into(),
            Self::Quota(quota) => quota.spec.into(),
        }
    }

    /// The same limit with other numbers; `None` if they are of the other kind.
    pub(crate) fn changed(&self, limit: Limit, now: Timestamp) -> Option<Self> {
        match (self, limit) {
            (Self::Bucket(bucket), Limit::Bucket(spec)) => Some(Self::Bucket(bucket.changed(spec, now))),
            (Self::Quota(quota), Limit::Quota(spec)) => Some(Self::Quota(quota.changed(spec, now))),
            _ => None,
        }
    }

    /// The same limit after a crash of a process that admitted nothing later than `presumption.until`.
    ///
    /// A bucket starts empty at that moment. Of a quota, everybody without a record of their own counts as having used
    /// what they could use without one: that is presumed.
    #[must_use]
    pub fn after_crash(self, presumption: Presumption) -> Self {
        match self {
            Self::Bucket(bucket) => Self::Bucket(bucket.after_crash(presumption.until)),
            Self::Quota(quota) => Self::Quota(quota.after_crash(presumption)),
        }
    }
}

/// A limit as a store's memory holds it.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) record: Record,
    /// What a subject without state may use of a quota before the store is asked.
    opening: u64,
}

impl Definition {
    pub(crate) fn new(record: Record, batch: Option<Batch>) -> Self {
        let opening = match (&record, batch) {
            (Record::Quota(quota), Some(batch)) => batch.size(quota.spec.limit()),
            _ => u64::MAX,
        };
        Self { record, opening }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.record {
            Record::Bucket(_) => Kind::Bucket,
            Record::Quota(_) => Kind::Quota,
        }
    }

    /// The earliest effective time of a spend that touches this limit.
    pub(crate) fn floor(&self, slot: Option<&Slot>) -> Timestamp {
        match &self.record {
            Record::Bucket(bucket) => bucket.floor(slot.map(Slot::bucket)),
            Record::Quota(_) => slot.map_or(Timestamp::EPOCH, |slot| Quota::floor(slot.quota())),
        }
    }

    /// What a spend at `at`, not before the floor, finds. `gated`: what is granted bounds what is used of a quota.
    pub(crate) fn judge(
        &self,
        slot: Option<&Slot>,
        at: Timestamp,
        extra: Option<Extra>,
        gated: bool,
    ) -> Verdict {
        match &self.record {
            Record::Bucket(bucket) => bucket.judge(slot.map(Slot::bucket), at),
            Record::Quota(quota) => {
                quota.judge(slot.map(Slot::quota), at, Terms { opening: self.opening, gated, extra })
            }
        }
    }

    /// A quota as a subject finds it at `now`; `None` if this is a bucket.
    pub(crate) fn found(&self, slot: Option<&Slot>, now: Timestamp, extra: Option<Extra>) -> Option<Found> {
        let Record::Quota(quota) = &self.record else { return None };
        let at = now.max(self.floor(slot));
        Some(quota.found(slot.map(Slot::quota), at, Terms { opening: self.opening, gated: false, extra }))
    }

    /// How much a subject has left at `now`, or at the floor if that is later.
    pub(crate) fn level(&self, slot: Option<&Slot>, now: Timestamp, extra: Option<Extra>) -> Level {
        let at = now.max(self.floor(slot));
        match &self.record {
            Record::Bucket(bucket) => {
                Level { left: bucket.level(slot.map(Slot::bucket), at), most: bucket.spec().burst.nanos() }
            }
            Record::Quota(quota) => {
                let terms = Terms { opening: self.opening, gated: false, extra };
                let found = quota.found(slot.map(Slot::quota), at, terms);
                Level { left: found.left, most: quota.spec.limit().saturating_add(found.extra) }
            }
        }
    }

    /// The moment from which `slot` says nothing that no slot would not say, if that is not after `now`.
    pub(crate) fn forgettable(&self, slot: &Slot, now: Timestamp) -> Option<Timestamp> {
        match &self.record {
            Record::Bucket(bucket) => bucket.forgettable(slot.bucket(), now),
            Record::Quota(quota) => quota.forgettable(slot.quota(), now),
        }
    }
}
