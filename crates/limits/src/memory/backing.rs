//! How a durable store stands behind the memory: it says beforehand how much may be handed out without it.
//!
//! A spend never waits for the store. It goes as far as the store has recorded ahead: to a moment for everything, and to
//! a count for each quota. Beyond that the decision is [`Decision::Unready`]. What a subject may use of a quota before
//! the store has any record of it is its *opening*: a batch of a whole quota.

use ambient::Timestamp;

use super::held::Place;
use super::shard::Shard;
use super::{Backing, Memory};
use crate::batch::Batch;
use crate::charge::{Charge, Charges, Subject};
use crate::decision::Decision;
use crate::definition::Record;
use crate::definitions::{DefineError, Limit, LimitId, LimitName};
use crate::quota::{Extra, QuotaSpec};
use crate::state::{Cell, Entry, QuotaCell, Slot, State};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A spend, and what a store should do about it.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Whether the request may pass.
    pub decision: Decision,
    /// The quotas of which more should be set aside. Each is named once, until it has been granted more.
    pub low: Charges,
}

/// Which kinds of limit admit without their store, because it is lost. That suspends the law.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Gate {
    /// Token buckets.
    pub buckets: bool,
    /// Quotas.
    pub quotas: bool,
}

impl Memory {
    /// A limiter that hands out what a store has recorded ahead, and nothing before [`Memory::admit_until`].
    pub fn backed(batch: Batch) -> Self {
        Self::build(Some(Backing {
            batch,
            until: AtomicU64::new(0),
            buckets_open: AtomicBool::new(false),
            quotas_open: AtomicBool::new(false),
        }))
    }

    /// What `name` would be with these numbers from `now` on, to be recorded before [`Memory::apply`]; `None` if they are
    /// its numbers already.
    pub fn plan(
        &self,
        name: &LimitName,
        limit: Limit,
        now: Timestamp,
    ) -> Result<Option<Record>, DefineError> {
        self.definitions.lock().plan(name, limit, now)
    }

    /// Takes over a limit as it was planned for `now`, or as it was recorded by an earlier process.
    pub fn apply(&self, name: LimitName, record: Record, now: Timestamp) -> Result<LimitId, DefineError> {
        self.take_over(&mut self.definitions.lock(), name, record, now)
    }

    /// The states that subjects will have of a quota if `spec` is applied for `now` and its windows turn otherwise.
    pub fn taken_over(&self, quota: LimitId, spec: QuotaSpec, now: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for shard in &self.shards {
            shard.lock().taken_over(quota, spec, now, &mut entries);
        }
        entries
    }

    /// What a limit's numbers mean.
    pub fn record(&self, limit: LimitId) -> Option<Record> {
        let definitions = self.definitions.lock();
        definitions.list().get(limit.index()).map(|definition| definition.record.clone())
    }

    /// From now on subjects without state are not spent at an earlier effective time: they may have had some until then.
    pub fn forget_until(&self, moment: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.forgotten = shard.forgotten.max(moment);
        }
    }

    /// The moment after which nothing has been forgotten.
    pub fn forgotten(&self) -> Timestamp {
        self.shards.iter().map(|shard| shard.lock().forgotten).max().unwrap_or_default()
    }

    /// Takes over the state of one subject under one limit.
    pub fn put(&self, entry: Entry) {
        let Some(shard) = self.shard_of(entry.subject) else { return };
        let slot = Slot::pack(entry.limit, Cell::from(entry.state));
        shard.lock().put(&Place::new(entry.subject, self.mix), slot);
    }

    /// The state of one subject under one limit.
    pub fn entry(&self, charge: Charge) -> Option<Entry> {
        let Charge { limit, subject } = charge;
        let shard = self.shard_of(subject)?.lock();
        let position = shard.subjects.find(subject, self.mix.low_half(subject));
        let standing = shard.standing(charge, position);
        let (definition, slot) = (standing.definition?, standing.slot?);
        Some(Entry { limit, subject, state: slot.cell(definition.kind()).into() })
    }

    /// Lets a subject use `granted` requests of a quota's window that begins at `window`. Without effect if its window
    /// has turned meanwhile.
    pub fn grant(&self, charge: Charge, window: Timestamp, granted: u64) {
        let Some(shard) = self.shard_of(charge.subject) else { return };
        shard.lock().grant(charge, self.mix.low_half(charge.subject), window, granted);
    }

    /// Gives a subject without state in a quota's window the state of `entry`; lets one that has some meanwhile use what is
    /// granted in it.
    pub fn endow(&self, entry: Entry) {
        let Some(shard) = self.shard_of(entry.subject) else { return };
        let State::Quota { window, granted, .. } = entry.state else { return };
        let charge = Charge { limit: entry.limit, subject: entry.subject };
        let hash = self.mix.low_half(entry.subject);
        let mut shard = shard.lock();
        if shard.quota_of(charge, hash).is_some_and(|known| known.window >= window) {
            shard.grant(charge, hash, window, granted);
        } else {
            shard.put(&Place::new(entry.subject, self.mix), Slot::pack(entry.limit, Cell::from(entry.state)));
        }
    }

    /// Gives a subject `amount` requests on top of a quota, in the window that begins at `window` and no other.
    pub fn put_extra(&self, charge: Charge, window: Timestamp, amount: u64) {
        if let Some(shard) = self.shard_of(charge.subject) {
            shard.lock().extras.insert((charge.limit, charge.subject), Extra { window, amount });
        }
    }

    /// What a subject was given on top of a quota in the window that begins at `window`.
    pub fn extra(&self, charge: Charge, window: Timestamp) -> u64 {
        let extra = self.shard_of(charge.subject).and_then(|shard| shard.lock().extra(charge));
        extra.filter(|extra| extra.window == window).map_or(0, |extra| extra.amount)
    }

    /// Takes back what was let through beyond `until` and has not been used. Returns how far spends may go now: to
    /// `until`, or to the latest bucket's spend or quota's window if that is later.
    pub fn draw_back(&self, until: Timestamp) -> Timestamp {
        let Some(backing) = &self.backing else { return until };
        backing.until.store(until.as_micros(), Ordering::Release);
        // Whoever saw the later moment holds a lock, and is waited for here.
        let latest = self.shards.iter().map(|shard| shard.lock().latest()).max().unwrap_or_default();
        self.admit_until(latest);
        latest.max(until)
    }

    /// Admits spends up to the effective time `until`. Only [`Memory::draw_back`] goes back.
    pub fn admit_until(&self, until: Timestamp) {
        if let Some(backing) = &self.backing {
            backing.until.fetch_max(until.as_micros(), Ordering::AcqRel);
        }
    }

    /// Lets kinds of limit admit without their store, or no longer.
    pub fn open_gate(&self, gate: Gate) {
        if let Some(backing) = &self.backing {
            backing.buckets_open.store(gate.buckets, Ordering::Release);
            backing.quotas_open.store(gate.quotas, Ordering::Release);
        }
    }

    /// Admits nothing any more. When it returns, no spend is under way: what is read then is the last word.
    pub fn shut(&self) {
        for shard in &self.shards {
            shard.lock().shut = true;
        }
    }

    /// How many shards there are, for walks that lock one at a time.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Adds the quota states of a shard that were spent since the last call.
    pub fn take_touched(&self, shard: usize, into: &mut Vec<Entry>) {
        if let Some(shard) = self.shards.get(shard) {
            shard.lock().take_touched(self.mix, into);
        }
    }

    /// Adds every state of a shard.
    pub fn entries(&self, shard: usize, into: &mut Vec<Entry>) {
        if let Some(shard) = self.shards.get(shard) {
            shard.lock().entries(into);
        }
    }

    fn shard_of(&self, subject: Subject) -> Option<&Mutex<Shard>> {
        self.shards.get(self.mix.shard(subject))
    }
}

impl Shard {
    fn quota_of(&self, charge: Charge, hash: u32) -> Option<QuotaCell> {
        let record = self.subjects.record(self.subjects.find(charge.subject, hash)?)?;
        record.slot(charge.limit).map(Slot::quota)
    }

    fn grant(&mut self, charge: Charge, hash: u32, window: Timestamp, granted: u64) {
        self.change_quota(charge, self.subjects.find(charge.subject, hash), |quota| {
            if quota.window == window {
                quota.granted = quota.granted.max(granted);
                quota.asked = false;
            }
        });
    }

    /// Marks a quota that has nothing at hand. Says whether it was not marked before.
    pub(super) fn ask(&mut self, charge: Charge, position: Option<u32>) -> bool {
        let mut first = false;
        self.change_quota(charge, position, |quota| {
            first = !quota.asked;
            quota.asked = true;
        });
        first
    }

    fn change_quota(&mut self, charge: Charge, position: Option<u32>, alter: impl FnOnce(&mut QuotaCell)) {
        let is_quota =
            matches!(self.definition(charge.limit).map(|known| &known.record), Some(Record::Quota(_)));
        let record = position.and_then(|position| self.subjects.record_mut(position));
        let Some(record) = record.filter(|_| is_quota) else { return };
        let Some(mut quota) = record.slot(charge.limit).map(Slot::quota) else { return };
        alter(&mut quota);
        record.put(Slot::pack(charge.limit, Cell::Quota(quota)));
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
