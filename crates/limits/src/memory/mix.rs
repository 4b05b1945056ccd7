//! Which shard a subject falls into, and its hash there.

#[cfg(not(loom))]
use std::hash::{BuildHasher, RandomState};

use crate::charge::Subject;

/// Spreads subjects over shards and hash tables, differently in each process.
///
/// Subjects are internal numbers that no request chooses, so a seed and a good mixer (the finalizer of `SplitMix64`) are
/// enough, at a fraction of the price of a keyed hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix(u64);

impl Mix {
    #[cfg(not(loom))]
    pub(super) fn random() -> Self {
        Self(RandomState::new().hash_one(SHARDS))
    }

    /// A checker of interleavings has to find the same shards each time.
    #[cfg(loom)]
    pub(super) fn random() -> Self {
        Self(0)
    }

    /// The shard of `subject`. Shards go by the upper half of the hash.
    pub(super) fn shard(self, subject: Subject) -> usize {
        if subject == Subject::SHARED { SHARDS } else { (self.hash(subject) >> 32) as usize % SHARDS }
    }

    /// The lower half of the hash, for the table within the shard.
    pub(super) fn low_half(self, subject: Subject) -> u32 {
        u32::try_from(self.hash(subject) & u64::from(u32::MAX)).unwrap_or_default()
    }

    fn hash(self, subject: Subject) -> u64 {
        let mut mixed = (self.0 ^ subject.id()).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Shards of subjects that are not shared. A power of two.
#[cfg(not(loom))]
pub(super) const SHARDS: usize = 256;

/// Few enough for every interleaving to be tried.
#[cfg(loom)]
pub(super) const SHARDS: usize = 2;
