//! How patient the client is.

use std::num::NonZeroU32;
use std::time::Duration;

/// Times and counts of one upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// How long a TCP connection may take. Looking up the name and the TLS handshake count to the attempt.
    pub connect: Duration,
    /// How long one attempt may take, from the connection to the last byte of the answer.
    pub attempt: Duration,
    /// How long everything together may take: all attempts, and the waits between them.
    pub total: Duration,
    /// How many attempts one secret gets.
    pub attempts: NonZeroU32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub backoff: Duration,
    /// The longest wait before any attempt; also the longest `Retry-After` that is waited for.
    pub max_backoff: Duration,
    /// When to leave the upstream alone.
    pub breaker: BreakerSettings,
}

/// When the circuit breaker opens, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BreakerSettings {
    /// How many attempts must fail in a row.
    pub failures: NonZeroU32,
    /// How long no attempt is made before one probe is let through.
    pub open_for: Duration,
}

impl Default for Settings {
    /// Twelve seconds in all: well inside the 29 that API Gateway gives an integration.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(5),
            total: Duration::from_secs(12),
            attempts: NonZeroU32::MIN.saturating_add(2),
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            breaker: BreakerSettings::default(),
        }
    }
}

impl Default for BreakerSettings {
    /// Five failures in a row, ten seconds.
    fn default() -> Self {
        Self { failures: NonZeroU32::MIN.saturating_add(4), open_for: Duration::from_secs(10) }
    }
}
