//! What is written while a store runs, once in a while and whenever something is needed.
//!
//! A turn is one transaction for everybody: the reservations that are running low, what was used by day, and the lease.
//! What could not be written is kept and tried again. Nothing here is on the way of a request.

use std::time::Duration;

use ambient::Timestamp;
use limits::{Charge, Day, Gate, Memory, Record, State};
use rusqlite::Connection;

use crate::ledger::{Desk, Ledger};
use crate::rows::{self, DayRow, Reservation};
use crate::settings::Lost;

impl Ledger {
    /// Writes what there is to write. Says after how long there may be more.
    pub(crate) fn turn(&mut self, desk: Desk<'_>, now: Timestamp) -> Duration {
        let came_back = self.come_back(desk, now);
        self.seen = now;
        self.gather_in_time(desk.memory, now);
        if self.lost.is_some_and(|since| now >= since && now.since(since) < RETRY) {
            return RETRY;
        }
        let nothing_to_write = self.low.is_empty() && self.usage.is_empty() && !came_back;
        if nothing_to_write && self.lost.is_none() && !self.until_renewal(now).is_zero() {
            return self.until_renewal(now).min(USAGE_EVERY);
        }
        match self.write(desk, now) {
            Ok(()) => self.found(desk, now),
            Err(error) => self.lose(desk, now, &error),
        }
        match self.lost {
            Some(_) => RETRY,
            None if self.usage.is_empty() && self.shards_due == 0 => self.until_renewal(now).min(USAGE_EVERY),
            None => self.until_renewal(now).min(USAGE_PACE),
        }
    }

    /// Shortens a lease that a clock far ahead has made long, once it is back: a crash would empty every bucket until then.
    /// Says whether it did.
    fn come_back(&mut self, desk: Desk<'_>, now: Timestamp) -> bool {
        if self.seen <= now.plus(FAR) {
            return false;
        }
        let changed = self.limits.keys().filter_map(|limit| match desk.memory.record(*limit)? {
            Record::Bucket(bucket) => Some(bucket.present.since),
            Record::Quota(_) => None,
        });
        let changed = changed.max().unwrap_or_default();
        let until = desk.memory.draw_back(now.plus(self.settings.lease)).max(changed);
        tracing::warn!(
            path = %desk.path.display(),
            seconds = self.seen.since(now).as_secs(),
            "the clock has been set back; what was spent while it was ahead counts there"
        );
        self.run.alive_until = until;
        true
    }

    /// Looks for usage once in a while, however often there is a turn: each look writes a row for everybody who spent.
    fn gather_in_time(&mut self, memory: &Memory, now: Timestamp) {
        let early = self.gathered.is_some_and(|last| now >= last && now.since(last) < USAGE_EVERY);
        if self.shards_due == 0 && !early {
            self.shards_due = memory.shards();
            self.gathered = Some(now);
        }
        self.gather(memory, USAGE_PER_TURN);
    }

    /// How long the lease needs no renewal: until three fifths of it are left.
    fn until_renewal(&self, now: Timestamp) -> Duration {
        let enough = self.settings.lease / 5 * 3;
        self.run.alive_until.since(now).saturating_sub(enough)
    }

    /// One transaction, and after it what memory may hand out because of it.
    fn write(&mut self, desk: Desk<'_>, now: Timestamp) -> rusqlite::Result<()> {
        let asked = |charge: &Charge| Some((*charge, self.reservation(desk.memory, *charge)?));
        let reserved: Vec<(Charge, (Reservation, DayRow))> = self.low.iter().filter_map(asked).collect();
        for (charge, (_, day)) in &reserved {
            self.usage.insert((day.day, charge.limit, charge.subject), day.spent);
        }
        let mut days = self.days(USAGE_PER_TURN);
        let due = days.len();
        if due < self.usage.len() {
            // What a crash leaves in doubt is what was set aside since usage was written: never more than a batch.
            days.extend(reserved.iter().map(|(_, (_, day))| *day));
        }
        let oldest = Day::of(now).minus(DAYS_KEPT);
        self.transact(desk, now, |connection| write_all(connection, &reserved, &days, oldest))?;
        self.low.clear();
        for _ in 0..due {
            self.usage.pop_first();
        }
        for (charge, (reservation, _)) in reserved {
            desk.memory.grant(charge, reservation.window, reservation.reserved);
        }
        Ok(())
    }

    /// The file cannot be written. Said once; what memory has noted stays noted.
    fn lose(&mut self, desk: Desk<'_>, now: Timestamp, error: &rusqlite::Error) {
        if self.lost.replace(now).is_some() {
            return;
        }
        let when_lost = self.settings.when_lost;
        desk.counters.lose(true);
        desk.memory.open_gate(when_lost.into());
        let buckets = consequence(when_lost.buckets);
        let quotas = consequence(when_lost.quotas);
        tracing::error!(path = %desk.path.display(), %error, buckets, quotas, "limits cannot be recorded");
    }

    /// The file could be written. If that is news, what was admitted without it is recorded first.
    fn found(&mut self, desk: Desk<'_>, now: Timestamp) {
        if self.lost.take().is_none() {
            return;
        }
        let was_open = Gate::from(self.settings.when_lost) != Gate::default();
        if was_open {
            desk.memory.open_gate(Gate::default());
            let latest = self.catch_up(desk.memory);
            if let Err(error) = self.write(desk, now.max(latest)) {
                return self.lose(desk, now, &error);
            }
        }
        desk.counters.lose(false);
        tracing::info!(path = %desk.path.display(), "limits are recorded again");
    }

    /// Notes every quota that was used beyond what is reserved of it. Returns a time before which nobody is spent any more.
    fn catch_up(&mut self, memory: &Memory) -> Timestamp {
        let mut latest = Timestamp::EPOCH;
        let mut entries = Vec::new();
        for shard in 0..memory.shards() {
            memory.entries(shard, &mut entries);
            for entry in entries.drain(..) {
                match entry.state {
                    State::Bucket { last, .. } => latest = latest.max(last),
                    State::Quota { used, granted, window, .. } => {
                        latest = latest.max(window);
                        if used > granted {
                            self.low.push(Charge { limit: entry.limit, subject: entry.subject });
                        }
                    }
                }
            }
        }
        latest
    }
}

fn write_all(
    connection: &Connection,
    reserved: &[(Charge, (Reservation, DayRow))],
    days: &[DayRow],
    oldest: Day,
) -> rusqlite::Result<usize> {
    if !reserved.is_empty() {
        let mut write = rows::write_reservation(connection)?;
        reserved.iter().try_for_each(|(_, (reservation, _))| write(*reservation))?;
    }
    if !days.is_empty() {
        let mut write = rows::write_usage(connection)?;
        days.iter().try_for_each(|day| write(*day))?;
    }
    // More than comes in, so that what is too old gets less.
    let most = u32::try_from(days.len()).unwrap_or(u32::MAX).saturating_add(DROPPED_PER_TURN);
    rows::delete_old_usage(connection, oldest, most)?;
    Ok(reserved.len() + days.len())
}

fn consequence(lost: Lost) -> &'static str {
    match lost {
        Lost::Closed => "requests are turned away once what is set aside is used up",
        Lost::Open => {
            "requests are admitted, and forgotten if the process dies: the limits are not guaranteed"
        }
    }
}

/// A clock that goes back further than this was wrong before, or is now.
const FAR: Duration = Duration::from_hours(1);

/// A file that could not be written is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// How often usage by day is looked for.
const USAGE_EVERY: Duration = Duration::from_secs(1);

/// Rows of usage that one transaction writes, so that reservations do not wait long for it.
const USAGE_PER_TURN: usize = 4_096;

/// If there are more, the next ones are written after this long: reservations and requests need the machine too.
const USAGE_PACE: Duration = Duration::from_millis(50);

/// Usage is kept of today and of so many days before it.
pub const DAYS_KEPT: u32 = 90;

/// Rows of older usage that one transaction drops, more than it writes.
const DROPPED_PER_TURN: u32 = 256;

#[cfg(test)]
mod tests;
