//! What survives the end of a process: everything after a clean stop, and the law after any other.
//!
//! Only for stores that keep something.

use std::time::Duration;

use ambient::Timestamp;
use limits::{Decision, Kind, Left, Limit, Period, Wait};

use crate::rig::{Maker, Restarted, Stop};
use crate::under_test::{KEY, NOON, UnderTest, before, bucket, day, just_before, midnight, quota, refused};

const OTHER: u64 = 8;

fn restart(store: &mut UnderTest, stop: Stop, now: Timestamp) -> Restarted {
    store.restart(stop, now).expect("a store that keeps something restarts")
}

/// What a decision says, without the ids that mean something to one run only.
#[derive(Debug, Eq, PartialEq)]
struct Answer {
    at: Timestamp,
    left: Left,
    binding: Option<(usize, Kind)>,
    waits: Option<[Wait; 2]>,
}

fn answer(store: &UnderTest, now: Timestamp, charged: &[(usize, u64)]) -> Answer {
    let decision = store.spend(now, charged);
    let refusal = (!decision.is_admitted()).then(|| refused(decision));
    Answer {
        at: decision.at(),
        left: *decision.left(),
        binding: refusal.map(|refusal| (refusal.binding.index, refusal.binding.kind)),
        waits: refusal.map(|refusal| [refusal.wait, refusal.wait_for_all]),
    }
}

/// After a clean stop it is as if the process had gone on: levels, counts, changed numbers, extensions, dropped state.
pub fn a_clean_restart_changes_no_answer(make: Maker<'_>) {
    let limits = [bucket(1_000, 9), bucket(7, 3), quota(40, Period::Day, 0), quota(900, Period::Month, 3)];
    let [mut stopped, mut running] = [(); 2].map(|()| UnderTest::new(make, &limits, NOON));
    let mut now = NOON;
    for round in 0..30_u64 {
        now =
            now.plus(if round == 21 { Duration::from_hours(1) } else { Duration::from_millis(round * 700) });
        restart(&mut stopped, Stop::Clean, now);
        for store in [&mut stopped, &mut running] {
            match round {
                7 => store.change(0, bucket(2_000, 50), now),
                9 => store.change(2, quota(60, Period::Day, 0), now),
                11 => assert_eq!(store.extend(2, KEY, 10, now).extra, 10),
                _ => {}
            }
        }
        if round == 20 {
            stopped.rig().tidy(now);
        }
        for charged in [
            vec![(0, KEY), (2, KEY)],
            vec![(0, round % 5), (1, KEY), (3, OTHER)],
            vec![(1, round), (2, OTHER)],
        ] {
            let [found, expected] = [&stopped, &running].map(|store| answer(store, now, &charged));
            assert_eq!(found, expected, "{charged:?} in round {round}");
        }
        for (limit, subject) in [(2, KEY), (2, OTHER), (3, OTHER), (3, 99)] {
            assert_eq!(
                stopped.standing(limit, subject, now),
                running.standing(limit, subject, now),
                "round {round}"
            );
            let days = (day("2026-11-22"), day("2026-11-24"));
            assert_eq!(stopped.days(limit, subject, days, now), running.days(limit, subject, days, now));
        }
    }
}

/// A clock that was set back while the process was down refills nothing either.
pub fn a_clean_restart_with_an_earlier_clock_refills_nothing(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[bucket(1_000, 2), quota(2, Period::Day, 0)], NOON);
    let later = midnight("2026-11-24");
    assert_eq!(store.admitted(5, later, &[(0, KEY)]), 2);
    assert_eq!(store.admitted(5, later, &[(1, KEY)]), 2);
    restart(&mut store, Stop::Clean, NOON);
    assert_eq!(store.wait(NOON, &[(0, KEY)]), Wait::After(Duration::from_secs(12 * 3_600 + 1)));
    assert_eq!(store.wait(NOON, &[(1, KEY)]), Wait::After(Duration::from_hours(36)));
}

/// What was dropped before a stop is not given out again by a clock that is set back before the start.
pub fn a_restart_remembers_that_something_was_forgotten(make: Maker<'_>) {
    let next_day = midnight("2026-11-24");
    let full = NOON.plus(Duration::from_secs(5));
    for stop in [Stop::Clean, Stop::Crash] {
        let mut store = UnderTest::new(make, &[bucket(1_000, 5), quota(200, Period::Day, 0)], NOON);
        assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 5);
        assert_eq!(store.admitted(300, NOON, &[(1, KEY)]), 200);
        for moment in [full, next_day] {
            store.rig().settle(moment);
            store.rig().tidy(moment);
        }
        restart(&mut store, stop, NOON);
        for second in 0..5 {
            let now = NOON.plus(Duration::from_secs(second));
            let decision = store.spend(now, &[(0, KEY)]);
            assert!(!decision.is_admitted() || decision.at() >= full, "{decision:?} after {stop:?}");
            let decision = store.spend(now, &[(1, KEY)]);
            assert!(!decision.is_admitted() || decision.at() >= next_day, "{decision:?} after {stop:?}");
        }
    }
}

/// A limit with other numbers after the restart is a changed limit, not a new one.
pub fn a_limit_changed_while_the_store_was_down_does_not_refill(make: Maker<'_>) {
    for stop in [Stop::Clean, Stop::Crash] {
        let mut store = UnderTest::new(make, &[bucket(1_000, 10), quota(500, Period::Day, 0)], NOON);
        assert_eq!(store.admitted(8, NOON, &[(0, KEY), (1, KEY)]), 8);
        let Some(Restarted { alive_until, batch }) = store.restart(stop, NOON) else {
            panic!("keeps nothing")
        };
        store.change(0, bucket(1_000, 100), NOON);
        store.change(1, quota(1_000, Period::Day, 0), NOON);
        let (now, from) = match stop {
            Stop::Clean => (NOON, [1, 9]),
            Stop::Crash => (alive_until.plus(Duration::from_secs(4)), [3, 3]),
        };
        assert_eq!(store.spend(now, &[(0, KEY)]).left().as_slice(), &from[..1], "{stop:?}");
        assert_eq!(store.spend(now, &[(0, OTHER)]).left().as_slice(), &from[1..], "{stop:?}");
        let left = store.standing(1, KEY, now).left;
        let lost = if stop == Stop::Clean { 0 } else { batch };
        assert!(
            (992_u64.saturating_sub(lost)..=992).contains(&left),
            "{left} of 1000 are left after {stop:?}"
        );
    }
}

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

/// What an operator gave is there after any stop, once.
pub fn an_extension_survives_any_stop(make: Maker<'_>) {
    for stop in [Stop::Clean, Stop::Crash] {
        let mut store = UnderTest::new(make, &[quota(200, Period::Day, 0)], NOON);
        assert_eq!(store.admitted(150, NOON, &[(0, KEY)]), 150);
        store.extend(0, KEY, 100, NOON);
        let mut lost = 0;
        for _ in 0..2 {
            lost += if stop == Stop::Crash { restart(&mut store, stop, NOON).batch } else { 0 };
            restart(&mut store, Stop::Clean, NOON);
        }
        let standing = store.standing(0, KEY, NOON);
        assert_eq!((standing.spec.limit(), standing.extra), (200, 100));
        let admitted = store.admitted(999, NOON, &[(0, KEY)]);
        assert!((150 - lost.min(150)..=150).contains(&admitted), "{admitted} of 150 admitted after {stop:?}");
        assert_eq!(store.standing(0, KEY, midnight("2026-11-24")).extra, 0);
    }
}

/// Usage per day is there after a clean stop, and after a crash what had been written.
pub fn usage_survives_any_stop(make: Maker<'_>) {
    let today = day("2026-11-23");
    for stop in [Stop::Clean, Stop::Crash] {
        let mut store = UnderTest::new(make, &[quota(200, Period::Month, 0)], NOON);
        assert_eq!(store.admitted(12, NOON, &[(0, KEY)]), 12);
        let later = NOON.plus(Duration::from_hours(1));
        store.rig().settle(later);
        restart(&mut store, stop, later);
        let usage = store.days(0, KEY, (today, today), later);
        assert_eq!(usage[0].used, 12, "after {stop:?}");
        let standing = store.standing(0, KEY, later);
        assert_eq!((standing.used, usage[0].remaining), (12, standing.left));
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

/// The same as while it runs: another period after a restart takes along what was used, once and for all.
pub fn a_period_changed_while_the_store_was_down_does_not_refill(make: Maker<'_>) {
    for (stop, from, to) in [Stop::Clean, Stop::Crash].into_iter().flat_map(|stop| {
        [
            (stop, Period::Month, Period::Day),
            (stop, Period::Week, Period::Day),
            (stop, Period::Day, Period::Month),
        ]
    }) {
        let mut store = UnderTest::new(make, &[quota(500, from, 0)], NOON);
        let mut admitted = store.admitted(300, NOON, &[(0, KEY)]);
        let first = restart(&mut store, stop, NOON);
        store.change(0, quota(500, to, 0), NOON);
        let second = restart(&mut store, stop, NOON);
        let counted = 500 - store.standing(0, KEY, NOON).left;
        let doubt = if stop == Stop::Crash { first.batch + second.batch } else { 0 };
        assert!(
            (300..=300 + doubt).contains(&counted),
            "{from:?} to {to:?}, {stop:?}: {counted} count as used"
        );
        admitted += store.admitted(600, NOON, &[(0, KEY)]);
        assert!(
            500_u64.saturating_sub(doubt) <= admitted && admitted <= 500,
            "{from:?} to {to:?}, {stop:?}: {admitted} of 500"
        );
    }
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
