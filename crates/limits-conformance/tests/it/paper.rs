//! A durable store that writes on a page in memory: what is on the page survives a crash, all else does not.
//!
//! The plainest use of what the limiter in memory offers to stores: no file, no thread, no transaction. It shows what the
//! suite asks of a store, and that it can be had.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Duration;

use ambient::Timestamp;
use limits::{
    Batch, Charge, Charges, Day, DayUsage, DefineError, Entry, Limit, LimitId, LimitName, Limiter, Memory,
    Meter, MeterError, Presumption, Record, Spending, Standing, State, Subject,
};
use limits_conformance::{Restarted, Rig, Stop};

#[derive(Debug)]
pub(crate) struct Paper {
    memory: Memory,
    batch: Batch,
    low: Mutex<Vec<Charge>>,
    page: Mutex<Page>,
}

/// What survives.
#[derive(Debug, Default)]
struct Page {
    limits: Vec<(LimitName, Record)>,
    /// What a subject without a row may have used of each quota in this run, and the largest limit: the most that its
    /// numbers ever allowed.
    openings: BTreeMap<LimitName, (u64, u64)>,
    alive_until: Timestamp,
    forgotten: Timestamp,
    /// For a quota's subject: the window, and how many requests it may have admitted.
    rows: BTreeMap<(LimitName, Subject), (Timestamp, u64)>,
    usage: BTreeMap<(LimitName, Subject, Day), u64>,
    extras: BTreeMap<(LimitName, Subject), (Timestamp, u64)>,
    /// Written by a clean stop only.
    buckets: Vec<(LimitName, Subject, State)>,
}

impl Paper {
    pub(crate) fn new(batch: u32) -> Self {
        Self::open(Batch::new(NonZeroU32::new(batch).unwrap()), Page::default())
    }

    /// A process that begins with what is on the page. Saved levels hold only until it has begun.
    fn open(batch: Batch, mut page: Page) -> Self {
        let memory = Memory::backed(batch);
        page.openings.clear();
        for (name, record) in &page.limits {
            if let Limit::Quota(spec) = record.limit() {
                page.openings.insert(name.clone(), (batch.size(spec.limit()), spec.limit()));
            }
            memory.apply(name.clone(), record.clone(), Timestamp::EPOCH).unwrap();
        }
        memory.forget_until(page.forgotten);
        let id = |name: &LimitName| memory.id(name).unwrap();
        for (name, subject, state) in page.buckets.drain(..) {
            memory.put(Entry { limit: id(&name), subject, state });
        }
        for ((name, subject), (window, reserved)) in &page.rows {
            let days = page.usage.range((name.clone(), *subject, Day::from_number(0))..);
            let last = days.take_while(|(key, _)| (&key.0, &key.1) == (name, subject)).last();
            let (day, today) = last.map_or((Day::of(*window), 0), |(key, today)| (key.2, *today));
            let state = State::Quota { used: *reserved, window: *window, granted: *reserved, day, today };
            memory.put(Entry { limit: id(name), subject: *subject, state });
        }
        for ((name, subject), (window, extra)) in &page.extras {
            memory.put_extra(Charge { limit: id(name), subject: *subject }, *window, *extra);
        }
        Self { memory, batch, low: Mutex::default(), page: Mutex::new(page) }
    }

    fn write_usage(&self, page: &mut Page) {
        let mut touched = Vec::new();
        for shard in 0..self.memory.shards() {
            self.memory.take_touched(shard, &mut touched);
        }
        for Entry { limit, subject, state } in touched {
            if let State::Quota { day, today, .. } = state {
                page.usage.insert((self.memory.name(limit).unwrap(), subject, day), today);
            }
        }
    }

    fn close(&self) {
        self.memory.shut();
        let mut page = self.page.lock().unwrap();
        self.write_usage(&mut page);
        page.forgotten = self.memory.forgotten();
        let mut entries = Vec::new();
        for shard in 0..self.memory.shards() {
            self.memory.entries(shard, &mut entries);
        }
        for Entry { limit, subject, state } in entries {
            let name = self.memory.name(limit).unwrap();
            match state {
                State::Bucket { .. } => page.buckets.push((name, subject, state)),
                State::Quota { used, window, .. } => drop(page.rows.insert((name, subject), (window, used))),
            }
        }
    }

    /// Writes off what the process may have done since it last wrote.
    fn bury(&self) {
        let mut page = self.page.lock().unwrap();
        let Page { alive_until, limits, openings, .. } = &mut *page;
        for (name, record) in limits {
            let (amount, ceiling) = openings.get(name).copied().unwrap_or_default();
            *record = record.clone().after_crash(Presumption { until: *alive_until, amount, ceiling });
        }
    }

    fn note_opening(&self, page: &mut Page, name: &LimitName, limit: Limit) {
        if let Limit::Quota(spec) = limit {
            let (opening, ceiling) = page.openings.entry(name.clone()).or_default();
            *opening = self.batch.size(spec.limit()).max(*opening);
            *ceiling = spec.limit().max(*ceiling);
        }
    }

    /// Writes what counts in the windows that are to take the place of a quota's.
    fn turn_windows(&self, page: &mut Page, name: &LimitName, limit: Limit, now: Timestamp) {
        let (Some(id), Limit::Quota(spec)) = (self.memory.id(name), limit) else { return };
        if self
            .memory
            .record(id)
            .is_some_and(|record| matches!(record.limit(), Limit::Quota(before) if spec.turns_with(&before)))
        {
            return;
        }
        page.rows.retain(|(quota, _), _| quota != name);
        page.extras.retain(|(quota, _), _| quota != name);
        for Entry { subject, state, .. } in self.memory.taken_over(id, spec, now) {
            if let State::Quota { window, granted, .. } = state {
                page.rows.insert((name.clone(), subject), (window, granted));
            }
        }
    }

    /// Gives a subject state in the open window, and a row: whoever has none cannot have used more than the quota itself.
    /// A quota of nothing has no opening, and without state in this window nobody would ask for more.
    fn begin_window(&self, page: &mut Page, quota: &LimitName, charge: Charge, standing: &Standing) {
        let (window, used) = (standing.window_start, standing.used);
        let (day, today) = match self.memory.entry(charge).map(|entry| entry.state) {
            Some(State::Quota { window: known, granted, .. }) if known >= window => {
                page.rows.insert((quota.clone(), charge.subject), (known, granted));
                return;
            }
            Some(State::Quota { day, today, .. }) => (day, today),
            _ => (Day::of(window), 0),
        };
        let granted = used + self.batch.size(standing.left);
        page.rows.insert((quota.clone(), charge.subject), (window, granted));
        let state = State::Quota { used, window, granted, day, today };
        self.memory.put(Entry { limit: charge.limit, subject: charge.subject, state });
    }

    fn used_between(page: &Page, quota: &LimitName, subject: Subject, from: Day, to: Day) -> u64 {
        let days = (quota.clone(), subject, from)..=(quota.clone(), subject, to);
        if from > to { 0 } else { page.usage.range(days).map(|(_, used)| used).sum() }
    }
}

impl Limiter for Paper {
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        let mut page = self.page.lock().unwrap();
        let Some(record) = self.memory.plan(&name, limit, now)? else {
            return Ok(self.memory.id(&name).unwrap());
        };
        self.note_opening(&mut page, &name, limit);
        self.turn_windows(&mut page, &name, limit, now);
        page.limits.retain(|(known, _)| *known != name);
        page.limits.push((name.clone(), record.clone()));
        self.memory.apply(name, record, now)
    }

    fn spend<'a>(&'a self, now: Timestamp, charges: &'a Charges) -> Spending<'a> {
        let spent = self.memory.spend_noting(now, charges);
        self.low.lock().unwrap().extend(spent.low.as_slice());
        Spending::ready(Ok(spent.decision))
    }
}

impl Meter for Paper {
    fn standing(&self, quota: &LimitName, subject: Subject, now: Timestamp) -> Result<Standing, MeterError> {
        let mut page = self.page.lock().unwrap();
        self.write_usage(&mut page);
        let counted = self.memory.standing(quota, subject, now)?;
        let last = counted.window_end.map_or(Day::of(now), |end| Day::of(end).minus(1));
        let used = Self::used_between(&page, quota, subject, Day::of(counted.window_start), last);
        let used = used.min(counted.used);
        Ok(Standing { used, lost: counted.used - used, ..counted })
    }

    fn days(
        &self,
        quota: &LimitName,
        subject: Subject,
        days: RangeInclusive<Day>,
        now: Timestamp,
    ) -> Result<Vec<DayUsage>, MeterError> {
        let standing = self.standing(quota, subject, now)?;
        let page = self.page.lock().unwrap();
        let usage = |day: Day| {
            let (start, end) = standing.spec.window(day.start());
            let open = start == standing.window_start;
            let last = end.map_or(day, |end| Day::of(end).minus(1));
            let later = Self::used_between(&page, quota, subject, day.plus(1), last);
            let before = Self::used_between(&page, quota, subject, Day::of(start), day);
            DayUsage {
                day,
                used: Self::used_between(&page, quota, subject, day, day),
                remaining: if open {
                    standing.left + later
                } else {
                    standing.spec.limit().saturating_sub(before)
                },
            }
        };
        Ok((days.start().number()..=days.end().number()).map(Day::from_number).map(usage).collect())
    }

    fn extend(
        &self,
        quota: &LimitName,
        subject: Subject,
        more: u64,
        now: Timestamp,
    ) -> Result<Standing, MeterError> {
        let standing = self.standing(quota, subject, now)?;
        let extra = standing.extended_by(more)?;
        let charge = Charge { limit: self.memory.id(quota).unwrap(), subject };
        let mut page = self.page.lock().unwrap();
        page.extras.insert((quota.clone(), subject), (standing.window_start, extra));
        self.memory.put_extra(charge, standing.window_start, extra);
        self.begin_window(&mut page, quota, charge, &self.memory.standing(quota, subject, now)?);
        drop(page);
        self.standing(quota, subject, now)
    }
}

impl Rig for Paper {
    fn limiter(&self) -> &dyn Limiter {
        self
    }

    fn meter(&self) -> &dyn Meter {
        self
    }

    fn settle(&self, now: Timestamp) {
        let mut page = self.page.lock().unwrap();
        self.write_usage(&mut page);
        page.alive_until = page.alive_until.max(now.plus(LEASE));
        self.memory.admit_until(page.alive_until);
        for charge in std::mem::take(&mut *self.low.lock().unwrap()) {
            let Some(State::Quota { used, window, .. }) = self.memory.entry(charge).map(|entry| entry.state)
            else {
                continue;
            };
            let Some(found) = self.memory.found(charge, window) else { continue };
            let granted = used + self.batch.size(found.left);
            page.rows.insert((self.memory.name(charge.limit).unwrap(), charge.subject), (window, granted));
            self.memory.grant(charge, window, granted);
        }
    }

    fn tidy(&self, now: Timestamp) {
        self.memory.tidy_all(now);
    }

    fn restart(&mut self, stop: Stop, _now: Timestamp) -> Option<Restarted> {
        match stop {
            Stop::Clean => self.close(),
            Stop::Crash => self.bury(),
        }
        let page = std::mem::take(self.page.get_mut().unwrap());
        let restarted = Restarted { alive_until: page.alive_until, batch: self.batch.most().into() };
        *self = Self::open(self.batch, page);
        Some(restarted)
    }
}

const LEASE: Duration = Duration::from_secs(5);
