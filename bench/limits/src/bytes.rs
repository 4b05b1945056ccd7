//! Memory per key: what a process grows by when a limiter has seen a million of them.
//!
//! Each limiter has a process of its own, so that none is given what another has let go of.

use std::error::Error;
use std::fs;
use std::process::Command;

use ambient::{Clock as _, SystemClock};
use limits::Batch;
use serde_json::{Map, Value, json};

use crate::contender::Contender;
use crate::load::fill;
use crate::ours::{self, Charged, InMemory, InSqlite};
use crate::peer::{self, Keyed};

/// Bytes per key of every limiter.
pub fn of_all(keys: u64) -> Result<Value, Box<dyn Error>> {
    let mut all = Map::new();
    for what in ["governor", "memory 1", "memory 3", "sqlite 3"] {
        let bench = std::env::current_exe()?;
        let printed = Command::new(bench).args(["bytes", what, &keys.to_string()]).output()?;
        if !printed.status.success() {
            return Err(format!("{what}: {}", String::from_utf8_lossy(&printed.stderr)).into());
        }
        let bytes: f64 = String::from_utf8(printed.stdout)?.trim().parse()?;
        all.insert(what.into(), json!(bytes));
    }
    Ok(all.into())
}

/// Prints bytes per key of one limiter.
pub fn of_one(what: &str, keys: u64) -> Result<(), Box<dyn Error>> {
    let now = SystemClock.now();
    let bytes = match what {
        "governor" => grown(&Keyed::told(peer::abundant()), keys)?,
        "memory 1" => grown(&InMemory::new(Charged::One, ours::abundant(), now), keys)?,
        "memory 3" => grown(&InMemory::new(Charged::Three, ours::abundant(), now), keys)?,
        "sqlite 3" => grown(&InSqlite::new(Charged::Three, ours::abundant(), Batch::default())?, keys)?,
        _ => return Err(format!("`{what}` is not measured").into()),
    };
    println!("{bytes}");
    Ok(())
}

fn grown(contender: &impl Contender, keys: u64) -> Result<f64, Box<dyn Error>> {
    fill(contender, 1);
    let before = resident()?;
    fill(contender, keys);
    contender.settle();
    Ok((resident()? - before) as f64 / keys as f64)
}

fn resident() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}
