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

/// After a crash under a quota of 100.
fn presumption(until: &str, amount: u64) -> Presumption {
    Presumption { until: time(until), amount, ceiling: 100 }
}

const FREE: Terms = Terms { opening: u64::MAX, gated: false, extra: None };

fn counted(used: u64, window: &str) -> QuotaCell {
    let window = time(window);
    QuotaCell { used, window, granted: u64::MAX, day: Day::of(window), today: used, asked: false }
}

fn found(limit: u64, period: Period, cell: Option<QuotaCell>, at: &str) -> Found {
    Quota::new(quota(limit, period, 0)).found(cell, time(at), FREE)
}

#[test]
fn a_count_belongs_to_the_window_it_was_made_in() {
    let cell = Some(counted(5, "2026-11-23T00:00:00Z"));
    assert_eq!(found(5, Period::Day, cell, "2026-11-23T23:59:59Z").left, 0);
    assert_eq!(found(5, Period::Day, cell, "2026-11-24T00:00:00Z").used, 0);
}

#[test]
fn a_smaller_limit_leaves_nothing_and_a_larger_one_the_difference() {
    let cell = Some(counted(5, "2026-11-23T00:00:00Z"));
    let smaller = found(3, Period::Day, cell, "2026-11-23T12:00:00Z");
    assert_eq!((smaller.used, smaller.left), (5, 0));
    assert_eq!(found(8, Period::Day, cell, "2026-11-23T12:00:00Z").left, 3);
}

#[test]
fn a_longer_period_takes_over_what_was_counted_within_it() {
    let today = Some(counted(5, "2026-11-23T00:00:00Z"));
    assert_eq!(found(9, Period::Month, today, "2026-11-25T00:00:00Z").used, 5);
    assert_eq!(found(9, Period::Month, today, "2026-12-01T00:00:00Z").used, 0);
}

#[test]
fn a_presumption_holds_in_windows_that_the_crashed_process_may_have_seen() {
    let quota = Quota::new(quota(100, Period::Day, 0))
        .after_crash(presumption("2026-11-22T10:00:00Z", 32))
        .after_crash(presumption("2026-11-23T10:00:00Z", 7))
        .after_crash(presumption("2026-11-24T00:00:00Z", 1));
    let used = |at| quota.found(None, time(at), FREE).used;
    assert_eq!(used("2026-11-22T23:00:00Z"), 40);
    assert_eq!(used("2026-11-23T23:00:00Z"), 8);
    assert_eq!(used("2026-11-24T23:00:00Z"), 1);
    assert_eq!(used("2026-11-25T00:00:00Z"), 0);
    // Who has a record of their own has it counted there.
    assert_eq!(
        quota.found(Some(counted(3, "2026-11-23T00:00:00Z")), time("2026-11-23T23:00:00Z"), FREE).used,
        3
    );
}

#[test]
fn nobody_counts_as_having_used_more_than_there_was() {
    let crash = |amount, ceiling| Presumption { ceiling, ..presumption("2026-11-23T10:00:00Z", amount) };
    let first = Quota::new(quota(50, Period::Day, 0)).after_crash(crash(32, 50));
    let at = time("2026-11-23T12:00:00Z");
    let used = |quota: &Quota| quota.found(None, at, FREE).used;
    assert_eq!(used(&first), 32);
    let second = first.after_crash(crash(32, 50));
    assert_eq!(used(&second), 50);
    // Under a larger limit more may have been used after that, and a smaller one before it takes nothing back.
    assert_eq!(
        [200, 70, 50, 20].map(|ceiling| used(&second.after_crash(crash(32, ceiling)))),
        [82, 70, 50, 50]
    );
    assert_eq!(crash(32, 50).added_to(40, 20), 70, "what was given on top may have been used, too");
}

#[test]
fn a_change_of_the_period_takes_the_open_window_along() {
    let taken = |before: (Period, u8), after: (Period, u8), cell: QuotaCell, now: &str| {
        let [before, after] = [before, after].map(|(period, offset)| quota(9, period, offset));
        Quota::taken_over(after, before, cell, time(now)).map(|cell| (cell.used, cell.window))
    };
    let (day, week, month) = ((Period::Day, 0), (Period::Week, 0), (Period::Month, 0));
    let noon = "2026-11-25T12:00:00Z";
    let midnight = |day: &str| time(&format!("{day}T00:00:00Z"));
    let in_november = counted(5, "2026-11-01T00:00:00Z");
    assert_eq!(taken(month, day, in_november, noon), Some((5, midnight("2026-11-25"))));
    assert_eq!(taken(month, week, in_november, noon), Some((5, midnight("2026-11-22"))));
    assert_eq!(taken(month, (Period::Month, 20), in_november, noon), Some((5, midnight("2026-11-21"))));
    assert_eq!(taken(month, day, in_november, "2026-12-01T00:00:00Z"), None, "its window is over");
    let today = counted(5, "2026-11-25T00:00:00Z");
    assert_eq!(taken(day, month, today, noon), Some((5, midnight("2026-11-01"))));
    assert_eq!(taken(day, month, today, "2026-11-26T00:00:00Z"), None, "its window is over");
    // A clock that is behind drops nothing, and does not bring a day back on which something was used.
    assert_eq!(taken(day, week, today, "2026-11-24T00:00:00Z"), Some((5, midnight("2026-11-22"))));
    let later = QuotaCell { day: Day::of(time(noon)), ..in_november };
    assert_eq!(taken(month, day, later, "2026-11-10T00:00:00Z"), Some((5, midnight("2026-11-25"))));
}

#[test]
fn without_a_grant_the_opening_is_all_there_is() {
    let quota = Quota::new(quota(100, Period::Day, 0)).after_crash(presumption("2026-11-23T10:00:00Z", 10));
    let terms = Terms { opening: 2, gated: true, extra: None };
    let at = time("2026-11-23T11:00:00Z");
    let mut cell = None;
    for used in [11, 12] {
        let Verdict::Pays { after: Cell::Quota(after), .. } = quota.judge(cell, at, terms) else { panic!() };
        assert_eq!((after.used, after.granted), (used, 12));
        cell = Some(after);
    }
    assert!(matches!(quota.judge(cell, at, terms), Verdict::Unready { available: 88 }));
    assert!(matches!(quota.judge(cell, at, Terms { gated: false, ..terms }), Verdict::Pays { .. }));
}

#[test]
fn extra_requests_are_for_one_window() {
    let extra = Some(Extra { window: time("2026-11-23T00:00:00Z"), amount: 5 });
    let quota = Quota::new(quota(3, Period::Day, 0));
    let left = |at| quota.found(None, time(at), Terms { extra, ..FREE }).left;
    assert_eq!((left("2026-11-23T12:00:00Z"), left("2026-11-24T12:00:00Z")), (8, 3));
}

#[test]
fn a_day_counts_what_was_admitted_on_it() {
    let quota = Quota::new(quota(100, Period::Month, 0));
    let mut cell = None;
    for (at, day, today) in [
        ("2026-11-23T12:00:00Z", "2026-11-23", 1),
        ("2026-11-23T13:00:00Z", "2026-11-23", 2),
        ("2026-11-24T00:00:00Z", "2026-11-24", 1),
        ("2026-11-23T23:00:00Z", "2026-11-24", 2),
        ("2026-12-01T23:00:00Z", "2026-12-01", 1),
    ] {
        let Verdict::Pays { after: Cell::Quota(after), .. } = quota.judge(cell, time(at), FREE) else {
            panic!()
        };
        assert_eq!((after.day.to_string().as_str(), after.today), (day, today));
        cell = Some(after);
    }
    assert_eq!(cell.unwrap().used, 1);
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
