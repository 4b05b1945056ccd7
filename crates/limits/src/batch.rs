//! How much of a quota a durable store sets aside at a time.

use std::num::NonZeroU32;

/// The size of the batches in which a quota's allowance is recorded ahead of use.
///
/// A crash loses what was set aside and not yet used, and a spend for which nothing is set aside is turned away for a
/// moment. So a batch is a sixteenth of what is left, within bounds: it shrinks towards the end of a quota.
///
/// ```
/// # use limits::Batch;
/// # use std::num::NonZeroU32;
/// let batch = Batch::new(NonZeroU32::new(1_000).unwrap());
/// assert_eq!([100_000, 1_600, 100, 7, 0].map(|left| batch.size(left)), [1_000, 100, 32, 7, 0]);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Batch(NonZeroU32);

impl Batch {
    /// Batches of at most `most` requests.
    pub const fn new(most: NonZeroU32) -> Self {
        Self(most)
    }

    /// The most that a batch can be.
    pub const fn most(self) -> u32 {
        self.0.get()
    }

    /// How many requests are set aside when `left` are left.
    pub fn size(self, left: u64) -> u64 {
        let most = u64::from(self.0.get());
        (left / PART).clamp(LEAST.min(most), most).min(left)
    }
}

impl Default for Batch {
    /// At most 1,000.
    fn default() -> Self {
        Self(NonZeroU32::MIN.saturating_add(999))
    }
}

/// A batch is this part of what is left.
const PART: u64 = 16;

/// Below this a batch does not shrink before the end: a client's ordinary burst should find its allowance at hand.
const LEAST: u64 = 32;
