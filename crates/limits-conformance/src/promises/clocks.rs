//! What a clock that is set back does to buckets: nothing for nobody.

use std::time::Duration;

use limits::Wait;

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, before, bucket};

/// Time that passes twice refills once, and nobody waits longer than until the clock has caught up and one refill more.
pub fn a_clock_that_steps_back_refills_nothing(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(1_000, 2)], before(NOON, Duration::from_hours(1)));
    let one = [(0, KEY)];
    assert!(store.admits(NOON, &one));
    let back = before(NOON, Duration::from_secs(10));
    let decision = store.spend(back, &one);
    assert_eq!((decision.is_admitted(), decision.at()), (true, NOON));
    assert_eq!(store.wait(back, &one), Wait::After(Duration::from_secs(11)));
    for second in 1..=10 {
        assert!(!store.admits(back.plus(Duration::from_secs(second)), &one), "refilled a second time");
    }
    assert!(store.admits(NOON.plus(Duration::from_secs(1)), &one));
}

/// All charges of a spend happen at one time: the latest that any of their buckets has seen.
pub fn the_latest_charge_sets_the_time_of_all(make: Maker<'_>) {
    let store =
        UnderTest::new(make, &[bucket(1_000, 5), bucket(1_000, 1)], before(NOON, Duration::from_hours(1)));
    let later = NOON.plus(Duration::from_secs(1));
    assert!(store.admits(NOON, &[(1, KEY)]));
    assert!(store.admits(later, &[(0, KEY)]));
    // At noon the second bucket is empty; at the time of the first, which this spend is counted at, it is not.
    let both = store.spend(NOON, &[(1, KEY), (0, KEY)]);
    assert_eq!((both.is_admitted(), both.at()), (true, later));
    assert_eq!(store.wait(later, &[(1, KEY)]), Wait::After(Duration::from_secs(1)));
}

/// Idle for a long time, then back: a bucket that has been used since is not full again.
pub fn a_clock_that_jumps_ahead_and_back_gives_one_burst(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(10, 4)], NOON);
    let one = [(0, KEY)];
    let day = Duration::from_hours(24);
    assert_eq!(store.admitted(9, NOON, &one), 4);
    assert_eq!(store.admitted(9, NOON.plus(day), &one), 4);
    for hours in [0, 1, 12, 23, 24] {
        assert_eq!(store.admitted(9, NOON.plus(Duration::from_hours(hours)), &one), 0, "after {hours} hours");
    }
    assert_eq!(store.admitted(9, NOON.plus(day).plus(Duration::from_secs(100)), &one), 1);
}
