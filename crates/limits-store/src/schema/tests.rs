use limits::{Decision, Meter as _, Subject};

use super::*;
use crate::fixture::{KEY, NOON, Place, charges, daily, day};

/// What `sqlite3 .dump` said of a store of version 1, closed on 2026-11-23 at noon.
const VERSION_1: &str = include_str!("1.fixture.sql");

fn empty() -> Connection {
    Connection::open_in_memory().unwrap()
}

#[test]
fn every_step_leads_to_a_version() {
    assert_eq!(u32::try_from(STEPS.len()), Ok(LATEST));
    let connection = empty();
    migrate(&connection, STEPS).unwrap();
    assert_eq!(version(&connection), Ok(LATEST));
    migrate(&connection, STEPS).unwrap();
}

#[test]
fn a_file_takes_the_steps_it_has_not_taken() {
    let connection = empty();
    let steps = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y", "INSERT INTO a VALUES (1, 2)"];
    for taken in 1..=3 {
        migrate(&connection, &steps[..taken]).unwrap();
        assert_eq!(version(&connection).map(usize::try_from), Ok(Ok(taken)));
    }
    let rows: u32 = connection.query_row("SELECT count(*) FROM a WHERE y = 2", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let connection = empty();
    let steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1); CREATE TABLE a (y)", "DROP TABLE a"];
    assert!(migrate(&connection, &steps).is_err());
    assert_eq!(version(&connection), Ok(1));
    let rows: u32 = connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn a_store_of_version_1_goes_on() {
    let place = Place::new();
    place.open(NOON).close(NOON).unwrap();
    let old = Connection::open(place.path()).unwrap();
    old.execute_batch("PRAGMA writable_schema = RESET").unwrap();
    let names = "SELECT group_concat('DROP TABLE ' || name, ';') FROM sqlite_schema WHERE type = 'table'";
    let drop_all: String = old.query_row(names, [], |row| row.get(0)).unwrap();
    old.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    old.execute_batch(&drop_all).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);

    let store = place.open(NOON);
    let quota = "plan/standard/quota".parse().unwrap();
    let standing = store.standing(&quota, KEY, NOON).unwrap();
    assert_eq!((standing.used, standing.extra, standing.left), (60, 5, 45));
    let days = store.days(&quota, KEY, day("2026-11-21")..=day("2026-11-23"), NOON).unwrap();
    assert_eq!(
        days.iter().map(|day| (day.used, day.remaining)).collect::<Vec<_>>(),
        [(0, 100), (9, 91), (60, 45)]
    );
    // The bucket had one and a half requests left.
    let bucket = store.memory().id(&"account".parse().unwrap()).unwrap();
    let decision = store.spend_now(NOON, &charges(&[bucket], Subject::SHARED));
    let Decision::Admitted { left, .. } = decision else { panic!("{decision:?}") };
    assert_eq!(left.as_slice(), [0]);
    assert_eq!(
        crate::fixture::define(&store, "plan/standard/quota", daily(100), NOON),
        store.memory().id(&quota).unwrap()
    );
}
