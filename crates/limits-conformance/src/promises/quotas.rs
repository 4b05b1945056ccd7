//! What a quota admits in each window of the calendar, and when the windows turn.

use std::time::Duration;

use limits::{Limit, Period, Wait};

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, bucket, just_before, midnight, quota};

/// The last request of a window is admitted, and not one more.
pub fn a_quota_is_used_to_the_last_request(make: Maker<'_>) {
    let limits = [quota(1, Period::Day, 0), quota(3, Period::Week, 0), quota(250, Period::Month, 0)];
    let store = UnderTest::new(make, &limits, NOON);
    for (limit, most) in [(0, 1), (1, 3), (2, 250)] {
        assert_eq!(store.admitted(most + 20, NOON, &[(limit, KEY)]), most);
        let standing = store.standing(limit, KEY, NOON);
        assert_eq!((standing.used, standing.lost, standing.left), (most, 0, 0));
    }
}

/// A day is from midnight to midnight UTC, exactly.
pub fn a_day_turns_at_midnight(make: Maker<'_>) {
    let day = quota(2, Period::Day, 0);
    windows_turn(make, day, &["2026-11-24", "2026-11-25"]);
    windows_turn(make, day, &["2026-12-31", "2027-01-01", "2027-01-02"]);
    windows_turn(make, day, &["2028-02-28", "2028-02-29", "2028-03-01"]);
}

/// A week is seven days from Sunday, later by its offset.
pub fn a_week_turns_offset_days_after_sunday(make: Maker<'_>) {
    // 2026-11-22 is a Sunday, and so is 2028-02-27, before a 29th of February.
    windows_turn(make, quota(2, Period::Week, 0), &["2026-11-22", "2026-11-29", "2026-12-06"]);
    windows_turn(make, quota(2, Period::Week, 1), &["2026-11-23", "2026-11-30"]);
    windows_turn(make, quota(2, Period::Week, 6), &["2026-12-26", "2027-01-02", "2027-01-09"]);
    windows_turn(make, quota(2, Period::Week, 3), &["2028-02-23", "2028-03-01", "2028-03-08"]);
}

/// A month is the calendar's, whatever its length, from the 1st and later by its offset.
pub fn a_month_turns_offset_days_after_the_first(make: Maker<'_>) {
    let month = |offset| quota(2, Period::Month, offset);
    windows_turn(make, month(0), &["2026-11-01", "2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"]);
    windows_turn(make, month(0), &["2028-02-01", "2028-03-01"]);
    windows_turn(make, month(0), &["2100-02-01", "2100-03-01"]);
    windows_turn(make, month(14), &["2026-12-15", "2027-01-15"]);
    windows_turn(make, month(27), &["2027-01-28", "2027-02-28", "2027-03-28"]);
    windows_turn(make, month(27), &["2028-01-28", "2028-02-28", "2028-03-28"]);
}

/// Uses up each window in its first moment, and finds it used up until its last.
fn windows_turn(make: Maker<'_>, limit: Limit, turns: &[&str]) {
    let turns: Vec<_> = turns.iter().map(|turn| midnight(turn)).collect();
    let store = UnderTest::new(make, &[limit], turns[0]);
    let one = [(0, KEY)];
    for (first, next) in turns.iter().zip(&turns[1..]) {
        assert!(store.admits(*first, &one), "the window that begins at {first:?} begins with nothing");
        assert!(store.admits(*first, &one));
        assert_eq!(store.wait(*first, &one), Wait::After(next.since(*first)));
        let standing = store.standing(0, KEY, just_before(*next));
        assert_eq!((standing.window_start, standing.window_end), (*first, Some(*next)));
        assert_eq!((standing.used, standing.left), (2, 0));
        assert_eq!(store.wait(just_before(*next), &one), Wait::After(Duration::from_micros(1)));
    }
}

/// Set back across midnight, the clock does not bring back what the day before had left, nor lose what the new day used.
pub fn a_count_survives_a_step_back_over_the_edge(make: Maker<'_>) {
    let store = UnderTest::new(make, &[quota(3, Period::Day, 0), bucket(0, 99)], NOON);
    let one = [(0, KEY)];
    let turn = midnight("2026-11-24");
    assert!(store.admits(NOON, &one));
    assert!(store.admits(turn, &one));
    for moment in [just_before(turn), NOON] {
        let decision = store.spend(moment, &one);
        assert_eq!((decision.is_admitted(), decision.at()), (true, turn), "the count of the new day is left");
    }
    assert_eq!(store.wait(NOON, &one), Wait::After(Duration::from_hours(36)));
    assert_eq!(store.wait(turn, &one), Wait::After(Duration::from_hours(24)));
    // Another limit's spend that is drawn along happens in the new day, too.
    assert!(!store.admits(NOON, &[(1, KEY), (0, KEY)]));
}
