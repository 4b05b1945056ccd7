//! The locked shards of one spend, until it is over.

use arrayvec::ArrayVec;

use super::mix::Mix;
use super::shard::Shard;
use crate::batch::Batch;
use crate::charge::{Charge, Subject};
use crate::row::MAX_CHARGES;
use crate::spend::{Standing, Verdict};
use crate::state::{Cell, Slot};
use crate::sync::{Mutex, MutexGuard};

pub(super) struct Held<'a> {
    /// In ascending order of their numbers.
    shards: ArrayVec<MutexGuard<'a, Shard>, MAX_CHARGES>,
    /// For each charge, where its subject is.
    places: ArrayVec<Place, MAX_CHARGES>,
}

/// Where a charge's subject is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) subject: Subject,
    /// The number of its shard among all.
    number: usize,
    /// The place of its shard among the locked ones.
    held: usize,
    pub(super) hash: u32,
    pub(super) position: Option<u32>,
}

impl<'a> Held<'a> {
    /// Nothing locked. Lists are filled where they lie: moving them would cost more than what is done with them.
    pub(super) fn nothing() -> Self {
        Self { shards: ArrayVec::new(), places: ArrayVec::new() }
    }

    /// Locks the shards that `charges` live in, in ascending order.
    pub(super) fn lock(&mut self, all: &'a [Mutex<Shard>], mix: Mix, charges: &[Charge]) {
        for Charge { subject, .. } in charges {
            let known = self.places.iter().find(|place| place.subject == *subject).copied();
            // INVARIANT: a spend has at most MAX_CHARGES.
            self.places.push(known.unwrap_or_else(|| Place::new(*subject, mix)));
        }
        let mut next = self.places.iter().map(|place| place.number).min();
        while let Some(number) = next {
            let Some(shard) = all.get(number) else { break };
            self.take(number, shard.lock());
            next = self.places.iter().map(|place| place.number).filter(|other| *other > number).min();
        }
    }

    /// Looks up the subjects of a locked shard before the next is locked: the last lock is everybody's, and short.
    fn take(&mut self, number: usize, shard: MutexGuard<'a, Shard>) {
        let mut known: Option<Place> = None;
        for place in self.places.iter_mut().filter(|place| place.number == number) {
            place.held = self.shards.len();
            place.position = match known {
                Some(known) if known.subject == place.subject => known.position,
                _ => shard.subjects.find(place.subject, place.hash),
            };
            known = Some(*place);
        }
        self.shards.push(shard);
    }

    /// Adds what bears on each of `charges`, which are those that were locked for.
    pub(super) fn standings<'h>(
        &'h self,
        charges: &[Charge],
        into: &mut ArrayVec<Standing<'h>, MAX_CHARGES>,
    ) {
        for (charge, place) in charges.iter().zip(&self.places) {
            into.push(match self.shards.get(place.held) {
                Some(shard) => shard.standing(*charge, place.position),
                None => Standing::nothing(*charge),
            });
        }
    }

    /// Writes what a spend's verdict leaves behind; `index` is the charge's place. Says whether the store is to set more
    /// of a quota aside: once, until it has.
    pub(super) fn settle(
        &mut self,
        index: usize,
        charge: Charge,
        verdict: &Verdict,
        admitted: bool,
        batch: Option<Batch>,
    ) -> bool {
        let Some(place) = self.places.get(index) else { return false };
        let Some(shard) = self.shards.get_mut(place.held) else { return false };
        match (verdict, batch) {
            (Verdict::Pays { after, .. }, None) if admitted => {
                shard.put(place, Slot::pack(charge.limit, *after));
                false
            }
            (Verdict::Pays { after, available }, Some(batch)) if admitted => {
                let (after, runs_low) = ask(*after, available.saturating_sub(1), batch);
                let slot = Slot::pack(charge.limit, after);
                match after {
                    Cell::Bucket(_) => shard.put(place, slot),
                    Cell::Quota(_) => shard.put_touched(place, slot),
                }
                runs_low
            }
            (Verdict::Unready { .. }, _) => shard.ask(charge, place.position),
            _ => false,
        }
    }
}

impl Place {
    /// Where `subject` belongs, before anything is locked.
    pub(super) fn new(subject: Subject, mix: Mix) -> Self {
        let (number, hash) = (mix.shard(subject), mix.low_half(subject));
        Self { subject, number, held: usize::MAX, hash, position: None }
    }
}

/// Marks a quota's cell when its allowance is down to half a batch and there is more to set aside.
fn ask(cell: Cell, left: u64, batch: Batch) -> (Cell, bool) {
    let Cell::Quota(quota) = cell else { return (cell, false) };
    let at_hand = quota.granted.saturating_sub(quota.used);
    let runs_low = !quota.asked && at_hand < left && at_hand <= batch.size(left) / 2;
    let mut asking = quota;
    asking.asked |= runs_low;
    (Cell::Quota(asking), runs_low)
}
