//! What may be forgotten: state that says nothing any more.

use std::time::Duration;

use limits::{Period, Subject};

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, bucket, midnight, quota};

/// Two stores with the same past, one of which forgets whatever it may, answer the same.
pub fn idle_full_state_is_dropped_without_a_trace(make: Maker<'_>) {
    let limits = [bucket(1_000, 4), bucket(7, 3), quota(3, Period::Day, 0), quota(9, Period::Week, 0)];
    let [mut tidied, mut kept] = [(); 2].map(|()| UnderTest::new(make, &limits, NOON));
    let all = [(0, KEY), (1, KEY), (2, KEY), (3, KEY)];
    let larger = bucket(1_000, 40);
    for (step, seconds) in
        [0, 1, 2, 4, 5, 9, 430, 431, 43_199, 43_200, 43_201, 90_000, 700_000].into_iter().enumerate()
    {
        let now = NOON.plus(Duration::from_secs(seconds));
        if step == 5 {
            tidied.change(0, larger, now);
            kept.change(0, larger, now);
        }
        for charged in [&all[..1], &all[1..2], &all[2..3], &all[3..], &all] {
            tidied.rig().tidy(now);
            assert_eq!(tidied.spend(now, charged), kept.spend(now, charged), "{charged:?} after {seconds} s");
        }
        assert_eq!(tidied.standing(3, KEY, now), kept.standing(3, KEY, now));
    }
}

/// What is not full, or not over, stays, whoever is forgotten beside it.
pub fn state_that_matters_is_not_dropped(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 2), bucket(1, 2), quota(2, Period::Month, 0)], NOON);
    for subject in 0..50 {
        assert_eq!(store.admitted(9, NOON, &[(0, subject), (1, subject), (2, subject)]), 2);
    }
    let later = midnight("2026-11-30");
    store.rig().tidy(later);
    for subject in 0..50 {
        assert_eq!(store.admitted(9, later, &[(0, subject)]), 0);
        assert_eq!(store.admitted(9, later, &[(1, subject)]), 2);
        assert_eq!(store.admitted(9, later, &[(2, subject)]), 0);
    }
}

/// Usage stays readable after the state it came from has gone.
pub fn usage_outlives_the_state_it_came_from(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(5, Period::Day, 0)], NOON);
    assert_eq!(store.admitted(3, NOON, &[(0, KEY)]), 3);
    let next_day = midnight("2026-11-24");
    store.rig().settle(next_day);
    store.rig().tidy(next_day);
    let days = store.days(0, KEY, (limits::Day::of(NOON), limits::Day::of(next_day)), next_day);
    let read: Vec<(u64, u64)> = days.iter().map(|usage| (usage.used, usage.remaining)).collect();
    assert_eq!(read, [(3, 2), (0, 5)]);
}

/// Set back to before it forgot somebody, a store gives them nothing twice.
pub fn forgetting_and_stepping_back_refills_nothing(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(1_000, 5), quota(2, Period::Day, 0)], NOON);
    assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 5);
    assert_eq!(store.admitted(9, NOON, &[(1, KEY)]), 2);
    let full = NOON.plus(Duration::from_secs(5));
    let next_day = midnight("2026-11-24");
    for moment in [full, next_day] {
        store.rig().settle(moment);
        store.rig().tidy(moment);
    }
    for seconds in [0, 1, 4] {
        let decision = store.spend(NOON.plus(Duration::from_secs(seconds)), &[(0, KEY)]);
        // Five had been admitted at noon. What is admitted now is admitted when they had come back.
        assert!(decision.at() >= full, "admitted at {:?} what is there from {full:?} on", decision.at());
        let counted = store.spend(NOON.plus(Duration::from_secs(seconds)), &[(1, KEY)]);
        assert!(
            !counted.is_admitted() || counted.at() >= next_day,
            "the day before gave more than its quota"
        );
    }
    let standing = store.rig().meter().standing(&crate::under_test::name(1), Subject::new(KEY), NOON);
    assert!(standing.is_ok_and(|standing| standing.used <= 2));
}
