//! Programs for the [model](crate::model): what they are made of, and how they are drawn.

use limits::{Limit, Period};
use proptest::prelude::*;

use crate::under_test::{bucket, quota};

/// Some buckets, and what happens to them and to the quotas beside them.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Thousandths of requests per second, and the burst.
    buckets: Vec<(u32, u32)>,
    /// Whether the store is restarted.
    pub(crate) restarts: bool,
    pub(crate) steps: Vec<Step>,
}

/// What a program does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A bit for each limit, and two for the subject under each.
    Spend {
        limits: u8,
        subjects: u16,
    },
    Forward {
        micros: u64,
    },
    Back {
        micros: u64,
    },
    /// To `early` microseconds before the end of the last refusal's wait.
    WaitOut {
        early: u64,
    },
    Change {
        limit: usize,
        rate: u32,
        burst: u32,
    },
    Extend {
        limit: usize,
        subject: usize,
        more: u32,
    },
    Tidy,
    /// Stops, and starts again `gap` microseconds later.
    Restart {
        clean: bool,
        gap: u64,
    },
}

impl Program {
    /// The limits at the beginning.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let buckets = self.buckets.iter().map(|(rate, burst)| bucket(*rate, *burst));
        let quotas = [quota(5, Period::Day, 0), quota(9, Period::Week, 2), quota(20, Period::Month, 24)];
        buckets.chain(quotas).collect()
    }
}

pub(crate) fn any_program(most: usize, restarts: bool) -> impl Strategy<Value = Program> {
    let numbers = (prop_oneof![1 => Just(0), 9 => 1..40_000_u32], 1..6_u32);
    let steps = prop::collection::vec(any_step(restarts), 1..most);
    (prop::collection::vec(numbers, BUCKETS), steps).prop_map(move |(buckets, steps)| Program {
        buckets,
        restarts,
        steps,
    })
}

fn any_step(restarts: bool) -> impl Strategy<Value = Step> {
    let gap = || prop_oneof![0..1_000_u64, 0..3_000_000_u64, 0..100_000_000_u64];
    let rate = || prop_oneof![1 => Just(0), 2 => 1..1_000_u32, 4 => 1_000..50_000_u32];
    prop_oneof![
        60 => (any::<u8>(), any::<u16>()).prop_map(|(limits, subjects)| Step::Spend { limits, subjects }),
        20 => gap().prop_map(|micros| Step::Forward { micros }),
        1 => (0..5 * 86_400_000_000_u64).prop_map(|micros| Step::Forward { micros }),
        4 => gap().prop_map(|micros| Step::Back { micros }),
        20 => (0..2_u64).prop_map(|early| Step::WaitOut { early }),
        1 => (0..LIMITS, rate(), 0..6_u32).prop_map(|(limit, rate, burst)| Step::Change { limit, rate, burst }),
        1 => (BUCKETS..LIMITS, 0..SUBJECTS, 0..8_u32)
            .prop_map(|(limit, subject, more)| Step::Extend { limit, subject, more }),
        2 => Just(Step::Tidy),
        if restarts { 4 } else { 0 } => (any::<bool>(), gap()).prop_map(|(clean, gap)| Step::Restart { clean, gap }),
    ]
}

pub(crate) const SUBJECTS: usize = 4;
/// The limits before this one are buckets, those from it on quotas.
pub(crate) const BUCKETS: usize = 5;
pub(crate) const LIMITS: usize = BUCKETS + 3;
/// 2026-11-23T12:00:00Z.
pub(crate) const START: u64 = 1_795_435_200_000_000;
