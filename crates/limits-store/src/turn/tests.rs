use std::sync::Arc;

use limits::{Charges, Decision, LimitId, Meter as _, Subject};
use parking_lot::Mutex;

use super::*;
use crate::fixture::{KEY, NOON, Place, admitted_alone, batches_of, bucket, charges, daily, define, later};
use crate::settings::{Settings, WhenLost};
use crate::store::Sqlite;

fn pragma(store: &Sqlite, name: &str, value: i64) {
    // This one answers with a row.
    let ledger = store.ledger().unwrap();
    ledger.connection.query_row(&format!("PRAGMA {name} = {value}"), [], |_| Ok(())).unwrap();
}

/// From here on the file takes no page more than it has.
fn fill_up(store: &Sqlite) {
    let ledger = store.ledger().unwrap();
    let pages: i64 = ledger.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    drop(ledger);
    pragma(store, "max_page_count", pages);
}

fn free_up(store: &Sqlite) {
    pragma(store, "max_page_count", 1 << 20);
}

/// One request each of more subjects than there is room for.
fn crowd(store: &Sqlite, limit: LimitId, now: Timestamp) {
    for subject in 1_000..2_000 {
        store.spend_now(now, &charges(&[limit], Subject::new(subject)));
    }
}

/// Runs `act`, and says what was logged meanwhile.
fn logged(act: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    String::from_utf8(lines.0.lock().clone()).unwrap()
}

fn is_unready(store: &Sqlite, now: Timestamp, charges: &Charges) -> bool {
    matches!(store.spend_now(now, charges), Decision::Unready { .. })
}

#[test]
fn allowance_at_hand_needs_no_turn_and_what_runs_low_gets_one() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted_alone(&store, 99, NOON, &one), 10);
    assert!(is_unready(&store, NOON, &one));
    store.turn(NOON);
    assert_eq!(admitted_alone(&store, 99, NOON, &one), 10);
    // Turned in time, nobody waits; and the last request is as good as the first.
    let served = (0..200).filter(|_| {
        let admitted = store.spend_now(NOON, &one).is_admitted();
        store.turn(NOON);
        admitted
    });
    assert_eq!(served.count(), 80);
    assert_eq!(store.stats().unready, 89 + 1 + 89 + 1, "refused is not unready");
    assert_eq!(store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap().left, 0);
}

#[test]
fn a_turn_is_one_transaction_for_everybody() {
    let place = Place::new();
    let store = place.open(NOON);
    let limits = [define(&store, "quota", daily(100), NOON), define(&store, "other", daily(50), NOON)];
    for subject in 0..20 {
        assert_eq!(admitted_alone(&store, 7, NOON, &charges(&limits, Subject::new(subject))), 7);
    }
    let before = store.stats();
    store.turn(NOON);
    let after = store.stats();
    // Twenty subjects with two quotas each, a reservation and a day of either; and the run itself.
    assert_eq!((after.commits - before.commits, after.rows - before.rows), (1, 81));
    for subject in 0..20 {
        assert_eq!(admitted_alone(&store, 9, NOON, &charges(&limits, Subject::new(subject))), 9);
    }
}

#[test]
fn nothing_is_written_when_there_is_nothing_to_write() {
    let place = Place::new();
    let store = place.open(NOON);
    define(&store, "bucket", bucket(1, 1), NOON);
    let before = store.stats().commits;
    let waits = [0, 500, 1_999].map(|now| store.turn(later(now)).unwrap());
    assert_eq!(waits, [1_000, 1_000, 1].map(Duration::from_millis));
    assert_eq!(store.stats().commits, before);
    // Three fifths of the lease are left.
    assert_eq!(store.turn(later(2_000)), Some(Duration::from_secs(1)));
    assert_eq!((store.stats().commits, store.stats().alive_until), (before + 1, later(7_000)));
}

#[test]
fn nothing_is_admitted_past_the_lease() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "bucket", bucket(1_000_000, 1), NOON);
    let one = charges(&[limit], KEY);
    assert!(store.spend_now(later(5_000), &one).is_admitted());
    assert!(is_unready(&store, later(5_001), &one));
    store.turn(later(5_001));
    assert!(store.spend_now(later(5_001), &one).is_admitted());
    assert!(store.spend_now(later(10_001), &one).is_admitted());
    assert!(is_unready(&store, later(10_002), &one));
}

#[test]
fn usage_of_many_is_written_in_several_turns() {
    let place = Place::new();
    let store = place.open_with(batches_of(1_000), NOON);
    let limit = define(&store, "quota", daily(1_000), NOON);
    for subject in 0..10_000 {
        assert!(store.spend_now(NOON, &charges(&[limit], Subject::new(subject))).is_admitted());
    }
    let mut turns = 1;
    while store.turn(NOON) == Some(USAGE_PACE) {
        turns += 1;
    }
    let written = |store: &Sqlite| -> u32 {
        let ledger = store.ledger().unwrap();
        ledger.connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((written(&store), turns), (10_000, 3));
    // What follows is looked for a second later, whoever wakes the writer before.
    assert!(store.spend_now(NOON, &charges(&[limit], Subject::new(10_000))).is_admitted());
    for (now, rows) in [(0, 10_000), (999, 10_000), (1_000, 10_001)] {
        store.turn(later(now));
        assert_eq!(written(&store), rows);
    }
}

#[test]
fn what_was_used_is_written_with_its_reservation_however_much_usage_waits() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    for subject in 0..5_000 {
        assert!(store.spend_now(NOON, &charges(&[limit], Subject::new(subject))).is_admitted());
    }
    // Its usage would be written last.
    let last = Subject::new(1_000_000);
    assert_eq!(admitted_alone(&store, 6, NOON, &charges(&[limit], last)), 6);
    assert_eq!(store.turn(NOON), Some(USAGE_PACE));
    store.abandon();
    let store = place.open(NOON);
    let standing = store.standing(&"quota".parse().unwrap(), last, NOON).unwrap();
    assert_eq!((standing.used, standing.lost, standing.left), (6, 10, 84));
}

#[test]
fn a_full_disk_closes_what_is_closed_and_is_got_over() {
    let place = Place::new();
    let store = place.open(NOON);
    let limits =
        [define(&store, "bucket", bucket(1_000_000, 9), NOON), define(&store, "quota", daily(100), NOON)];
    let both = charges(&limits, KEY);
    assert_eq!(admitted_alone(&store, 5, NOON, &both), 5);
    store.turn(NOON);
    fill_up(&store);
    let log = logged(|| {
        crowd(&store, limits[1], later(2_000));
        assert_eq!(store.turn(later(2_000)), Some(RETRY));
        // Before its time it is not tried again, and it is not said twice.
        for now in [2_001, 2_999, 3_000, 4_500] {
            assert_eq!(store.turn(later(now)), Some(RETRY));
        }
    });
    assert_eq!(log.matches("limits cannot be recorded").count(), 1, "{log}");
    assert!(log.contains("ERROR") && log.contains("full") && log.contains("limits.db"), "{log}");
    assert_eq!(log.matches("turned away once what is set aside is used up").count(), 2, "{log}");
    assert_eq!((store.stats().failures, store.stats().writable), (3, false));

    // What is on disk is handed out, and not one more.
    assert_eq!(admitted_alone(&store, 99, later(4_500), &charges(&limits[1..], KEY)), 10);
    assert!(is_unready(&store, later(4_500), &charges(&limits[1..], KEY)));
    assert!(store.spend_now(later(5_000), &charges(&limits[..1], KEY)).is_admitted());
    assert!(is_unready(&store, later(5_001), &charges(&limits[..1], KEY)));

    free_up(&store);
    let log = logged(|| assert!(store.turn(later(6_000)).is_some()));
    assert!(log.contains("INFO") && log.contains("limits are recorded again"), "{log}");
    assert!(store.stats().writable);
    assert_eq!(admitted_alone(&store, 99, later(6_000), &both), 9);
    // Nothing that was noted meanwhile has got lost.
    assert_eq!(store.standing(&"quota".parse().unwrap(), Subject::new(1_999), NOON).unwrap().used, 1);
    let ledger = store.ledger().unwrap();
    let days: u32 = ledger.connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap();
    assert_eq!(days, 1_001);
}

#[test]
fn a_lost_store_that_is_closed_admits_no_more_than_it_has_recorded() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    let one = charges(&[limit], KEY);
    pragma_only(&store, true);
    let mut all = 0;
    for second in 0..20 {
        all += admitted_alone(&store, 50, later(second * 100), &one);
        store.turn(later(second * 1_000));
    }
    assert_eq!(all, 10);
    store.abandon();
    let store = place.open(later(30_000));
    assert_eq!(admitted_alone(&store, 999, later(30_000), &one), 10, "the next opening");
}

fn pragma_only(store: &Sqlite, reading: bool) {
    store.ledger().unwrap().connection.pragma_update(None, "query_only", reading).unwrap();
}

fn open_when_lost() -> Settings {
    Settings { when_lost: WhenLost { buckets: Lost::Open, quotas: Lost::Open }, ..batches_of(10) }
}

#[test]
fn a_lost_store_that_is_open_goes_on_and_records_it_afterwards() {
    let place = Place::new();
    let store = place.open_with(open_when_lost(), NOON);
    let limits =
        [define(&store, "bucket", bucket(1_000_000, 60), NOON), define(&store, "quota", daily(100), NOON)];
    let both = charges(&limits, KEY);
    fill_up(&store);
    let log = logged(|| {
        crowd(&store, limits[1], later(2_000));
        store.turn(later(2_000));
    });
    assert_eq!(log.matches("the limits are not guaranteed").count(), 2, "{log}");
    // Far beyond the lease and what was set aside; memory still knows the limits.
    assert_eq!(admitted_alone(&store, 99, later(60_000), &both), 60);
    assert_eq!(admitted_alone(&store, 99, later(90_000), &both), 40);
    store.turn(later(90_000));
    assert!(!store.stats().writable);

    free_up(&store);
    store.turn(later(91_000));
    assert!(store.stats().writable);
    store.abandon();
    // All of it is on disk, although it was never set aside.
    let store = place.open(later(91_000));
    let standing = store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap();
    assert_eq!((standing.used, standing.lost, standing.left), (100, 0, 0));
    assert!(!store.spend_now(later(91_000), &both).is_admitted());
}

#[test]
fn kinds_are_open_or_closed_each_by_itself() {
    for (buckets, quotas) in [(Lost::Open, Lost::Closed), (Lost::Closed, Lost::Open)] {
        let place = Place::new();
        let settings = Settings { when_lost: WhenLost { buckets, quotas }, ..batches_of(10) };
        let store = place.open_with(settings, NOON);
        let limits =
            [define(&store, "bucket", bucket(1_000, 60), NOON), define(&store, "quota", daily(100), NOON)];
        pragma_only(&store, true);
        store.turn(later(3_000));
        let far = later(60_000);
        assert_eq!(store.spend_now(far, &charges(&limits[..1], KEY)).is_admitted(), buckets == Lost::Open);
        assert_eq!(store.spend_now(far, &charges(&limits[1..], KEY)).is_admitted(), quotas == Lost::Open);
        assert!(is_unready(&store, far, &charges(&limits, KEY)));
        pragma_only(&store, false);
        store.turn(later(61_000));
        assert!(store.spend_now(later(61_000), &charges(&limits, KEY)).is_admitted());
        // The gate is closed again.
        for limit in &limits {
            assert!(is_unready(&store, later(120_000), &charges(&[*limit], KEY)), "{limit}");
        }
    }
}

#[test]
fn what_ran_low_while_the_store_was_lost_is_set_aside_afterwards() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    let one = charges(&[limit], KEY);
    assert_eq!(admitted_alone(&store, 9, NOON, &one), 9);
    pragma_only(&store, true);
    store.turn(later(2_000));
    pragma_only(&store, false);
    // Nothing is noted in the meantime: each quota is noted once.
    store.turn(later(3_000));
    assert_eq!(admitted_alone(&store, 99, later(3_000), &one), 10);
}

#[test]
fn what_was_spent_at_a_later_time_while_open_can_be_spent_again() {
    let place = Place::new();
    let store = place.open_with(open_when_lost(), NOON);
    let limit = define(&store, "bucket", bucket(1_000, 60), NOON);
    let one = charges(&[limit], KEY);
    pragma_only(&store, true);
    store.turn(later(3_000));
    // A clock that was an hour ahead for a moment.
    assert!(store.spend_now(later(3_600_000), &one).is_admitted());
    pragma_only(&store, false);
    store.turn(later(10_000));
    assert!(store.spend_now(later(10_000), &one).is_admitted());
}

#[test]
fn a_definition_that_cannot_be_recorded_is_not_in_force() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "bucket", bucket(1_000, 1), NOON);
    pragma_only(&store, true);
    for (name, numbers) in [("bucket", bucket(1_000, 9)), ("another", daily(3))] {
        let error = limits::Limiter::define(&store, name.parse().unwrap(), numbers, NOON).unwrap_err();
        assert_eq!(error.to_string(), format!("limit `{name}` cannot be recorded"));
        assert!(std::error::Error::source(&error).is_some());
    }
    assert_eq!(store.memory().record(limit).unwrap().limit(), bucket(1_000, 1));
    assert_eq!(store.memory().id(&"another".parse().unwrap()), None);
    // The same again needs no writing.
    assert_eq!(define(&store, "bucket", bucket(1_000, 1), NOON), limit);
    pragma_only(&store, false);
    assert_eq!(define(&store, "bucket", bucket(1_000, 9), NOON), limit);
}

#[test]
fn a_clock_that_was_far_ahead_for_a_moment_is_forgotten() {
    for spent in [false, true] {
        let place = Place::new();
        let store = place.open(NOON);
        let limit = define(&store, "bucket", bucket(1_000, 5), NOON);
        store.turn(NOON);
        let ahead = NOON.plus(Duration::from_hours(1_000));
        store.turn(ahead);
        assert_eq!(spent && store.spend_now(ahead, &charges(&[limit], KEY)).is_admitted(), spent);
        store.turn(later(1_000));
        let until = if spent { ahead } else { later(6_000) };
        assert_eq!(store.stats().alive_until, until);
        let elsewhere = store.spend_now(later(6_001), &charges(&[limit], Subject::new(99)));
        assert_eq!(elsewhere.is_admitted(), spent, "beyond what is on disk: {elsewhere:?}");
        store.abandon();
        // On disk, too: a crash empties buckets no longer than that.
        assert_eq!(place.open(later(2_000)).crash(), Some(until));
    }
}

#[test]
fn usage_that_is_too_old_gets_less_however_much_comes_in() {
    const KEYS: u64 = 2_000;
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    let mut now = NOON;
    for _ in 0..3 {
        now = now.plus(Duration::from_hours(24 * 100));
        store.turn(now);
        for subject in 0..KEYS {
            assert!(store.spend_now(now, &charges(&[limit], Subject::new(subject))).is_admitted());
        }
        for second in 1..=16 {
            store.turn(now.plus(Duration::from_secs(second * 3)));
        }
    }
    let ledger = store.ledger().unwrap();
    let rows: i64 = ledger.connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap();
    assert_eq!(rows.cast_unsigned(), KEYS);
}
