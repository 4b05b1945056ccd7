//! What the tests share: a place for a store, some limits, and spends.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ambient::Timestamp;
use limits::{
    Batch, BucketSpec, Burst, Charge, Charges, Day, Decision, Limit, LimitId, Limiter as _, MilliRate,
    Period, QuotaSpec, Subject,
};
use tempfile::TempDir;

use crate::settings::Settings;
use crate::store::Sqlite;

/// 2026-11-23, a Monday, at noon.
pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);

pub(crate) const KEY: Subject = Subject::new(7);

/// A directory for one store.
#[derive(Debug)]
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.beside("limits.db")
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn open(&self, now: Timestamp) -> Sqlite {
        self.open_with(batches_of(10), now)
    }

    pub(crate) fn open_with(&self, settings: Settings, now: Timestamp) -> Sqlite {
        Sqlite::open(&self.path(), settings, now).unwrap()
    }
}

pub(crate) fn batches_of(most: u32) -> Settings {
    Settings { batch: Batch::new(NonZeroU32::new(most).unwrap()), ..Settings::default() }
}

pub(crate) fn later(millis: u64) -> Timestamp {
    NOON.plus(std::time::Duration::from_millis(millis))
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn daily(limit: u64) -> Limit {
    quota(limit, Period::Day)
}

pub(crate) fn quota(limit: u64, period: Period) -> Limit {
    QuotaSpec::new(limit, period, 0).unwrap().into()
}

pub(crate) fn bucket(rate: u32, burst: u32) -> Limit {
    BucketSpec { rate: MilliRate::new(rate), burst: Burst::new(burst).unwrap() }.into()
}

pub(crate) fn define(store: &Sqlite, name: &str, limit: Limit, now: Timestamp) -> LimitId {
    store.define(name.parse().unwrap(), limit, now).unwrap()
}

pub(crate) fn charges(limits: &[LimitId], subject: Subject) -> Charges {
    let charges: Vec<Charge> = limits.iter().map(|limit| Charge { limit: *limit, subject }).collect();
    Charges::try_from(charges.as_slice()).unwrap()
}

/// One spend; the store does its background work first if it says that it is not ready.
pub(crate) fn spend(store: &Sqlite, now: Timestamp, charges: &Charges) -> Decision {
    let decision = store.spend_now(now, charges);
    if !matches!(decision, Decision::Unready { .. }) {
        return decision;
    }
    store.turn(now);
    store.spend_now(now, charges)
}

/// How many of `most` spends at `now` are admitted.
pub(crate) fn admitted(store: &Sqlite, most: usize, now: Timestamp, charges: &Charges) -> usize {
    (0..most).filter(|_| spend(store, now, charges).is_admitted()).count()
}

/// How many of `most` spends at `now` are admitted, if the store does nothing in the background.
pub(crate) fn admitted_alone(store: &Sqlite, most: usize, now: Timestamp, charges: &Charges) -> usize {
    (0..most).filter(|_| store.spend_now(now, charges).is_admitted()).count()
}
