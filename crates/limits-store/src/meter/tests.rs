use limits::{Limiter as _, Period};

use super::*;
use crate::fixture::{
    KEY, NOON, Place, admitted, admitted_alone, bucket, charges, daily, day, define, later, quota,
};

const OTHER: Subject = Subject::new(8);

fn name() -> LimitName {
    "quota".parse().unwrap()
}

/// Used and remaining on each of these days.
fn days(store: &Sqlite, first: &str, last: &str, now: Timestamp) -> Vec<(u64, u64)> {
    let days = store.days(&name(), KEY, day(first)..=day(last), now).unwrap();
    let numbers = day(first).number()..=day(last).number();
    assert!(days.iter().map(|usage| usage.day.number()).eq(numbers));
    days.into_iter().map(|usage| (usage.used, usage.remaining)).collect()
}

fn at_noon(text: &str) -> Timestamp {
    day(text).start().plus(std::time::Duration::from_hours(12))
}

#[test]
fn usage_is_there_before_it_is_written_and_after() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    for used in [3, 6] {
        assert_eq!(admitted(&store, 3, NOON, &charges(&[limit], KEY)), 3);
        let standing = store.standing(&name(), KEY, NOON).unwrap();
        assert_eq!((standing.used, standing.lost, standing.left, standing.extra), (used, 0, 100 - used, 0));
        assert_eq!(
            (standing.window_start, standing.window_end),
            (day("2026-11-23").start(), Some(day("2026-11-24").start()))
        );
        assert_eq!(days(&store, "2026-11-22", "2026-11-24", NOON), [(0, 100), (used, 100 - used), (0, 100)]);
        store.turn(NOON);
    }
    let other = store.standing(&name(), OTHER, NOON).unwrap();
    assert_eq!((other.used, other.left), (0, 100));
}

#[test]
fn a_day_ends_with_all_that_was_used_on_it() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", quota(100, Period::Month), NOON);
    let one = charges(&[limit], KEY);
    // No turn between the days: what was used before each midnight is counted all the same.
    for (text, spends) in [("2026-11-25", 3), ("2026-11-26", 4), ("2026-11-29", 2), ("2026-12-01", 5)] {
        store.turn(at_noon(text));
        assert_eq!(admitted_alone(&store, 1, at_noon(text), &one), 1);
        assert_eq!(admitted(&store, spends, at_noon(text), &one), spends);
    }
    let now = at_noon("2026-12-03");
    let expected =
        [(0, 100), (4, 96), (5, 91), (0, 91), (0, 91), (3, 88), (0, 88), (6, 94), (0, 94), (0, 94), (0, 94)];
    assert_eq!(days(&store, "2026-11-24", "2026-12-04", now), expected);
    store.close(now).unwrap();
    let store = place.open(now);
    assert_eq!(days(&store, "2026-11-24", "2026-12-04", now), expected);
    // The first day may lie in the middle of a window, or in the present one.
    assert_eq!(days(&store, "2026-11-27", "2026-11-28", now), [(0, 91), (0, 91)]);
    assert_eq!(days(&store, "2026-12-02", "2026-12-03", now), [(0, 94), (0, 94)]);
    assert_eq!(days(&store, "2026-12-31", "2027-01-01", now), [(0, 94), (0, 100)]);
    assert_eq!(store.standing(&name(), KEY, now).unwrap().used, 6);
}

#[test]
fn a_count_goes_on_after_either_stop() {
    for clean in [true, false] {
        let place = Place::new();
        for used in [2, 4, 6] {
            let store = place.open(NOON);
            let limit = define(&store, "quota", daily(100), NOON);
            assert_eq!(admitted(&store, 2, NOON, &charges(&[limit], KEY)), 2);
            store.turn(NOON);
            assert_eq!(store.standing(&name(), KEY, NOON).unwrap().used, used, "clean: {clean}");
            assert_eq!(days(&store, "2026-11-23", "2026-11-23", NOON)[0].0, used);
            if !clean {
                store.abandon();
            }
        }
    }
}

#[test]
fn an_extension_admits_at_once_and_for_this_window() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(3), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted(&store, 9, NOON, &one), 3);
    let standing = store.extend(&name(), KEY, 2, NOON).unwrap();
    assert_eq!((standing.extra, standing.used, standing.left), (2, 3, 2));
    assert_eq!(store.extend(&name(), KEY, 2, NOON).unwrap().extra, 4);
    // No turn in between.
    assert_eq!(admitted_alone(&store, 9, NOON, &one), 4);
    assert_eq!(days(&store, "2026-11-23", "2026-11-24", NOON), [(7, 0), (0, 3)]);
    let tomorrow = at_noon("2026-11-24");
    assert_eq!(store.standing(&name(), KEY, tomorrow).unwrap().extra, 0);
    assert_eq!(admitted(&store, 9, tomorrow, &one), 3);
}

#[test]
fn a_quota_of_nothing_can_be_extended_for_who_has_not_used_any() {
    let place = Place::new();
    let store = place.open(NOON);
    for (text, before) in [("quota", 0), ("other", 9)] {
        define(&store, text, daily(before), NOON);
        let limit = define(&store, text, daily(0), NOON);
        store.extend(&text.parse().unwrap(), KEY, 2, NOON).unwrap();
        assert_eq!(admitted_alone(&store, 9, NOON, &charges(&[limit], KEY)), 2);
        assert_eq!(admitted(&store, 9, NOON, &charges(&[limit], OTHER)), 0);
    }
}

#[test]
fn an_extension_shows_in_what_remained_of_its_day() {
    let place = Place::new();
    let store = place.open(NOON);
    define(&store, "quota", quota(3, Period::Month), NOON);
    store.extend(&name(), KEY, 2, NOON).unwrap();
    let now = at_noon("2026-11-25");
    assert_eq!(days(&store, "2026-11-22", "2026-11-25", now), [(0, 3), (0, 5), (0, 5), (0, 5)]);
}

#[test]
fn an_extension_that_cannot_be_written_is_not_given() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(3), NOON);
    assert_eq!(admitted(&store, 9, NOON, &charges(&[limit], KEY)), 3);
    store.ledger().unwrap().connection.pragma_update(None, "query_only", true).unwrap();
    let error = store.extend(&name(), KEY, 9, NOON).unwrap_err();
    assert!(matches!(error, MeterError::Store(_)), "{error:?}");
    assert_eq!(admitted(&store, 9, NOON, &charges(&[limit], KEY)), 0);
    // Reading goes on.
    assert_eq!(store.standing(&name(), KEY, NOON).unwrap().left, 0);
}

#[test]
fn what_is_no_quota_is_neither_read_nor_extended() {
    let place = Place::new();
    let store = place.open(NOON);
    define(&store, "bucket", bucket(1, 1), NOON);
    for other in ["bucket", "nothing"].map(|name| name.parse().unwrap()) {
        assert!(matches!(store.standing(&other, KEY, NOON), Err(MeterError::NoSuchQuota { .. })));
        assert!(matches!(store.extend(&other, KEY, 1, NOON), Err(MeterError::NoSuchQuota { .. })));
        let today = day("2026-11-23");
        assert!(matches!(store.days(&other, KEY, today..=today, NOON), Err(MeterError::NoSuchQuota { .. })));
    }
    define(&store, "quota", daily(3), NOON);
    let much = store.extend(&name(), KEY, u64::MAX, NOON);
    assert!(matches!(much, Err(MeterError::TooMuch { more: u64::MAX, .. })), "{much:?}");
}

#[test]
fn a_clock_that_has_stepped_back_counts_on_the_later_day() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", quota(100, Period::Month), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted(&store, 2, NOON, &one), 2);
    let yesterday = at_noon("2026-11-22");
    assert_eq!(admitted(&store, 3, yesterday, &one), 3);
    assert_eq!(days(&store, "2026-11-22", "2026-11-23", yesterday), [(0, 100), (5, 95)]);
    store.turn(later(0));
    assert_eq!(days(&store, "2026-11-22", "2026-11-23", yesterday), [(0, 100), (5, 95)]);
}

#[test]
fn the_last_days_of_the_calendar_can_be_read() {
    let place = Place::new();
    let store = place.open(NOON);
    store.define(name(), quota(3, Period::Month), NOON).unwrap();
    let far = Day::from_number(u32::MAX).start();
    assert_eq!(store.standing(&name(), KEY, far).unwrap().used, 0);
    assert_eq!(days(&store, "9999-12-30", "9999-12-31", far), [(0, 3), (0, 3)]);
}

#[test]
fn an_extension_after_midnight_loses_nothing_of_the_day_before() {
    let place = Place::new();
    let evening = later(43_199_900);
    let store = place.open(evening);
    let limit = define(&store, "quota", daily(1_000), evening);
    store.turn(evening);
    assert_eq!(admitted_alone(&store, 7, evening, &charges(&[limit], KEY)), 7);
    let midnight = later(43_200_100);
    store.extend(&name(), KEY, 5, midnight).unwrap();
    let read = store.days(&name(), KEY, day("2026-11-23")..=day("2026-11-24"), midnight).unwrap();
    assert_eq!(read.iter().map(|day| day.used).collect::<Vec<_>>(), [7, 0]);
}
