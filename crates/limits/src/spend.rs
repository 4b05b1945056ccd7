//! One spend over several limits, as arithmetic: what each says, what follows, and what is to be written.
//!
//! A store reads its cells, asks [`weigh`], and writes what it gets, all in one step that nobody else can enter.

use std::time::Duration;

use ambient::Timestamp;
use arrayvec::ArrayVec;

use crate::charge::Charge;
use crate::decision::{Binding, Decision, Kind, Left, Wait};
use crate::definition::Definition;
use crate::quota::Extra;
use crate::row::{MAX_CHARGES, Row};
use crate::state::{Cell, Slot};

/// What one limit says to a spend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// It pays: the cell afterwards, and the whole requests available before.
    Pays { after: Cell, available: u64 },
    /// It has nothing available before `ready`, or ever.
    Refuses { ready: Option<Timestamp> },
    /// It would pay, but what it would pay with is not at hand yet.
    Unready { available: u64 },
}

/// One charge with what the store knows about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) charge: Charge,
    /// `None` for an id that this store never gave out: it has nothing to give, so that the mistake shows.
    pub(crate) definition: Option<&'a Definition>,
    /// `None` for a subject that has not spent, or not for so long that nothing is left to know.
    pub(crate) slot: Option<&'a Slot>,
    /// A subject without state is not spent at an earlier effective time: it may have had some until then.
    pub(crate) forgotten: Timestamp,
    /// Requests on top of a quota.
    pub(crate) extra: Option<Extra>,
    /// Whether spends are over.
    pub(crate) shut: bool,
}

/// How far a store lets spends go without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Nothing is admitted at a later effective time.
    pub(crate) until: Timestamp,
    /// Whether buckets are bound by it.
    pub(crate) buckets: bool,
    /// Whether quotas are bound by it, and by what has been granted.
    pub(crate) quotas: bool,
}

impl Bounds {
    fn forbid(self, kind: Kind, at: Timestamp) -> bool {
        let bound = match kind {
            Kind::Bucket => self.buckets,
            Kind::Quota => self.quotas,
        };
        bound && at > self.until
    }
}

impl Standing<'_> {
    /// A charge of a limit that is not known.
    pub(crate) const fn nothing(charge: Charge) -> Self {
        Self { charge, definition: None, slot: None, forgotten: Timestamp::EPOCH, extra: None, shut: false }
    }

    fn floor(&self) -> Timestamp {
        match (self.definition, self.slot) {
            (None, _) => Timestamp::EPOCH,
            (Some(definition), Some(slot)) => definition.floor(Some(slot)),
            (Some(definition), None) => definition.floor(None).max(self.forgotten),
        }
    }

    fn judge(&self, at: Timestamp, bounds: Bounds) -> Verdict {
        let Some(definition) = self.definition else { return Verdict::Refuses { ready: None } };
        let verdict = definition.judge(self.slot, at, self.extra, bounds.quotas);
        match verdict {
            Verdict::Pays { available, .. } if self.shut || bounds.forbid(definition.kind(), at) => {
                Verdict::Unready { available }
            }
            verdict => verdict,
        }
    }

    fn binding(&self, index: usize) -> Binding {
        let kind = self.definition.map_or(Kind::Bucket, Definition::kind);
        Binding { index, limit: self.charge.limit, kind }
    }
}

/// Decides a spend, and adds what each limit said. Its cells are to be written if, and only if, the spend is admitted.
pub(crate) fn weigh(
    now: Timestamp,
    standings: &[Standing<'_>],
    bounds: Bounds,
    verdicts: &mut ArrayVec<Verdict, MAX_CHARGES>,
) -> Decision {
    let at = standings.iter().map(Standing::floor).fold(now, Timestamp::max);
    verdicts.extend(standings.iter().map(|standing| standing.judge(at, bounds)));
    if let Some(Refusal { binding, wait, wait_for_all }) = refusal(now, standings, verdicts) {
        Decision::Refused { at, binding, wait, wait_for_all, left: left(verdicts, 0) }
    } else if let Some(binding) = unready(standings, verdicts) {
        Decision::Unready { at, binding, wait: UNREADY_WAIT, left: left(verdicts, 0) }
    } else {
        Decision::Admitted { at, left: left(verdicts, 1) }
    }
}

/// The first charge that is not ready, if any is not.
fn unready(standings: &[Standing<'_>], verdicts: &[Verdict]) -> Option<Binding> {
    let index = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Unready { .. }))?;
    standings.get(index).map(|standing| standing.binding(index))
}

/// What is left of each allowance once those that pay have paid `cost`.
fn left(verdicts: &[Verdict], cost: u64) -> Left {
    let left = |verdict: &Verdict| match verdict {
        Verdict::Pays { available, .. } | Verdict::Unready { available } => available.saturating_sub(cost),
        Verdict::Refuses { .. } => 0,
    };
    Left::new(Row::from_first(0, verdicts.iter().map(left)))
}

/// The refusal that the verdicts come to, if any of them refuses.
fn refusal(now: Timestamp, standings: &[Standing<'_>], verdicts: &[Verdict]) -> Option<Refusal> {
    let mut so_far: Option<Refusal> = None;
    for (index, (standing, verdict)) in standings.iter().zip(verdicts).enumerate() {
        if let Verdict::Refuses { ready } = verdict {
            let binding = standing.binding(index);
            let wait = ready.map_or(Wait::Never, |ready| Wait::After(ready.since(now)));
            let alone = Refusal { binding, wait, wait_for_all: wait };
            so_far = Some(so_far.map_or(alone, |earlier| earlier.joined_by(alone)));
        }
    }
    so_far
}

/// Who refuses a spend so far.
#[derive(Clone, Copy)]
struct Refusal {
    binding: Binding,
    wait: Wait,
    wait_for_all: Wait,
}

impl Refusal {
    /// This refusal and a later charge's together. The earlier one binds unless the later one outranks it.
    fn joined_by(self, later: Self) -> Self {
        let outranked = match (self.binding.kind, later.binding.kind) {
            (Kind::Quota, Kind::Bucket) => true,
            (Kind::Bucket, Kind::Quota) => false,
            _ => later.wait > self.wait,
        };
        let binding = if outranked { later } else { self };
        Self { wait_for_all: self.wait_for_all.max(later.wait_for_all), ..binding }
    }
}

/// After this long a store that can write has written.
const UNREADY_WAIT: Duration = Duration::from_secs(1);
