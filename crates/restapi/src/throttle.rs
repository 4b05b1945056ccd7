//! Rate and burst, as they are declared.

use std::fmt;

use serde::{Serialize, Serializer};

/// Requests per second, exact to a thousandth.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct RateLimit(u64);

/// A number that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a rate is a number of requests per second from 0 to 1000000 with at most three decimals")]
pub struct RateLimitError;

impl RateLimit {
    /// `milli` thousandths of a request per second.
    pub const fn from_milli(milli: u64) -> Self {
        Self(milli)
    }

    /// Thousandths of a request per second.
    pub const fn as_milli(self) -> u64 {
        self.0
    }

    /// The rate `requests_per_second`, if it has at most three decimals: a rate that had to be rounded is not the one
    /// that was asked for.
    ///
    /// ```
    /// # use restapi::RateLimit;
    /// assert_eq!(RateLimit::from_requests_per_second(0.5).unwrap().as_milli(), 500);
    /// assert!(RateLimit::from_requests_per_second(0.0005).is_err());
    /// ```
    pub fn from_requests_per_second(requests_per_second: f64) -> Result<Self, RateLimitError> {
        if !(0.0..=1_000_000.0).contains(&requests_per_second) {
            return Err(RateLimitError);
        }
        let milli = (requests_per_second * 1_000.0).round();
        // The nearest thousandth must be the very number that was written, not merely near it.
        if (milli / 1_000.0 - requests_per_second).abs() > f64::EPSILON * requests_per_second {
            return Err(RateLimitError);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 10^9 and whole, checked above"
        )]
        let milli = milli as u64;
        Ok(Self(milli))
    }
}

impl fmt::Display for RateLimit {
    /// As API Gateway's logs write it: `5.00`, and a third decimal only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, milli) = (self.0 / 1_000, self.0 % 1_000);
        if milli % 10 == 0 { write!(f, "{whole}.{:02}", milli / 10) } else { write!(f, "{whole}.{milli:03}") }
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "at most 10^9 thousandths")]
        serializer.serialize_f64(self.0 as f64 / 1_000.0)
    }
}

/// A token bucket as it is declared: how fast it fills, and how much it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleSettings {
    /// Requests per second that are put back.
    pub rate_limit: RateLimit,
    /// Requests that the full bucket holds.
    pub burst_limit: u32,
}

impl ThrottleSettings {
    /// API Gateway's default for an account: 10,000 requests per second, a burst of 5,000.
    pub const ACCOUNT_DEFAULT: Self = Self { rate_limit: RateLimit(10_000_000), burst_limit: 5_000 };

    /// Whether this lets more through than `other` in some window.
    pub fn is_looser_than(&self, other: &Self) -> bool {
        self.rate_limit > other.rate_limit || self.burst_limit > other.burst_limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_keeps_three_decimals_exactly() {
        for milli in [0, 1, 10, 100, 333, 999, 1_000, 1_500, 99_999_999, 1_000_000_000] {
            #[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
            let rate = RateLimit::from_requests_per_second(milli as f64 / 1_000.0).unwrap();
            assert_eq!(rate.as_milli(), milli);
        }
        for not_a_rate in [-1.0, 0.0001, 1.0001, 1_000_000.1, f64::NAN, f64::INFINITY] {
            assert_eq!(RateLimit::from_requests_per_second(not_a_rate), Err(RateLimitError), "{not_a_rate}");
        }
    }

    #[test]
    fn rate_is_written_as_in_execution_logs() {
        assert_eq!(RateLimit::from_milli(5_000).to_string(), "5.00");
        assert_eq!(RateLimit::from_milli(333).to_string(), "0.333");
    }
}
