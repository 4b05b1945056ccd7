//! The file of a run that is under way, and what has been written to it.
//!
//! Whoever holds the ledger is the only one who writes. Each transaction renews the lease; what it wrote is told to
//! memory only after it is on disk, so that nothing is ever handed out that a crash could forget.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ambient::Timestamp;
use limits::{Charge, Day, DefineError, Entry, Limit, LimitId, LimitName, Memory, QuotaSpec, State, Subject};
use rusqlite::{Connection, TransactionBehavior};

use crate::file;
use crate::opening::{self, Begun, Known};
use crate::refusal::{Damage, OpenError};
use crate::rows::{self, DayRow, Reservation, Run, SpentOn};
use crate::schema;
use crate::settings::Settings;
use crate::stats::Counters;

/// The file, and what is still to be written.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) connection: Connection,
    pub(crate) settings: Settings,
    pub(crate) run: Run,
    /// Until when the last run may have admitted requests, if it did not end cleanly.
    pub(crate) crash: Option<Timestamp>,
    pub(crate) limits: HashMap<LimitId, Known>,
    /// Quotas of which more is to be set aside.
    pub(crate) low: Vec<Charge>,
    /// Usage by day that is to be written, in the order in which it lies in the file.
    pub(crate) usage: BTreeMap<(Day, LimitId, Subject), SpentOn>,
    /// Shards whose usage is still to be taken, this time round; the next is the one before.
    pub(crate) shards_due: usize,
    /// When usage was last looked for.
    pub(crate) gathered: Option<Timestamp>,
    /// When it was last found that the file cannot be written, until it can.
    pub(crate) lost: Option<Timestamp>,
    /// The last time that it was told.
    pub(crate) seen: Timestamp,
}

/// What a ledger works for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) counters: &'a Counters,
    pub(crate) path: &'a Path,
}

impl Ledger {
    /// Opens the file and begins a run.
    pub(crate) fn open(
        path: &Path,
        settings: Settings,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<(std::path::PathBuf, Self), OpenError> {
        let (path, connection) = file::open(path)?;
        let begun = schema::migrate(&connection, schema::STEPS).map_err(Damage::Sqlite);
        let begun = begun.and_then(|()| opening::begin(&connection, memory, &settings, now));
        let Begun { run, crash, limits } = begun.map_err(|damage| OpenError::content(&path, damage))?;
        let ledger = Self {
            connection,
            settings,
            run,
            crash,
            limits,
            low: Vec::new(),
            usage: BTreeMap::new(),
            shards_due: 0,
            gathered: None,
            lost: None,
            seen: now,
        };
        Ok((path, ledger))
    }

    /// Runs `write` in a transaction that renews the lease too. Returns only when it is on disk, or not done at all.
    pub(crate) fn transact(
        &mut self,
        desk: Desk<'_>,
        now: Timestamp,
        write: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> rusqlite::Result<()> {
        let alive_until = self.run.alive_until.max(now.plus(self.settings.lease));
        let run = Run { alive_until, ..self.run };
        let written = (|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let rows = write(&transaction)?;
            rows::write_run(&transaction, &run)?;
            transaction.commit()?;
            Ok(rows + 1)
        })();
        match &written {
            Ok(rows) => {
                self.run = run;
                desk.memory.admit_until(alive_until);
                desk.counters.committed(*rows, alive_until);
            }
            Err(_) => desk.counters.failed(),
        }
        written.map(drop)
    }

    /// Gives a limit these numbers: in the file first.
    pub(crate) fn define(
        &mut self,
        desk: Desk<'_>,
        name: LimitName,
        limit: Limit,
        now: Timestamp,
    ) -> Result<LimitId, DefineError> {
        let Some(numbers) = desk.memory.plan(&name, limit, now)? else {
            return desk.memory.id(&name).ok_or(DefineError::TooMany);
        };
        let known = desk.memory.id(&name).and_then(|id| self.limits.get(&id)).copied();
        let quota = match limit {
            Limit::Quota(spec) => Some(spec),
            Limit::Bucket(_) => None,
        };
        // Under the numbers before, somebody may have used their opening already.
        let requests = quota.map_or(0, |spec| spec.limit());
        let ceiling = requests.max(known.map_or(0, |known| known.ceiling));
        let opening = self.settings.batch.size(requests).max(known.map_or(0, |known| known.opening));
        let mut row = known.map(|known| known.row);
        let turned = self.turned(desk.memory, &name, quota, now);
        let before = turned.is_some().then(|| known.and_then(|known| known.quota)).flatten();
        let written = self.transact(desk, now, |connection| {
            let id = row.map_or_else(|| rows::add_limit(connection, &name), Ok)?;
            row = Some(id);
            rows::write_record(connection, id, &numbers)?;
            rows::write_opening(connection, id, opening, ceiling)?;
            let (Some(turned), Some(before), Some(spec)) = (&turned, before, quota) else { return Ok(1) };
            rows::turn_presumed(connection, id, |presumption| presumption.taken_over(spec, before, now))?;
            rows::delete_reservations_of(connection, id)?;
            let mut write = rows::write_reservation(connection)?;
            turned.iter().try_for_each(|reservation| write(*reservation))?;
            Ok(1 + turned.len())
        });
        let store = |source| DefineError::Store { name: name.clone(), source };
        written.map_err(|error| store(error.into()))?;
        let row = row.ok_or_else(|| store("no row was written".into()))?;
        let id = desk.memory.apply(name, numbers, now)?;
        self.limits.insert(id, Known { row, quota, opening, ceiling });
        Ok(id)
    }

    /// What is reserved of a quota once its windows turn as those of `spec`; `None` if that changes nothing.
    ///
    /// What memory may hand out meanwhile is within it: a reservation is only ever raised by whoever holds the ledger.
    fn turned(
        &self,
        memory: &Memory,
        name: &LimitName,
        spec: Option<QuotaSpec>,
        now: Timestamp,
    ) -> Option<Vec<Reservation>> {
        let (quota, spec) = (memory.id(name)?, spec?);
        self.limits.get(&quota)?.quota.filter(|before| !spec.turns_with(before))?;
        let reserved = |entry: Entry| match entry.state {
            State::Quota { used, window, granted, .. } => {
                self.reserve(Charge { limit: quota, subject: entry.subject }, window, granted.max(used))
            }
            State::Bucket { .. } => None,
        };
        Some(memory.taken_over(quota, spec, now).into_iter().filter_map(reserved).collect())
    }

    /// What is to be set aside of a quota for somebody, and what they used until now: written together, so that what a
    /// crash leaves in doubt is not more than a batch. `None` if they have no state.
    pub(crate) fn reservation(&self, memory: &Memory, charge: Charge) -> Option<(Reservation, DayRow)> {
        let State::Quota { used, window, granted, day, today } = memory.entry(charge)?.state else {
            return None;
        };
        let remaining = self.left(memory, charge, window, used)?;
        let reserved = granted.max(used.saturating_add(self.settings.batch.size(remaining)));
        let reservation = self.reserve(charge, window, reserved)?;
        let spent = SpentOn { used: today, remaining };
        Some((reservation, DayRow { row: reservation.row, subject: charge.subject, day, spent }))
    }

    /// `reserved` of a quota for somebody, by this run.
    pub(crate) fn reserve(&self, charge: Charge, window: Timestamp, reserved: u64) -> Option<Reservation> {
        let row = self.limits.get(&charge.limit)?.row;
        Some(Reservation { row, subject: charge.subject, window, reserved, run: self.run.number })
    }

    /// What is left of a quota after `used` in `window`.
    fn left(&self, memory: &Memory, charge: Charge, window: Timestamp, used: u64) -> Option<u64> {
        let spec = self.limits.get(&charge.limit)?.quota?;
        Some(spec.limit().saturating_add(memory.extra(charge, window)).saturating_sub(used))
    }

    /// Takes over all that was used since it was last asked.
    pub(crate) fn gather_all(&mut self, memory: &Memory) {
        self.shards_due = memory.shards();
        self.gather(memory, usize::MAX);
    }

    /// Takes over what was used in the shards that are due, until there is enough to write.
    pub(crate) fn gather(&mut self, memory: &Memory, most: usize) {
        let mut touched = Vec::new();
        while self.shards_due > 0 && self.usage.len() + touched.len() < most {
            self.shards_due -= 1;
            memory.take_touched(self.shards_due, &mut touched);
        }
        for entry in touched {
            let State::Quota { used, window, day, today, .. } = entry.state else { continue };
            let charge = Charge { limit: entry.limit, subject: entry.subject };
            let Some(remaining) = self.left(memory, charge, window, used) else { continue };
            self.usage.insert((day, entry.limit, entry.subject), SpentOn { used: today, remaining });
        }
    }

    /// The next rows of usage to be written.
    pub(crate) fn days(&self, most: usize) -> Vec<DayRow> {
        let known = |limit| self.limits.get(limit).map(|known| known.row);
        let days = self.usage.iter().take(most);
        days.filter_map(|((day, limit, subject), spent)| {
            Some(DayRow { row: known(limit)?, subject: *subject, day: *day, spent: *spent })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
