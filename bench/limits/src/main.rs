//! How fast limits are, beside the `governor` crate on the same machine, in the same run, by turns.
//!
//! Prints one JSON object, which `bench/limits.py` turns into tables. It measures the limiters alone: no HTTP, and the
//! charges are made before the clock starts. Every answer is checked: a limiter that refuses what it should admit, or
//! the other way round, ends the run without figures.
//!
//! ```text
//! limits-bench            everything, in less than three minutes
//! limits-bench quick      the same with less of everything, to see that it works
//! limits-bench bytes WHAT memory per key of one limiter, in a process of its own
//! ```

mod batches;
mod bytes;
mod contender;
mod eviction;
mod load;
mod ours;
mod peer;
mod scenes;
mod statistics;

use std::error::Error;
use std::time::Instant;

use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => measure(&Effort::FULL),
        ["quick"] => measure(&Effort::QUICK),
        ["bytes", what, keys] => bytes::of_one(what, keys.parse()?),
        _ => Err("usage: limits-bench [quick | bytes WHAT KEYS]".into()),
    }
}

/// How much is done.
pub struct Effort {
    /// Turns of every contender; the figure is their median.
    rounds: u64,
    /// Spends of one thread in one turn.
    spends: usize,
    /// The most keys.
    keys: u64,
}

impl Effort {
    const FULL: Self = Self { rounds: 7, spends: 150_000, keys: 1_000_000 };
    const QUICK: Self = Self { rounds: 1, spends: 20_000, keys: 50_000 };
}

fn measure(effort: &Effort) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let bytes = bytes::of_all(effort.keys)?;
    let result = json!({
        "keys": effort.keys,
        "rounds": effort.rounds,
        "spends": effort.spends,
        "clock": load::clock(),
        "rows": scenes::all(effort)?,
        "bytes_per_key": bytes,
        "eviction": eviction::measure(effort.keys)?,
        "batches": batches::measure()?,
        "seconds": began.elapsed().as_secs(),
    });
    println!("{result}");
    Ok(())
}
