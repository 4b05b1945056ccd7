use limits::{Limiter as _, Meter as _, Period, Subject};

use super::*;
use crate::fixture::{KEY, NOON, Place, admitted_alone, charges, daily, define, later, quota};
use crate::store::Sqlite;

fn reservation(store: &Sqlite, limit: LimitId, subject: Subject) -> Option<u64> {
    let charge = Charge { limit, subject };
    store.ledger().unwrap().reservation(store.memory(), charge).map(|(reservation, _)| reservation.reserved)
}

#[test]
fn a_reservation_is_a_batch_beyond_what_was_used() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(25), NOON);
    assert_eq!(reservation(&store, limit, KEY), None);
    for (used, expected) in [(3, 13), (9, 19), (10, 20)] {
        admitted_alone(&store, 1, NOON, &charges(&[limit], KEY));
        while admitted_used(&store, limit) < used {
            assert!(store.spend_now(NOON, &charges(&[limit], KEY)).is_admitted());
        }
        assert_eq!(reservation(&store, limit, KEY), Some(expected));
    }
    // Never more than there is, nor less than was granted.
    store.turn(NOON);
    assert_eq!(admitted_alone(&store, 9, NOON, &charges(&[limit], KEY)), 9);
    assert_eq!(reservation(&store, limit, KEY), Some(25));
    define(&store, "quota", daily(5), NOON);
    assert_eq!(reservation(&store, limit, KEY), Some(20));
}

fn admitted_used(store: &Sqlite, limit: LimitId) -> u64 {
    match store.memory().entry(Charge { limit, subject: KEY }).map(|entry| entry.state) {
        Some(State::Quota { used, .. }) => used,
        _ => 0,
    }
}

#[test]
fn every_transaction_renews_the_lease() {
    let place = Place::new();
    let store = place.open(NOON);
    for millis in [1_000, 30_000] {
        define(&store, &format!("quota{millis}"), daily(9), later(millis));
        assert_eq!(store.stats().alive_until, later(millis + 5_000));
    }
    // It never becomes shorter.
    define(&store, "another", daily(9), NOON);
    assert_eq!(store.stats().alive_until, later(35_000));
}

#[test]
fn a_transaction_that_fails_changes_nothing() {
    let place = Place::new();
    let store = place.open(NOON);
    let before = (store.ledger().unwrap().run, store.stats());
    let failed = store.ledger().unwrap().transact(store.desk(), later(9_000), |connection| {
        connection.execute("UPDATE run SET forgotten = 7", [])?;
        Err(rusqlite::Error::InvalidQuery)
    });
    assert!(failed.is_err());
    let ledger = store.ledger().unwrap();
    assert_eq!((ledger.run, rows::run(&ledger.connection).unwrap()), (before.0, before.0));
    assert_eq!((store.stats().failures, store.stats().alive_until), (1, before.1.alive_until));
}

#[test]
fn the_same_numbers_again_are_not_written() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(9), NOON);
    let commits = store.stats().commits;
    assert_eq!(define(&store, "quota", daily(9), NOON), limit);
    assert_eq!(store.stats().commits, commits);
    let name: LimitName = "quota".parse().unwrap();
    let other_kind = store.define(name, crate::fixture::bucket(1, 1), NOON);
    assert!(matches!(other_kind, Err(DefineError::KindChanged { .. })), "{other_kind:?}");
}

#[test]
fn what_may_be_handed_out_stays_reserved_when_the_period_changes() {
    for (before, after) in [(Period::Month, Period::Day), (Period::Day, Period::Month)] {
        let place = Place::new();
        let store = place.open(NOON);
        let limit = define(&store, "quota", quota(100, before), NOON);
        assert_eq!(admitted_alone(&store, 2, NOON, &charges(&[limit], KEY)), 2);
        define(&store, "quota", quota(100, after), NOON);
        // No turn in between: these are what was at hand before the change.
        assert_eq!(admitted_alone(&store, 99, NOON, &charges(&[limit], KEY)), 8);
        store.abandon();
        let store = place.open(NOON);
        let left = store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap().left;
        assert_eq!(left, 90, "{before:?} to {after:?}");
    }
}
