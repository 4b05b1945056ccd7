//! The limiter of one process: levels in memory, exact under any number of threads.
//!
//! State is spread over shards by subject, each behind its own lock. A spend locks the shards of its subjects in
//! ascending order, looks at every limit, and only then writes: nobody sees half a spend, and two spends cannot wait for
//! each other. All limits of one subject are in one shard, so a request takes two locks: its key's and the shared one.
//!
//! It keeps nothing across a restart, and forgets no subject. A missing cell means a full bucket and an unused quota.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use ambient::Timestamp;

use crate::charge::{Charge, Charges, Subject};
use crate::decision::Decision;
use crate::definitions::{DefineError, Defined, Definition, Definitions, Limit, LimitId, LimitName};
use crate::limiter::{Limiter, Spending};
use crate::quota::{QuotaSpec, Usage};
use crate::row::{MAX_CHARGES, Row};
use crate::spend::{Cell, Standing, Verdict, weigh};
use crate::sync::{Mutex, MutexGuard};

/// Limits kept in memory.
#[derive(Debug)]
pub struct Memory {
    /// Taken before any shard, and never by a spend.
    definitions: Mutex<Definitions>,
    shards: Box<[Mutex<Shard>]>,
    mix: Mix,
}

impl Memory {
    /// A store without limits.
    pub fn new() -> Self {
        let mix = Mix(RandomState::new().hash_one(SHARDS));
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Self { definitions: Mutex::default(), shards, mix }
    }

    /// Gives the limit called `name` these numbers from `now` on.
    ///
    /// Saying the same again changes nothing. New numbers refill nothing: levels stay, capped at the new burst, and a
    /// quota keeps what was used in the window that is open.
    pub fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        let mut definitions = self.definitions.lock();
        match definitions.define(name, limit, now)? {
            Defined::AsBefore(id) => Ok(id),
            Defined::Added(id, definition) => {
                for shard in &self.shards {
                    shard.lock().limits.push(Slot::new(&definition, self.mix));
                }
                Ok(id)
            }
            Defined::Changed(id, definition) => {
                // One after the other will do: a subject's state is in one shard, so it sees the change at one moment.
                for shard in &self.shards {
                    if let Some(slot) = shard.lock().limits.get_mut(id.index()) {
                        slot.definition = Arc::clone(&definition);
                    }
                }
                Ok(id)
            }
        }
    }

    /// The name that `limit` was defined under.
    pub fn name(&self, limit: LimitId) -> Option<LimitName> {
        self.definitions.lock().name(limit).cloned()
    }

    /// Spends every charge or none, and says so at once.
    ///
    /// An id that another store gave out has nothing to give here: the spend is refused, and the wait is never.
    pub fn spend_now(&self, now: Timestamp, charges: &Charges) -> Decision {
        let mut held = self.lock(charges.as_slice());
        let (decision, verdicts) = weigh(now, &held.standings(charges.row()));
        if decision.is_admitted() {
            for (charge, verdict) in charges.as_slice().iter().zip(verdicts.as_slice()) {
                if let Verdict::Pays { after, .. } = verdict {
                    held.write(*charge, *after);
                }
            }
        }
        decision
    }

    /// Where `subject` stands with a quota at `now`; `None` if the limit is not a quota.
    pub fn usage(&self, limit: LimitId, subject: Subject, now: Timestamp) -> Option<Usage> {
        let charge = Charge { limit, subject };
        let held = self.lock(&[charge]);
        let standing = held.standing(charge);
        let Definition::Quota(spec) = standing.definition? else { return None };
        Some(spec.usage(standing.cell, now.max(QuotaSpec::floor(standing.cell))))
    }

    /// Locks the shards that `charges` live in, in ascending order.
    fn lock(&self, charges: &[Charge]) -> Held<'_> {
        let wanted = charges.iter().fold(0, |wanted, charge| wanted | self.mix.shard_bit(charge.subject));
        let mut shards = array::from_fn(|_| None);
        let mut rest = wanted;
        for place in &mut shards {
            if rest == 0 {
                break;
            }
            *place = self.shards.get(rest.trailing_zeros() as usize).map(Mutex::lock);
            rest &= rest - 1;
        }
        Held { wanted, shards, mix: self.mix }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Limiter for Memory {
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        Memory::define(self, name, limit, now)
    }

    fn spend<'a>(&'a self, now: Timestamp, charges: &'a Charges) -> Spending<'a> {
        Spending::ready(Ok(self.spend_now(now, charges)))
    }
}

/// The part of the state whose subjects fall together. Alone on its cache lines, so that two locks do not share one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    /// By [`LimitId`].
    limits: Vec<Slot>,
}

/// One limit within a shard.
#[derive(Debug)]
struct Slot {
    definition: Arc<Definition>,
    cells: HashMap<Subject, Cell, Mix>,
}

impl Slot {
    fn new(definition: &Arc<Definition>, mix: Mix) -> Self {
        Self { definition: Arc::clone(definition), cells: HashMap::with_hasher(mix) }
    }
}

/// The locked shards of one spend, until it is over.
struct Held<'a> {
    /// A bit for each locked shard.
    wanted: u64,
    /// As many as there are bits, in the order of their numbers.
    shards: [Option<MutexGuard<'a, Shard>>; MAX_CHARGES],
    mix: Mix,
}

impl Held<'_> {
    fn standings(&self, charges: &Row<Charge>) -> Row<Standing<'_>> {
        let unseen = Charge { limit: LimitId::UNDEFINED, subject: Subject::SHARED };
        let filler = Standing { charge: unseen, definition: None, cell: None };
        charges.map(filler, |charge| self.standing(*charge))
    }

    fn standing(&self, charge: Charge) -> Standing<'_> {
        let shard = self.shards.get(self.place(charge.subject)).and_then(Option::as_deref);
        let slot = shard.and_then(|shard| shard.limits.get(charge.limit.index()));
        Standing {
            charge,
            definition: slot.map(|slot| &*slot.definition),
            cell: slot.and_then(|slot| slot.cells.get(&charge.subject)).copied(),
        }
    }

    fn write(&mut self, charge: Charge, cell: Cell) {
        let place = self.place(charge.subject);
        let shard = self.shards.get_mut(place).and_then(Option::as_deref_mut);
        if let Some(slot) = shard.and_then(|shard| shard.limits.get_mut(charge.limit.index())) {
            slot.cells.insert(charge.subject, cell);
        }
    }

    /// Where among the locked shards the one of `subject` is: after those with smaller numbers.
    fn place(&self, subject: Subject) -> usize {
        (self.wanted & (self.mix.shard_bit(subject) - 1)).count_ones() as usize
    }
}

/// Spreads subjects over shards and hash tables, differently in each process.
///
/// Subjects are internal numbers that no request chooses, so a seed and a good mixer (the finalizer of `SplitMix64`) are
/// enough, at a fraction of the price of a keyed hash.
#[derive(Clone, Copy, Debug)]
struct Mix(u64);

impl Mix {
    /// The bit that stands for the shard of `subject`. Shards go by bits that the hash tables look at last.
    fn shard_bit(self, subject: Subject) -> u64 {
        1 << ((self.hash_one(subject) >> 32) % SHARDS)
    }
}

impl BuildHasher for Mix {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mut mixed = (self.0 ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A power of two, and no more than the bits of the set in [`Held`].
const SHARDS: u64 = 32;

#[cfg(test)]
pub(crate) mod tests;
