//! The locked shards of one spend, until it is over.

use std::array;

use super::mix::Mix;
use super::shard::Shard;
use crate::batch::Batch;
use crate::charge::{Charge, Subject};
use crate::definitions::LimitId;
use crate::row::{MAX_CHARGES, Row};
use crate::spend::{Standing, Verdict};
use crate::state::{Cell, Slot};
use crate::sync::{Mutex, MutexGuard};

pub(super) struct Held<'a> {
    /// In ascending order of their numbers, without gaps.
    shards: [Option<MutexGuard<'a, Shard>>; MAX_CHARGES],
    /// For each charge, where its subject is.
    places: Row<Place>,
}

/// Where a charge's subject is.
#[derive(Clone, Copy)]
struct Place {
    subject: Subject,
    /// Its shard's number, and then that shard's place among the locked ones.
    shard: usize,
    hash: u32,
    position: Option<u32>,
}

impl<'a> Held<'a> {
    /// Locks the shards that `charges` live in, in ascending order.
    pub(super) fn lock(all: &'a [Mutex<Shard>], mix: Mix, charges: &[Charge]) -> Self {
        let mut places = Row::empty(NOWHERE);
        for charge in charges {
            let subject = charge.subject;
            let known = places.as_slice().iter().find(|place| place.subject == subject).copied();
            let place = known.unwrap_or_else(|| Place {
                subject,
                shard: mix.shard(subject),
                hash: mix.low_half(subject),
                position: None,
            });
            // INVARIANT: a spend has no more charges than a row has room.
            let _fits = places.push(place);
        }
        let mut shards = array::from_fn(|_| None);
        let mut numbers = [usize::MAX; MAX_CHARGES];
        let mut next = places.as_slice().iter().map(|place| place.shard).min();
        for (held, number) in shards.iter_mut().zip(&mut numbers) {
            let Some(shard) = next else { break };
            (*held, *number) = (all.get(shard).map(Mutex::lock), shard);
            next = places.as_slice().iter().map(|place| place.shard).filter(|other| *other > shard).min();
        }
        let places = places.map(NOWHERE, |place| {
            let shard = numbers.iter().position(|number| *number == place.shard).unwrap_or(usize::MAX);
            Place { shard, ..*place }
        });
        let mut held = Self { shards, places };
        held.places = held.places.map(NOWHERE, |place| Place { position: held.find(place), ..*place });
        held
    }

    fn find(&self, place: &Place) -> Option<u32> {
        self.shard(place)?.subjects.find(place.subject, place.hash)
    }

    fn shard(&self, place: &Place) -> Option<&Shard> {
        self.shards.get(place.shard).and_then(Option::as_deref)
    }

    /// What bears on each of `charges`, which are those that were locked for.
    pub(super) fn standings(&self, charges: &Row<Charge>) -> Row<Standing<'_>> {
        let mut places = self.places.as_slice().iter();
        let filler = Standing::nothing(Charge { limit: LimitId::UNDEFINED, subject: Subject::SHARED });
        let mut standings = Row::empty(filler);
        for charge in charges.as_slice() {
            let known =
                places.next().and_then(|place| Some(self.shard(place)?.standing(*charge, place.position)));
            // INVARIANT: as many as there are charges.
            let _fits = standings.push(known.unwrap_or(Standing::nothing(*charge)));
        }
        standings
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
        let Some(place) = self.places.as_slice().get(index).copied() else { return false };
        let Some(shard) = self.shards.get_mut(place.shard).and_then(Option::as_deref_mut) else {
            return false;
        };
        match (verdict, batch) {
            (Verdict::Pays { after, .. }, None) if admitted => {
                shard.put(charge.subject, place.hash, Slot::pack(charge.limit, *after));
                false
            }
            (Verdict::Pays { after, available }, Some(batch)) if admitted => {
                let (after, runs_low) = ask(*after, available.saturating_sub(1), batch);
                let slot = Slot::pack(charge.limit, after);
                match after {
                    Cell::Bucket(_) => shard.put(charge.subject, place.hash, slot),
                    Cell::Quota(_) => shard.put_touched(charge.subject, place.hash, slot),
                }
                runs_low
            }
            (Verdict::Unready { .. }, _) => shard.ask(charge, place.position),
            _ => false,
        }
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

const NOWHERE: Place = Place { subject: Subject::SHARED, shard: usize::MAX, hash: 0, position: None };
