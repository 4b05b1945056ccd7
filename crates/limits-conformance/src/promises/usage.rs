//! What operators read of quotas, and what they may add.

use std::time::Duration;

use limits::{MeterError, Period, Subject, Wait};

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, bucket, day, just_before, midnight, name, quota, spend};

const OTHER: u64 = 8;

/// Each admitted request counts once, on its day; refused ones do not; and each day says what was left at its end.
pub fn usage_per_day_adds_up(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(10, Period::Week, 1), bucket(0, 6)], NOON);
    // Monday to Sunday is a window with this offset.
    for (date, times) in
        [("2026-11-23", 1), ("2026-11-25", 3), ("2026-11-28", 2), ("2026-11-29", 9), ("2026-12-01", 2)]
    {
        store.admitted(times, midnight(date).plus(Duration::from_hours(12)), &[(0, KEY)]);
    }
    let now = midnight("2026-12-02");
    assert_eq!(store.admitted(9, now, &[(0, OTHER), (1, OTHER)]), 6);
    store.rig().settle(now);
    let of = |subject| -> Vec<(u64, u64)> {
        let days = store.days(0, subject, (day("2026-11-22"), day("2026-12-02")), now);
        let numbers: Vec<u32> = days.iter().map(|usage| usage.day.number()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "days are missing: {days:?}");
        days.iter().map(|usage| (usage.used, usage.remaining)).collect()
    };
    let used: Vec<u64> = of(KEY).iter().map(|(used, _)| *used).collect();
    assert_eq!(used, [0, 1, 0, 3, 0, 0, 2, 4, 0, 2, 0]);
    assert_eq!(
        of(KEY)[1..],
        [(1, 9), (0, 9), (3, 6), (0, 6), (0, 6), (2, 4), (4, 0), (0, 10), (2, 8), (0, 8)]
    );
    assert_eq!(of(OTHER)[9..], [(0, 10), (6, 4)]);
    assert_eq!(of(99), [(0, 10); 11]);
}

/// What was used in the last moments of a day counts on that day, though nobody came to write it down in time.
pub fn usage_before_midnight_is_counted_after_it(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(500, Period::Month, 0), quota(500, Period::Day, 0)], NOON);
    let turn = midnight("2026-11-24");
    store.rig().settle(just_before(turn));
    for now in [just_before(turn), turn] {
        assert!(store.spend_unsettled(now, &[(0, KEY), (1, KEY)]).is_admitted());
    }
    store.rig().settle(turn);
    for (limit, remaining) in [(0, [499, 498]), (1, [499, 499])] {
        let days = store.days(limit, KEY, (day("2026-11-23"), day("2026-11-24")), turn);
        let read: Vec<(u64, u64)> = days.iter().map(|usage| (usage.used, usage.remaining)).collect();
        assert_eq!(read, [(1, remaining[0]), (1, remaining[1])]);
    }
}

/// Where a key stands follows from what it did, and reading it changes nothing.
pub fn a_standing_tells_what_was_used_and_what_is_left(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(10, Period::Month, 0)], NOON);
    let unused = store.standing(0, KEY, NOON);
    assert_eq!((unused.spec.limit(), unused.used, unused.lost, unused.left, unused.extra), (10, 0, 0, 10, 0));
    assert_eq!(store.admitted(4, NOON, &[(0, KEY)]), 4);
    for _ in 0..3 {
        let standing = store.standing(0, KEY, NOON);
        assert_eq!((standing.used, standing.lost, standing.left), (4, 0, 6));
        assert_eq!(
            (standing.window_start, standing.window_end),
            (midnight("2026-11-01"), Some(midnight("2026-12-01")))
        );
    }
    assert_eq!(store.standing(0, OTHER, NOON), unused);
    assert_eq!(store.standing(0, KEY, midnight("2026-12-01")).used, 0);
    assert_eq!(store.standing(0, KEY, NOON).used, 4, "reading ahead turned the window");
    assert_eq!(store.admitted(9, NOON, &[(0, KEY)]), 6);
}

/// What is given on top is there at once, once, for one key, and gone with the window.
pub fn an_extension_counts_once_and_only_in_its_window(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(2, Period::Day, 0)], NOON);
    let turn = midnight("2026-11-24");
    assert_eq!(store.admitted(5, NOON, &[(0, KEY)]), 2);
    let extended = store.extend(0, KEY, 3, NOON);
    assert_eq!((extended.extra, extended.used, extended.left), (3, 2, 3));
    assert_eq!(store.extend(0, KEY, 1, NOON).extra, 4, "extensions add up");
    assert_eq!(store.admitted(9, just_before(turn), &[(0, KEY)]), 4);
    assert_eq!(store.wait(just_before(turn), &[(0, KEY)]), Wait::After(Duration::from_micros(1)));
    assert_eq!(store.admitted(5, just_before(turn), &[(0, OTHER)]), 2, "another key was given more");
    assert_eq!(store.admitted(9, turn, &[(0, KEY)]), 2, "it was given again in the next window");
    assert_eq!((store.standing(0, KEY, turn).extra, store.standing(0, KEY, turn).left), (0, 0));
}

/// An extension may come before any request, and a quota of zero may be extended.
pub fn an_extension_needs_no_request_before_it(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(3, Period::Day, 0), quota(0, Period::Day, 0)], NOON);
    for (limit, most) in [(0, 5), (1, 2)] {
        store.extend(limit, KEY, 2, NOON);
        assert_eq!(store.admitted(9, NOON, &[(limit, KEY)]), most);
    }
}

/// Only quotas can be read and extended, and only by as much as can be counted.
pub fn a_meter_refuses_what_is_no_quota(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 1), quota(1, Period::Day, 0)], NOON);
    let (meter, subject) = (store.rig().meter(), Subject::new(KEY));
    for other in [0, 2] {
        let answers = [
            meter.standing(&name(other), subject, NOON).err(),
            meter.extend(&name(other), subject, 1, NOON).err(),
            meter.days(&name(other), subject, day("2026-11-23")..=day("2026-11-23"), NOON).err(),
        ];
        for answer in answers {
            let said = |error: &MeterError| matches!(error, MeterError::NoSuchQuota { name: said } if *said == name(other));
            assert!(answer.as_ref().is_some_and(said), "{answer:?}");
        }
    }
    let much = meter.extend(&name(1), subject, u64::MAX, NOON);
    assert!(matches!(much, Err(MeterError::TooMuch { limit: 1, more: u64::MAX })), "{much:?}");
    assert_eq!(store.admitted(9, NOON, &[(1, KEY)]), 1);
}

/// A quota that is spent before a store has been asked to do anything is counted all the same.
pub fn usage_is_readable_at_once(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(5_000, Period::Day, 0)], NOON);
    store.rig().settle(NOON);
    assert!(spend(store.rig().limiter(), NOON, &store.charges(&[(0, KEY)])).is_admitted());
    assert_eq!(store.standing(0, KEY, NOON).used, 1);
    let today = day("2026-11-23");
    let usage = store.days(0, KEY, (today, today), NOON);
    assert_eq!((usage[0].used, usage[0].remaining), (1, 4_999));
}

/// So many as are given can be used, also by somebody who had used more than there is now.
pub fn an_extension_gives_what_it_says(make: Maker<'_>) {
    let mut store = UnderTest::new(make, &[quota(100, Period::Day, 0)], NOON);
    assert_eq!(store.admitted(80, NOON, &[(0, KEY)]), 80);
    store.change(0, quota(50, Period::Day, 0), NOON);
    assert_eq!(store.standing(0, KEY, NOON).left, 0);
    let extended = store.extend(0, KEY, 10, NOON);
    assert_eq!((extended.used, extended.extra, extended.left), (80, 40, 10));
    assert_eq!(store.admitted(99, NOON, &[(0, KEY)]), 10);
    assert_eq!(store.extend(0, KEY, 5, NOON).left, 5);
    assert_eq!(store.admitted(99, NOON, &[(0, KEY)]), 5);
}
