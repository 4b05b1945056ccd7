//! Token buckets and quotas, and one all-or-nothing spend over several of them.
//!
//! A request names what it costs as [`Charges`]: one request's worth from each of up to [`MAX_CHARGES`] limits, each for
//! one [`Subject`] (an API key, or everybody). A [`Limiter`] takes all of them or none and answers with a [`Decision`].
//! [`Memory`] is the limiter of a single process; durable and shared stores keep the same promises behind the same trait.
//!
//! # The law
//!
//! For every limit and subject, over every window of admitted requests,
//!
//! ```text
//! count <= burst + rate * window
//! ```
//!
//! and a quota never admits more than its limit between two turns of its calendar. Both hold exactly, under any
//! interleaving of threads and any movement of the clock. A refused spend changes nothing at all, not even the time at
//! which a bucket was last touched.
//!
//! Time in the law is the *effective* time of a spend, [`Decision::at`]: the latest of `now`, the last spend of every
//! bucket it touches, the last change of their numbers, and the start of the quota windows it touches. So a clock that
//! steps back refills nothing; nobody is locked out longer than until it has caught up and the bucket has refilled. A
//! clock that jumps forward refills at most one burst.
//!
//! # Units
//!
//! Levels are nano-tokens in a `u64`; rates are [`MilliRate`], thousandths of a request per second. One milli-request
//! per second refills exactly one nano-token per microsecond, and [`ambient::Timestamp`] counts microseconds: a refill
//! is an integer product, without remainders to carry and without rounding. The wait of a refusal is exact too: the
//! smallest number of microseconds after which the limit pays, if nobody else spends.
//!
//! # A changed limit does not refill
//!
//! New numbers for a bucket leave every level where it stood at that moment, capped at the new burst; from then on it
//! refills at the new rate. That holds for keys without stored state too: their level is the old burst (or what they
//! had of it, if that had changed shortly before), not the new one. Across a change the law counts the larger numbers.
//!
//! A quota keeps what was used in the window that is open. With another period or offset that count goes over into the
//! window that takes its place, longer or shorter; what was given on top of the quota was for the old window.
//!
//! # State that says nothing is dropped
//!
//! A bucket that is full again and a quota whose window is over say nothing that no state would not say.
//! [`Memory::tidy`] drops such state, a little at each call. It changes no answer, unless the clock steps back to before
//! the moment from which the state said nothing; then that moment is the effective time, and the law holds all the same.
//!
//! # A store behind the memory
//!
//! A durable store records *ahead* what may be handed out: a moment up to which anything is admitted, and for each quota
//! a count. A spend goes that far without the store, and is [`Decision::Unready`] beyond it; it never waits. After a crash
//! every bucket starts empty at the recorded moment, and every quota counts as used as far as was recorded
//! ([`Record::after_crash`]): some allowance can be lost, and none is handed out twice. See [`Memory::backed`].
//!
//! # Which limit binds
//!
//! When several limits refuse, buckets bind before quotas; within a kind the longest wait binds; among equals the first
//! charge. [`Decision::Refused`] names that limit with its own wait, and beside it the wait after which *all* of them
//! would pay, which is longer when a bucket binds and a quota refuses too.
//!
//! # What this crate does not do
//!
//! It reads no clock, knows no HTTP, starts no thread and writes no file. It gives no tokens back. It does not wait: a
//! refusal says how long.
//!
//! ```
//! use std::time::Duration;
//!
//! use ambient::Timestamp;
//! use limits::{BucketSpec, Burst, Charge, Charges, Decision, Memory, MilliRate, Subject, Wait};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::from_secs(1_790_280_992);
//! let memory = Memory::new();
//! let five_per_second = BucketSpec { rate: MilliRate::new(5_000), burst: Burst::new(1)? };
//! let plan = memory.define("plan/standard".parse()?, five_per_second.into(), now)?;
//!
//! let billing = Charges::try_from([Charge { limit: plan, subject: Subject::new(7) }].as_slice())?;
//! assert!(memory.spend_now(now, &billing).is_admitted());
//! let Decision::Refused { binding, wait, .. } = memory.spend_now(now, &billing) else { unreachable!() };
//! assert_eq!((binding.limit, wait), (plan, Wait::After(Duration::from_millis(200))));
//! # Ok(())
//! # }
//! ```

mod batch;
mod bucket;
mod charge;
mod day;
mod decision;
mod definition;
mod definitions;
mod limiter;
mod memory;
mod meter;
mod quota;
mod row;
mod spend;
mod state;
mod subjects;
mod sync;
mod units;

#[cfg(test)]
#[cfg(not(loom))]
mod law_tests;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;

pub use batch::Batch;
pub use bucket::{Bucket, BucketSpec, Era};
pub use charge::{Charge, Charges, ChargesError, Subject};
pub use day::{Day, DayError};
pub use decision::{Binding, Decision, Kind, Left, Wait};
pub use definition::Record;
pub use definitions::{DefineError, Limit, LimitId, LimitName, LimitNameError};
pub use limiter::{Limiter, Spending, StoreError};
pub use memory::{Gate, Level, Memory, Spent};
pub use meter::{DayUsage, Meter, MeterError, Standing};
pub use quota::{Period, Presumption, Quota, QuotaSpec, QuotaSpecError};
pub use row::MAX_CHARGES;
pub use state::{Entry, State};
pub use units::{Burst, BurstError, MilliRate};
