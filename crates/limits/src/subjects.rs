//! The state of many subjects in little memory: a table of places, and records in blocks.
//!
//! One record holds what a subject has under all its limits, so a request finds its key once. Records lie side by side,
//! whatever is dropped: the last one takes the place. Growing moves eight bytes a subject at most, and no record.

use hashbrown::HashTable;

use crate::charge::Subject;
use crate::definitions::LimitId;
use crate::state::Slot;

/// Subjects with their state.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    places: HashTable<Place>,
    blocks: Vec<Box<[Record; BLOCK]>>,
    count: usize,
}

/// Where a subject's record is, and half of its hash, so that growing the table looks at no record.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u32,
    position: u32,
}

/// What one subject has under each of its limits.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) subject: Subject,
    /// As many as a key has under one plan: its bucket, its bucket for the method, its quota.
    slots: [Slot; INLINE],
    /// Boxed twice over, so that those who have no more pay for one pointer.
    #[expect(
        clippy::box_collection,
        reason = "a pointer instead of three words, for something that is rare"
    )]
    more: Option<Box<Vec<Slot>>>,
    /// Whether it is among those that a store is to look at.
    pub(crate) touched: bool,
}

impl Record {
    fn new(subject: Subject) -> Self {
        Self { subject, slots: [Slot::EMPTY; INLINE], more: None, touched: false }
    }

    /// Every slot that holds something.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        let more = self.more.iter().flat_map(|more| more.iter());
        self.slots.iter().filter(|slot| !slot.is_empty()).chain(more)
    }

    pub(crate) fn slot(&self, limit: LimitId) -> Option<&Slot> {
        let inline = self.slots.iter().find(|slot| slot.limit == limit);
        inline.or_else(|| self.more.as_ref()?.iter().find(|slot| slot.limit == limit))
    }

    /// Puts `slot` in place of the one of its limit, or adds it.
    pub(crate) fn put(&mut self, slot: Slot) {
        // Places are taken in order, so that an empty one comes after the one that is looked for.
        if let Some(place) = self.slots.iter_mut().find(|place| place.limit == slot.limit || place.is_empty())
        {
            *place = slot;
            return;
        }
        let more = self.more.get_or_insert_default();
        match more.iter_mut().find(|place| place.limit == slot.limit) {
            Some(place) => *place = slot,
            None => more.push(slot),
        }
    }

    /// Takes out what is there for `limit`.
    pub(crate) fn remove(&mut self, limit: LimitId) {
        let kept: Vec<Slot> = self.slots().filter(|slot| slot.limit != limit).copied().collect();
        (self.slots, self.more) = ([Slot::EMPTY; INLINE], None);
        for slot in kept {
            self.put(slot);
        }
    }
}

impl Subjects {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Where the record of `subject` is, until the next one is dropped.
    pub(crate) fn find(&self, subject: Subject, hash: u32) -> Option<u32> {
        let same = |place: &Place| {
            place.hash == hash && self.record(place.position).is_some_and(|record| record.subject == subject)
        };
        self.places.find(spread(hash), same).map(|place| place.position)
    }

    pub(crate) fn record(&self, position: u32) -> Option<&Record> {
        let position = position as usize;
        self.blocks.get(position / BLOCK).and_then(|block| block.get(position % BLOCK))
    }

    pub(crate) fn record_mut(&mut self, position: u32) -> Option<&mut Record> {
        let position = position as usize;
        self.blocks.get_mut(position / BLOCK).and_then(|block| block.get_mut(position % BLOCK))
    }

    /// The record of `subject`, a new one if there is none.
    pub(crate) fn record_of(&mut self, subject: Subject, hash: u32) -> Option<&mut Record> {
        let position = self.find(subject, hash).or_else(|| self.add(subject, hash))?;
        self.record_mut(position)
    }

    /// Adds a record; `None` where four billion are.
    fn add(&mut self, subject: Subject, hash: u32) -> Option<u32> {
        let position = u32::try_from(self.count).ok()?;
        if self.count == self.blocks.len() * BLOCK {
            let block = vec![Record::new(Subject::SHARED); BLOCK].into_boxed_slice();
            self.blocks.push(block.try_into().ok()?);
        }
        self.count += 1;
        *self.record_mut(position)? = Record::new(subject);
        self.places.insert_unique(spread(hash), Place { hash, position }, |place| spread(place.hash));
        Some(position)
    }

    /// Drops the record at `position`; the last one takes its place. `hash_of` gives half a hash of a subject.
    pub(crate) fn drop_at(&mut self, position: u32, hash_of: impl Fn(Subject) -> u32) {
        let Some(subject) = self.record(position).map(|record| record.subject) else { return };
        let Some(last) = self.count.checked_sub(1).and_then(|last| u32::try_from(last).ok()) else { return };
        self.forget_place(hash_of(subject), position);
        if last != position
            && let Some(moved) = self.record(last).cloned()
        {
            let hash = hash_of(moved.subject);
            if let Some(place) = self.places.find_mut(spread(hash), |place| place.position == last) {
                place.position = position;
            }
            if let Some(record) = self.record_mut(position) {
                *record = moved;
            }
        }
        self.count -= 1;
        self.blocks.truncate(self.count.div_ceil(BLOCK));
        // Given back in halves, so that a table around a power of two is not built again and again.
        if self.places.capacity() > 4 * self.places.len().max(BLOCK) {
            self.places.shrink_to(2 * self.places.len(), |place| spread(place.hash));
        }
    }

    fn forget_place(&mut self, hash: u32, position: u32) {
        if let Ok(place) = self.places.find_entry(spread(hash), |place| place.position == position) {
            place.remove();
        }
    }
}

/// Half a hash as a whole one: the table looks at the lowest bits and at the highest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

const INLINE: usize = 3;

/// Records that are allocated together.
const BLOCK: usize = 32;

#[cfg(test)]
mod tests;
