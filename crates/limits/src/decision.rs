//! The answer to a spend.
//!
//! Exhaustive on purpose: a caller has to say what it does with each answer.

use std::time::Duration;

use ambient::Timestamp;

use crate::definitions::LimitId;
use crate::row::Row;

/// Whether a request may pass, and where its limits stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Every limit paid.
    Admitted {
        /// The effective time of the spend; the law is stated on it.
        at: Timestamp,
        /// What each limit has left after it.
        left: Left,
    },
    /// At least one limit could not pay, and nothing was spent.
    Refused {
        /// The effective time at which the limits were looked at.
        at: Timestamp,
        /// The limit that refused; the crate documentation says which, when several did.
        binding: Binding,
        /// From `now` until the binding limit would pay, if nobody else spends.
        wait: Wait,
        /// From `now` until every limit would pay and the spend be admitted, if nobody else spends.
        wait_for_all: Wait,
        /// What each limit has left: nothing where it refused, and untouched where it would have paid.
        left: Left,
    },
    /// Every limit would pay, but what it pays with is not yet recorded where a crash cannot lose it; nothing was spent.
    ///
    /// Only a durable store says this: when it is asked for more than it has set aside, or cannot write.
    Unready {
        /// The effective time at which the limits were looked at.
        at: Timestamp,
        /// The limit whose allowance is not at hand.
        binding: Binding,
        /// After this long it is worth another try.
        wait: Duration,
        /// What each limit has left, untouched.
        left: Left,
    },
}

impl Decision {
    /// Whether the request may pass.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted { .. })
    }

    /// The effective time: `now`, or later where the clock has stepped back.
    pub fn at(&self) -> Timestamp {
        let (Self::Admitted { at, .. } | Self::Refused { at, .. } | Self::Unready { at, .. }) = self;
        *at
    }

    /// What each limit has left.
    pub fn left(&self) -> &Left {
        let (Self::Admitted { left, .. } | Self::Refused { left, .. } | Self::Unready { left, .. }) = self;
        left
    }
}

/// Which limit refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Binding {
    /// Its place in the charges.
    pub index: usize,
    /// The limit itself.
    pub limit: LimitId,
    /// Whether the request came too fast or its allowance is used up.
    pub kind: Kind,
}

/// What a limit is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// A token bucket: refills all the time.
    Bucket,
    /// A quota: comes back when its calendar window turns.
    Quota,
}

/// How long until a limit pays. A longer wait is greater; `Never` is the longest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Wait {
    /// Not now, but after this long; never zero in a refusal.
    After(Duration),
    /// Not with these numbers: the rate, the burst or the quota is zero.
    Never,
}

/// What is left of each charged allowance, in whole requests and in the order of the charges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Left(Row<u64>);

impl Left {
    pub(crate) fn new(left: Row<u64>) -> Self {
        Self(left)
    }

    /// One number per charge.
    pub fn as_slice(&self) -> &[u64] {
        self.0.as_slice()
    }
}
