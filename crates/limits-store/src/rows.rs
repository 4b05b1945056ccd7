//! Rows as types: each statement that the store runs, once, beside the type that it reads or writes.
//!
//! Called inside a transaction of `opening`, `ledger` or `meter`. What cannot be true is an error here and nowhere else.

mod limit;
mod subject;
mod usage;

use ambient::Timestamp;
use limits::{Day, Subject};
use rusqlite::{Connection, Row};

pub(crate) use limit::{
    Presumed, StoredLimit, add_limit, limits, turn_presumed, write_opening, write_presumed, write_record,
};
pub(crate) use subject::{
    Level, Reservation, StoredExtra, delete_levels, delete_old_reservations, delete_reservations_of, extras,
    levels, reservations, write_extra, write_level, write_reservation,
};
pub(crate) use usage::{DayRow, SpentOn, delete_old_usage, last_day, usage_of, usage_on, write_usage};

use crate::refusal::Damage;

/// A limit as the file knows it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct RowId(pub(crate) i64);

/// One run of the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    /// Runs count up.
    pub(crate) number: i64,
    /// Nothing is admitted at a later effective time.
    pub(crate) alive_until: Timestamp,
    /// Subjects without state are not spent at an earlier effective time.
    pub(crate) forgotten: Timestamp,
    /// When it ended cleanly, if it has.
    pub(crate) stopped: Option<Timestamp>,
}

pub(crate) fn run(connection: &Connection) -> Result<Run, Damage> {
    let sql = "SELECT number, alive_until, forgotten, stopped FROM run";
    let run = connection.query_row(sql, [], |row| {
        let stopped: Option<i64> = row.get(3)?;
        Ok(Run {
            number: row.get(0)?,
            alive_until: moment(row, 1)?,
            forgotten: moment(row, 2)?,
            stopped: stopped.map(|micros| Timestamp::from_micros(micros.cast_unsigned())),
        })
    });
    Ok(run?)
}

pub(crate) fn write_run(connection: &Connection, run: &Run) -> rusqlite::Result<()> {
    let sql = "UPDATE run SET number = ?1, alive_until = ?2, forgotten = ?3, stopped = ?4";
    let stopped = run.stopped.map(micros);
    connection.execute(sql, (run.number, micros(run.alive_until), micros(run.forgotten), stopped)).map(drop)
}

fn micros(moment: Timestamp) -> i64 {
    moment.as_micros().cast_signed()
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    count(row, column).map(Timestamp::from_micros)
}

/// What was counted: one that is below zero was not written by us.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    u64::try_from(count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, count))
}

/// A number of which all 64 bits may be used.
fn bits(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn subject(row: &Row<'_>, column: usize) -> rusqlite::Result<Subject> {
    bits(row, column).map(Subject::new)
}

fn day(row: &Row<'_>, column: usize) -> rusqlite::Result<Day> {
    row.get(column).map(Day::from_number)
}

#[cfg(test)]
mod tests;
