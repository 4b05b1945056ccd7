//! The law over every window, under threads that spend, change numbers and disagree about the time.
//!
//! Admitted effective times are recorded, and every window between two of them is checked, for every limit and subject;
//! quotas by their windows of the calendar. Nothing is assumed about the store but what it answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use ambient::Timestamp;
use limits::{Decision, Limit, Period};

use crate::rig::{Maker, Stop};
use crate::under_test::{UnderTest, bucket, quota};

/// Threads whose clocks run ahead and behind, while idle state is dropped.
pub fn every_window_obeys_the_law(make: Maker<'_>) {
    let limits = limits();
    let store = UnderTest::new(make, &limits, Timestamp::from_micros(START));
    let mut record = Record::default();
    stress(&store, &mut record, START, 2_500);
    record.obeys(&limits, &limits);
    assert!(record.days(4) > 1, "midnight was not crossed");
    assert!(record.busiest(0) > 100 && record.busiest(4) > 150, "too little was admitted to mean anything");
}

/// The same while numbers change under them: the larger burst and the larger rate count.
pub fn every_window_obeys_the_law_across_changes(make: Maker<'_>) {
    let (before, after) = changing();
    let mut store = UnderTest::new(make, &before, Timestamp::from_micros(START));
    let (mut record, mut now) = (Record::default(), START);
    for round in 0..40 {
        let (limits, clock) =
            (if round % 2 == 0 { &after } else { &before }, now.saturating_sub(round % 3 * 4_000));
        for (index, limit) in limits.iter().enumerate() {
            store.change(index, *limit, Timestamp::from_micros(clock));
        }
        now = stress(&store, &mut record, now, 60);
    }
    record.obeys(&before, &after);
    assert!(record.busiest(0) > 100, "too little was admitted to mean anything");
}

/// The same, with a process that is stopped or dies again and again, while numbers change: windows span restarts.
pub fn every_window_obeys_the_law_across_restarts(make: Maker<'_>) {
    let (before, after) = changing();
    let mut store = UnderTest::new(make, &before, Timestamp::from_micros(START));
    let (mut record, mut now) = (Record::default(), START);
    for round in 0..24_u64 {
        now = stress(&store, &mut record, now, 100);
        let stop = if round % 3 == 0 { Stop::Clean } else { Stop::Crash };
        let restarted =
            store.restart(stop, Timestamp::from_micros(now)).expect("a store that keeps something restarts");
        let until = restarted.alive_until.as_micros();
        if stop == Stop::Crash {
            assert!(record.latest <= until, "admitted at {}, alive until {until}", record.latest);
            // Nobody has anything before that; the first spends ask for it too early.
            now = now.max(until - 10_000 * (round % 5));
        }
        for (index, limit) in if round % 4 == 1 { &after } else { &before }.iter().enumerate() {
            store.change(index, *limit, Timestamp::from_micros(now));
        }
    }
    record.obeys(&before, &after);
    assert!(record.busiest(0) > 100 && record.busiest(4) > 100, "too little was admitted to mean anything");
}

fn limits() -> [Limit; 5] {
    let quota = quota(180, Period::Day, 0);
    [bucket(400_000, 40), bucket(150_000, 20), bucket(60_000, 3), bucket(333, 1), quota]
}

/// Two sets of numbers for the same limits, each larger somewhere.
fn changing() -> ([Limit; 5], [Limit; 5]) {
    let before = [bucket(200_000, 10), bucket(100_000, 20), bucket(60_000, 3), bucket(50_000, 1)];
    let after = [bucket(100_000, 40), bucket(150_000, 5), bucket(0, 6), bucket(60_000, 0)];
    let with = |[a, b, c, d]: [Limit; 4], most| [a, b, c, d, quota(most, Period::Day, 0)];
    (with(before, 900), with(after, 700))
}

/// What was admitted.
#[derive(Debug, Default)]
struct Record {
    /// Effective times, by limit and subject.
    admitted: BTreeMap<(usize, u64), Vec<u64>>,
    latest: u64,
}

impl Record {
    fn note(&mut self, charged: &[(usize, u64)], at: u64) {
        for charge in charged {
            self.admitted.entry(*charge).or_default().push(at);
        }
        self.latest = self.latest.max(at);
    }

    /// Checks the larger numbers of both.
    fn obeys(&mut self, limits: &[Limit], others: &[Limit]) {
        for ((limit, subject), times) in &mut self.admitted {
            times.sort_unstable();
            match (limits[*limit], others[*limit]) {
                (Limit::Bucket(one), Limit::Bucket(other)) => {
                    let (rate, burst) = (one.rate.max(other.rate), one.burst.max(other.burst));
                    let over = over(times, rate.as_millis().into(), burst.requests().into());
                    assert!(
                        over <= 0,
                        "limit {limit}, subject {subject}: {over} nano-tokens more than the law allows"
                    );
                }
                (Limit::Quota(one), Limit::Quota(other)) => {
                    let most = one.limit().max(other.limit());
                    let days = times.chunk_by(|one, next| one / DAY == next / DAY);
                    let fullest = days.map(|day| day.len() as u64).max();
                    assert!(
                        fullest <= Some(most),
                        "limit {limit}, subject {subject}: {fullest:?} on a day, not {most}"
                    );
                }
                _ => unreachable!("kinds stay"),
            }
        }
    }

    fn of(&self, limit: usize) -> impl Iterator<Item = &Vec<u64>> {
        self.admitted.iter().filter(move |((index, _), _)| *index == limit).map(|(_, times)| times)
    }

    fn busiest(&self, limit: usize) -> usize {
        self.of(limit).map(Vec::len).max().unwrap_or_default()
    }

    fn days(&self, limit: usize) -> usize {
        let days = self.of(limit).flatten().map(|at| at / DAY);
        days.collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// By how many nano-tokens the worst window of `times`, which are in order, exceeds `burst + rate × window`.
///
/// A window from `i` to `j` holds `j − i + 1` requests. With `f(k) = k − rate × times[k]` it is over by
/// `f(j) − f(i) + 1 − burst`: for each end, the beginning with the least `f` is the worst.
fn over(times: &[u64], rate: i128, burst: i128) -> i128 {
    let (mut least, mut worst) = (i128::MAX, i128::MIN);
    for (at, end) in times.iter().zip(0_i128..) {
        let level = end * TOKEN - rate * i128::from(*at);
        least = least.min(level);
        worst = worst.max(level - least + TOKEN - burst * TOKEN);
    }
    worst
}

/// Spends random charges from several threads, while another does what is due and drops what may be dropped. Returns the
/// time at the end.
fn stress(store: &UnderTest, record: &mut Record, start: u64, spends: u64) -> u64 {
    let (clock, running) = (AtomicU64::new(start), AtomicUsize::new(THREADS));
    let limits = store.ids().len();
    let seed = record.latest;
    let admitted: Vec<Record> = thread::scope(|scope| {
        let (clock, running) = (&clock, &running);
        let spend = |thread: usize| {
            move || {
                let mut admitted = Record::default();
                let mut random = (thread as u64 * 7_919 + 1) ^ seed;
                for _ in 0..spends {
                    let drawn = next(&mut random);
                    let ticked = clock.fetch_add(drawn % 400, Ordering::Relaxed);
                    let charged = charged(limits, drawn >> 40);
                    let now = Timestamp::from_micros(ticked - (drawn >> 20) % 3_000);
                    match store.spend_unsettled(now, &charged) {
                        Decision::Admitted { at, .. } => admitted.note(&charged, at.as_micros()),
                        Decision::Refused { .. } => {}
                        // Sometimes the store has time to catch up, sometimes not.
                        Decision::Unready { .. } if drawn.is_multiple_of(4) => {}
                        Decision::Unready { .. } => store.rig().settle(now),
                    }
                }
                running.fetch_sub(1, Ordering::Release);
                admitted
            }
        };
        let spenders: Vec<_> = (0..THREADS).map(|thread| scope.spawn(spend(thread))).collect();
        scope.spawn(move || {
            while running.load(Ordering::Acquire) > 0 {
                let now = Timestamp::from_micros(clock.load(Ordering::Relaxed));
                store.rig().settle(now);
                store.rig().tidy(now);
                thread::yield_now();
            }
        });
        spenders.into_iter().map(|spender| spender.join().expect("a thread that spends")).collect()
    });
    for ((limit, subject), times) in admitted.into_iter().flat_map(|record| record.admitted) {
        for at in times {
            record.note(&[(limit, subject)], at);
        }
    }
    clock.into_inner()
}

/// A random part of the limits, each for everybody or for one of two keys; the slowest less often.
fn charged(limits: usize, random: u64) -> Vec<(usize, u64)> {
    let subject = |limit: usize| match (random >> (8 + 2 * limit)) % 3 {
        0 => u64::MAX,
        key => key,
    };
    let wanted = |limit: &usize| (random >> limit) & 1 == 1 && (*limit != 3 || random.is_multiple_of(5));
    (0..limits).filter(wanted).map(|limit| (limit, subject(limit))).collect()
}

/// Xorshift: enough to make threads differ, the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

const TOKEN: i128 = 1_000_000_000;
/// In microseconds.
const DAY: u64 = 86_400_000_000;
const THREADS: usize = 4;
/// Half a second before midnight, 2026-11-24T00:00:00Z.
const START: u64 = 1_795_478_399_500_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_window_is_found_as_by_looking_at_all() {
        let mut random = 7;
        for _ in 0..200 {
            let mut times: Vec<u64> = (0..12).map(|_| next(&mut random) % 9_000_000).collect();
            times.sort_unstable();
            let windows = (0..12).flat_map(|first| (first..12).map(move |last| (first, last)));
            let by_hand = windows.map(|(first, last)| {
                (last as i128 - first as i128 - 1) * TOKEN - 700 * i128::from(times[last] - times[first])
            });
            assert_eq!(Some(over(&times, 700, 2)), by_hand.max());
        }
    }
}
