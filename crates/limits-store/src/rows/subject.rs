//! What is kept of each subject under a limit: levels, reservations, and what was given on top.

use ambient::Timestamp;
use limits::Subject;
use rusqlite::{Connection, Row, Statement};

use super::{RowId, count, micros, moment, subject};

/// A bucket's level at a clean stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Level {
    pub(crate) row: RowId,
    pub(crate) subject: Subject,
    pub(crate) nanos: u64,
    pub(crate) last: Timestamp,
}

/// How much of a quota a subject may use before it is written again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Reservation {
    pub(crate) row: RowId,
    pub(crate) subject: Subject,
    pub(crate) window: Timestamp,
    pub(crate) reserved: u64,
    /// The run that has written it.
    pub(crate) run: i64,
}

/// What a subject may use on top of a quota in one window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StoredExtra {
    pub(crate) row: RowId,
    pub(crate) subject: Subject,
    pub(crate) window: Timestamp,
    pub(crate) requests: u64,
}

pub(crate) fn levels(connection: &Connection, each: impl FnMut(Level)) -> rusqlite::Result<()> {
    let read = |row: &Row<'_>| {
        Ok(Level {
            row: RowId(row.get(0)?),
            subject: subject(row, 1)?,
            nanos: count(row, 2)?,
            last: moment(row, 3)?,
        })
    };
    for_each(&mut connection.prepare("SELECT limit_id, subject, level, last FROM levels")?, read, each)
}

pub(crate) fn reservations(connection: &Connection, each: impl FnMut(Reservation)) -> rusqlite::Result<()> {
    let sql = "SELECT limit_id, subject, starts, reserved, run FROM reservations";
    let read = |row: &Row<'_>| {
        Ok(Reservation {
            row: RowId(row.get(0)?),
            subject: subject(row, 1)?,
            window: moment(row, 2)?,
            reserved: count(row, 3)?,
            run: row.get(4)?,
        })
    };
    for_each(&mut connection.prepare(sql)?, read, each)
}

pub(crate) fn extras(connection: &Connection, each: impl FnMut(StoredExtra)) -> rusqlite::Result<()> {
    let read = |row: &Row<'_>| {
        Ok(StoredExtra {
            row: RowId(row.get(0)?),
            subject: subject(row, 1)?,
            window: moment(row, 2)?,
            requests: count(row, 3)?,
        })
    };
    for_each(&mut connection.prepare("SELECT limit_id, subject, starts, requests FROM extras")?, read, each)
}

/// Forgets all levels. Without a condition, so that `SQLite` drops pages and not rows.
pub(crate) fn delete_levels(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM levels", []).map(drop)
}

/// Forgets all reservations and extras of one limit.
pub(crate) fn delete_reservations_of(connection: &Connection, limit: RowId) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM reservations WHERE limit_id = ?1", [limit.0])?;
    connection.execute("DELETE FROM extras WHERE limit_id = ?1", [limit.0]).map(drop)
}

/// Forgets reservations and extras of windows that began before `moment`.
pub(crate) fn delete_old_reservations(connection: &Connection, moment: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM reservations WHERE starts < ?1", [micros(moment)])?;
    connection.execute("DELETE FROM extras WHERE starts < ?1", [micros(moment)]).map(drop)
}

/// Writes levels into a table that has none.
pub(crate) fn write_level(
    connection: &Connection,
) -> rusqlite::Result<impl FnMut(Level) -> rusqlite::Result<()>> {
    let sql = "INSERT INTO levels (limit_id, subject, level, last) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare(sql)?;
    Ok(move |Level { row, subject, nanos, last }: Level| {
        statement.execute((row.0, subject.id().cast_signed(), nanos.cast_signed(), micros(last))).map(drop)
    })
}

/// Writes reservations in place of earlier ones.
pub(crate) fn write_reservation(
    connection: &Connection,
) -> rusqlite::Result<impl FnMut(Reservation) -> rusqlite::Result<()>> {
    let sql =
        "INSERT INTO reservations (limit_id, subject, starts, reserved, run) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET starts = ?3, reserved = ?4, run = ?5";
    let mut statement = connection.prepare(sql)?;
    Ok(move |Reservation { row, subject, window, reserved, run }: Reservation| {
        let (subject, reserved) = (subject.id().cast_signed(), reserved.cast_signed());
        statement.execute((row.0, subject, micros(window), reserved, run)).map(drop)
    })
}

pub(crate) fn write_extra(connection: &Connection, extra: &StoredExtra) -> rusqlite::Result<()> {
    let sql = "INSERT INTO extras (limit_id, subject, starts, requests) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET starts = ?3, requests = ?4";
    let (subject, requests) = (extra.subject.id().cast_signed(), extra.requests.cast_signed());
    connection.execute(sql, (extra.row.0, subject, micros(extra.window), requests)).map(drop)
}

fn for_each<T>(
    statement: &mut Statement<'_>,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    mut each: impl FnMut(T),
) -> rusqlite::Result<()> {
    for row in statement.query_map([], read)? {
        each(row?);
    }
    Ok(())
}
