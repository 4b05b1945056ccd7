//! One spend over several limits, as arithmetic: what each says, what follows, and what is to be written.
//!
//! A store reads its cells, asks [`weigh`], and writes what it gets, all in one step that nobody else can enter.

use ambient::Timestamp;

use crate::charge::Charge;
use crate::decision::{Binding, Decision, Kind, Left, Wait};
use crate::definitions::Definition;
use crate::row::Row;

/// What a store keeps for one subject under one limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cell {
    /// A bucket's level in nano-tokens, or the requests counted by a quota.
    pub(crate) amount: u64,
    /// A bucket's last spend, or the start of the quota's window.
    pub(crate) moment: Timestamp,
}

/// What one limit says to a spend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// It pays: the cell afterwards, and the whole requests available before.
    Pays { after: Cell, available: u64 },
    /// It has nothing available before `ready`, or ever.
    Refuses { ready: Option<Timestamp> },
}

/// One charge with what the store knows about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) charge: Charge,
    /// `None` for an id that this store never gave out: it has nothing to give, so that the mistake shows.
    pub(crate) definition: Option<&'a Definition>,
    /// `None` for a subject that has not spent: a full bucket, an unused quota.
    pub(crate) cell: Option<Cell>,
}

impl Standing<'_> {
    fn floor(&self) -> Timestamp {
        self.definition.map_or(Timestamp::EPOCH, |definition| definition.floor(self.cell))
    }

    fn judge(&self, at: Timestamp) -> Verdict {
        let nothing = Verdict::Refuses { ready: None };
        self.definition.map_or(nothing, |definition| definition.judge(self.cell, at))
    }

    fn kind(&self) -> Kind {
        self.definition.map_or(Kind::Bucket, Definition::kind)
    }
}

/// Decides a spend. The verdicts' cells are to be written if, and only if, it is admitted.
pub(crate) fn weigh(now: Timestamp, standings: &Row<Standing<'_>>) -> (Decision, Row<Verdict>) {
    let at = standings.as_slice().iter().map(Standing::floor).fold(now, Timestamp::max);
    let verdicts = standings.map(NO_VERDICT, |standing| standing.judge(at));
    let decision = match refusal(now, standings, &verdicts) {
        None => Decision::Admitted { at, left: left(&verdicts, 1) },
        Some(Refusal { binding, wait, wait_for_all }) => {
            Decision::Refused { at, binding, wait, wait_for_all, left: left(&verdicts, 0) }
        }
    };
    (decision, verdicts)
}

/// What is left of each allowance once those that pay have paid `cost`.
fn left(verdicts: &Row<Verdict>, cost: u64) -> Left {
    Left::new(verdicts.map(0, |verdict| match verdict {
        Verdict::Pays { available, .. } => available.saturating_sub(cost),
        Verdict::Refuses { .. } => 0,
    }))
}

/// The refusal that the verdicts come to, if any of them refuses.
fn refusal(now: Timestamp, standings: &Row<Standing<'_>>, verdicts: &Row<Verdict>) -> Option<Refusal> {
    let mut so_far: Option<Refusal> = None;
    for (index, (standing, verdict)) in standings.as_slice().iter().zip(verdicts.as_slice()).enumerate() {
        if let Verdict::Refuses { ready } = verdict {
            let binding = Binding { index, limit: standing.charge.limit, kind: standing.kind() };
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

const NO_VERDICT: Verdict = Verdict::Refuses { ready: None };
