//! How fast functions in processes are invoked, beside a bare Runtime API loop, on the same machine, in the same run, by turns.
//!
//! Both give the same event to the same program, which replies the same at once, over the same protocol. The bare loop is
//! what a Runtime API cannot do without: a thread for each process that writes the next event and reads the reply. It has no
//! deadline, no limit of memory, no log, no pool, and looks at no reply. What the host takes longer is what it does besides.
//!
//! ```text
//! host-bench             prints one JSON object, in about ten seconds; `bench/host.py` makes a table of it
//! host-bench function    the program that is invoked
//! ```

mod bare;
mod event;
mod function;
mod ours;
mod wire;

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
const INVOCATIONS: usize = 10_000;
const PROCESSES: [usize; 3] = [1, 2, 8];

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => measure(),
        Some("function") => function::run(),
        Some(_) => Err("usage: host-bench [function]".into()),
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let mut rows = Vec::new();
    for processes in PROCESSES {
        let mut host = ours::Contender::start(processes)?;
        let mut bare = bare::Contender::start(processes)?;
        let (mut of_host, mut of_bare) = (Vec::new(), Vec::new());
        // The first round of each is to warm up.
        for round in 0..=ROUNDS {
            let measured = (timed(|| host.round(INVOCATIONS))?, timed(|| bare.round(INVOCATIONS))?);
            if round > 0 {
                of_host.push(measured.0);
                of_bare.push(measured.1);
            }
        }
        rows.push(json!({ "processes": processes, "host": summary(&of_host), "bare": summary(&of_bare) }));
    }
    println!("{}", json!({ "rounds": ROUNDS, "invocations": INVOCATIONS, "rows": rows }));
    Ok(())
}

/// A round: how long each invocation took, and all of them together.
struct Round {
    latencies: Vec<Duration>,
    all: Duration,
}

fn timed(round: impl FnOnce() -> Result<Vec<Duration>, Box<dyn Error>>) -> Result<Round, Box<dyn Error>> {
    let began = Instant::now();
    let mut latencies = round()?;
    let all = began.elapsed();
    latencies.sort_unstable();
    Ok(Round { latencies, all })
}

fn summary(rounds: &[Round]) -> Value {
    let at = |part: usize| {
        median(rounds, |round| round.latencies[(round.latencies.len() - 1) * part / 100].as_secs_f64() * 1e6)
    };
    json!({
        "per_second": median(rounds, |round| round.latencies.len() as f64 / round.all.as_secs_f64()),
        "p50_us": at(50),
        "p99_us": at(99),
    })
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
