use std::time::Duration;

use limits::{Decision, Limiter as _, Meter as _, Period};

use super::*;
use crate::fixture::{
    KEY, NOON, Place, admitted, admitted_alone, batches_of, bucket, charges, daily, day, define, later,
    quota, spend,
};
use crate::store::Sqlite;

const OTHER: Subject = Subject::new(8);
const NOBODY: Subject = Subject::new(9);

/// What is used, lost and left of the quota.
fn standing(store: &Sqlite, subject: Subject, now: Timestamp) -> (u64, u64, u64) {
    let standing = store.standing(&"quota".parse().unwrap(), subject, now).unwrap();
    (standing.used, standing.lost, standing.left)
}

fn count(store: &Sqlite, table: &str) -> u32 {
    let ledger = store.ledger().unwrap();
    ledger.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn stop(store: &Sqlite, clean: bool) {
    if clean {
        store.close(NOON).unwrap();
    } else {
        store.abandon();
    }
}

#[test]
fn after_a_clean_stop_everything_stands_where_it_stood() {
    let place = Place::new();
    let store = place.open(NOON);
    let limits = [define(&store, "bucket", bucket(500, 9), NOON), define(&store, "quota", daily(100), NOON)];
    let both = charges(&limits, KEY);
    assert_eq!(admitted(&store, 5, NOON, &both), 5);
    let stood = (store.memory().entry(both.as_slice()[0]), standing(&store, KEY, NOON));
    store.close(later(1)).unwrap();

    let store = place.open(later(2));
    assert_eq!((store.memory().entry(both.as_slice()[0]), standing(&store, KEY, NOON)), stood);
    assert_eq!(stood.1, (5, 0, 95));
    assert_eq!(standing(&store, OTHER, NOON), (0, 0, 100));
    // The levels are spent from here on, and must not be found again by whoever comes after a crash.
    assert_eq!(count(&store, "levels"), 0);
    assert_eq!(define(&store, "bucket", bucket(500, 9), later(2)), limits[0]);
    assert_eq!(admitted(&store, 9, NOON, &both), 4);
}

#[test]
fn a_crash_empties_buckets_until_the_lease_is_over() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "bucket", bucket(1_000, 2), NOON);
    assert!(spend(&store, NOON, &charges(&[limit], KEY)).is_admitted());
    assert_eq!(store.stats().alive_until, later(5_000));
    store.abandon();

    let store = place.open(later(10));
    for subject in [KEY, OTHER] {
        let one = charges(&[limit], subject);
        for (now, expected) in [(10, 0), (5_999, 0), (6_000, 1), (8_000, 2), (9_999, 1)] {
            assert_eq!(admitted(&store, 9, later(now), &one), expected, "{subject:?} at {now}");
        }
    }
    // The run that follows is alive no shorter than the one that died.
    assert!(store.stats().alive_until >= later(10_000));
}

#[test]
fn a_crash_loses_what_was_set_aside_and_no_more() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted_alone(&store, 6, NOON, &charges(&[limit], KEY)), 6);
    store.turn(NOON);
    assert_eq!(admitted_alone(&store, 3, NOON, &charges(&[limit], KEY)), 3);
    assert_eq!(admitted_alone(&store, 2, NOON, &charges(&[limit], OTHER)), 2);
    assert_eq!(standing(&store, KEY, NOON), (9, 0, 91));
    store.abandon();

    // Of the nine, six were on disk, and sixteen were set aside; others may have used an opening of ten.
    let store = place.open(NOON);
    let after = [KEY, OTHER, NOBODY].map(|subject| standing(&store, subject, NOON));
    assert_eq!(after, [(6, 10, 84), (0, 10, 90), (0, 10, 90)]);
    store.abandon();

    // Once more: the reservation says nothing about the second opening.
    let store = place.open(NOON);
    let after = [KEY, OTHER, NOBODY].map(|subject| standing(&store, subject, NOON));
    assert_eq!(after, [(6, 20, 74), (0, 20, 80), (0, 20, 80)]);
    assert_eq!(admitted_alone(&store, 1, NOON, &charges(&[limit], OTHER)), 1);
    store.close(NOON).unwrap();

    // A clean stop loses nothing, however often.
    for _ in 0..2 {
        let store = place.open(NOON);
        let after = [KEY, OTHER, NOBODY].map(|subject| standing(&store, subject, NOON));
        assert_eq!(after, [(6, 20, 74), (1, 20, 79), (0, 20, 80)]);
        store.close(NOON).unwrap();
    }
}

#[test]
fn the_next_window_begins_whole_after_a_crash() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted(&store, 30, NOON, &charges(&[limit], KEY)), 30);
    store.abandon();
    let tomorrow = day("2026-11-24").start();
    let store = place.open(NOON);
    assert_eq!(standing(&store, KEY, tomorrow), (0, 0, 100));
    assert_eq!(standing(&store, NOBODY, tomorrow), (0, 0, 100));
    assert_eq!(admitted(&store, 999, tomorrow, &charges(&[limit], KEY)), 100);
}

#[test]
fn a_run_that_lived_into_a_window_may_have_used_its_opening_there() {
    let place = Place::new();
    let midnight = day("2026-11-24").start();
    let evening = Timestamp::from_micros(midnight.as_micros() - 1_000_000);
    let store = place.open(evening);
    let limit = define(&store, "quota", daily(100), evening);
    assert_eq!(admitted(&store, 30, evening, &charges(&[limit], KEY)), 30);
    // Without a turn: nothing is written of the new day.
    assert_eq!(admitted_alone(&store, 4, midnight, &charges(&[limit], KEY)), 4);
    store.abandon();
    let store = place.open(midnight);
    assert_eq!(standing(&store, KEY, midnight), (0, 10, 90));
}

#[test]
fn an_opening_is_the_largest_that_the_run_has_had() {
    for (first, second, lost) in [(100, 3, 10), (3, 100, 10), (0, 3, 3), (3, 0, 3)] {
        let place = Place::new();
        let store = place.open(NOON);
        define(&store, "quota", daily(first), NOON);
        define(&store, "quota", daily(second), NOON);
        store.abandon();
        let store = place.open(NOON);
        define(&store, "quota", daily(1_000), NOON);
        assert_eq!(standing(&store, NOBODY, NOON), (0, lost, 1_000 - lost), "{first} and {second}");
    }
}

#[test]
fn what_a_crash_leaves_in_doubt_does_not_depend_on_the_next_settings() {
    let place = Place::new();
    let store = place.open_with(batches_of(10), NOON);
    define(&store, "quota", daily(100), NOON);
    store.abandon();
    let store = place.open_with(batches_of(1), NOON);
    assert_eq!(standing(&store, NOBODY, NOON), (0, 10, 90));
    store.abandon();
    let store = place.open_with(batches_of(20), NOON);
    assert_eq!(standing(&store, NOBODY, NOON), (0, 11, 89));
}

#[test]
fn numbers_and_their_past_survive_both_ways_of_stopping() {
    for clean in [true, false] {
        let place = Place::new();
        let store = place.open(NOON);
        let limit = define(&store, "bucket", bucket(1, 9), NOON);
        define(&store, "bucket", bucket(1, 100), NOON);
        let record = store.memory().record(limit);
        stop(&store, clean);
        let store = place.open(NOON);
        let known = store.memory().record(store.memory().id(&"bucket".parse().unwrap()).unwrap());
        assert_eq!(known == record, clean);
        assert_eq!(known.unwrap().limit(), bucket(1, 100));
        // A new burst refills nothing, across a restart either.
        let found = store.spend_now(NOON, &charges(&[limit], KEY)).left().as_slice().to_vec();
        assert_eq!(found, [if clean { 8 } else { 0 }]);
    }
}

#[test]
fn a_limit_that_nothing_defines_any_more_is_not_forgotten() {
    let place = Place::new();
    let store = place.open(NOON);
    define(&store, "bucket", bucket(0, 3), NOON);
    let limit = define(&store, "quota", daily(3), NOON);
    assert_eq!(admitted(&store, 9, NOON, &charges(&[limit], KEY)), 3);
    store.close(NOON).unwrap();
    place.open(NOON).close(NOON).unwrap();
    let store = place.open(NOON);
    assert_eq!(admitted(&store, 9, NOON, &charges(&[define(&store, "quota", daily(3), NOON)], KEY)), 0);
    assert!(store.define("bucket".parse().unwrap(), daily(3), NOON).is_err());
}

#[test]
fn a_clock_that_was_set_back_between_runs_gains_nothing() {
    for clean in [true, false] {
        let place = Place::new();
        let store = place.open(NOON);
        let limits =
            [define(&store, "bucket", bucket(1_000, 3), NOON), define(&store, "quota", daily(5), NOON)];
        let both = charges(&limits, KEY);
        assert_eq!(admitted(&store, 9, NOON, &both), 3);
        stop(&store, clean);
        let yesterday = day("2026-11-22").start();
        let store = place.open(yesterday);
        assert_eq!(admitted(&store, 9, yesterday, &both), 0, "clean: {clean}");
        assert!(store.stats().alive_until > NOON);
    }
}

#[test]
fn a_watermark_survives_a_clean_stop() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "bucket", bucket(1_000, 3), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted(&store, 9, later(1_000), &one), 3);
    assert_eq!(store.memory().tidy_all(later(4_000)), 1);
    store.close(later(4_000)).unwrap();
    let store = place.open(later(4_000));
    assert_eq!(store.memory().forgotten(), later(4_000));
    assert_eq!(store.spend_now(NOON, &one).at(), later(4_000));
}

#[test]
fn what_was_given_on_top_does_not_come_back_at_a_restart_after_the_period_has_changed() {
    for clean in [true, false] {
        let place = Place::new();
        let store = place.open(NOON);
        define(&store, "quota", daily(5), NOON);
        assert_eq!(store.extend(&"quota".parse().unwrap(), KEY, 3, NOON).unwrap().left, 8);
        // Today is Monday: a week from Monday on begins when the day did.
        define(&store, "quota", QuotaSpec::new(5, Period::Week, 1).unwrap().into(), NOON);
        stop(&store, clean);
        let store = place.open(NOON);
        let extra = store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap().extra;
        assert_eq!(extra, 0, "clean: {clean}");
    }
}

#[test]
fn what_was_given_on_top_survives_both_ways_of_stopping() {
    for clean in [true, false] {
        let place = Place::new();
        let store = place.open(NOON);
        for (name, limit) in [("quota", 3), ("nothing", 0)] {
            define(&store, name, daily(limit), NOON);
            store.extend(&name.parse().unwrap(), KEY, 40, NOON).unwrap();
        }
        stop(&store, clean);
        let store = place.open(NOON);
        for (name, limit) in [("quota", 3), ("nothing", 0)] {
            let id = define(&store, name, daily(limit), NOON);
            let used = admitted_alone(&store, 1, NOON, &charges(&[id], KEY));
            assert_eq!(used, 1, "{name}: not at hand");
            let lost =
                usize::try_from(limit + 40).unwrap() - 1 - admitted(&store, 99, NOON, &charges(&[id], KEY));
            assert!(if clean { lost == 0 } else { lost <= 10 }, "{name}: {lost} lost, clean: {clean}");
        }
    }
}

#[test]
fn what_no_window_reaches_any_more_is_dropped() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", quota(100, Period::Month), NOON);
    assert_eq!(admitted(&store, 9, NOON, &charges(&[limit], KEY)), 9);
    store.extend(&"quota".parse().unwrap(), KEY, 1, NOON).unwrap();
    store.abandon();
    let hours = |hours| NOON.plus(Duration::from_hours(hours));
    for (now, kept) in [(hours(24 * 60), 1), (hours(24 * 60), 1), (hours(24 * 200), 1), (hours(24 * 200), 0)]
    {
        let store = place.open(now);
        assert_eq!((count(&store, "reservations"), count(&store, "extras")), (kept, kept));
        store.turn(now);
        store.close(now).unwrap();
    }
    let store = place.open(hours(24 * 200));
    assert_eq!(count(&store, "presumptions"), 0);
    // Nobody gets back into the window whose count is gone.
    assert!(store.memory().forgotten() > hours(24 * 31));
}

#[test]
fn who_dies_over_and_over_presumes_no_less_and_keeps_little() {
    let presumed = |run, until, amount| Presumed {
        run,
        what: Presumption { until: Timestamp::from_secs(until), amount, ceiling: u64::MAX },
    };
    // Each crash comes a little later after the one before it.
    let until = |run| u64::try_from(run * run).unwrap() * 10;
    let before: Vec<_> = (1..=70).map(|run| presumed(run, until(run), 3)).collect();
    let mut all = before.clone();
    thin(&mut all);
    assert_eq!(all.len(), MOST_PRESUMED);
    assert_eq!(
        all[..2],
        [presumed(7, until(7), 21), presumed(8, until(8), 3)],
        "the closest are merged first"
    );
    // For whichever window and whichever run a reservation is of.
    for run in 0..=70 {
        for window in 0..71 {
            let window = Timestamp::from_secs(until(window));
            let sum = |list: &mut dyn Iterator<Item = Presumed>| -> u64 {
                let bears = |presumed: &Presumed| presumed.run > run && presumed.what.until >= window;
                list.filter(bears).map(|presumed| presumed.what.amount).sum()
            };
            assert!(sum(&mut all.iter().copied()) >= sum(&mut before.iter().copied()), "run {run}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_not_begun() {
    let place = Place::new();
    place.open(NOON).close(NOON).unwrap();
    let before = std::fs::read(place.path()).unwrap();
    let (_, connection) = crate::file::open(&place.path()).unwrap();
    connection.pragma_update(None, "query_only", true).unwrap();
    let memory = Memory::backed(batches_of(1).batch);
    assert!(begin(&connection, &memory, &batches_of(1), NOON).is_err());
    drop(connection);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
    let decision = memory.spend_now(NOON, &charges(&[], KEY));
    assert!(matches!(decision, Decision::Admitted { .. }), "it costs nothing");
}

/// Days after noon.
fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

#[test]
fn a_clock_that_is_wrong_once_makes_nothing_look_old() {
    for (ahead, clean) in [80, 95, 3_650].into_iter().flat_map(|ahead| [(ahead, true), (ahead, false)]) {
        let place = Place::new();
        let store = place.open(NOON);
        let limit = define(&store, "quota", quota(300, Period::Month), NOON);
        let one = charges(&[limit], KEY);
        assert_eq!(admitted(&store, 999, NOON, &one), 300);
        store.turn(later(2_000));
        store.turn(NOON.plus(days(ahead)));
        store.turn(later(60_000));
        if clean {
            store.close(later(60_000)).unwrap();
        } else {
            store.abandon();
        }
        let store = place.open(later(60_000));
        assert_eq!(define(&store, "quota", quota(300, Period::Month), later(60_000)), limit);
        let more = admitted(&store, 999, later(60_000), &one);
        assert_eq!(more, 0, "the clock was {ahead} days ahead for a moment, and the stop clean: {clean}");
    }
}

#[test]
fn a_count_that_was_dropped_does_not_come_back_as_nothing() {
    let place = Place::new();
    let store = place.open_with(batches_of(100), NOON);
    let limit = define(&store, "quota", daily(10), NOON);
    let one = charges(&[limit], KEY);
    // So few that nothing is reserved of them.
    assert_eq!(admitted(&store, 99, NOON, &one), 10);
    store.turn(later(2_000));
    let tomorrow = NOON.plus(days(1));
    store.turn(tomorrow);
    assert_eq!(store.memory().tidy_all(tomorrow), 1);
    store.close(tomorrow).unwrap();

    let store = place.open_with(batches_of(100), later(10_000));
    let decision = spend(&store, later(10_000), &one);
    assert!(!decision.is_admitted() || decision.at() > later(10_000), "{decision:?}");
}

#[test]
fn what_a_crash_left_in_doubt_follows_a_change_of_the_period() {
    let place = Place::new();
    let store = place.open_with(batches_of(100), NOON);
    let limit = define(&store, "quota", quota(30, Period::Month), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted(&store, 99, NOON, &one), 30);
    store.abandon();
    let week_later = NOON.plus(days(5));
    for period in [Period::Day, Period::Week, Period::Month] {
        let store = place.open_with(batches_of(100), week_later);
        define(&store, "quota", quota(30, period), week_later);
        assert_eq!(admitted(&store, 99, week_later, &one), 0, "{period:?}");
        store.close(week_later).unwrap();
    }
}

#[test]
fn crashes_in_windows_that_are_over_do_not_count_in_a_longer_one() {
    let place = Place::new();
    for day in 0..6 {
        let now = NOON.plus(days(day));
        let store = place.open_with(batches_of(100), now);
        define(&store, "quota", daily(100), now);
        store.abandon();
    }
    let now = NOON.plus(days(7));
    let store = place.open(now);
    define(&store, "quota", quota(100, Period::Month), now);
    assert_eq!(standing(&store, KEY, now), (0, 0, 100));
}

#[test]
fn a_key_is_not_taken_to_the_day_of_another_one() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted(&store, 3, NOON, &charges(&[limit], KEY)), 3);
    let ahead = NOON.plus(days(30));
    store.turn(ahead);
    assert_eq!(admitted(&store, 1, ahead, &charges(&[limit], OTHER)), 1);
    store.close(NOON).unwrap();
    let store = place.open(NOON);
    define(&store, "quota", quota(100, Period::Week), NOON);
    assert_eq!(spend(&store, NOON, &charges(&[limit], KEY)).at(), NOON);
}

#[test]
fn numbers_that_nobody_counted_are_damage() {
    for wrong in [
        "UPDATE usage SET used = -1",
        "UPDATE reservations SET reserved = -1",
        "UPDATE quotas SET opening = -1",
        "UPDATE eras SET fresh = -1",
        "UPDATE run SET number = 9223372036854775807",
    ] {
        let place = Place::new();
        let store = place.open(NOON);
        let limits =
            [define(&store, "bucket", bucket(500, 9), NOON), define(&store, "quota", daily(100), NOON)];
        assert_eq!(admitted(&store, 5, NOON, &charges(&limits, KEY)), 5);
        store.close(NOON).unwrap();
        Connection::open(place.path()).unwrap().execute(wrong, []).unwrap();
        let refused = Sqlite::open(&place.path(), batches_of(10), NOON).unwrap_err();
        assert!(matches!(refused, crate::OpenError::Damaged { .. }), "{wrong}: {refused:?}");
    }
}
