//! What it means to define a limit, again and with other numbers.

use std::time::Duration;

use limits::{DefineError, LimitName, Period, Wait};

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, bucket, name, quota};

const OTHER: u64 = 8;

/// A configuration that is loaded again refills nothing and moves no time.
pub fn repeated_definition_changes_nothing(make: Maker<'_>) {
    let limits = [bucket(1_000, 5), quota(5, Period::Day, 0)];
    let mut store = UnderTest::new(make, &limits, NOON);
    let both = [(0, KEY), (1, KEY)];
    assert_eq!(store.admitted(3, NOON, &both), 3);
    let much_later = NOON.plus(Duration::from_hours(1));
    store.change(0, limits[0], much_later);
    store.change(1, limits[1], much_later);
    let decision = store.spend(NOON, &both);
    assert_eq!((decision.at(), decision.left().as_slice()), (NOON, [1, 1].as_slice()));
}

/// A larger burst is not there at once: not for who has spent, nor for who has not.
pub fn a_changed_limit_does_not_refill(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[bucket(1_000, 10)], NOON);
    assert_eq!(store.admitted(8, NOON, &[(0, KEY)]), 8);
    store.change(0, bucket(1_000, 100), NOON);
    assert_eq!(store.spend(NOON, &[(0, KEY)]).left().as_slice(), [1]);
    assert_eq!(store.spend(NOON, &[(0, OTHER)]).left().as_slice(), [9]);
    let later = NOON.plus(Duration::from_secs(50));
    assert_eq!(store.spend(later, &[(0, KEY)]).left().as_slice(), [50]);
    assert_eq!(store.spend(later, &[(0, OTHER)]).left().as_slice(), [58]);
    let much_later = NOON.plus(Duration::from_secs(500));
    assert_eq!(store.spend(much_later, &[(0, KEY)]).left().as_slice(), [99]);
}

/// A smaller burst takes away what is above it, and going back does not return it.
pub fn there_and_back_again_does_not_refill(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[bucket(0, 10)], NOON);
    assert_eq!(store.admitted(3, NOON, &[(0, KEY)]), 3);
    store.change(0, bucket(0, 1), NOON);
    store.change(0, bucket(0, 10), NOON);
    let later = NOON.plus(Duration::from_hours(9));
    assert_eq!(store.admitted(9, later, &[(0, KEY)]), 1);
    assert_eq!(store.admitted(9, later, &[(0, OTHER)]), 1);
}

/// Each stretch of time counts at the rate that was in force, also for a key that did not come while it changed.
pub fn time_before_a_change_counts_at_the_old_rate(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[bucket(1_000, 50)], NOON);
    assert_eq!(store.admitted(50, NOON, &[(0, KEY)]), 50);
    store.change(0, bucket(10_000, 50), NOON.plus(Duration::from_secs(20)));
    store.change(0, bucket(0, 50), NOON.plus(Duration::from_secs(21)));
    let later = NOON.plus(Duration::from_secs(99));
    assert_eq!(store.spend(later, &[(0, KEY)]).left().as_slice(), [20 + 10 - 1]);
}

/// `count ≤ burst + rate × window` with the larger burst and the larger rate, and that much is reached.
pub fn the_larger_numbers_count_across_a_change(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[bucket(0, 30)], NOON);
    let mut count = store.admitted(99, NOON, &[(0, KEY)]);
    store.change(0, bucket(2_000, 10), NOON);
    for second in 1..=20 {
        count += store.admitted(99, NOON.plus(Duration::from_secs(second)), &[(0, KEY)]);
    }
    assert_eq!(count, 30 + 2 * 20);
}

/// What is said while the clock is back holds from the last change on, not from before it.
pub fn a_change_while_the_clock_is_back_refills_nothing(make: Maker<'_>) {
    let at = |secs| NOON.plus(Duration::from_secs(secs));
    let mut store = UnderTest::new(make, &[bucket(1_000, 10)], NOON);
    store.change(0, bucket(1_000, 20), at(100));
    store.change(0, bucket(1_000, 50), at(40));
    let decision = store.spend(at(41), &[(0, KEY)]);
    assert_eq!((decision.at(), decision.left().as_slice()), (at(100), [9].as_slice()));
}

/// A quota's new number applies to the window that is open, and what was used in it stays used.
pub fn a_changed_quota_keeps_what_was_used(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[quota(5, Period::Day, 0)], NOON);
    assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 5);
    store.change(0, quota(3, Period::Day, 0), NOON);
    assert_eq!(store.wait(NOON, &[(0, KEY)]), Wait::After(Duration::from_hours(12)));
    store.change(0, quota(8, Period::Day, 0), NOON);
    assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 3);
    store.change(0, quota(10, Period::Month, 0), NOON);
    assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 2, "a longer period forgets what its part has used");
    assert_eq!(store.standing(0, KEY, NOON).used, 10);
}

/// One name is one limit; the same numbers under two names are two.
pub fn limits_go_by_name(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 2), bucket(0, 2)], NOON);
    let ids = store.ids();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(store.rig().limiter().define(name(0), bucket(0, 2), NOON).ok(), Some(ids[0]));
    assert_eq!(store.admitted(5, NOON, &[(0, KEY)]), 2);
    assert_eq!(store.admitted(5, NOON, &[(1, KEY)]), 2);
}

/// A name keeps its kind, and a definition that is refused leaves the limit as it was.
pub fn a_bucket_does_not_turn_into_a_quota(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 2), quota(2, Period::Day, 0)], NOON);
    for (index, other) in [(0, quota(9, Period::Day, 0)), (1, bucket(0, 9))] {
        let refused: Result<_, DefineError> = store.rig().limiter().define(name(index), other, NOON);
        let taken = |error: &LimitName| *error == name(index);
        assert!(matches!(&refused, Err(DefineError::KindChanged { name }) if taken(name)), "{refused:?}");
        assert_eq!(store.admitted(5, NOON, &[(index, KEY)]), 2);
    }
}

/// Another period, longer or shorter, takes along what was used in the window that is open; what was given on top was for
/// that window.
pub fn a_changed_period_does_not_refill(make: Maker<'_>) {
    let periods =
        [(Period::Day, 0), (Period::Week, 1), (Period::Week, 0), (Period::Month, 0), (Period::Month, 20)];
    for (from, shift) in periods {
        for (to, offset) in periods.into_iter().filter(|other| *other != (from, shift)) {
            let mut store = UnderTest::new(make, &[quota(10, from, shift)], NOON);
            assert_eq!(store.admitted(7, NOON, &[(0, KEY)]), 7);
            store.extend(0, KEY, 20, NOON);
            store.change(0, quota(10, to, offset), NOON);
            let said = format!("{from:?} with {shift} to {to:?} with {offset}");
            let standing = store.standing(0, KEY, NOON);
            assert_eq!((standing.used + standing.lost, standing.extra, standing.left), (7, 0, 3), "{said}");
            assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 3, "{said}");
            store.change(0, quota(10, from, shift), NOON);
            assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 0, "{said} and back");
            assert_eq!(store.admitted(99, NOON, &[(0, OTHER)]), 10, "{said}: another key");
            let next = store.standing(0, KEY, NOON).window_end.expect("a window ends");
            assert_eq!(store.admitted(99, next, &[(0, KEY)]), 10, "{said}: the next window");
        }
    }
}

/// A window that was over before the period changed does not come back with a longer one.
pub fn a_changed_period_counts_no_window_that_is_over(make: Maker<'_>) {
    for tidied in [false, true] {
        let mut store = UnderTest::new(make, &[quota(10, Period::Day, 0)], NOON);
        assert_eq!(store.admitted(7, NOON, &[(0, KEY)]), 7);
        let tomorrow = NOON.plus(Duration::from_hours(24));
        store.rig().settle(tomorrow);
        if tidied {
            store.rig().tidy(tomorrow);
        }
        store.change(0, quota(10, Period::Month, 0), tomorrow);
        assert_eq!(store.admitted(99, tomorrow, &[(0, KEY)]), 10, "tidied: {tidied}");
    }
}
