//! What calls upstream took and came to.

use std::collections::BTreeMap;
use std::time::Duration;

use cognito::Circuit;

/// One call upstream that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called {
    /// How many requests it took.
    pub(crate) attempts: u32,
    /// From its start to its end, waits between attempts included.
    pub(crate) took: Duration,
    /// Why it brought no token, in a word of this program.
    pub(crate) error: Option<&'static str>,
    /// The breaker after it.
    pub(crate) circuit: Circuit,
}

/// What calls upstream have come to since the broker started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UpstreamCounts {
    /// Requests that were sent, or tried to be sent: several for one call where the first ones failed.
    pub attempts: u64,
    /// Calls that brought no token, by the reason for which they ended.
    pub errors: BTreeMap<&'static str, u64>,
    /// How many calls took no longer than the bound at the same place in [`UpstreamCounts::SECONDS`], and longer than the
    /// one before; the last are those that took longer than all.
    pub took: [u64; UpstreamCounts::SECONDS.len() + 1],
    /// How long all calls took together.
    pub total: Duration,
    /// The breaker after the last call. Nothing but calls change it.
    pub circuit: Circuit,
}

impl UpstreamCounts {
    /// Bounds that durations are sorted by, in seconds.
    pub const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

    pub(crate) fn add(&mut self, called: Called) {
        let Called { attempts, took, error, circuit } = called;
        self.attempts += u64::from(attempts);
        if let Some(error) = error {
            *self.errors.entry(error).or_default() += 1;
        }
        let place = Self::SECONDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        if let Some(count) = self.took.get_mut(place.unwrap_or(Self::SECONDS.len())) {
            *count += 1;
        }
        self.total = self.total.saturating_add(took);
        self.circuit = circuit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_is_sorted_by_how_long_it_took() {
        let mut counts = UpstreamCounts::default();
        for millis in [0, 5, 6, 10_000, 10_001] {
            let took = Duration::from_millis(millis);
            counts.add(Called { attempts: 1, took, error: None, circuit: Circuit::Closed });
        }
        assert_eq!(counts.took, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((counts.attempts, counts.total), (5, Duration::from_millis(20_012)));
    }
}
