//! Every interleaving of a few threads: `make loom`.
//!
//! The checker runs each test once for each order in which the threads can pass the locks and atomics. What must hold
//! in all of them: nobody sees half a spend, the sum of what is admitted is exact, nothing waits for ever.

use ambient::Timestamp;
use loom::sync::Arc;
use loom::thread;

use crate::{
    Batch, BucketSpec, Burst, Charge, Charges, Gate, Limit, LimitId, Memory, MilliRate, Period, QuotaSpec,
    State, Subject,
};

const NOW: Timestamp = Timestamp::from_secs(1_795_435_200);
const FIRST: Subject = Subject::new(1);
/// In another shard than the first.
const SECOND: Subject = Subject::new(6);

fn bucket(burst: u32) -> Limit {
    BucketSpec { rate: MilliRate::ZERO, burst: Burst::new(burst).unwrap() }.into()
}

fn quota(limit: u64) -> Limit {
    QuotaSpec::new(limit, Period::Day, 0).unwrap().into()
}

fn store(memory: Memory, limits: &[Limit]) -> (Arc<Memory>, Vec<LimitId>) {
    let ids = limits.iter().enumerate();
    let ids =
        ids.map(|(index, limit)| memory.define(format!("{index}").parse().unwrap(), *limit, NOW).unwrap());
    let ids = ids.collect();
    (Arc::new(memory), ids)
}

fn charges(all: &[(LimitId, Subject)]) -> Charges {
    let all: Vec<_> =
        all.iter().map(|(limit, subject)| Charge { limit: *limit, subject: *subject }).collect();
    Charges::try_from(all.as_slice()).unwrap()
}

/// Spends each of `spends` in a thread of its own, and says which were admitted.
fn race(memory: &Arc<Memory>, spends: &[Charges]) -> Vec<bool> {
    let threads: Vec<_> = spends
        .iter()
        .map(|charges| {
            let (memory, charges) = (Arc::clone(memory), *charges);
            thread::spawn(move || memory.spend_now(NOW, &charges).is_admitted())
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn level(memory: &Memory, limit: LimitId, subject: Subject, full: u64) -> u64 {
    match memory.entry(Charge { limit, subject }).map(|entry| entry.state) {
        Some(State::Bucket { level, .. }) => level / 1_000_000_000,
        Some(State::Quota { used, .. }) => full - used,
        None => full,
    }
}

#[test]
fn one_of_two_gets_the_last_token_and_the_other_pays_nothing() {
    loom::model(|| {
        let (memory, ids) = store(Memory::new(), &[bucket(1), bucket(5)]);
        let spend = |key| charges(&[(ids[1], key), (ids[0], Subject::SHARED)]);
        let admitted = race(&memory, &[spend(FIRST), spend(SECOND)]);
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
        for (key, admitted) in [FIRST, SECOND].into_iter().zip(admitted) {
            assert_eq!(level(&memory, ids[1], key, 5), if admitted { 4 } else { 5 });
        }
        assert_eq!(level(&memory, ids[0], Subject::SHARED, 1), 0);
    });
}

#[test]
fn charges_in_any_order_do_not_wait_for_each_other() {
    loom::model(|| {
        let (memory, ids) = store(Memory::new(), &[bucket(5)]);
        let all = [(ids[0], FIRST), (ids[0], SECOND), (ids[0], Subject::SHARED)];
        let mut reversed = all;
        reversed.reverse();
        assert_eq!(race(&memory, &[charges(&all), charges(&reversed)]), [true, true]);
        assert_eq!(all.map(|(limit, subject)| level(&memory, limit, subject, 5)), [3, 3, 3]);
        let mut kept = Vec::new();
        memory.entries(0, &mut kept);
        assert_eq!(kept.len(), 1, "the two keys have to be in different shards for this to mean anything");
    });
}

#[test]
fn a_change_of_numbers_comes_before_a_spend_or_after_it() {
    loom::model(|| {
        let (memory, ids) = store(Memory::new(), &[bucket(1)]);
        let changing = Arc::clone(&memory);
        let change = thread::spawn(move || changing.define("0".parse().unwrap(), bucket(9), NOW).unwrap());
        let one = charges(&[(ids[0], FIRST)]);
        let admitted = [memory.spend_now(NOW, &one).is_admitted(), memory.spend_now(NOW, &one).is_admitted()];
        change.join().unwrap();
        // A larger burst refills nothing, whenever it comes.
        assert_eq!(admitted, [true, false]);
    });
}

#[test]
fn what_is_dropped_while_others_spend_is_not_missed() {
    loom::model(|| {
        let refilled = Limit::from(BucketSpec { rate: MilliRate::new(1_000), burst: Burst::new(1).unwrap() });
        let (memory, ids) = store(Memory::new(), &[refilled]);
        let one = charges(&[(ids[0], FIRST)]);
        assert!(memory.spend_now(NOW, &one).is_admitted());
        let later = Timestamp::from_secs(NOW.as_secs() + 1);
        let tidying = Arc::clone(&memory);
        let tidy = thread::spawn(move || tidying.tidy_all(later));
        let admitted =
            [memory.spend_now(later, &one).is_admitted(), memory.spend_now(later, &one).is_admitted()];
        tidy.join().unwrap();
        assert_eq!(admitted, [true, false]);
        // Nor does a clock that is behind find a full bucket in place of the dropped one.
        assert!(!memory.spend_now(NOW, &one).is_admitted());
    });
}

#[test]
fn grants_and_spends_never_give_more_than_was_granted() {
    loom::model(|| {
        let memory = Memory::backed(Batch::new(std::num::NonZeroU32::MIN));
        let (memory, ids) = store(memory, &[quota(3)]);
        memory.admit_until(NOW);
        let charge = Charge { limit: ids[0], subject: FIRST };
        let one = charges(&[(ids[0], FIRST)]);
        assert!(memory.spend_now(NOW, &one).is_admitted());
        let granting = Arc::clone(&memory);
        let midnight = QuotaSpec::new(3, Period::Day, 0).unwrap().window(NOW).0;
        let grant = thread::spawn(move || granting.grant(charge, midnight, 2));
        let admitted = race(&memory, &[one]);
        grant.join().unwrap();
        let then: Vec<bool> = (0..2).map(|_| memory.spend_now(NOW, &one).is_admitted()).collect();
        let all = admitted.iter().chain(&then).filter(|admitted| **admitted).count();
        assert_eq!(all, 1, "one was granted besides the first");
    });
}

#[test]
fn who_closes_a_gate_sees_all_that_passed_while_it_was_open() {
    loom::model(|| {
        let (memory, ids) = store(Memory::backed(Batch::default()), &[quota(3)]);
        memory.open_gate(Gate { buckets: false, quotas: true });
        let closing = Arc::clone(&memory);
        let seen = thread::spawn(move || {
            closing.open_gate(Gate::default());
            let mut seen = Vec::new();
            (0..closing.shards()).for_each(|shard| closing.entries(shard, &mut seen));
            seen.len()
        });
        let admitted = race(&memory, &[charges(&[(ids[0], FIRST)])]);
        // What it does not see is recorded nowhere, and given out again after a crash.
        assert_eq!(seen.join().unwrap(), usize::from(admitted[0]));
    });
}
