//! Limits: names, numbers, and what crashes have left in doubt.

use limits::{
    Bucket, BucketSpec, Burst, Era, LimitName, MilliRate, Period, Presumption, Quota, QuotaSpec, Record,
};
use rusqlite::{Connection, Row};

use super::{RowId, bits, count, micros, moment};
use crate::refusal::Damage;

/// A limit as it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct StoredLimit {
    pub(crate) row: RowId,
    pub(crate) name: LimitName,
    pub(crate) numbers: Record,
    /// Of a quota: what a subject without a reservation may have used in the run.
    pub(crate) opening: u64,
    /// Of a quota: the largest limit that the run had.
    pub(crate) ceiling: u64,
    /// Of a quota: what subjects count as having used, with the run that left it in doubt. By run.
    pub(crate) presumed: Vec<Presumed>,
}

/// A presumption, and the run that has left it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Presumed {
    pub(crate) run: i64,
    pub(crate) what: Presumption,
}

/// Every limit that was ever recorded. One that nothing defines any more is kept: its name may come back, and must not
/// be fresh then.
pub(crate) fn limits(connection: &Connection) -> Result<Vec<StoredLimit>, Damage> {
    let mut statement = connection.prepare("SELECT id, name FROM limits ORDER BY id")?;
    let named = statement.query_map([], |row| Ok((RowId(row.get(0)?), row.get::<_, String>(1)?)))?;
    named
        .map(|named| named.map_err(Damage::from).and_then(|(row, name)| limit(connection, row, &name)))
        .collect()
}

fn limit(connection: &Connection, row: RowId, name: &str) -> Result<StoredLimit, Damage> {
    let parsed = name.parse().map_err(|error| Damage::Content(format!("{error}")))?;
    let mut eras = eras(connection, row)?;
    let quota = quota(connection, row)?;
    let presumed = presumed(connection, row)?;
    let (numbers, opening, ceiling) = match (eras.pop(), quota) {
        (Some(present), None) => (Record::Bucket(Bucket { past: eras, present }), 0, 0),
        (None, Some((spec, opening, ceiling))) => {
            let presumed = presumed.iter().map(|presumed| presumed.what).collect();
            (Record::Quota(Quota { spec, presumed }), opening, ceiling)
        }
        (Some(_), Some(_)) => return Err(Damage::Content(format!("limit `{name}` is a bucket and a quota"))),
        (None, None) => return Err(Damage::Content(format!("limit `{name}` has no numbers"))),
    };
    Ok(StoredLimit { row, name: parsed, numbers, opening, ceiling, presumed })
}

fn eras(connection: &Connection, row: RowId) -> Result<Vec<Era>, Damage> {
    let sql = "SELECT rate, burst, since, fresh FROM eras WHERE limit_id = ?1 ORDER BY nth";
    let mut statement = connection.prepare(sql)?;
    let eras = statement.query_map([row.0], |row| {
        let since = moment(row, 2)?;
        Ok((MilliRate::new(row.get(0)?), row.get::<_, u32>(1)?, since, count(row, 3)?))
    })?;
    eras.map(|era| {
        let (rate, burst, since, fresh) = era?;
        let burst = Burst::new(burst).map_err(|error| Damage::Content(error.to_string()))?;
        Ok(Era { spec: BucketSpec { rate, burst }, since, fresh })
    })
    .collect()
}

/// A quota's numbers, its opening and its ceiling.
fn quota(connection: &Connection, row: RowId) -> Result<Option<(QuotaSpec, u64, u64)>, Damage> {
    let sql = "SELECT requests, period, shift, opening, ceiling FROM quotas WHERE limit_id = ?1";
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query_map([row.0], |row| {
        let spec = (bits(row, 0)?, row.get::<_, String>(1)?, row.get::<_, u8>(2)?);
        Ok((spec, count(row, 3)?, bits(row, 4)?))
    })?;
    let Some(quota) = found.next() else { return Ok(None) };
    let ((requests, period, shift), opening, ceiling) = quota?;
    let period = PERIODS.iter().find(|(_, word)| *word == period).map(|(period, _)| *period);
    let period = period.ok_or_else(|| Damage::Content("a quota has an unknown period".into()))?;
    let spec = QuotaSpec::new(requests, period, shift).map_err(|error| Damage::Content(error.to_string()))?;
    Ok(Some((spec, opening, ceiling)))
}

fn presumed(connection: &Connection, row: RowId) -> rusqlite::Result<Vec<Presumed>> {
    let sql = "SELECT run, until, amount, ceiling FROM presumptions WHERE limit_id = ?1 ORDER BY run";
    let read = |row: &Row<'_>| {
        let what = Presumption { until: moment(row, 1)?, amount: count(row, 2)?, ceiling: bits(row, 3)? };
        Ok(Presumed { run: row.get(0)?, what })
    };
    connection.prepare(sql)?.query_map([row.0], read)?.collect()
}

/// Adds a limit that has no numbers yet.
pub(crate) fn add_limit(connection: &Connection, name: &LimitName) -> rusqlite::Result<RowId> {
    connection.execute("INSERT INTO limits (name) VALUES (?1)", [name.as_str()])?;
    Ok(RowId(connection.last_insert_rowid()))
}

/// Puts `numbers` in place of those that the limit had. What is presumed stays; a new quota's opening is zero.
pub(crate) fn write_record(connection: &Connection, row: RowId, numbers: &Record) -> rusqlite::Result<()> {
    match numbers {
        Record::Bucket(bucket) => write_eras(connection, row, bucket),
        Record::Quota(quota) => write_spec(connection, row, quota.spec),
    }
}

fn write_eras(connection: &Connection, row: RowId, bucket: &Bucket) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM eras WHERE limit_id = ?1", [row.0])?;
    let sql = "INSERT INTO eras (limit_id, nth, rate, burst, since, fresh) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = connection.prepare(sql)?;
    for (era, nth) in bucket.past.iter().chain([&bucket.present]).zip(0_u32..) {
        let (rate, burst) = (era.spec.rate.as_millis(), era.spec.burst.requests());
        statement.execute((row.0, nth, rate, burst, micros(era.since), era.fresh.cast_signed()))?;
    }
    Ok(())
}

fn write_spec(connection: &Connection, row: RowId, spec: QuotaSpec) -> rusqlite::Result<()> {
    let word = PERIODS.iter().find(|(period, _)| *period == spec.period()).map(|(_, word)| *word);
    let sql = "INSERT INTO quotas (limit_id, requests, period, shift, opening, ceiling)
               VALUES (?1, ?2, ?3, ?4, 0, 0)
               ON CONFLICT DO UPDATE SET requests = ?2, period = ?3, shift = ?4";
    connection.execute(sql, (row.0, spec.limit().cast_signed(), word, spec.offset())).map(drop)
}

/// Sets what a subject without a reservation may use in this run, and the largest limit of it.
pub(crate) fn write_opening(
    connection: &Connection,
    row: RowId,
    opening: u64,
    ceiling: u64,
) -> rusqlite::Result<()> {
    let sql = "UPDATE quotas SET opening = ?2, ceiling = ?3 WHERE limit_id = ?1";
    connection.execute(sql, (row.0, opening.cast_signed(), ceiling.cast_signed())).map(drop)
}

/// Puts `presumed` in place of what was presumed of the quota.
pub(crate) fn write_presumed(connection: &Connection, row: RowId, all: &[Presumed]) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM presumptions WHERE limit_id = ?1", [row.0])?;
    let sql = "INSERT INTO presumptions (limit_id, run, until, amount, ceiling) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = connection.prepare(sql)?;
    for Presumed { run, what } in all {
        let (amount, ceiling) = (what.amount.cast_signed(), what.ceiling.cast_signed());
        statement.execute((row.0, run, micros(what.until), amount, ceiling))?;
    }
    Ok(())
}

/// Puts what `turn` makes of it in place of what was presumed of the quota.
pub(crate) fn turn_presumed(
    connection: &Connection,
    row: RowId,
    turn: impl Fn(Presumption) -> Option<Presumption>,
) -> rusqlite::Result<()> {
    let turned = |presumed: Presumed| Some(Presumed { what: turn(presumed.what)?, ..presumed });
    let turned: Vec<Presumed> = presumed(connection, row)?.into_iter().filter_map(turned).collect();
    write_presumed(connection, row, &turned)
}

const PERIODS: [(Period, &str); 3] = [(Period::Day, "day"), (Period::Week, "week"), (Period::Month, "month")];
