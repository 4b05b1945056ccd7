//! What is measured: anything that says yes or no to a request of a key.

use ambient::Timestamp;

use crate::load::{self, Pass};
use crate::statistics::Quantiles;

/// A limiter under load.
pub trait Contender: Sync {
    /// What it is asked for, made before the clock starts.
    type Request: Send + Sync;

    /// What the key with this number asks for.
    fn request(&self, key: u64) -> Self::Request;

    /// Whether the request may pass.
    fn admits(&self, now: Timestamp, request: &Self::Request) -> bool;

    /// Does what it would do soon by itself, so that the next contender's turn is not disturbed.
    fn settle(&self) {}
}

/// A contender without its types. Only a whole turn is called through it, so that nothing in a turn is.
pub trait Measurable {
    /// Asks once for each key.
    fn fill(&self, keys: u64);

    /// Requests per second.
    fn rate(&self, pass: &Pass) -> f64;

    /// Durations of single requests, with one reading of the clock in each.
    fn latencies(&self, pass: &Pass) -> Quantiles;
}

impl<C: Contender> Measurable for C {
    fn fill(&self, keys: u64) {
        load::fill(self, keys);
        self.settle();
    }

    fn rate(&self, pass: &Pass) -> f64 {
        let rate = load::rate(self, pass);
        self.settle();
        rate
    }

    fn latencies(&self, pass: &Pass) -> Quantiles {
        let samples = load::latencies(self, pass);
        self.settle();
        Quantiles::of(samples)
    }
}
