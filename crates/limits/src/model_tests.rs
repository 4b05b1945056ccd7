//! Random programs against a second limiter that is as simple as one can be.
//!
//! The reference keeps every subject's state from the start, settles all of it whenever numbers change, counts a quota
//! by its list of admissions, and finds waits by trying. It shares no code with the limiter, and computes in `u128`.

use std::time::Duration;

use ambient::Timestamp;
use proptest::prelude::*;

use crate::memory::tests::{bucket, quota, store};
use crate::{Charge, Charges, Decision, Kind, Limit, Period, Subject, Wait};

enum Reference {
    Bucket(ReferenceBucket),
    /// For every subject, the first day of the window of each admission.
    Quota {
        limit: u128,
        period: Period,
        offset: u64,
        admitted: Vec<Vec<u128>>,
    },
}

struct ReferenceBucket {
    rate: u128,
    burst: u128,
    /// What a subject that never spent had when the numbers last changed, and when that was.
    fresh: (u128, u128),
    /// Every subject's level, and when it was that.
    keys: Vec<(u128, u128)>,
}

impl ReferenceBucket {
    fn refill(&self, (level, last): (u128, u128), at: u128) -> u128 {
        self.burst.min(level.min(self.burst) + self.rate * (at - last))
    }

    fn level(&self, subject: usize, at: u128) -> u128 {
        let (level, last) = self.keys[subject];
        self.refill((level.min(self.refill(self.fresh, last)), last), at)
    }

    fn change(&mut self, rate: u128, burst: u128, now: u128) {
        if (rate, burst) == (self.rate, self.burst) {
            return;
        }
        let now = now.max(self.fresh.1);
        for subject in 0..SUBJECTS {
            let at = now.max(self.keys[subject].1);
            self.keys[subject] = if at == now { (self.level(subject, at), at) } else { self.keys[subject] };
        }
        self.fresh = (self.refill(self.fresh, now).min(burst), now);
        (self.rate, self.burst) = (rate, burst);
    }
}

impl Reference {
    fn new(limit: Limit, now: u128) -> Self {
        match limit {
            Limit::Bucket(spec) => {
                let full = (u128::from(spec.burst.requests()) * TOKEN, now);
                let rate = spec.rate.as_millis().into();
                Self::Bucket(ReferenceBucket { rate, burst: full.0, fresh: full, keys: vec![full; SUBJECTS] })
            }
            Limit::Quota(spec) => {
                let (limit, offset) = (spec.limit().into(), spec.offset().into());
                Self::Quota { limit, period: spec.period(), offset, admitted: vec![Vec::new(); SUBJECTS] }
            }
        }
    }

    fn change(&mut self, new: Limit, now: u128) {
        match (self, new) {
            (Self::Bucket(bucket), Limit::Bucket(spec)) => {
                bucket.change(spec.rate.as_millis().into(), u128::from(spec.burst.requests()) * TOKEN, now);
            }
            (Self::Quota { limit, .. }, Limit::Quota(spec)) => *limit = spec.limit().into(),
            _ => unreachable!("kinds stay"),
        }
    }

    fn floor(&self, subject: usize) -> u128 {
        match self {
            Self::Bucket(bucket) => bucket.keys[subject].1.max(bucket.fresh.1),
            Self::Quota { admitted, .. } => admitted[subject].iter().max().map_or(0, |day| day * DAY),
        }
    }

    /// Whole requests left at `at`.
    fn left(&self, subject: usize, at: u128) -> u128 {
        match self {
            Self::Bucket(bucket) => bucket.level(subject, at) / TOKEN,
            Self::Quota { limit, period, offset, admitted } => {
                let window = first_day(*period, *offset, at / DAY);
                let used = admitted[subject].iter().filter(|day| **day == window).count();
                limit.saturating_sub(used as u128)
            }
        }
    }

    fn spend(&mut self, subject: usize, at: u128) {
        match self {
            Self::Bucket(bucket) => bucket.keys[subject] = (bucket.level(subject, at) - TOKEN, at),
            Self::Quota { period, offset, admitted, .. } => {
                admitted[subject].push(first_day(*period, *offset, at / DAY));
            }
        }
    }

    /// How long after `now` this limit first pays, if nothing is counted before `floor`; found by halving.
    fn wait(&self, subject: usize, now: u128, floor: u128) -> Option<u128> {
        let pays = |wait: u128| self.left(subject, floor.max(now + wait)) > 0;
        let (mut refused, mut paid) = (0, 100 * DAY);
        if !pays(paid) {
            return None;
        }
        while paid - refused > 1 {
            let middle = u128::midpoint(refused, paid);
            if pays(middle) { paid = middle } else { refused = middle }
        }
        Some(paid)
    }

    fn kind(&self) -> Kind {
        if matches!(self, Self::Bucket(_)) { Kind::Bucket } else { Kind::Quota }
    }
}

/// The first day of the window that `day` is in, by walking back to it.
fn first_day(period: Period, offset: u64, day: u128) -> u128 {
    let begins = |day: u128| match period {
        Period::Day => true,
        Period::Week => (day + 4) % 7 == u128::from(offset),
        Period::Month => day_of_month(day) == offset + 1,
    };
    (0..=day).rev().find(|day| begins(*day)).unwrap()
}

/// The day of the month of a day from October 2026 to August 2027, which programs stay within.
fn day_of_month(day: u128) -> u64 {
    let mut rest = u64::try_from(day - OCTOBER_1).unwrap();
    for length in [31, 30, 31, 31, 28, 31, 30, 31, 30, 31, 31] {
        if rest < length {
            return rest + 1;
        }
        rest -= length;
    }
    panic!("day {day} is too late")
}

/// What a program does next.
#[derive(Clone, Debug)]
enum Step {
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
}

fn any_step() -> impl Strategy<Value = Step> {
    let gap = || prop_oneof![0..1_000_u64, 0..3_000_000_u64, 0..100_000_000_u64];
    let rate = || prop_oneof![1 => Just(0), 2 => 1..1_000_u32, 4 => 1_000..50_000_u32];
    prop_oneof![
        60 => (any::<u8>(), any::<u16>()).prop_map(|(limits, subjects)| Step::Spend { limits, subjects }),
        20 => gap().prop_map(|micros| Step::Forward { micros }),
        1 => (0..5 * 86_400_000_000_u64).prop_map(|micros| Step::Forward { micros }),
        4 => gap().prop_map(|micros| Step::Back { micros }),
        20 => (0..2_u64).prop_map(|early| Step::WaitOut { early }),
        1 => (0..LIMITS, rate(), 0..6_u32).prop_map(|(limit, rate, burst)| Step::Change { limit, rate, burst }),
    ]
}

fn any_program() -> impl Strategy<Value = (Vec<(u32, u32)>, Vec<Step>)> {
    let numbers = (prop_oneof![1 => Just(0), 9 => 1..40_000_u32], 1..6_u32);
    (prop::collection::vec(numbers, BUCKETS), prop::collection::vec(any_step(), 1..1_500))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_answers_as_the_reference_does((numbers, steps) in any_program()) {
        let mut limits: Vec<Limit> = numbers.into_iter().map(|(rate, burst)| bucket(rate, burst)).collect();
        limits.extend([quota(5, Period::Day, 0), quota(9, Period::Week, 2), quota(20, Period::Month, 24)]);
        let (memory, ids) = store(&limits, Timestamp::from_micros(START));
        let mut references: Vec<_> = limits.iter().map(|limit| Reference::new(*limit, START.into())).collect();
        let (mut now, mut last_wait, mut changes) = (START, 0, [0; LIMITS]);
        for step in steps {
            match step {
                Step::Forward { micros } => now += micros,
                Step::Back { micros } => now -= micros,
                Step::WaitOut { early } => now = (now + last_wait).saturating_sub(early),
                Step::Change { limit, rate, burst } => {
                    // The limiter remembers a bounded number of changes.
                    changes[limit] += 1;
                    if changes[limit] <= 16 {
                        let new = match &references[limit] {
                            Reference::Bucket(_) => bucket(rate, burst),
                            Reference::Quota { period, offset, .. } => {
                                quota((burst * 3).into(), *period, u8::try_from(*offset).unwrap())
                            }
                        };
                        references[limit].change(new, now.into());
                        let name = memory.name(ids[limit]).unwrap();
                        prop_assert_eq!(memory.define(name, new, Timestamp::from_micros(now)).ok(), Some(ids[limit]));
                    }
                }
                Step::Spend { limits, subjects } => {
                    let chosen: Vec<(usize, usize)> = (0..LIMITS)
                        .filter(|limit| limits & (1 << limit) != 0)
                        .map(|limit| (limit, usize::from(subjects >> (2 * limit)) % SUBJECTS))
                        .collect();
                    last_wait = spend_in_both(&memory, &ids, &mut references, &chosen, now)?;
                }
            }
            // Not past what the reference's calendar knows.
            now = now.clamp(START - 10 * 86_400_000_000, START + 90 * 86_400_000_000);
        }
    }
}

/// Spends in both limiters, compares every part of the answers, and returns the wait.
fn spend_in_both(
    memory: &crate::Memory,
    ids: &[crate::LimitId],
    references: &mut [Reference],
    chosen: &[(usize, usize)],
    now: u64,
) -> Result<u64, TestCaseError> {
    let mut charges = Charges::NONE;
    for (limit, subject) in chosen {
        charges.push(Charge { limit: ids[*limit], subject: Subject::new(*subject as u64) }).unwrap();
    }
    let before = memory.snapshot();
    let decision = memory.spend_now(Timestamp::from_micros(now), &charges);
    let now = u128::from(now);
    let at = chosen.iter().map(|(limit, subject)| references[*limit].floor(*subject)).fold(now, u128::max);
    let left = |references: &[Reference]| -> Vec<u128> {
        chosen.iter().map(|(limit, subject)| references[*limit].left(*subject, at)).collect()
    };
    let found = left(references);
    prop_assert_eq!(u128::from(decision.at().as_micros()), at);
    let Decision::Refused { binding, wait, wait_for_all, .. } = decision else {
        prop_assert!(!found.contains(&0), "admitted in spite of {:?}", found);
        for (limit, subject) in chosen {
            references[*limit].spend(*subject, at);
        }
        prop_assert_eq!(wide(decision.left().as_slice()), left(references));
        return Ok(0);
    };
    prop_assert_eq!(&memory.snapshot(), &before, "a refused spend left a trace");
    prop_assert_eq!(wide(decision.left().as_slice()), found.clone());
    let mut refusing = Vec::new();
    for (index, (limit, subject)) in chosen.iter().enumerate().filter(|(index, _)| found[*index] == 0) {
        let wait = references[*limit].wait(*subject, now, at);
        let wait =
            wait.map_or(Wait::Never, |wait| Wait::After(Duration::from_micros(u64::try_from(wait).unwrap())));
        let kind_rank = usize::from(references[*limit].kind() == Kind::Bucket);
        refusing.push((kind_rank, wait, std::cmp::Reverse(index)));
    }
    let (_, expected_wait, std::cmp::Reverse(index)) =
        refusing.iter().copied().max().expect("somebody refuses");
    prop_assert_eq!((binding.index, wait), (index, expected_wait));
    prop_assert_eq!(
        (binding.limit, binding.kind),
        (ids[chosen[index].0], references[chosen[index].0].kind())
    );
    prop_assert_eq!(Some(wait_for_all), refusing.iter().map(|(_, wait, _)| *wait).max());
    Ok(match wait {
        Wait::After(wait) => u64::try_from(wait.as_micros()).unwrap(),
        Wait::Never => 0,
    })
}

fn wide(numbers: &[u64]) -> Vec<u128> {
    numbers.iter().map(|number| u128::from(*number)).collect()
}

const TOKEN: u128 = 1_000_000_000;
const DAY: u128 = 86_400_000_000;
const SUBJECTS: usize = 4;
const BUCKETS: usize = 5;
const LIMITS: usize = BUCKETS + 3;
/// 2026-10-01 as a day since the epoch.
const OCTOBER_1: u128 = 20_727;
/// 2026-11-23T12:00:00Z.
const START: u64 = 1_795_435_200_000_000;
