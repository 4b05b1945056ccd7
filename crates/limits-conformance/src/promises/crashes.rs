//! What a crash costs, and what it never gives: the law holds across it, and a quota is not handed out twice.
//!
//! Only for stores that keep something.

use std::time::Duration;

use limits::{Decision, Limit, Period, Wait};

use super::restarts::{OTHER, restart};
use crate::rig::{Maker, Stop};
use crate::under_test::{KEY, NOON, UnderTest, before, bucket, just_before, midnight, quota};

/// Nobody has anything at `alive_until`, seen before or not, and from then on everybody what refills.
pub fn after_a_crash_every_bucket_is_empty_at_alive_until(make: Maker<'_>) {
    let limits = [bucket(2_000, 4), bucket(0, 4), bucket(1_000, 4)];
    let mut store = UnderTest::new(make, &limits, NOON);
    assert_eq!(store.admitted(1, NOON, &[(0, KEY)]), 1);
    let alive_until = restart(&mut store, Stop::Crash, NOON).alive_until;
    assert!(alive_until >= NOON, "something was admitted after {alive_until:?}");
    for subject in [KEY, OTHER] {
        let early = store.spend(NOON, &[(0, subject)]);
        assert_eq!((early.is_admitted(), early.at()), (false, alive_until), "subject {subject}");
        assert_eq!(store.wait(NOON, &[(1, subject)]), Wait::Never, "subject {subject}");
        let first = alive_until.plus(Duration::from_millis(500));
        assert_eq!(store.wait(NOON, &[(0, subject)]), Wait::After(first.since(NOON)));
        assert!(!store.admits(just_before(first), &[(0, subject)]));
        assert!(store.admits(first, &[(0, subject)]));
        assert!(!store.admits(first, &[(0, subject)]));
    }
    let much_later = alive_until.plus(Duration::from_hours(1));
    assert_eq!(store.admitted(9, much_later, &[(2, KEY)]), 4, "it fills to the burst and no further");
}

/// Whatever a process admitted, it had said beforehand that it might live so long.
pub fn nothing_is_admitted_past_alive_until(make: Maker<'_>) {
    let limits = [bucket(1_000, 9), quota(9_000_000, Period::Month, 0)];
    let mut store = UnderTest::new(make, &limits, NOON);
    let both = [(0, KEY), (1, KEY)];
    let (mut now, mut latest) = (NOON, NOON);
    for round in 0..20_u64 {
        store.rig().settle(now);
        // A process that sleeps, and then asks without having done its duties, may be past its time.
        for wake in [0, 1, 400, 900, 1_700, 90_000] {
            let decision = store.spend_unsettled(now.plus(Duration::from_millis(wake * (round + 1))), &both);
            latest = if decision.is_admitted() { latest.max(decision.at()) } else { latest };
        }
        let alive_until = restart(&mut store, Stop::Crash, now).alive_until;
        assert!(latest <= alive_until, "admitted at {latest:?}, though alive until {alive_until:?} at most");
        now = alive_until.plus(Duration::from_secs(2));
    }
    store.rig().settle(now);
    let overslept = now.plus(Duration::from_hours(1));
    let unready = store.spend_unsettled(overslept, &both);
    let Decision::Unready { wait, .. } = unready else { panic!("answered past its lease: {unready:?}") };
    assert!(!wait.is_zero());
    assert!(store.admits(overslept, &both), "a lease that is renewed is good again");
}

/// A spend that is not answered yet costs nothing.
pub fn an_unready_spend_changes_nothing(make: Maker<'_>) {
    let limits = [bucket(0, 9), quota(9, Period::Month, 0)];
    let store = UnderTest::new(make, &limits, NOON);
    let both = [(0, KEY), (1, KEY)];
    assert!(store.admits(NOON, &both));
    let overslept = NOON.plus(Duration::from_hours(1));
    for _ in 0..20 {
        let unready = store.spend_unsettled(overslept, &both);
        assert!(matches!(unready, Decision::Unready { .. }), "{unready:?}");
        assert_eq!((unready.at(), unready.left().as_slice()), (overslept, [8, 8].as_slice()));
    }
    assert_eq!(store.spend(NOON, &both).at(), NOON);
    assert_eq!(store.admitted(20, overslept, &both), 7);
}

/// A store that has time to do what is due between two requests is never unready, to the last request of a quota.
pub fn allowance_is_set_aside_before_it_is_needed(make: Maker<'_>) {
    const QUOTA: u64 = 1_500;
    let store = UnderTest::new(make, &[quota(QUOTA, Period::Month, 0)], NOON);
    for request in 0..QUOTA {
        store.rig().settle(NOON);
        let decision = store.spend_unsettled(NOON, &[(0, KEY)]);
        assert!(decision.is_admitted(), "{decision:?} to request {request}");
    }
}

/// However often it dies, at whichever request, a window admits no more than its quota; and each time at most one batch
/// of it is lost.
pub fn a_crash_never_hands_out_more_than_the_quota(make: Maker<'_>) {
    const QUOTA: u64 = 400;
    for lived in [0, 1, 2, 3, 7, 20, 61] {
        let mut store = UnderTest::new(make, &[quota(QUOTA, Period::Month, 0)], NOON);
        let (mut admitted, mut bound, mut now) = (0, 0, NOON);
        for _ in 0..20 {
            admitted += store.admitted(lived, now, &[(0, KEY)]);
            bound += restart(&mut store, Stop::Crash, now).batch;
            let standing = store.standing(0, KEY, now);
            let counted = standing.used + standing.lost;
            assert!(standing.used <= admitted && admitted <= counted, "{admitted} admitted, {standing:?}");
            assert!(counted <= admitted + bound, "{admitted} admitted, at most {bound} lost, {standing:?}");
            assert_eq!(standing.left, QUOTA.saturating_sub(counted));
            now = now.plus(Duration::from_secs(1));
        }
        let left = store.standing(0, KEY, now).left;
        assert_eq!(store.admitted(QUOTA, now, &[(0, KEY)]), left, "what is left is there to be used");
        admitted += left;
        assert!(admitted <= QUOTA, "{admitted} admitted when each process lived for {lived} requests");
        assert_eq!(store.admitted(9, now, &[(0, KEY)]), 0);
    }
}

/// A crash that happens before the store has done what was due after the last spend loses track of nothing.
pub fn a_crash_before_anything_is_settled_hands_out_nothing_twice(make: Maker<'_>) {
    const QUOTA: u64 = 100;
    let mut store = UnderTest::new(make, &[quota(QUOTA, Period::Month, 0)], NOON);
    let (mut admitted, mut now) = (0, NOON);
    for _ in 0..200 {
        store.rig().settle(now);
        let spends = (0..QUOTA).map(|_| store.spend_unsettled(now, &[(0, KEY)]));
        admitted += spends.filter(Decision::is_admitted).count() as u64;
        restart(&mut store, Stop::Crash, now);
        assert!(admitted <= QUOTA, "{admitted} admitted");
        now = now.plus(Duration::from_secs(1));
    }
    assert_eq!(store.standing(0, KEY, now).left, 0);
}

/// Numbers that changed before a crash do not hide what was admitted under the larger ones.
pub fn a_quota_that_was_lowered_before_a_crash_is_not_handed_out_again(make: Maker<'_>) {
    const QUOTA: u64 = 60;
    for lowered in [0, 1, 10] {
        let mut store = UnderTest::new(make, &[quota(QUOTA, Period::Month, 0)], NOON);
        let mut admitted = 0;
        for _ in 0..20 {
            admitted += store.admitted(5, NOON, &[(0, KEY)]);
            store.change(0, quota(lowered, Period::Month, 0), NOON);
            restart(&mut store, Stop::Crash, NOON);
            store.change(0, quota(QUOTA, Period::Month, 0), NOON);
        }
        admitted += store.admitted(QUOTA, NOON, &[(0, KEY)]);
        assert!(admitted <= QUOTA, "{admitted} of {QUOTA} admitted, lowered to {lowered} before each crash");
    }
}

/// A crash in one window takes nothing from those that begin after everything the process can have admitted.
pub fn a_crash_costs_later_windows_nothing(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[quota(50, Period::Day, 0)], NOON);
    for _ in 0..5 {
        store.admitted(3, NOON, &[(0, KEY)]);
        restart(&mut store, Stop::Crash, NOON);
    }
    let next_day = midnight("2026-11-24");
    for subject in [KEY, OTHER] {
        let standing = store.standing(0, subject, next_day);
        assert_eq!((standing.used, standing.lost, standing.left), (0, 0, 50));
        assert_eq!(store.admitted(99, next_day, &[(0, subject)]), 50);
    }
}

/// A crash right before midnight, with a process that might have lived past it, is none to the new day's disadvantage
/// beyond one batch, and to nobody's advantage.
pub fn a_crash_at_the_edge_of_a_window_hands_out_neither_twice(make: Maker<'_>) {
    let turn = midnight("2026-11-24");
    for early in [1, 10, 1_000, 4_000] {
        let limits = [quota(90, Period::Day, 0), bucket(0, 500)];
        let mut store = UnderTest::new(make, &limits, NOON);
        let first = store.admitted(30, before(turn, Duration::from_millis(early)), &[(0, KEY)]);
        let second = store.admitted(30, turn, &[(0, KEY)]);
        assert_eq!((first, second), (30, 30));
        let batch = restart(&mut store, Stop::Crash, before(turn, Duration::from_millis(early))).batch;
        let back = before(turn, Duration::from_millis(early));
        let mut by_day = [30, 30];
        for decision in (0..99).map(|_| store.spend(back, &[(0, KEY)])).filter(Decision::is_admitted) {
            by_day[usize::from(decision.at() >= turn)] += 1;
        }
        by_day[1] += store.admitted(99, turn, &[(0, KEY)]);
        assert!(by_day.iter().all(|count| *count <= 90), "{by_day:?} on two days of 90");
        assert!(by_day[1] + batch >= 90, "{by_day:?}: more than a batch of {batch} is lost");
    }
}

/// A store that crashes, is started, and crashes again before it has admitted anything is no worse off for buckets.
pub fn crashes_in_a_row_never_give_anything(make: Maker<'_>) {
    let limits: [Limit; 2] = [bucket(1_000, 5), quota(300, Period::Day, 0)];
    let mut store = UnderTest::new(make, &limits, NOON);
    let mut alive_until = NOON;
    store.rig().settle(NOON);
    for _ in 0..10 {
        let restarted = restart(&mut store, Stop::Crash, NOON);
        assert!(restarted.alive_until >= alive_until, "the past became shorter");
        alive_until = restarted.alive_until;
        let decision = store.spend(NOON, &[(0, KEY)]);
        assert_eq!((decision.is_admitted(), decision.at()), (false, alive_until));
    }
    let later = alive_until.plus(Duration::from_secs(3));
    assert_eq!(store.admitted(9, later, &[(0, KEY)]), 3);
}

/// However often it dies, nobody counts as having used more than there was; and what is given after that can be used.
pub fn crashes_in_a_row_cost_no_more_than_the_quota(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[quota(50, Period::Day, 0)], NOON);
    assert_eq!(store.admitted(5, NOON, &[(0, KEY)]), 5);
    for _ in 0..20 {
        restart(&mut store, Stop::Crash, NOON);
    }
    for subject in [KEY, OTHER] {
        let standing = store.standing(0, subject, NOON);
        assert_eq!(standing.used + standing.lost + standing.left, 50, "{standing:?}");
        let extended = store.extend(0, subject, 10, NOON);
        assert!(extended.left >= 10 && extended.extra == 10, "{extended:?}");
        assert_eq!(store.admitted(99, NOON, &[(0, subject)]), extended.left);
    }
    // What there was not at the time of the crashes they cannot have cost.
    store.change(0, quota(80, Period::Day, 0), NOON);
    assert!(store.standing(0, 99, NOON).left >= 30);
}

/// What is known to have been used is known up to a batch, however fast it was used before the crash.
pub fn a_crash_leaves_no_more_than_a_batch_in_doubt(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[quota(100_000, Period::Month, 0)], NOON);
    for _ in 0..3 {
        let before = store.standing(0, KEY, NOON);
        assert_eq!(store.admitted(3_000, NOON, &[(0, KEY)]), 3_000);
        let batch = restart(&mut store, Stop::Crash, NOON).batch;
        let after = store.standing(0, KEY, NOON);
        assert!(after.used + batch >= before.used + 3_000, "{before:?}, then 3000, then {after:?}");
        assert!(after.lost <= before.lost + batch, "{before:?}, then {after:?}");
    }
}
