//! `homes.local.limits`: where buckets and quotas are kept.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Inspector, values};
use crate::Position;
use crate::definition::{KeptLimits, LimitsSettings, WhenLost};
use crate::document::{LimitsDocument, WhenLostDocument};
use crate::error::Shown;
use crate::written::{Optional, Written};

pub(super) fn inspect(
    written: Optional<Written<LimitsDocument>>,
    inspector: &mut Inspector,
) -> LimitsSettings {
    let Some(Written { value: document, at }) = written.0 else { return LimitsSettings::default() };
    inspector.note("homes.local.limits", at);
    let mend = "write `sqlite` or `memory`";
    let is_memory = inspector.optional(&document.store, &path("store"), mend, |word| match word.as_str() {
        "sqlite" => Ok(false),
        "memory" => Ok(true),
        other => Err(format!("{} is no place to keep limits in", Shown(other))),
    });
    if is_memory == Some(true) {
        refuse_idle_fields(&document, inspector);
        return LimitsSettings::Memory;
    }
    LimitsSettings::Sqlite(kept(&document, inspector))
}

/// What only a file has use for.
fn refuse_idle_fields(document: &LimitsDocument, inspector: &mut Inspector) {
    fn place<T>(written: &Optional<Written<T>>) -> Option<Position> {
        written.0.as_ref().map(|written| written.at)
    }
    let LimitsDocument { store: _, quota_batch, lease, when_lost } = document;
    let idle =
        [("quota_batch", place(quota_batch)), ("lease", place(lease)), ("when_lost", place(when_lost))];
    for (name, at) in idle.into_iter().filter_map(|(name, at)| at.map(|at| (name, at))) {
        let problem = "nothing goes by it: limits that are kept in memory are not written anywhere";
        inspector.report(at, &path(name), problem, "remove the field, or write `store: sqlite`");
    }
}

fn kept(document: &LimitsDocument, inspector: &mut Inspector) -> KeptLimits {
    let LimitsDocument { store: _, quota_batch, lease, when_lost } = document;
    let mend = "write a whole number from 1 to 1000000, such as `1000`";
    let quota_batch = inspector.optional(quota_batch, &path("quota_batch"), mend, |batch| {
        let batch = u32::try_from(*batch).ok().filter(|batch| *batch <= LARGEST_BATCH);
        batch.and_then(NonZeroU32::new).ok_or("this is no number of requests to set aside")
    });
    let mend = "write `1s` to `60s`, such as `5s`";
    let lease = inspector.optional(lease, &path("lease"), mend, |text| {
        let lease = values::duration(text)?;
        if lease < SHORTEST_LEASE {
            return Err("less than 1 s would be written all the time".to_owned());
        }
        if lease > LONGEST_LEASE {
            return Err("after a crash nobody would be let in for longer than 60 s".to_owned());
        }
        Ok(lease)
    });
    let lost = when_lost.0.as_ref();
    let mut lost = |field: fn(&WhenLostDocument) -> &Optional<Written<String>>, name: &str| {
        let written = lost.map(|written| field(&written.value));
        let mend = "write `closed` or `open`";
        let path = path(&format!("when_lost.{name}"));
        written.and_then(|written| inspector.optional(written, &path, mend, |text| word(text)))
    };
    let throttle = lost(|lost| &lost.throttle, "throttle");
    let quota = lost(|lost| &lost.quota, "quota");
    let usual = KeptLimits::default();
    KeptLimits {
        quota_batch: quota_batch.unwrap_or(usual.quota_batch),
        lease: lease.unwrap_or(usual.lease),
        throttle_when_lost: throttle.unwrap_or(usual.throttle_when_lost),
        quota_when_lost: quota.unwrap_or(usual.quota_when_lost),
    }
}

fn word(text: &str) -> Result<WhenLost, String> {
    match text {
        "closed" => Ok(WhenLost::Closed),
        "open" => Ok(WhenLost::Open),
        other => Err(format!("{} is not what a limit can do", Shown(other))),
    }
}

fn path(name: &str) -> String {
    format!("homes.local.limits.{name}")
}

const LARGEST_BATCH: u32 = 1_000_000;
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LONGEST_LEASE: Duration = Duration::from_mins(1);
