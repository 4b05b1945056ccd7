//! The limiter of one process: levels in memory, exact under any number of threads.
//!
//! State is spread over shards by subject, each behind its own lock; what everybody shares has a shard of its own. A spend
//! locks the shards of its subjects in ascending order, the shared one last, looks at every limit, and only then writes:
//! nobody sees half a spend, and two spends cannot wait for each other. Two keys meet only where they share a limit, or,
//! seldom, a shard; there is no lock that all spends take besides that of the limits that all of them charge.
//!
//! It keeps nothing across a restart by itself. A durable store puts itself behind it, see [`Memory::backed`].

mod backing;
mod held;
mod metering;
mod mix;
mod shard;
mod survey;

use ambient::Timestamp;
use arrayvec::ArrayVec;

use self::held::Held;
use self::mix::{Mix, SHARDS};
use self::shard::Shard;
use crate::batch::Batch;
use crate::charge::Charges;
use crate::decision::Decision;
use crate::definition::Record;
use crate::definitions::{DefineError, Definitions, Limit, LimitId, LimitName};
use crate::limiter::{Limiter, Spending};
use crate::spend::{Bounds, weigh};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

pub use self::backing::{Gate, Spent};
pub use self::survey::Level;

/// Limits kept in memory.
#[derive(Debug)]
pub struct Memory {
    /// Taken before any shard, and never by a spend.
    definitions: Mutex<Definitions>,
    /// One more than [`SHARDS`]: the last is for what everybody shares.
    shards: Box<[Mutex<Shard>]>,
    mix: Mix,
    /// What a store lets through; none where there is no store.
    backing: Option<Backing>,
    /// The shard that is tidied next.
    next_to_tidy: AtomicUsize,
    /// Subjects dropped so far.
    dropped: AtomicU64,
}

/// How far a store lets spends go without it.
#[derive(Debug)]
struct Backing {
    batch: Batch,
    /// In microseconds.
    until: AtomicU64,
    buckets_open: AtomicBool,
    quotas_open: AtomicBool,
}

impl Memory {
    /// A limiter without limits.
    pub fn new() -> Self {
        Self::build(None)
    }

    fn build(backing: Option<Backing>) -> Self {
        let shards = (0..=SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Self {
            definitions: Mutex::new(Definitions::default()),
            shards,
            mix: Mix::random(),
            backing,
            next_to_tidy: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Gives the limit called `name` these numbers from `now` on.
    ///
    /// Saying the same again changes nothing. New numbers refill nothing: levels stay, capped at the new burst, and what
    /// was used in a quota's open window counts in the new one, whatever its period.
    pub fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        let mut definitions = self.definitions.lock();
        match definitions.plan(&name, limit, now)? {
            Some(record) => self.take_over(&mut definitions, name, record, now),
            None => definitions.id(&name).ok_or(DefineError::TooMany),
        }
    }

    fn take_over(
        &self,
        definitions: &mut Definitions,
        name: LimitName,
        record: Record,
        now: Timestamp,
    ) -> Result<LimitId, DefineError> {
        let batch = self.backing.as_ref().map(|backing| backing.batch);
        let id = definitions.apply(name, record, batch)?;
        // One after the other will do: a subject's state is in one shard, so it sees the change at one moment.
        for shard in &self.shards {
            shard.lock().take_over(definitions.list(), id, now);
        }
        Ok(id)
    }

    /// The name that `limit` was defined under.
    pub fn name(&self, limit: LimitId) -> Option<LimitName> {
        self.definitions.lock().name(limit).cloned()
    }

    /// The limit that is called `name`.
    pub fn id(&self, name: &LimitName) -> Option<LimitId> {
        self.definitions.lock().id(name)
    }

    /// Spends every charge or none, and says so at once.
    ///
    /// An id that another store gave out has nothing to give here: the spend is refused, and the wait is never.
    pub fn spend_now(&self, now: Timestamp, charges: &Charges) -> Decision {
        self.spend_noting(now, charges).decision
    }

    /// Spends every charge or none, and names the quotas for which a store should set more aside.
    pub fn spend_noting(&self, now: Timestamp, charges: &Charges) -> Spent {
        let mut held = Held::nothing();
        held.lock(&self.shards, self.mix, charges.as_slice());
        // Under the locks: who closes a gate and then looks at every shard sees all that passed while it was open.
        let bounds = self.bounds();
        let mut verdicts = ArrayVec::new();
        let decision = {
            let mut standings = ArrayVec::new();
            held.standings(charges.as_slice(), &mut standings);
            weigh(now, &standings, bounds, &mut verdicts)
        };
        let batch = self.backing.as_ref().map(|backing| backing.batch);
        let mut low = Charges::NONE;
        if !matches!(decision, Decision::Refused { .. }) {
            for (index, (charge, verdict)) in charges.as_slice().iter().zip(&verdicts).enumerate() {
                let runs_low = held.settle(index, *charge, verdict, decision.is_admitted(), batch);
                if runs_low && low.push(*charge).is_err() {
                    break; // INVARIANT: charges differ, so that a part of them fits and has no two alike.
                }
            }
        }
        Spent { decision, low }
    }

    fn bounds(&self) -> Bounds {
        match &self.backing {
            None => Bounds { until: Timestamp::from_micros(u64::MAX), buckets: false, quotas: false },
            Some(backing) => Bounds {
                until: Timestamp::from_micros(backing.until.load(Ordering::Acquire)),
                buckets: !backing.buckets_open.load(Ordering::Acquire),
                quotas: !backing.quotas_open.load(Ordering::Acquire),
            },
        }
    }

    /// Drops state that says nothing any more: of buckets that are full again, of quotas whose window is over.
    ///
    /// It looks at a bounded number of subjects and goes on there the next time, so that it never holds a lock for long;
    /// called once a second it has seen a million in a minute. Returns how many it dropped.
    ///
    /// What is dropped changes no answer, unless the clock steps back to before the moment at which it had become
    /// superfluous. Then the spend's effective time is that moment.
    pub fn tidy(&self, now: Timestamp) -> usize {
        let first = self.next_to_tidy.fetch_add(SHARDS_TIDIED, Ordering::Relaxed);
        let some =
            (first..first + SHARDS_TIDIED).filter_map(|number| self.shards.get(number % self.shards.len()));
        self.count(some.map(|shard| shard.lock().tidy(now, SUBJECTS_TIDIED, self.mix)).sum())
    }

    /// The same for all subjects at once.
    pub fn tidy_all(&self, now: Timestamp) -> usize {
        let whole = |shard: &Mutex<Shard>| {
            let mut shard = shard.lock();
            shard.begin_tidying();
            shard.tidy(now, usize::MAX, self.mix)
        };
        self.count(self.shards.iter().map(whole).sum())
    }

    fn count(&self, dropped: usize) -> usize {
        self.dropped.fetch_add(u64::try_from(dropped).unwrap_or(u64::MAX), Ordering::Relaxed);
        dropped
    }

    /// How many subjects have been dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many subjects have state.
    pub fn subjects(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().subjects.len()).sum()
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

/// How many shards one call tidies, and how many subjects of each.
const SHARDS_TIDIED: usize = 32;
const SUBJECTS_TIDIED: usize = 512;

#[cfg(test)]
#[cfg(not(loom))]
pub(crate) mod tests;
