//! The part of the state whose subjects fall together.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::Timestamp;

use super::held::Place;
use super::mix::Mix;
use crate::charge::{Charge, Subject};
use crate::definition::{Definition, Record};
use crate::definitions::{DefinitionList, LimitId};
use crate::quota::{Extra, Quota, QuotaSpec};
use crate::spend::Standing;
use crate::state::{Cell, Entry, Slot, State};
use crate::subjects::{self, Subjects};

/// Alone on its cache lines, so that two locks do not share one.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Shard {
    /// Each shard has its own hold of the list, so that its subjects see a change at one moment.
    pub(super) definitions: DefinitionList,
    pub(super) subjects: Subjects,
    /// What operators gave on top of quotas; seldom anything.
    pub(super) extras: HashMap<(LimitId, Subject), Extra>,
    /// Whose quotas were spent since the store last asked.
    touched: Vec<Subject>,
    /// What the store has not seen of days that are over for their subjects.
    turned: Vec<Entry>,
    /// Whether spends are over.
    pub(super) shut: bool,
    /// No subject without state is spent at an earlier effective time: state that was dropped may have said more then.
    pub(super) forgotten: Timestamp,
    /// Which record is looked at next for whether it can be dropped.
    cursor: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            definitions: DefinitionList::from([]),
            subjects: Subjects::default(),
            extras: HashMap::new(),
            touched: Vec::new(),
            turned: Vec::new(),
            shut: false,
            forgotten: Timestamp::EPOCH,
            cursor: 0,
        }
    }
}

impl Shard {
    pub(super) fn definition(&self, limit: LimitId) -> Option<&Definition> {
        self.definitions.get(limit.index()).map(|definition| &**definition)
    }

    /// Takes over definitions of which that of `changed` is new. If it is a quota whose windows turn otherwise now, every
    /// count goes over into the new window; what was given on top was for the old one.
    pub(super) fn take_over(&mut self, definitions: &DefinitionList, changed: LimitId, now: Timestamp) {
        let before = self.spec(changed);
        self.definitions = Arc::clone(definitions);
        let (Some(before), Some(spec)) = (before, self.spec(changed)) else { return };
        if spec.turns_with(&before) {
            return;
        }
        self.extras.retain(|(limit, _), _| *limit != changed);
        for position in 0..u32::try_from(self.subjects.len()).unwrap_or(u32::MAX) {
            let Some(record) = self.subjects.record_mut(position) else { break };
            let Some(cell) = record.slot(changed).map(Slot::quota) else { continue };
            if record.touched {
                let state = Cell::Quota(cell).into();
                self.turned.push(Entry { limit: changed, subject: record.subject, state });
            }
            match Quota::taken_over(spec, before, cell, now) {
                Some(cell) => record.put(Slot::pack(changed, Cell::Quota(cell))),
                None => record.remove(changed),
            }
        }
    }

    /// What [`Shard::take_over`] would make of the counts of a quota.
    pub(super) fn taken_over(&self, quota: LimitId, spec: QuotaSpec, now: Timestamp, into: &mut Vec<Entry>) {
        let Some(before) = self.spec(quota) else { return };
        for position in 0..u32::try_from(self.subjects.len()).unwrap_or(u32::MAX) {
            let Some(record) = self.subjects.record(position) else { break };
            let cell = record.slot(quota).map(Slot::quota);
            if let Some(cell) = cell.and_then(|cell| Quota::taken_over(spec, before, cell, now)) {
                into.push(Entry { limit: quota, subject: record.subject, state: Cell::Quota(cell).into() });
            }
        }
    }

    fn spec(&self, quota: LimitId) -> Option<QuotaSpec> {
        match &self.definition(quota)?.record {
            Record::Quota(quota) => Some(quota.spec),
            Record::Bucket(_) => None,
        }
    }

    /// What bears on a spend of `charge`, whose subject's record is at `position`.
    pub(super) fn standing(&self, charge: Charge, position: Option<u32>) -> Standing<'_> {
        let record = position.and_then(|position| self.subjects.record(position));
        Standing {
            charge,
            definition: self.definition(charge.limit),
            slot: record.and_then(|record| record.slot(charge.limit)),
            forgotten: self.forgotten,
            extra: self.extra(charge),
            shut: self.shut,
        }
    }

    pub(super) fn extra(&self, charge: Charge) -> Option<Extra> {
        if self.extras.is_empty() { None } else { self.extras.get(&(charge.limit, charge.subject)).copied() }
    }

    /// Writes what a subject has under one limit.
    pub(super) fn put(&mut self, place: &Place, slot: Slot) {
        if let Some(record) = record_at(&mut self.subjects, place) {
            record.put(slot);
        }
    }

    /// The same for a quota that was spent: the store is to look at it.
    pub(super) fn put_touched(&mut self, place: &Place, slot: Slot) {
        let Some(record) = record_at(&mut self.subjects, place) else { return };
        let subject = place.subject;
        if !record.touched {
            record.touched = true;
            self.touched.push(subject);
        } else if let Some(before) = record.slot(slot.limit)
            && before.quota().day != slot.quota().day
        {
            let state = Cell::Quota(before.quota()).into();
            self.turned.push(Entry { limit: slot.limit, subject, state });
        }
        record.put(slot);
    }

    /// The quota states that were spent since the last call, those of earlier days before those of later ones.
    pub(super) fn take_touched(&mut self, mix: Mix, into: &mut Vec<Entry>) {
        into.append(&mut self.turned);
        for subject in std::mem::take(&mut self.touched) {
            let Some(position) = self.subjects.find(subject, mix.low_half(subject)) else { continue };
            if let Some(record) = self.subjects.record_mut(position) {
                record.touched = false;
            }
            let quotas = |entry: &Entry| matches!(entry.state, State::Quota { .. });
            self.entries_at(position, |entry| {
                if quotas(&entry) {
                    into.push(entry);
                }
            });
        }
    }

    /// Every state in the shard.
    pub(super) fn entries(&self, into: &mut Vec<Entry>) {
        for position in 0..u32::try_from(self.subjects.len()).unwrap_or(u32::MAX) {
            self.entries_at(position, |entry| into.push(entry));
        }
    }

    /// The latest moment before which somebody here is not spent any more.
    pub(super) fn latest(&self) -> Timestamp {
        let positions = 0..u32::try_from(self.subjects.len()).unwrap_or(u32::MAX);
        let mut latest = self.forgotten;
        for position in positions {
            self.entries_at(position, |entry| {
                latest = latest.max(match entry.state {
                    State::Bucket { last, .. } => last,
                    State::Quota { window, .. } => window,
                });
            });
        }
        latest
    }

    fn entries_at(&self, position: u32, mut take: impl FnMut(Entry)) {
        let Some(record) = self.subjects.record(position) else { return };
        for slot in record.slots() {
            if let Some(definition) = self.definition(slot.limit) {
                let state = slot.cell(definition.kind()).into();
                take(Entry { limit: slot.limit, subject: record.subject, state });
            }
        }
    }

    pub(super) fn begin_tidying(&mut self) {
        self.cursor = 0;
    }

    /// Drops, of the next `most` subjects, those whose state says nothing any more. Returns how many it dropped.
    pub(super) fn tidy(&mut self, now: Timestamp, most: usize, mix: Mix) -> usize {
        let mut dropped = 0;
        for _ in 0..most.min(self.subjects.len()) {
            if self.cursor as usize >= self.subjects.len() {
                break;
            }
            match self.forgettable(self.cursor, now) {
                Some(moment) => {
                    self.forgotten = self.forgotten.max(moment);
                    self.subjects.drop_at(self.cursor, |subject| mix.low_half(subject));
                    dropped += 1;
                }
                None => self.cursor += 1,
            }
        }
        if self.cursor as usize >= self.subjects.len() {
            self.cursor = 0;
            self.drop_past_extras(now);
        }
        dropped
    }

    /// The moment from which the record at `position` says nothing, if it does not.
    fn forgettable(&self, position: u32, now: Timestamp) -> Option<Timestamp> {
        let record = self.subjects.record(position).filter(|record| !record.touched)?;
        let moments = record.slots().map(|slot| self.definition(slot.limit)?.forgettable(slot, now));
        moments.into_iter().try_fold(Timestamp::EPOCH, |latest, moment| Some(latest.max(moment?)))
    }

    fn drop_past_extras(&mut self, now: Timestamp) {
        let definitions = &self.definitions;
        self.extras.retain(|(limit, _), extra| {
            let record = definitions.get(limit.index()).map(|definition| &definition.record);
            matches!(record, Some(Record::Quota(quota)) if extra.window >= quota.spec.window(now).0)
        });
    }
}

/// The record at a place that was looked up, or a new one if there was none.
fn record_at<'s>(subjects: &'s mut Subjects, place: &Place) -> Option<&'s mut subjects::Record> {
    match place.position {
        Some(position) => subjects.record_mut(position),
        None => subjects.record_of(place.subject, place.hash),
    }
}
