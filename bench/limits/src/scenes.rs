//! Which contenders meet, on how many threads and keys.

use std::error::Error;

use ambient::{Clock as _, SystemClock};
use limits::BucketSpec;
use serde_json::{Value, json};

use crate::Effort;
use crate::contender::Measurable;
use crate::load::Pass;
use crate::ours::{self, Charged, InMemory, InSqlite};
use crate::peer::{self, Direct, InTurn, Keyed};
use crate::statistics::{Quantiles, median};

/// Who meets with what to do.
struct Scene {
    keys: u64,
    admitted: bool,
    contenders: Vec<Named>,
}

struct Named {
    name: &'static str,
    limits: usize,
    contender: Box<dyn Measurable>,
}

/// One figure for each contender, scene and number of threads.
pub fn all(effort: &Effort) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for keys in [1, 10, 10_000, effort.keys] {
        rows.extend(play(&admitting(keys)?, effort));
    }
    rows.extend(play(&refusing(10_000)?, effort));
    Ok(rows)
}

fn admitting(keys: u64) -> Result<Scene, Box<dyn Error>> {
    let mut contenders = if keys == 1 {
        vec![named("governor, direct", 1, Direct::told(peer::abundant()))]
    } else {
        vec![
            named("governor", 1, Keyed::told(peer::abundant())),
            named("governor, own clock", 1, Keyed::by_itself(peer::abundant())),
        ]
    };
    contenders.push(named("governor, in turn", 5, InTurn::told(peer::abundant())));
    contenders.extend(ours(ours::abundant())?);
    Ok(Scene { keys, admitted: true, contenders })
}

fn refusing(keys: u64) -> Result<Scene, Box<dyn Error>> {
    let mut contenders = vec![named("governor", 1, Keyed::told(peer::scarce()))];
    contenders.extend(ours(ours::scarce())?);
    Ok(Scene { keys, admitted: false, contenders })
}

fn ours(plan: BucketSpec) -> Result<Vec<Named>, Box<dyn Error>> {
    let now = SystemClock.now();
    Ok(vec![
        named("memory", 1, InMemory::new(Charged::One, plan, now)),
        named("memory", 5, InMemory::new(Charged::Five, plan, now)),
        named("sqlite", 1, InSqlite::new(Charged::One, plan, ours::large_batches())?),
        named("sqlite", 5, InSqlite::new(Charged::Five, plan, ours::large_batches())?),
    ])
}

fn named(name: &'static str, limits: usize, contender: impl Measurable + 'static) -> Named {
    Named { name, limits, contender: Box::new(contender) }
}

fn play(scene: &Scene, effort: &Effort) -> Vec<Value> {
    for named in &scene.contenders {
        named.contender.fill(scene.keys);
    }
    [1, 2].into_iter().flat_map(|threads| play_on(scene, effort, threads)).collect()
}

fn play_on(scene: &Scene, effort: &Effort, threads: usize) -> Vec<Value> {
    let mut figures: Vec<(Vec<f64>, Vec<Quantiles>)> =
        scene.contenders.iter().map(|_| (Vec::new(), Vec::new())).collect();
    let (keys, admitted) = (scene.keys, scene.admitted);
    // What misses every cache takes its time, and varies less.
    let (rounds, spends) = if keys > 100_000 {
        (effort.rounds.min(5), effort.spends / 2)
    } else {
        (effort.rounds, effort.spends)
    };
    for round in 0..rounds {
        let pass = Pass { threads, spends, keys, round, admitted };
        for (named, (rates, _)) in scene.contenders.iter().zip(&mut figures) {
            rates.push(named.contender.rate(&pass));
        }
        let pass = Pass { round: round + rounds, ..pass };
        for (named, (_, quantiles)) in scene.contenders.iter().zip(&mut figures) {
            quantiles.push(named.contender.latencies(&pass));
        }
    }
    let row = |(named, (rates, quantiles)): (&Named, (Vec<f64>, Vec<Quantiles>))| {
        json!({
            "name": named.name,
            "limits": named.limits,
            "keys": keys,
            "threads": threads,
            "admitted": admitted,
            "per_second": median(rates),
            "latency": Quantiles::median(&quantiles),
        })
    };
    scene.contenders.iter().zip(figures).map(row).collect()
}
