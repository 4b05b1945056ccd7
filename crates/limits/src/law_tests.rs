//! The law over every window, under threads that spend, change numbers and disagree about the time.
//!
//! Admitted effective times are recorded and every window between two of them is checked, for every limit and subject.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ambient::Timestamp;

use crate::memory::tests::{bucket, quota, store};
use crate::{Charge, Charges, Limit, LimitId, Memory, Period, Subject};

/// The effective times of what was admitted, by limit and subject.
type Admitted = BTreeMap<(usize, Subject), Vec<u64>>;

const THREADS: u64 = 4;
const SPENDS: u64 = 2_500;
/// Half a second before midnight, 2026-11-24T00:00:00Z.
const START: u64 = 1_795_478_399_500_000;

#[test]
fn every_window_obeys_the_law() {
    let limits = [
        bucket(400_000, 40),
        bucket(150_000, 20),
        bucket(60_000, 3),
        bucket(333, 1),
        quota(150, Period::Day, 0),
    ];
    let (memory, ids) = store(&limits, Timestamp::from_micros(START));
    let admitted = stress(&memory, &ids, |_| {});
    check_buckets(&admitted, &limits[..4]);
    assert!(check_quota(&admitted, 4, 150) > 1, "midnight was not crossed");
    let busiest =
        |limit| admitted.iter().filter(|((index, _), _)| *index == limit).map(|(_, times)| times.len()).max();
    assert!(busiest(0) > Some(100) && busiest(4) > Some(150), "too little was admitted to mean anything");
}

#[test]
fn across_changes_the_larger_numbers_count() {
    let before = [bucket(200_000, 10), bucket(100_000, 20), bucket(60_000, 3), bucket(50_000, 1)];
    let after = [bucket(100_000, 40), bucket(150_000, 5), bucket(0, 6), bucket(60_000, 0)];
    let (memory, ids) = store(&before, Timestamp::from_micros(START));
    let admitted = stress(&memory, &ids, |turn| {
        let limits = if turn % 100 == 50 { &after } else { &before };
        for (index, limit) in limits.iter().enumerate().filter(|_| turn % 50 == 0) {
            let now = Timestamp::from_micros(START + turn * 800);
            memory.define(format!("limit/{index}").parse().unwrap(), *limit, now).unwrap();
        }
    });
    let larger = [bucket(200_000, 40), bucket(150_000, 20), bucket(60_000, 6), bucket(60_000, 1)];
    check_buckets(&admitted, &larger);
}

/// Spends random charges from several threads whose clocks run ahead and behind, and calls `meanwhile` from one of them.
fn stress(memory: &Memory, ids: &[LimitId], meanwhile: impl Fn(u64) + Sync) -> Admitted {
    let clock = AtomicU64::new(START);
    let admitted = Mutex::new(Admitted::new());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (clock, admitted, meanwhile) = (&clock, &admitted, &meanwhile);
            scope.spawn(move || {
                let mut random = thread * 7_919 + 1;
                for turn in 0..SPENDS {
                    if thread == 0 {
                        meanwhile(turn);
                    }
                    let drawn = next(&mut random);
                    let ticked = clock.fetch_add(drawn % 400, Ordering::Relaxed);
                    let now = Timestamp::from_micros(ticked - (drawn >> 20) % 3_000);
                    let charged = charged(ids.len(), drawn >> 40);
                    let all: Vec<_> =
                        charged.iter().map(|(limit, subject)| (ids[*limit], *subject)).collect();
                    let all: Vec<_> =
                        all.into_iter().map(|(limit, subject)| Charge { limit, subject }).collect();
                    let decision = memory.spend_now(now, &Charges::try_from(all.as_slice()).unwrap());
                    if decision.is_admitted() {
                        let mut admitted = admitted.lock().unwrap();
                        for charge in charged {
                            admitted.entry(charge).or_default().push(decision.at().as_micros());
                        }
                    }
                }
            });
        }
    });
    let mut admitted = admitted.into_inner().unwrap();
    for times in admitted.values_mut() {
        times.sort_unstable();
    }
    admitted
}

/// A random part of the limits, each for everybody or for one of two keys; the last limits less often.
fn charged(limits: usize, random: u64) -> Vec<(usize, Subject)> {
    let subject = |limit: usize| match (random >> (8 + 2 * limit)) % 3 {
        0 => Subject::SHARED,
        key => Subject::new(key),
    };
    let wanted = |limit: &usize| (random >> limit) & 1 == 1 && (*limit != 3 || random.is_multiple_of(5));
    (0..limits).filter(wanted).map(|limit| (limit, subject(limit))).collect()
}

fn check_buckets(admitted: &Admitted, limits: &[Limit]) {
    for ((limit, subject), times) in admitted {
        let Some(Limit::Bucket(spec)) = limits.get(*limit) else { continue };
        let (rate, burst) = (u128::from(spec.rate.as_millis()), u128::from(spec.burst.requests()));
        for (first, from) in times.iter().enumerate() {
            for (count, to) in (1_u128..).zip(&times[first..]) {
                let allowed = burst * 1_000_000_000 + rate * u128::from(to - from);
                assert!(
                    count * 1_000_000_000 <= allowed,
                    "{count} of limit {limit} for {subject:?} in {} us",
                    to - from
                );
            }
        }
    }
}

/// Checks every day, and says on how many days the quota was used.
fn check_quota(admitted: &Admitted, limit: usize, most: usize) -> usize {
    let mut days: BTreeMap<(Subject, u64), usize> = BTreeMap::new();
    for ((_, subject), times) in admitted.iter().filter(|((index, _), _)| *index == limit) {
        for at in times {
            *days.entry((*subject, at / 86_400_000_000)).or_default() += 1;
        }
    }
    assert!(days.values().all(|count| *count <= most), "{days:?}");
    days.keys().map(|(_, day)| day).collect::<std::collections::BTreeSet<_>>().len()
}

/// Xorshift: enough to make threads differ, the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
