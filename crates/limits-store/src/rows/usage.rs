//! What was used of a quota on each day.

use std::ops::RangeInclusive;

use limits::{Day, Subject};
use rusqlite::{Connection, OptionalExtension as _};

use super::{RowId, bits, count, day, subject};

/// One subject's usage of one quota on one day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DayRow {
    pub(crate) row: RowId,
    pub(crate) subject: Subject,
    pub(crate) day: Day,
    pub(crate) spent: SpentOn,
}

/// What a day came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SpentOn {
    /// Requests admitted on it.
    pub(crate) used: u64,
    /// What was left after the last of them.
    pub(crate) remaining: u64,
}

/// Writes days. A count that is there is never made smaller, nor what is left by what was left earlier.
pub(crate) fn write_usage(
    connection: &Connection,
) -> rusqlite::Result<impl FnMut(DayRow) -> rusqlite::Result<()>> {
    let sql = "INSERT INTO usage (day, limit_id, subject, used, remaining) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET used = max(used, ?4), remaining = iif(?4 >= used, ?5, remaining)";
    let mut statement = connection.prepare(sql)?;
    Ok(move |DayRow { row, subject, day, spent }: DayRow| {
        let (used, remaining) = (spent.used.cast_signed(), spent.remaining.cast_signed());
        statement.execute((day.number(), row.0, subject.id().cast_signed(), used, remaining)).map(drop)
    })
}

/// What one subject used of one quota on those of `days` on which it did.
pub(crate) fn usage_of(
    connection: &Connection,
    row: RowId,
    subject: Subject,
    days: RangeInclusive<Day>,
) -> rusqlite::Result<Vec<(Day, SpentOn)>> {
    let kept = "SELECT min(day), max(day) FROM usage";
    let kept = connection.query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)): (Option<u32>, Option<u32>) = kept else { return Ok(Vec::new()) };
    // Each day is one look into the table, which lies by day.
    let sql = "SELECT used, remaining FROM usage WHERE day = ?1 AND limit_id = ?2 AND subject = ?3";
    let mut statement = connection.prepare(sql)?;
    let mut found = Vec::new();
    for day in first.max(days.start().number())..=last.min(days.end().number()) {
        let spent = statement.query_row((day, row.0, subject.id().cast_signed()), |row| {
            Ok(SpentOn { used: count(row, 0)?, remaining: bits(row, 1)? })
        });
        found.extend(spent.optional()?.map(|spent| (Day::from_number(day), spent)));
    }
    Ok(found)
}

/// The last day that anything is known of.
pub(crate) fn last_day(connection: &Connection) -> rusqlite::Result<Option<Day>> {
    let number: Option<u32> = connection.query_row("SELECT max(day) FROM usage", [], |row| row.get(0))?;
    Ok(number.map(Day::from_number))
}

/// Everything that is known of one day.
pub(crate) fn usage_on(
    connection: &Connection,
    on: Day,
    mut each: impl FnMut(DayRow),
) -> rusqlite::Result<()> {
    let sql = "SELECT limit_id, subject, day, used, remaining FROM usage WHERE day = ?1";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([on.number()], |row| {
        let spent = SpentOn { used: count(row, 3)?, remaining: bits(row, 4)? };
        Ok(DayRow { row: RowId(row.get(0)?), subject: subject(row, 1)?, day: day(row, 2)?, spent })
    })?;
    for row in rows {
        each(row?);
    }
    Ok(())
}

/// Forgets some of what was used before `first`, at most `most` rows.
pub(crate) fn delete_old_usage(connection: &Connection, first: Day, most: u32) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM usage WHERE (day, limit_id, subject) IN
               (SELECT day, limit_id, subject FROM usage WHERE day < ?1 LIMIT ?2)";
    connection.execute(sql, (first.number(), most))
}
