use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    Binding, BucketSpec, Burst, Charge, Kind, Meter as _, MilliRate, Period, QuotaSpec, State, Subject, Wait,
};

impl Memory {
    /// Everything that is stored, for tests that compare it before and after.
    pub(crate) fn snapshot(&self) -> BTreeMap<(usize, Subject), (u64, Timestamp)> {
        let mut entries = Vec::new();
        (0..self.shards()).for_each(|shard| self.entries(shard, &mut entries));
        let numbers = |state| match state {
            State::Bucket { level, last } => (level, last),
            State::Quota { used, window, .. } => (used, window),
        };
        let all = entries.into_iter();
        all.map(|entry| ((entry.limit.index(), entry.subject), numbers(entry.state))).collect()
    }
}

pub(crate) fn bucket(rate: u32, burst: u32) -> Limit {
    BucketSpec { rate: MilliRate::new(rate), burst: Burst::new(burst).unwrap() }.into()
}

pub(crate) fn quota(limit: u64, period: Period, offset: u8) -> Limit {
    QuotaSpec::new(limit, period, offset).unwrap().into()
}

pub(crate) fn store(limits: &[Limit], now: Timestamp) -> (Memory, Vec<LimitId>) {
    let memory = Memory::new();
    let define = |(index, limit): (usize, &Limit)| {
        memory.define(format!("limit/{index}").parse().unwrap(), *limit, now)
    };
    let ids = limits.iter().enumerate().map(define).collect::<Result<_, _>>().unwrap();
    (memory, ids)
}

fn charges(limits: &[LimitId], subject: Subject) -> Charges {
    let all: Vec<_> = limits.iter().map(|limit| Charge { limit: *limit, subject }).collect();
    Charges::try_from(all.as_slice()).unwrap()
}

fn wait_of(decision: Decision) -> Wait {
    let Decision::Refused { wait, .. } = decision else { panic!("admitted: {decision:?}") };
    wait
}

/// 2026-11-23T12:00:00Z, a Monday.
const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);
const KEY: Subject = Subject::new(7);

#[test]
fn a_bucket_admits_its_burst_and_then_its_rate() {
    let (memory, ids) = store(&[bucket(5_000, 3)], NOON);
    let one = charges(&ids, KEY);
    let left: Vec<_> = (0..3).map(|_| memory.spend_now(NOON, &one).left().as_slice().to_vec()).collect();
    assert_eq!(left, [[2], [1], [0]]);
    assert_eq!(wait_of(memory.spend_now(NOON, &one)), Wait::After(Duration::from_millis(200)));
    let later = NOON.plus(Duration::from_millis(200));
    assert!(memory.spend_now(later, &one).is_admitted());
    assert!(!memory.spend_now(later, &one).is_admitted());
}

#[test]
fn subjects_do_not_touch_each_other() {
    let (memory, ids) = store(&[bucket(0, 1)], NOON);
    assert!(memory.spend_now(NOON, &charges(&ids, KEY)).is_admitted());
    assert!(!memory.spend_now(NOON, &charges(&ids, KEY)).is_admitted());
    assert!(memory.spend_now(NOON, &charges(&ids, Subject::new(8))).is_admitted());
}

#[test]
fn zero_means_that_nothing_ever_passes() {
    for limit in [bucket(0, 0), bucket(1_000, 0), quota(0, Period::Day, 0)] {
        let (memory, ids) = store(&[limit], NOON);
        assert_eq!(wait_of(memory.spend_now(NOON, &charges(&ids, KEY))), Wait::Never, "{limit:?}");
    }
    let (memory, ids) = store(&[bucket(0, 1)], NOON);
    assert!(memory.spend_now(NOON, &charges(&ids, KEY)).is_admitted());
    assert_eq!(wait_of(memory.spend_now(NOON, &charges(&ids, KEY))), Wait::Never);
}

#[test]
fn a_quota_comes_back_when_its_window_turns() {
    let (memory, ids) = store(&[quota(2, Period::Day, 0)], NOON);
    let one = charges(&ids, KEY);
    assert!(memory.spend_now(NOON, &one).is_admitted() && memory.spend_now(NOON, &one).is_admitted());
    let twelve_hours = Duration::from_hours(12);
    assert_eq!(wait_of(memory.spend_now(NOON, &one)), Wait::After(twelve_hours));
    assert!(memory.spend_now(NOON.plus(twelve_hours), &one).is_admitted());
    // Back before midnight, the new day goes on: the old day's allowance is not given out again.
    let decision = memory.spend_now(NOON, &one);
    assert_eq!((decision.is_admitted(), decision.at()), (true, NOON.plus(twelve_hours)));
    assert_eq!(wait_of(memory.spend_now(NOON, &one)), Wait::After(Duration::from_hours(36)));
}

#[test]
fn a_standing_is_read_without_spending() {
    let (memory, ids) = store(&[quota(10, Period::Week, 0), bucket(0, 5)], NOON);
    let standing = |subject| memory.standing(&"limit/0".parse().unwrap(), subject, NOON).unwrap();
    let before = standing(KEY);
    assert_eq!((before.used, before.left), (0, 10));
    assert!(memory.spend_now(NOON, &charges(&ids, KEY)).is_admitted());
    let after = standing(KEY);
    assert_eq!((after.used, after.left), (1, 9));
    assert_eq!(after.window_end.unwrap().since(after.window_start), Duration::from_hours(7 * 24));
    assert_eq!(standing(KEY), after);
    assert_eq!(standing(Subject::SHARED).used, 0);
    for name in ["limit/1", "limit/2"] {
        let error = memory.standing(&name.parse().unwrap(), KEY, NOON).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no quota `{name}`"));
    }
}

#[test]
fn refused_spend_changes_nothing() {
    let limits = [bucket(1_000, 9), quota(9, Period::Day, 0), bucket(1_000, 1)];
    let (memory, ids) = store(&limits, NOON);
    assert!(memory.spend_now(NOON, &charges(&ids, KEY)).is_admitted());
    let before = memory.snapshot();
    assert!(!memory.spend_now(NOON.plus(Duration::from_millis(999)), &charges(&ids, KEY)).is_admitted());
    assert_eq!(memory.snapshot(), before);
}

#[test]
fn buckets_bind_before_quotas_and_the_longest_wait_before_shorter_ones() {
    let limits = [quota(1, Period::Day, 0), bucket(2_000, 1), bucket(1_000, 1), bucket(1_000, 1)];
    let (memory, ids) = store(&limits, NOON);
    let all = charges(&ids, KEY);
    assert!(memory.spend_now(NOON, &all).is_admitted());
    let Decision::Refused { at, binding, wait, wait_for_all, left } = memory.spend_now(NOON, &all) else {
        panic!("admitted")
    };
    assert_eq!((at, left.as_slice()), (NOON, [0; 4].as_slice()));
    assert_eq!(binding, Binding { index: 2, limit: ids[2], kind: Kind::Bucket });
    assert_eq!(wait, Wait::After(Duration::from_secs(1)));
    assert_eq!(wait_for_all, Wait::After(Duration::from_hours(12)));
    let Decision::Refused { binding, wait, .. } = memory.spend_now(NOON.plus(Duration::from_secs(1)), &all)
    else {
        panic!("admitted")
    };
    assert_eq!((binding.kind, wait), (Kind::Quota, Wait::After(Duration::from_secs(12 * 3_600 - 1))));
}

#[test]
fn a_clock_that_steps_back_neither_refills_nor_locks_out_for_longer_than_it_takes_to_catch_up() {
    let (memory, ids) = store(&[bucket(1_000, 2)], Timestamp::EPOCH);
    let one = charges(&ids, KEY);
    assert!(memory.spend_now(NOON, &one).is_admitted());
    let back = Timestamp::from_micros(NOON.as_micros() - 10_000_000);
    let decision = memory.spend_now(back, &one);
    assert_eq!((decision.is_admitted(), decision.at()), (true, NOON));
    assert_eq!(wait_of(memory.spend_now(back, &one)), Wait::After(Duration::from_secs(11)));
    assert!(memory.spend_now(NOON.plus(Duration::from_secs(1)), &one).is_admitted());
}

#[test]
fn the_latest_bucket_sets_the_effective_time_of_all() {
    let (memory, ids) = store(&[bucket(1_000, 5), bucket(1_000, 1)], Timestamp::EPOCH);
    let later = NOON.plus(Duration::from_secs(1));
    assert!(memory.spend_now(NOON, &charges(&ids[1..], KEY)).is_admitted());
    assert!(memory.spend_now(later, &charges(&ids[..1], KEY)).is_admitted());
    // At noon the second bucket is empty; at the first one's time, which this spend is counted at, it is not.
    assert_eq!(memory.spend_now(NOON, &charges(&ids, KEY)).at(), later);
    assert_eq!(memory.snapshot()[&(1, KEY)], (0, later));
}

#[test]
fn new_numbers_keep_every_level() {
    let (memory, ids) = store(&[bucket(1_000, 10)], NOON);
    let one = charges(&ids, KEY);
    for _ in 0..8 {
        assert!(memory.spend_now(NOON, &one).is_admitted());
    }
    let name: LimitName = "limit/0".parse().unwrap();
    assert_eq!(memory.define(name.clone(), bucket(1_000, 100), NOON).unwrap(), ids[0]);
    assert_eq!(memory.spend_now(NOON, &one).left().as_slice(), [1]);
    assert_eq!(memory.spend_now(NOON, &charges(&ids, Subject::new(8))).left().as_slice(), [9]);
    assert_eq!(memory.name(ids[0]), Some(name));
}

#[test]
fn an_id_of_another_store_is_refused_for_ever() {
    let (_, ids) = store(&[bucket(1_000, 10)], NOON);
    let decision = Memory::new().spend_now(NOON, &charges(&ids, KEY));
    assert_eq!(wait_of(decision), Wait::Never);
}

#[test]
fn a_spend_of_nothing_is_admitted() {
    assert!(Memory::new().spend_now(NOON, &Charges::NONE).is_admitted());
}

#[test]
fn exactly_the_limit_is_admitted_and_no_other_limit_pays_for_the_rest() {
    const THREADS: u64 = 8;
    const LIMIT: u64 = 500;
    let limits = [bucket(0, 500), bucket(0, 5_000), quota(5_000, Period::Day, 0)];
    let (memory, ids) = store(&limits, NOON);
    let start = Barrier::new(8);
    let spend = |thread: u64| {
        let mut all = Charges::NONE;
        // Half of the threads name the limits the other way round: the order of locks does not follow them.
        let subjects =
            [(ids[0], Subject::SHARED), (ids[1], Subject::new(thread)), (ids[2], Subject::new(thread + 100))];
        let mut named = subjects.map(|(limit, subject)| Charge { limit, subject });
        if thread.is_multiple_of(2) {
            named.reverse();
        }
        named.into_iter().try_for_each(|charge| all.push(charge)).unwrap();
        start.wait();
        (0..LIMIT).filter(|_| memory.spend_now(NOON, &all).is_admitted()).count() as u64
    };
    let admitted: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || spend(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(admitted.iter().sum::<u64>(), LIMIT);
    let stored = memory.snapshot();
    for (thread, admitted) in (0..THREADS).zip(admitted) {
        let level = stored.get(&(1, Subject::new(thread))).map_or(5_000_000_000_000, |cell| cell.0);
        let used = stored.get(&(2, Subject::new(thread + 100))).map_or(0, |cell| cell.0);
        assert_eq!((level, used), ((5_000 - admitted) * 1_000_000_000, admitted));
    }
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let rate = prop_oneof![1 => Just(0), 6 => 1..20_000_u32];
    let period = prop_oneof![Just((Period::Day, 0)), Just((Period::Week, 3)), Just((Period::Month, 20))];
    prop_oneof![
        3 => (rate, 0..4_u32).prop_map(|(rate, burst)| bucket(rate, burst)),
        1 => (0..4_u64, period).prop_map(|(limit, (period, offset))| quota(limit, period, offset)),
    ]
}

proptest! {
    #[test]
    fn the_wait_is_exact(
        limits in prop::collection::vec(any_limit(), 1..6),
        spends in prop::collection::vec((0..64_u8, 0..2_000_000_u64), 0..30),
        back in 0..5_000_000_u64,
    ) {
        let (memory, ids) = store(&limits, NOON);
        let mut now = NOON;
        for (chosen, gap) in spends {
            now = now.plus(Duration::from_micros(gap));
            let some: Vec<_> =
                ids.iter().enumerate().filter(|(index, _)| chosen & (1 << index) != 0).map(|(_, id)| *id).collect();
            memory.spend_now(now, &charges(&some, KEY));
        }
        let now = Timestamp::from_micros(now.as_micros() - back);
        let all = charges(&ids, KEY);
        let Decision::Refused { binding, wait, wait_for_all, .. } = memory.spend_now(now, &all) else { return Ok(()) };
        let before = memory.snapshot();
        prop_assert!(Wait::After(Duration::ZERO) < wait && wait <= wait_for_all);
        if let Wait::After(wait) = wait {
            let early = binding_of(memory.spend_now(just_before(now, wait), &all));
            prop_assert_eq!(early, Some(binding));
        }
        if let (Wait::After(wait), true) = (wait, wait < wait_for_all) {
            let next = binding_of(memory.spend_now(now.plus(wait), &all)).map(|next| next.kind);
            prop_assert_eq!((binding.kind, next), (Kind::Bucket, Some(Kind::Quota)));
        }
        let Wait::After(wait) = wait_for_all else {
            let much_later = now.plus(Duration::from_hours(9_000));
            prop_assert!(!memory.spend_now(much_later, &all).is_admitted());
            return Ok(());
        };
        prop_assert!(!memory.spend_now(just_before(now, wait), &all).is_admitted());
        prop_assert_eq!(memory.snapshot(), before);
        prop_assert!(memory.spend_now(now.plus(wait), &all).is_admitted());
    }
}

fn binding_of(decision: Decision) -> Option<Binding> {
    match decision {
        Decision::Admitted { .. } => None,
        Decision::Refused { binding, .. } | Decision::Unready { binding, .. } => Some(binding),
    }
}

fn just_before(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp::from_micros(now.plus(wait).as_micros() - 1)
}
