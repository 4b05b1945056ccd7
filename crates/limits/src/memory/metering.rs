//! Reading and extending quotas that are kept in memory only: the present window, and the day of the last spend.

use std::ops::RangeInclusive;

use ambient::Timestamp;

use super::Memory;
use crate::charge::{Charge, Subject};
use crate::day::Day;
use crate::definition::Record;
use crate::definitions::LimitName;
use crate::meter::{DayUsage, Meter, MeterError, Standing};
use crate::state::State;

impl Meter for Memory {
    fn standing(&self, quota: &LimitName, subject: Subject, now: Timestamp) -> Result<Standing, MeterError> {
        let no_such_quota = || MeterError::NoSuchQuota { name: quota.clone() };
        let limit = self.id(quota).ok_or_else(no_such_quota)?;
        self.found(Charge { limit, subject }, now).ok_or_else(no_such_quota)
    }

    fn days(
        &self,
        quota: &LimitName,
        subject: Subject,
        days: RangeInclusive<Day>,
        now: Timestamp,
    ) -> Result<Vec<DayUsage>, MeterError> {
        let standing = self.standing(quota, subject, now)?;
        let entry = self.id(quota).and_then(|limit| self.entry(Charge { limit, subject }));
        let (last, counted) = match entry.map(|entry| entry.state) {
            Some(State::Quota { day, today, .. }) => (day, today),
            _ => (Day::of(now), 0),
        };
        let window = Day::of(standing.window_start);
        let all = days.start().number()..=days.end().number();
        let usage = |day: Day| DayUsage {
            day,
            used: if day == last { counted } else { 0 },
            remaining: match day {
                // What was used before the last day with a spend is not kept by day.
                day if day >= last.max(window) => standing.left,
                day if day >= window => standing.left.saturating_add(counted),
                _ => standing.spec.limit(),
            },
        };
        Ok(all.map(Day::from_number).map(usage).collect())
    }

    fn extend(
        &self,
        quota: &LimitName,
        subject: Subject,
        more: u64,
        now: Timestamp,
    ) -> Result<Standing, MeterError> {
        let standing = self.standing(quota, subject, now)?;
        let amount = standing.extended_by(more)?;
        if let Some(limit) = self.id(quota) {
            self.put_extra(Charge { limit, subject }, standing.window_start, amount);
        }
        self.standing(quota, subject, now)
    }
}

impl Memory {
    /// Where a subject stands with a quota, as far as memory knows; `None` if the limit is not one. What a crash left in
    /// doubt counts as used here: a store knows better.
    pub fn found(&self, charge: Charge, now: Timestamp) -> Option<Standing> {
        let shard = self.shards.get(self.mix.shard(charge.subject))?.lock();
        let position = shard.subjects.find(charge.subject, self.mix.low_half(charge.subject));
        let standing = shard.standing(charge, position);
        let definition = standing.definition?;
        let Record::Quota(quota) = &definition.record else { return None };
        let now = if standing.slot.is_none() { now.max(standing.forgotten) } else { now };
        let found = definition.found(standing.slot, now, standing.extra)?;
        Some(Standing {
            spec: quota.spec,
            extra: found.extra,
            used: found.used,
            lost: 0,
            left: found.left,
            window_start: found.window_start,
            window_end: found.window_end,
        })
    }
}
