//! The limiters of this project, charged as the gateway charges them.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;

use ambient::{Clock as _, SystemClock, Timestamp};
use limits::{
    Batch, BucketSpec, Burst, Charge, Charges, Decision, Limit, LimitId, Limiter, Memory, MilliRate, Period,
    QuotaSpec, Subject,
};
use limits_store::{Settings, Sqlite};
use tempfile::TempDir;

use crate::contender::Contender;

/// Which limits a request is charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charged {
    /// The plan's bucket of the key.
    One,
    /// All that a key has of its own: the plan's bucket, the plan's for the method, the quota.
    Three,
    /// These and the two that everybody shares: the method's bucket and the account's.
    Five,
}

/// The limits of a store, as ids.
pub struct Bill {
    own: Vec<LimitId>,
    shared: Vec<LimitId>,
}

impl Bill {
    /// Defines the limits at `limiter`. `plan` is the plan's bucket; the others never refuse.
    pub fn new(limiter: &dyn Limiter, charged: Charged, plan: BucketSpec, now: Timestamp) -> Self {
        let define = |name: &str, limit: Limit| limiter.define(name.parse().unwrap(), limit, now).unwrap();
        let mut bill = Self { own: vec![define("plan", plan.into())], shared: Vec::new() };
        if charged != Charged::One {
            let quota = QuotaSpec::new(2_000_000_000, Period::Month, 0).unwrap();
            bill.own.push(define("plan/method", abundant().into()));
            bill.own.push(define("quota", quota.into()));
        }
        if charged == Charged::Five {
            bill.shared = vec![define("method", abundant().into()), define("account", abundant().into())];
        }
        bill
    }

    pub fn charges(&self, key: u64) -> Charges {
        let own = self.own.iter().map(|limit| Charge { limit: *limit, subject: Subject::new(key) });
        let shared = self.shared.iter().map(|limit| Charge { limit: *limit, subject: Subject::SHARED });
        let all: Vec<_> = own.chain(shared).collect();
        Charges::try_from(all.as_slice()).unwrap()
    }
}

/// [`Memory`].
pub struct InMemory {
    pub memory: Memory,
    bill: Bill,
}

impl InMemory {
    pub fn new(charged: Charged, plan: BucketSpec, now: Timestamp) -> Self {
        let memory = Memory::new();
        let bill = Bill::new(&memory, charged, plan, now);
        Self { memory, bill }
    }
}

impl Contender for InMemory {
    type Request = Charges;

    fn request(&self, key: u64) -> Charges {
        self.bill.charges(key)
    }

    fn admits(&self, now: Timestamp, request: &Charges) -> bool {
        matches!(self.memory.spend_now(now, request), Decision::Admitted { .. })
    }
}

/// [`Sqlite`] with its writer, on a file in the directory for temporary files.
pub struct InSqlite {
    pub store: Arc<Sqlite>,
    bill: Bill,
    _directory: TempDir,
}

impl InSqlite {
    pub fn new(charged: Charged, plan: BucketSpec, batch: Batch) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let settings = Settings { batch, ..Settings::default() };
        let store = Arc::new(Sqlite::open(&directory.path().join("limits"), settings, SystemClock.now())?);
        store.start(Arc::new(SystemClock))?;
        let bill = Bill::new(&*store, charged, plan, SystemClock.now());
        Ok(Self { store, bill, _directory: directory })
    }
}

impl Contender for InSqlite {
    type Request = Charges;

    fn request(&self, key: u64) -> Charges {
        self.bill.charges(key)
    }

    fn admits(&self, now: Timestamp, request: &Charges) -> bool {
        matches!(self.store.spend_now(now, request), Decision::Admitted { .. })
    }

    fn settle(&self) {
        while self.store.turn(SystemClock.now()).is_some_and(|wait| wait.is_zero()) {}
    }
}

impl Drop for InSqlite {
    /// Leaves out the exact state of a clean end, which nobody will read.
    fn drop(&mut self) {
        self.store.abandon();
    }
}

/// Batches so large that no key uses one up between two commits, however fast it is asked for: what is measured is the
/// spend with allowance at hand. `batches.rs` measures how fast that can be with ordinary batches.
pub fn large_batches() -> Batch {
    Batch::new(NonZeroU32::new(10_000_000).unwrap())
}

/// A bucket that a benchmark does not empty: the fastest and largest there is.
pub fn abundant() -> BucketSpec {
    BucketSpec { rate: MilliRate::per_second(MOST_PER_SECOND.get()).unwrap(), burst: Burst::MAX }
}

/// A bucket that admits one request, and none again while the benchmark runs.
pub fn scarce() -> BucketSpec {
    BucketSpec { rate: MilliRate::new(1), burst: Burst::new(1).unwrap() }
}

/// The fastest rate that a [`MilliRate`] holds, for the peer too.
pub const MOST_PER_SECOND: NonZeroU32 = NonZeroU32::new(4_294_967).unwrap();
