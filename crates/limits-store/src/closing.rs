//! The end of a run: exact state in place of what was set aside.
//!
//! One transaction, after which the next run begins as if this one had never stopped. Without it the next run treats
//! this one as having died, which is safe.

use ambient::Timestamp;
use limits::{Entry, Memory, State};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::ledger::{Desk, Ledger};
use crate::rows::{self, Level, Reservation, Run};

impl Ledger {
    /// Writes everything. Nobody may spend any more.
    pub(crate) fn close(mut self, desk: Desk<'_>, now: Timestamp) -> rusqlite::Result<()> {
        let memory = desk.memory;
        self.gather_all(memory);
        let days = self.days(usize::MAX);
        let run =
            Run { forgotten: self.run.forgotten.max(memory.forgotten()), stopped: Some(now), ..self.run };
        let transaction = self.connection.unchecked_transaction()?;
        let mut write_day = rows::write_usage(&transaction)?;
        days.iter().try_for_each(|day| write_day(*day))?;
        let rows = days.len() + self.write_entries(&transaction, memory)?;
        rows::write_run(&transaction, &run)?;
        drop(write_day);
        transaction.commit()?;
        desk.counters.committed(rows + 1, run.alive_until);
        // Everything is on disk: from here on nothing that fails loses anything.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.connection.close().map_err(|(_connection, error)| error)
    }

    fn write_entries(&self, connection: &Connection, memory: &Memory) -> rusqlite::Result<usize> {
        rows::delete_levels(connection)?;
        let mut write_level = rows::write_level(connection)?;
        let mut write_reservation = rows::write_reservation(connection)?;
        let (mut entries, mut rows) = (Vec::new(), 0);
        for shard in 0..memory.shards() {
            memory.entries(shard, &mut entries);
            rows += entries.len();
            for Entry { limit, subject, state } in entries.drain(..) {
                let Some(row) = self.limits.get(&limit).map(|known| known.row) else { continue };
                match state {
                    State::Bucket { level, last } => write_level(Level { row, subject, nanos: level, last })?,
                    State::Quota { used, window, .. } => {
                        let run = self.run.number;
                        write_reservation(Reservation { row, subject, window, reserved: used, run })?;
                    }
                }
            }
        }
        Ok(rows)
    }
}
