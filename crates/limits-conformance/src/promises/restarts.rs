//! What survives the end of a process: everything after a clean stop, and extensions and usage after any.
//!
//! Only for stores that keep something.

use std::time::Duration;

use ambient::Timestamp;
use limits::{Kind, Left, Period, Wait};

use crate::rig::{Maker, Restarted, Stop};
use crate::under_test::{KEY, NOON, UnderTest, bucket, day, midnight, quota, refused};

/// A subject beside [`KEY`].
pub(super) const OTHER: u64 = 8;

/// Ends `store` as `stop` says, and starts it again.
pub(super) fn restart(store: &mut UnderTest, stop: Stop, now: Timestamp) -> Restarted {
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
