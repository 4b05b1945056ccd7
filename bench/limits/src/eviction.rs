//! Dropping what says nothing any more: how long it takes, and what it does to spends beside it.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ambient::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::contender::Contender;
use crate::load::{self, Random, stay_on_core};
use crate::ours::{self, Charged, InMemory};
use crate::statistics::Quantiles;

pub fn measure(keys: u64) -> Result<Value, Box<dyn Error>> {
    let now = SystemClock.now();
    // In two months every bucket is full and every quota's window is over.
    let later = now.plus(Duration::from_hours(62 * 24));
    let limiter = InMemory::new(Charged::Five, ours::abundant(), now);
    load::fill(&limiter, keys);
    let alone = spends(&limiter, keys, now, None);
    let keeping = spends(&limiter, keys, now, Some(now));
    let looking = calls(&limiter, now, |call, _| call == enough_to_see_all(keys));
    let began = Instant::now();
    let dropping = calls(&limiter, later, |_, left| left == 0);
    let all_dropped = began.elapsed();
    let left = limiter.memory.subjects();
    if left > 0 {
        return Err(format!("{left} subjects were not dropped").into());
    }
    // Refilled, and dropped while a thread spends; what it spends comes back.
    load::fill(&limiter, keys);
    let while_dropping = spends(&limiter, keys, later, Some(later));
    Ok(json!({
        "calls_that_keep": looking,
        "calls_that_drop": dropping,
        "drop_all_ms": all_dropped.as_secs_f64() * 1000.0,
        "spends_alone": alone,
        "spends_while_keeping": keeping,
        "spends_while_dropping": while_dropping,
    }))
}

/// Calls of `tidy` until it is `over`, by their number and how many subjects are left. A call holds [`LOCKS`], one after
/// the other, and they have about the same to do.
fn calls(limiter: &InMemory, at: Timestamp, over: impl Fn(u64, usize) -> bool) -> Value {
    let mut samples = Vec::new();
    let mut left = limiter.memory.subjects();
    while !over(samples.len() as u64, left) {
        let began = Instant::now();
        left -= limiter.memory.tidy(at);
        samples.push(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    json!({ "calls": samples.len(), "locks": LOCKS, "duration": Quantiles::median(&[Quantiles::of(samples)]) })
}

/// Calls of `tidy` after which it has looked at `keys` subjects at least.
fn enough_to_see_all(keys: u64) -> u64 {
    (keys / (LOCKS * 512)).next_multiple_of(9) + 9
}

/// Durations of spends of random keys, with nothing beside them or with a thread that tidies without a pause.
fn spends(limiter: &InMemory, keys: u64, now: Timestamp, tidied: Option<Timestamp>) -> Value {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        if let Some(at) = tidied {
            let over = &over;
            scope.spawn(move || {
                stay_on_core(1);
                while !over.load(Ordering::Relaxed) {
                    limiter.memory.tidy(at);
                }
            });
        }
        let spending = scope.spawn(move || {
            stay_on_core(0);
            let mut random = Random::new(7);
            let requests: Vec<_> = (0..300_000).map(|_| limiter.request(random.below(keys))).collect();
            let mut samples = Vec::with_capacity(requests.len());
            let mut last = Instant::now();
            for request in &requests {
                assert!(limiter.admits(now, request));
                let next = Instant::now();
                samples.push(u32::try_from((next - last).as_nanos()).unwrap_or(u32::MAX));
                last = next;
            }
            samples
        });
        let samples = spending.join().unwrap();
        over.store(true, Ordering::Relaxed);
        Quantiles::median(&[Quantiles::of(samples)])
    })
}

/// Shards that one call of `tidy` locks in turn.
const LOCKS: u64 = 32;
