//! The numbers a bucket is made of: how fast it refills and how much it holds.
//!
//! Both accept zero, because API Gateway's method settings do: nothing passes then. Levels in nano-tokens stay inside
//! the crate; [`Burst`] bounds them so that no sum in the limiter can overflow.

use std::fmt;

/// What one request costs, in nano-tokens.
pub(crate) const ONE_REQUEST: u64 = 1_000_000_000;

/// How fast a bucket refills, in thousandths of a request per second.
///
/// ```
/// # use limits::MilliRate;
/// assert_eq!(MilliRate::new(500).to_string(), "0.5/s");
/// assert_eq!(MilliRate::per_second(10), Some(MilliRate::new(10_000)));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MilliRate(u32);

impl MilliRate {
    /// Nothing ever comes back.
    pub const ZERO: Self = Self(0);

    /// `millis` thousandths of a request per second.
    pub const fn new(millis: u32) -> Self {
        Self(millis)
    }

    /// `requests` whole requests per second, or `None` above 4,294,967.
    pub const fn per_second(requests: u32) -> Option<Self> {
        match requests.checked_mul(1_000) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// Thousandths of a request per second.
    pub const fn as_millis(self) -> u32 {
        self.0
    }

    /// The same number seen by the limiter: nano-tokens per microsecond.
    pub(crate) fn nanos_per_micro(self) -> u64 {
        u64::from(self.0)
    }
}

impl fmt::Display for MilliRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millis) = (self.0 / 1_000, self.0 % 1_000);
        if millis == 0 {
            return write!(f, "{whole}/s");
        }
        let fraction = format!("{millis:03}");
        write!(f, "{whole}.{}/s", fraction.trim_end_matches('0'))
    }
}

/// How many requests a bucket holds when it is full.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Burst(u32);

impl Burst {
    /// The largest burst. Its nano-tokens are below 2⁵³, so that a store that counts in doubles (a Lua script in Redis)
    /// is exact too, and a limit that one store takes every store takes.
    pub const MAX: Self = Self(9_007_199);

    /// A bucket of `requests`.
    pub const fn new(requests: u32) -> Result<Self, BurstError> {
        if requests > Self::MAX.0 { Err(BurstError { asked: requests }) } else { Ok(Self(requests)) }
    }

    /// Whole requests.
    pub const fn requests(self) -> u32 {
        self.0
    }

    /// The level of a full bucket, in nano-tokens.
    pub(crate) fn nanos(self) -> u64 {
        u64::from(self.0) * ONE_REQUEST
    }
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A burst that is larger than any store counts exactly.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a burst of {asked} is larger than the largest, {}", Burst::MAX)]
pub struct BurstError {
    asked: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_print_without_needless_zeros() {
        let shown = [0, 1, 333, 500, 1_000, 10_050].map(|millis| MilliRate::new(millis).to_string());
        assert_eq!(shown, ["0/s", "0.001/s", "0.333/s", "0.5/s", "1/s", "10.05/s"]);
    }

    #[test]
    fn the_largest_burst_is_the_largest_a_double_counts_exactly() {
        assert!(Burst::MAX.nanos() < 1 << 53);
        assert!(Burst::MAX.nanos() + ONE_REQUEST > 1 << 53);
        assert_eq!(Burst::new(9_007_199), Ok(Burst::MAX));
        let error = Burst::new(9_007_200).unwrap_err().to_string();
        assert_eq!(error, "a burst of 9007200 is larger than the largest, 9007199");
    }

    #[test]
    fn rates_beyond_the_unit_are_none() {
        assert_eq!(MilliRate::per_second(4_294_967).map(MilliRate::as_millis), Some(4_294_967_000));
        assert_eq!(MilliRate::per_second(4_294_968), None);
    }
}
