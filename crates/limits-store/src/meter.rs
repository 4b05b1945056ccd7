//! What operators ask: who has used how much, and more for somebody who needs it.
//!
//! Memory knows what is left, the file what was used on which day. What memory counts as used and no day has is lost: a
//! crash left it in doubt.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ambient::Timestamp;
use limits::{
    Charge, Day, DayUsage, Entry, LimitName, Meter, MeterError, QuotaSpec, Standing, State, StoreError,
    Subject,
};

use crate::ledger::Ledger;
use crate::rows::{self, DayRow, Reservation, SpentOn, StoredExtra};
use crate::store::Sqlite;

impl Meter for Sqlite {
    fn standing(&self, quota: &LimitName, subject: Subject, now: Timestamp) -> Result<Standing, MeterError> {
        let mut ledger = self.ledger()?;
        let found = self.find(quota, subject, now)?;
        let (first, last) = (Day::of(found.standing.window_start), last_day(&found.standing));
        let days = ledger.spent(self, &found, first..=last).map_err(unavailable)?;
        let used = days.values().fold(0_u64, |sum, spent| sum.saturating_add(spent.used));
        // Days from before a change of the period do not count in its first window.
        let used = used.min(found.standing.used);
        Ok(Standing { used, lost: found.standing.used.saturating_sub(used), ..found.standing })
    }

    fn days(
        &self,
        quota: &LimitName,
        subject: Subject,
        days: RangeInclusive<Day>,
        now: Timestamp,
    ) -> Result<Vec<DayUsage>, MeterError> {
        let mut ledger = self.ledger()?;
        let found = self.find(quota, subject, now)?;
        let spec = found.standing.spec;
        // What was left before the first day, if that is in the middle of a window, is what an earlier one says.
        let from = Day::of(spec.window(days.start().start()).0);
        let spent = ledger.spent(self, &found, from..=*days.end()).map_err(unavailable)?;
        drop(ledger);
        Ok(without_gaps(spec, &spent, days))
    }

    fn extend(
        &self,
        quota: &LimitName,
        subject: Subject,
        more: u64,
        now: Timestamp,
    ) -> Result<Standing, MeterError> {
        let mut ledger = self.ledger()?;
        let found = self.find(quota, subject, now)?;
        let amount = found.standing.extended_by(more)?;
        ledger.extend(self, &found, amount, now).map_err(unavailable)?;
        drop(ledger);
        self.standing(quota, subject, now)
    }
}

/// Whose quota is asked for, and what memory says about it.
struct Found {
    charge: Charge,
    standing: Standing,
    /// The day that is today for it.
    present: Day,
    /// Requests admitted on that day.
    today: u64,
}

impl Sqlite {
    fn find(&self, quota: &LimitName, subject: Subject, now: Timestamp) -> Result<Found, MeterError> {
        let none = || MeterError::NoSuchQuota { name: quota.clone() };
        let charge = Charge { limit: self.memory().id(quota).ok_or_else(none)?, subject };
        let standing = self.memory().found(charge, now).ok_or_else(none)?;
        let (last, counted) = match self.memory().entry(charge).map(|entry| entry.state) {
            Some(State::Quota { day, today, .. }) => (day, today),
            _ => (Day::from_number(0), 0),
        };
        // A clock that has stepped back does not take anybody back to an earlier day.
        let present = Day::of(now.max(standing.window_start)).max(last);
        Ok(Found { charge, standing, present, today: if present == last { counted } else { 0 } })
    }
}

impl Ledger {
    /// What was used on those of `days` on which something was, and today.
    fn spent(
        &mut self,
        store: &Sqlite,
        found: &Found,
        days: RangeInclusive<Day>,
    ) -> rusqlite::Result<BTreeMap<Day, SpentOn>> {
        let Charge { limit, subject } = found.charge;
        self.gather_all(store.memory());
        let Some(known) = self.limits.get(&limit) else { return Ok(BTreeMap::new()) };
        let stored = rows::usage_of(&self.connection, known.row, subject, days.clone())?;
        let mut spent: BTreeMap<Day, SpentOn> = stored.into_iter().collect();
        for day in
            (days.start().number()..=days.end().number().min(found.present.number())).map(Day::from_number)
        {
            if let Some(unwritten) = self.usage.get(&(day, limit, subject)) {
                spent.insert(day, *unwritten);
            }
        }
        if days.contains(&found.present) {
            let before = spent.get(&found.present).map_or(0, |spent| spent.used);
            let today = SpentOn { used: found.today.max(before), remaining: found.standing.left };
            spent.insert(found.present, today);
        }
        Ok(spent)
    }

    /// Gives somebody `amount` on top of a quota, and sets some of it aside at once.
    fn extend(&mut self, store: &Sqlite, found: &Found, amount: u64, now: Timestamp) -> rusqlite::Result<()> {
        let Found { charge, standing, .. } = found;
        // What is written below takes the place of what memory knows of the day before.
        self.gather_all(store.memory());
        let Some(known) = self.limits.get(&charge.limit).copied() else { return Ok(()) };
        let (row, memory, subject, window) =
            (known.row, store.memory(), charge.subject, standing.window_start);
        // Whoever has no state may use an opening, and may be doing so right now: what is reserved covers that.
        let (used, granted) = match memory.entry(*charge).map(|entry| entry.state) {
            Some(State::Quota { used, window: of, granted, .. }) if of >= window => (used, granted),
            _ => (standing.used, standing.used.saturating_add(known.opening)),
        };
        let left = standing.spec.limit().saturating_add(amount).saturating_sub(used);
        let granted = granted.max(used.saturating_add(self.settings.batch.size(left)));
        let reservation = Reservation { row, subject, window, reserved: granted, run: self.run.number };
        let extra = StoredExtra { row, subject, window, requests: amount };
        let (day, today) = (found.present, found.today);
        let spent = SpentOn { used: today, remaining: left };
        self.transact(store.desk(), now, |connection| {
            rows::write_extra(connection, &extra)?;
            rows::write_usage(connection)?(DayRow { row, subject, day, spent })?;
            rows::write_reservation(connection)?(reservation)?;
            Ok(3)
        })?;
        memory.put_extra(*charge, window, amount);
        let state = State::Quota { used, window, granted, day, today };
        memory.endow(Entry { limit: charge.limit, subject, state });
        Ok(())
    }
}

/// Every one of `days`: where nothing was spent, what was left before it in the same window, or all of it.
fn without_gaps(spec: QuotaSpec, spent: &BTreeMap<Day, SpentOn>, days: RangeInclusive<Day>) -> Vec<DayUsage> {
    let all = days.start().number()..=days.end().number();
    let usage = |day: Day| {
        let remaining = match spent.range(..=day).next_back() {
            Some((at, spent)) if spec.window(at.start()).0 == spec.window(day.start()).0 => spent.remaining,
            _ => spec.limit(),
        };
        DayUsage { day, used: spent.get(&day).map_or(0, |spent| spent.used), remaining }
    };
    all.map(Day::from_number).map(usage).collect()
}

/// The last day of the window.
fn last_day(standing: &Standing) -> Day {
    standing.window_end.map_or(Day::from_number(u32::MAX), |end| Day::of(end).minus(1))
}

fn unavailable(error: rusqlite::Error) -> MeterError {
    StoreError::Unavailable(error.into()).into()
}

#[cfg(test)]
mod tests;
