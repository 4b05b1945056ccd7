use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn quota(limit: u64, period: Period, offset: u8) -> QuotaSpec {
    QuotaSpec::new(limit, period, offset).unwrap()
}

fn time(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_micros(u64::try_from(time.as_microsecond()).unwrap())
}

fn window(period: Period, offset: u8, at: &str) -> (Timestamp, Timestamp) {
    let (start, end) = quota(1, period, offset).window(time(at));
    (start, end.unwrap())
}

fn between(start: &str, end: &str) -> (Timestamp, Timestamp) {
    (time(&format!("{start}T00:00:00Z")), time(&format!("{end}T00:00:00Z")))
}

#[test]
fn a_day_runs_from_midnight_to_midnight() {
    let day = between("2026-11-23", "2026-11-24");
    assert_eq!(window(Period::Day, 0, "2026-11-23T00:00:00Z"), day);
    assert_eq!(window(Period::Day, 0, "2026-11-23T23:59:59.999999Z"), day);
    assert_ne!(window(Period::Day, 0, "2026-11-24T00:00:00Z"), day);
}

#[test]
fn a_week_begins_offset_days_after_sunday() {
    // 2026-11-23 is a Monday.
    assert_eq!(window(Period::Week, 0, "2026-11-23T12:00:00Z"), between("2026-11-22", "2026-11-29"));
    assert_eq!(window(Period::Week, 1, "2026-11-23T12:00:00Z"), between("2026-11-23", "2026-11-30"));
    assert_eq!(window(Period::Week, 2, "2026-11-23T12:00:00Z"), between("2026-11-17", "2026-11-24"));
    assert_eq!(window(Period::Week, 6, "2026-11-23T12:00:00Z"), between("2026-11-21", "2026-11-28"));
}

#[test]
fn a_month_begins_offset_days_after_the_first() {
    assert_eq!(window(Period::Month, 0, "2026-11-23T12:00:00Z"), between("2026-11-01", "2026-12-01"));
    assert_eq!(window(Period::Month, 14, "2026-12-15T00:00:00Z"), between("2026-12-15", "2027-01-15"));
    assert_eq!(window(Period::Month, 27, "2028-02-29T00:00:00Z"), between("2028-02-28", "2028-03-28"));
    assert_eq!(window(Period::Month, 27, "2027-03-27T23:59:59Z"), between("2027-02-28", "2027-03-28"));
}

#[test]
fn windows_before_the_epoch_begin_at_the_epoch() {
    assert_eq!(window(Period::Week, 0, "1970-01-02T00:00:00Z"), between("1970-01-01", "1970-01-04"));
    assert_eq!(window(Period::Month, 9, "1970-01-02T00:00:00Z"), between("1970-01-01", "1970-01-10"));
}

#[test]
fn the_end_of_the_calendar_is_one_last_window() {
    let (start, end) = quota(1, Period::Month, 5).window(time("9999-12-06T00:00:00Z"));
    assert_eq!((start, end), (time("9999-12-06T00:00:00Z"), None));
    assert_eq!(quota(1, Period::Month, 5).window(Timestamp::from_micros(u64::MAX)), (start, None));
    for period in [Period::Day, Period::Week] {
        let (start, end) = quota(1, period, 0).window(Timestamp::from_micros(u64::MAX));
        assert!(start < Timestamp::from_micros(u64::MAX) && end.is_none());
    }
}

#[test]
fn offsets_beyond_their_period_are_refused() {
    assert!(QuotaSpec::new(1, Period::Day, 1).is_err());
    assert!(QuotaSpec::new(1, Period::Week, 6).is_ok());
    assert!(QuotaSpec::new(1, Period::Month, 27).is_ok());
    let error = QuotaSpec::new(1, Period::Week, 7).unwrap_err();
    assert_eq!(error.to_string(), "a quota offset of 7 is more than 6 days");
    assert!(QuotaSpec::new(1, Period::Month, 28).is_err());
}

#[test]
fn a_count_belongs_to_the_window_it_was_made_in() {
    let quota = quota(5, Period::Day, 0);
    let counted = Some(Cell { amount: 5, moment: time("2026-11-23T00:00:00Z") });
    assert_eq!(quota.usage(counted, time("2026-11-23T23:59:59Z")).left, 0);
    assert_eq!(quota.usage(counted, time("2026-11-24T00:00:00Z")).used, 0);
}

#[test]
fn a_smaller_limit_leaves_nothing_and_a_larger_one_the_difference() {
    let counted = Some(Cell { amount: 5, moment: time("2026-11-23T00:00:00Z") });
    let now = time("2026-11-23T12:00:00Z");
    let usage = quota(3, Period::Day, 0).usage(counted, now);
    assert_eq!((usage.used, usage.left), (5, 0));
    assert_eq!(quota(8, Period::Day, 0).usage(counted, now).left, 3);
}

#[test]
fn a_longer_period_takes_over_what_was_counted_within_it() {
    let today = Some(Cell { amount: 5, moment: time("2026-11-23T00:00:00Z") });
    assert_eq!(quota(9, Period::Month, 0).usage(today, time("2026-11-25T00:00:00Z")).used, 5);
    assert_eq!(quota(9, Period::Month, 0).usage(today, time("2026-12-01T00:00:00Z")).used, 0);
}

proptest! {
    #[test]
    fn windows_tile_the_calendar(
        seconds in 5_000_000..200_000_000_000_u64, days in 0..28_u8, period in prop_oneof![
            Just(Period::Day), Just(Period::Week), Just(Period::Month)
        ]
    ) {
        let quota = quota(1, period, days % (period.largest_offset() + 1));
        let at = Timestamp::from_secs(seconds);
        let (start, end) = quota.window(at);
        let end = end.unwrap();
        prop_assert!(start <= at && at < end);
        prop_assert_eq!(quota.window(start), (start, Some(end)));
        prop_assert_eq!(quota.window(end).0, end);
        let before = Timestamp::from_micros(start.as_micros() - 1);
        prop_assert_eq!(quota.window(before).1, Some(start));
        let length = end.since(start).as_secs() / 86_400;
        match period {
            Period::Day => prop_assert_eq!(end.since(start), Duration::from_hours(24)),
            Period::Week => prop_assert_eq!(length, 7),
            Period::Month => prop_assert!((28..=31).contains(&length)),
        }
    }
}
