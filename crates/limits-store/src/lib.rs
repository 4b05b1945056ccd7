//! Limits that survive their process: kept in one `SQLite` file, spent in memory.
//!
//! [`Sqlite`] is a [`limits::Limiter`] and a [`limits::Meter`]. All arithmetic and all locks of a spend are those of
//! [`limits::Memory`]; this crate says beforehand, on disk, how far memory may go. So a spend never waits for the disk:
//! it is admitted from what is set aside, or it is [`limits::Decision::Unready`], and somebody else does the waiting.
//!
//! ```text
//! spend ──▶ Memory ──(what runs low)──▶ noted ──▶ writer: one transaction ──▶ Memory: grant, admit_until
//! define, extend ──────────────────▶ ledger: one transaction ──▶ Memory
//! ```
//!
//! # What is on disk
//!
//! The file is written ahead (WAL) and synced with every transaction. What memory may hand out is on disk before it is
//! handed out:
//!
//! - *A lease*, `alive_until`: no spend has a later effective time. It is renewed while more than half of it is left.
//! - *Reservations*: for a quota and a subject, how much may be used of the window that is open. Whoever has none has an
//!   *opening*, a batch of a whole quota, so that a first request needs no writing. Batches shrink towards the end of a
//!   quota ([`limits::Batch`]), so that its last request can be used.
//! - Every limit's numbers and those before, what was given on top of quotas, and what was used of them by day.
//!
//! # Stops
//!
//! [`Sqlite::close`], or dropping the store, writes exactly what was spent: the next run begins as if this one had not
//! stopped. After anything else (`kill -9`, a power cut) what may have been handed out counts as handed out. Every bucket
//! is empty at `alive_until`. Of a quota, what was reserved counts as used; whoever has no reservation counts as having
//! used the opening: a *presumption*, one row for everybody. A crash loses at most a batch of each subject's quota, and
//! never hands out one request more. A run that died is told from one that stopped by one column, `run.stopped`.
//!
//! # A file that cannot be written
//!
//! It is tried again every second, and said once when it begins and once when it is over. What is set aside is handed
//! out; then each kind of limit is closed or open, as [`WhenLost`] says. Nothing that was to be written is forgotten.
//!
//! # Whose file it is
//!
//! One process holds it, by a lock that goes when the process does. A file that is not ours, or damaged, or of a later
//! version is refused with a way to mend it ([`OpenError`]) and left as it is. New ones are made under another name and
//! linked when they are complete, and nobody else may read them. Tables change by numbered steps, each a transaction.
//!
//! To copy a store, stop the program first, or copy the file together with its `-wal`. A copy that is put back has not
//! heard of what was spent since.
//!
//! # What this crate does not do
//!
//! It shares nothing between processes. It reads no clock: times are arguments, and [`Sqlite::start`] is given one.

use std::error::Error;

mod closing;
mod file;
#[cfg(test)]
mod fixture;
mod ledger;
mod meter;
mod opening;
mod refusal;
mod rows;
mod schema;
mod settings;
mod stats;
mod store;
mod turn;
mod writer;

pub use refusal::{Damage, OpenError};
pub use settings::{Lost, Settings, WhenLost};
pub use stats::Stats;
pub use store::Sqlite;
pub use turn::DAYS_KEPT;

/// An error and what caused it, for a log line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
