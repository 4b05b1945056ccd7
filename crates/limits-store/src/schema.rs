//! The tables, and how a file of an earlier version gets them.
//!
//! Each step is one transaction that ends with its version in the file: a file is of one version or the next, never
//! between. A step that has been released is never changed; what is new is a new step.

use rusqlite::Connection;

/// Says in the file's header that it is ours: `tblm`.
pub(crate) const APPLICATION_ID: i32 = 0x7462_6c6d;

/// What leads from each version to the next. The first makes version 1 of an empty file.
pub(crate) const STEPS: &[&str] = &[include_str!("schema/1.sql")];

/// The version that this program reads and writes.
pub(crate) const LATEST: u32 = 1;

/// Whose file it is.
pub(crate) fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Makes the file ours.
pub(crate) fn claim(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// The file's version: how many steps it has taken.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the `steps` that the file has not taken yet.
pub(crate) fn migrate(connection: &Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let taken = usize::try_from(version(connection)?).unwrap_or(usize::MAX);
    for (step, next) in steps.iter().zip(1_u32..).skip(taken) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
