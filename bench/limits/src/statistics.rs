//! Medians and quantiles.

use serde_json::{Value, json};

/// The middle one of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a number of durations come to, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Quantiles {
    p50: u32,
    p99: u32,
    longest: u32,
}

impl Quantiles {
    pub fn of(mut samples: Vec<u32>) -> Self {
        samples.sort_unstable();
        let at = |part: usize| samples[(samples.len() - 1) * part / 100];
        Self { p50: at(50), p99: at(99), longest: at(100) }
    }

    /// Each quantile's median over several rounds.
    pub fn median(rounds: &[Self]) -> Value {
        let of = |part: fn(&Self) -> u32| median(rounds.iter().map(|round| f64::from(part(round))).collect());
        json!({
            "p50_ns": of(|round| round.p50),
            "p99_ns": of(|round| round.p99),
            "longest_ns": of(|round| round.longest),
        })
    }
}
