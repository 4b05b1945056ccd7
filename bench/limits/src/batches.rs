//! How fast a key may be asked for before its quota's allowance is used up faster than the disk records more of it.

use std::error::Error;
use std::time::{Duration, Instant};

use ambient::{Clock as _, SystemClock};
use limits::{Batch, Decision};
use serde_json::{Value, json};

use crate::contender::Contender as _;
use crate::load::stay_on_core;
use crate::ours::{self, Charged, InSqlite};

/// One key under full load, with batches as they are by default. What is not admitted was not ready.
pub fn measure() -> Result<Value, Box<dyn Error>> {
    stay_on_core(0);
    let batch = Batch::default();
    let limiter = InSqlite::new(Charged::Three, ours::abundant(), batch)?;
    let request = limiter.request(7);
    let (mut admitted, mut unready) = (0_u64, 0_u64);
    let began = Instant::now();
    while began.elapsed() < LONG_ENOUGH {
        let now = SystemClock.now();
        for _ in 0..64 {
            match limiter.store.spend_now(now, &request) {
                Decision::Admitted { .. } => admitted += 1,
                Decision::Unready { .. } => unready += 1,
                refused @ Decision::Refused { .. } => return Err(format!("{refused:?}").into()),
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let commits = limiter.store.stats().commits;
    Ok(json!({
        "batch": batch.most(),
        "admitted_per_second": admitted as f64 / seconds,
        "unready_per_second": unready as f64 / seconds,
        "commits_per_second": commits as f64 / seconds,
    }))
}

const LONG_ENOUGH: Duration = Duration::from_secs(2);
