use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::memory::tests::{bucket, quota};
use crate::{Day, Kind, Meter as _, Period, Presumption, Standing};

/// 2026-11-23T12:00:00Z.
const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);
const MIDNIGHT: Timestamp = Timestamp::from_secs(1_795_392_000);
const KEY: Subject = Subject::new(7);

fn backed(limits: &[Limit]) -> (Memory, Vec<LimitId>) {
    let memory = Memory::backed(Batch::new(NonZeroU32::new(4).unwrap()));
    let define = |(index, limit): (usize, &Limit)| {
        let name: LimitName = format!("limit/{index}").parse().unwrap();
        let record = memory.plan(&name, *limit, NOON).unwrap().unwrap();
        memory.apply(name, record, NOON).unwrap()
    };
    let ids = limits.iter().enumerate().map(define).collect();
    (memory, ids)
}

fn one(limit: LimitId) -> Charges {
    Charges::try_from([Charge { limit, subject: KEY }].as_slice()).unwrap()
}

fn is_unready(decision: Decision) -> bool {
    matches!(decision, Decision::Unready { .. })
}

#[test]
fn nothing_is_admitted_past_the_recorded_moment() {
    for limit in [bucket(1_000, 9), quota(9, Period::Day, 0)] {
        let (memory, ids) = backed(&[limit]);
        assert!(is_unready(memory.spend_now(NOON, &one(ids[0]))), "{limit:?}");
        memory.admit_until(NOON);
        assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
        let later = NOON.plus(Duration::from_micros(1));
        let Decision::Unready { at, binding, wait, left } = memory.spend_now(later, &one(ids[0])) else {
            panic!()
        };
        assert_eq!((at, binding.limit, binding.index), (later, ids[0], 0));
        assert_eq!((wait, left.as_slice()), (Duration::from_secs(1), [8].as_slice()));
        // It does not go back.
        memory.admit_until(MIDNIGHT);
        assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    }
}

#[test]
fn kinds_whose_store_is_lost_admit_without_it_if_they_are_to() {
    let (memory, ids) = backed(&[bucket(1_000, 9), quota(9, Period::Day, 0)]);
    let both = Charges::try_from(
        ids.iter().map(|id| Charge { limit: *id, subject: KEY }).collect::<Vec<_>>().as_slice(),
    );
    memory.open_gate(Gate { buckets: true, quotas: false });
    assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    let Decision::Unready { binding, .. } = memory.spend_now(NOON, &both.unwrap()) else { panic!() };
    assert_eq!((binding.index, binding.kind), (1, Kind::Quota));
    memory.open_gate(Gate { buckets: true, quotas: true });
    // Not only the opening of four, but all nine.
    for _ in 0..8 {
        assert!(memory.spend_now(NOON, &both.unwrap()).is_admitted());
    }
    memory.open_gate(Gate::default());
    assert!(is_unready(memory.spend_now(NOON, &one(ids[1]))));
}

#[test]
fn a_clock_that_has_stepped_back_takes_nothing_past_the_recorded_moment() {
    let tomorrow = NOON.plus(Duration::from_hours(24));
    for limit in [bucket(1_000, 9), quota(9, Period::Day, 0)] {
        let (memory, ids) = backed(&[limit]);
        memory.open_gate(Gate { buckets: true, quotas: true });
        let latest = memory.spend_now(tomorrow, &one(ids[0]));
        assert!(latest.is_admitted() && latest.at() == tomorrow);
        memory.open_gate(Gate::default());
        memory.admit_until(NOON);
        // By the clock it is not later than what is recorded, but it counts where the last spend does.
        let decision = memory.spend_now(NOON, &one(ids[0]));
        assert!(is_unready(decision) && decision.at() > NOON, "{limit:?}: {decision:?}");
        memory.admit_until(tomorrow);
        assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted(), "{limit:?}");
    }
}

#[test]
fn a_quota_that_runs_low_is_named_once_until_it_is_granted_more() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0)]);
    memory.admit_until(NOON);
    let charge = Charge { limit: ids[0], subject: KEY };
    let spend = || {
        let spent = memory.spend_noting(NOON, &one(ids[0]));
        (spent.decision.is_admitted(), spent.low.as_slice().contains(&charge))
    };
    assert_eq!([spend(), spend(), spend()], [(true, false), (true, true), (true, false)]);
    assert_eq!([spend(), spend(), spend()], [(true, false), (false, false), (false, false)]);
    // Of another window: nothing.
    memory.grant(charge, NOON, 8);
    assert_eq!(spend(), (false, false));
    memory.grant(charge, MIDNIGHT, 8);
    assert_eq!(
        [spend(), spend(), spend(), spend()],
        [(true, false), (true, true), (true, false), (true, false)]
    );
    assert_eq!(spend(), (false, false));
    memory.grant(charge, MIDNIGHT, 20);
    assert_eq!((0..20).filter(|_| spend().0).count(), 12, "every last one is used");
    let Decision::Refused { binding, .. } = memory.spend_now(NOON, &one(ids[0])) else {
        panic!("not refused")
    };
    assert_eq!(binding.kind, Kind::Quota);
}

#[test]
fn a_spend_that_another_limit_refuses_asks_for_nothing() {
    let (memory, ids) = backed(&[bucket(0, 4), quota(20, Period::Day, 0)]);
    memory.admit_until(NOON);
    let both: Vec<_> = ids.iter().map(|id| Charge { limit: *id, subject: KEY }).collect();
    let both = Charges::try_from(both.as_slice()).unwrap();
    for _ in 0..4 {
        assert!(memory.spend_now(NOON, &both).is_admitted());
    }
    // Both the bucket and the allowance are used up; who is refused is told so, and the store is not asked again.
    let spent = memory.spend_noting(NOON, &both);
    assert!(matches!(spent.decision, Decision::Refused { .. }) && spent.low.as_slice().is_empty());
}

#[test]
fn a_new_window_begins_with_its_own_opening() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0)]);
    memory.admit_until(NOON.plus(Duration::from_hours(24)));
    let admitted = |now| (0..20).filter(|_| memory.spend_now(now, &one(ids[0])).is_admitted()).count();
    assert_eq!((admitted(NOON), admitted(NOON.plus(Duration::from_hours(12)))), (4, 4));
    let spent = memory.spend_noting(NOON.plus(Duration::from_hours(12)), &one(ids[0]));
    assert!(is_unready(spent.decision), "asked for already, by the spend that left half");
}

#[test]
fn a_grant_counts_in_its_own_window_only() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0)]);
    let (charge, day) = (Charge { limit: ids[0], subject: KEY }, Duration::from_hours(24));
    let tomorrow = NOON.plus(day);
    memory.admit_until(tomorrow);
    let admitted = |now| (0..20).filter(|_| memory.spend_now(now, &one(ids[0])).is_admitted()).count();
    // Asked for on one day, set aside on the next: the opening is all that the new day has.
    assert_eq!((admitted(NOON), admitted(tomorrow)), (4, 4));
    for window in [MIDNIGHT, tomorrow, MIDNIGHT.plus(day).plus(day)] {
        memory.grant(charge, window, 20);
        assert_eq!(admitted(tomorrow), 0, "a grant for the window of {window:?}");
    }
    memory.grant(charge, MIDNIGHT.plus(day), 7);
    assert_eq!(admitted(tomorrow), 3);
}

#[test]
fn what_was_spent_is_shown_to_the_store_once() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0), bucket(1_000, 5)]);
    memory.admit_until(NOON);
    assert!(
        memory.spend_now(NOON, &one(ids[0])).is_admitted()
            && memory.spend_now(NOON, &one(ids[0])).is_admitted()
    );
    assert!(memory.spend_now(NOON, &one(ids[1])).is_admitted());
    let touched = || {
        let mut entries = Vec::new();
        (0..memory.shards()).for_each(|shard| memory.take_touched(shard, &mut entries));
        entries
    };
    let day = Day::of(NOON);
    let state = State::Quota { used: 2, window: MIDNIGHT, granted: 4, day, today: 2 };
    assert_eq!(touched(), [Entry { limit: ids[0], subject: KEY, state }]);
    assert_eq!(touched(), []);
    assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    // Not dropped before the store has seen it, whatever the time.
    let much_later = NOON.plus(Duration::from_hours(1_000));
    assert_eq!(memory.tidy_all(much_later), 0);
    assert_eq!(touched().len(), 1);
    assert_eq!((memory.tidy_all(much_later), memory.subjects()), (1, 0));
}

#[test]
fn state_that_is_put_back_goes_on_where_it_was() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0), bucket(0, 5)]);
    memory.admit_until(NOON);
    let quota = State::Quota { used: 18, window: MIDNIGHT, granted: 19, day: Day::of(NOON), today: 1 };
    let level = State::Bucket { level: 1_500_000_000, last: NOON };
    for (limit, state) in [(ids[0], quota), (ids[1], level)] {
        let entry = Entry { limit, subject: KEY, state };
        memory.put(entry);
        assert_eq!(memory.entry(Charge { limit, subject: KEY }), Some(entry));
    }
    let admitted = |id| (0..9).filter(|_| memory.spend_now(NOON, &one(id)).is_admitted()).count();
    assert_eq!((admitted(ids[0]), admitted(ids[1])), (1, 1));
}

#[test]
fn after_a_crash_buckets_refill_from_the_recorded_moment() {
    let (before, ids) = backed(&[bucket(1_000, 5), quota(20, Period::Day, 0)]);
    let (memory, _) = backed(&[]);
    for id in ids {
        memory
            .apply(
                before.name(id).unwrap(),
                before.record(id).unwrap().after_crash(Presumption { until: NOON, amount: 4, ceiling: 100 }),
                NOON,
            )
            .unwrap();
    }
    memory.forget_until(NOON);
    memory.admit_until(NOON.plus(Duration::from_mins(1)));
    let bucket = memory.id(&"limit/0".parse().unwrap()).unwrap();
    let left = |now: Timestamp| memory.spend_now(now, &one(bucket)).left().as_slice().to_vec();
    // A clock that is still behind does not get anything, and nobody has anything yet.
    assert_eq!((left(MIDNIGHT), left(NOON)), (vec![0], vec![0]));
    assert_eq!(left(NOON.plus(Duration::from_secs(3))), [2]);
    let standing = memory.standing(&"limit/1".parse().unwrap(), KEY, NOON).unwrap();
    assert_eq!((standing.used, standing.left), (4, 16));
}

#[test]
fn extra_requests_are_counted_on_top() {
    let (memory, ids) = backed(&[quota(2, Period::Day, 0)]);
    memory.admit_until(NOON.plus(Duration::from_hours(24)));
    let name: LimitName = "limit/0".parse().unwrap();
    let admitted = |now| (0..9).filter(|_| memory.spend_now(now, &one(ids[0])).is_admitted()).count();
    assert_eq!(admitted(NOON), 2);
    let standing = memory.extend(&name, KEY, 3, NOON).unwrap();
    assert_eq!((standing.extra, standing.used, standing.left), (3, 2, 3));
    memory.grant(Charge { limit: ids[0], subject: KEY }, MIDNIGHT, 5);
    assert_eq!(admitted(NOON), 3);
    assert_eq!(memory.extend(&name, KEY, 1, NOON).unwrap().extra, 4);
    let tomorrow = NOON.plus(Duration::from_hours(24));
    assert_eq!(admitted(tomorrow), 2);
    memory.tidy_all(tomorrow);
    assert_eq!(memory.extra(Charge { limit: ids[0], subject: KEY }, MIDNIGHT), 0, "kept after its window");
    let error = memory.extend(&name, KEY, u64::MAX, NOON).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a quota of 2 cannot be extended by 18446744073709551615 requests: together with what was given before that is \
         more than 9007199254740992"
    );
}

#[test]
fn a_changed_period_takes_along_what_was_used_and_granted() {
    let (memory, ids) = backed(&[quota(20, Period::Month, 0)]);
    memory.admit_until(NOON.plus(Duration::from_hours(24)));
    let charge = Charge { limit: ids[0], subject: KEY };
    let admitted = |now| (0..20).filter(|_| memory.spend_now(now, &one(ids[0])).is_admitted()).count();
    assert_eq!(admitted(NOON), 4);
    let Limit::Quota(daily) = quota(20, Period::Day, 0) else { panic!() };
    let expected = memory.taken_over(ids[0], daily, NOON);
    assert_eq!(memory.define("limit/0".parse().unwrap(), daily.into(), NOON).unwrap(), ids[0]);
    let today = Day::of(NOON);
    let state = State::Quota { used: 4, window: MIDNIGHT, granted: 4, day: today, today: 4 };
    assert_eq!(expected, [Entry { limit: ids[0], subject: KEY, state }], "what a store writes beforehand");
    assert_eq!(memory.entry(charge).map(|entry| entry.state), Some(state));
    assert_eq!(admitted(NOON), 0, "it was asked for already");
    memory.grant(charge, MIDNIGHT, 20);
    assert_eq!(admitted(NOON), 16);
    assert_eq!(admitted(NOON.plus(Duration::from_hours(24))), 4, "the next window's opening");
}

#[test]
fn the_last_count_of_a_window_is_shown_when_the_period_has_changed_after_it() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0)]);
    memory.admit_until(NOON);
    assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    let tomorrow = NOON.plus(Duration::from_hours(24));
    memory.define("limit/0".parse().unwrap(), quota(20, Period::Month, 0), tomorrow).unwrap();
    let charge = Charge { limit: ids[0], subject: KEY };
    assert_eq!(memory.entry(charge), None, "its window was over");
    let mut touched = Vec::new();
    (0..memory.shards()).for_each(|shard| memory.take_touched(shard, &mut touched));
    let state = State::Quota { used: 1, window: MIDNIGHT, granted: 4, day: Day::of(NOON), today: 1 };
    assert_eq!(touched, [Entry { limit: ids[0], subject: KEY, state }]);
}

#[test]
fn a_changed_period_ends_what_was_given_on_top() {
    // Monday: the day's window, and that of a week from Monday on, begin at the same moment.
    let (memory, ids) = backed(&[quota(2, Period::Day, 0), quota(2, Period::Day, 0)]);
    let names = ["limit/0", "limit/1"].map(|name| name.parse::<LimitName>().unwrap());
    for name in &names {
        assert_eq!(memory.extend(name, KEY, 3, NOON).unwrap().left, 5);
    }
    memory.define(names[0].clone(), quota(2, Period::Week, 1), NOON).unwrap();
    memory.define(names[1].clone(), quota(1, Period::Day, 0), NOON).unwrap();
    let extra = |limit| memory.extra(Charge { limit, subject: KEY }, MIDNIGHT);
    assert_eq!((extra(ids[0]), extra(ids[1])), (0, 3), "another number ends nothing");
    let left = names.map(|name| memory.standing(&name, KEY, NOON).unwrap().left);
    assert_eq!(left, [2, 4]);
}

#[test]
fn an_extension_admits_what_it_says_also_to_who_has_used_more_than_the_limit() {
    let (memory, ids) = backed(&[quota(9, Period::Day, 0)]);
    memory.open_gate(Gate { buckets: false, quotas: true });
    let name: LimitName = "limit/0".parse().unwrap();
    let admitted = || (0..20).filter(|_| memory.spend_now(NOON, &one(ids[0])).is_admitted()).count();
    assert_eq!(admitted(), 9);
    memory.define(name.clone(), quota(4, Period::Day, 0), NOON).unwrap();
    let standing = memory.extend(&name, KEY, 3, NOON).unwrap();
    assert_eq!((standing.used, standing.extra, standing.left), (9, 8, 3));
    assert_eq!(admitted(), 3);
    assert_eq!(memory.extend(&name, KEY, 2, NOON).unwrap().extra, 10, "nothing is left, so that they add up");
    let crashed = Standing { used: 2, lost: 7, extra: 0, ..standing };
    assert_eq!(crashed.extended_by(3).unwrap(), 8, "what is lost counts like what is used");
}

#[test]
fn dropped_state_keeps_the_law_where_the_clock_steps_back() {
    let (memory, ids) = backed(&[bucket(1_000, 2)]);
    memory.admit_until(NOON.plus(Duration::from_hours(1)));
    let spend = |now| memory.spend_now(now, &one(ids[0]));
    assert!(spend(NOON).is_admitted() && spend(NOON).is_admitted());
    // Full again two seconds later, and not a microsecond before.
    let full = NOON.plus(Duration::from_secs(2));
    assert_eq!(memory.tidy_all(Timestamp::from_micros(full.as_micros() - 1)), 0);
    assert_eq!(memory.tidy_all(NOON.plus(Duration::from_mins(9))), 1);
    assert_eq!(spend(NOON).at(), full);
    assert_eq!(memory.forgotten(), full);
}

#[test]
fn nothing_is_admitted_after_the_end() {
    let (memory, ids) = backed(&[bucket(1_000, 2), quota(5, Period::Day, 0)]);
    memory.open_gate(Gate { buckets: true, quotas: true });
    assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    memory.shut();
    assert!(ids.iter().all(|id| is_unready(memory.spend_now(NOON, &one(*id)))));
}

#[test]
fn the_last_count_of_a_day_is_shown_when_the_day_has_turned() {
    let (memory, ids) = backed(&[quota(200, Period::Month, 0)]);
    memory.admit_until(NOON.plus(Duration::from_hours(24)));
    let tomorrow = NOON.plus(Duration::from_hours(24));
    for now in [NOON, NOON, tomorrow, NOON] {
        assert!(memory.spend_now(now, &one(ids[0])).is_admitted());
    }
    let mut entries = Vec::new();
    (0..memory.shards()).for_each(|shard| memory.take_touched(shard, &mut entries));
    let counted = |entry: &Entry| match entry.state {
        State::Quota { day, today, used, .. } => (day, today, used),
        State::Bucket { .. } => panic!(),
    };
    // Back on the day before, it is counted on the later one.
    let days: Vec<_> = entries.iter().map(counted).collect();
    assert_eq!(days, [(Day::of(NOON), 2, 2), (Day::of(tomorrow), 2, 4)]);
}

#[test]
fn a_subject_is_endowed_once_and_then_only_granted_more() {
    let (memory, ids) = backed(&[quota(20, Period::Day, 0)]);
    memory.admit_until(NOON);
    let state =
        |used, granted| State::Quota { used, window: MIDNIGHT, granted, day: Day::of(NOON), today: 0 };
    let entry = |used, granted| Entry { limit: ids[0], subject: KEY, state: state(used, granted) };
    memory.endow(entry(3, 9));
    assert!(memory.spend_now(NOON, &one(ids[0])).is_admitted());
    // What was spent meanwhile is not undone.
    memory.endow(entry(3, 12));
    let known = memory.entry(Charge { limit: ids[0], subject: KEY }).map(|entry| entry.state);
    assert!(matches!(known, Some(State::Quota { used: 4, granted: 12, .. })), "{known:?}");
    assert_eq!((0..20).filter(|_| memory.spend_now(NOON, &one(ids[0])).is_admitted()).count(), 8);
}
