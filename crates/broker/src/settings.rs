//! What an operator can set of the broker. The defaults are safe for Cognito's tokens, which live 5 minutes to a day.

use std::time::Duration;

/// The broker's settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BrokerSettings {
    /// No token with less life left than this is handed out.
    pub minimum_life: Duration,
    /// A token with less than this share of its life left is renewed while it is still served. AWS advises to renew
    /// after three quarters.
    pub refresh_below: Percent,
    /// How long the request that renews a token waits for the new one before it serves the old. Nothing, where the
    /// process goes on running after its answer. A function on AWS is frozen then: what it does not wait for may end
    /// minutes later or never.
    pub refresh_wait: Duration,
    /// How long to leave the upstream alone about one token after its renewal failed.
    pub refresh_pause: Duration,
    /// The longest that one call upstream may take, retries included. Longer than the source's own bound, which knows
    /// how it ended; and it must end before the front door stops waiting.
    pub longest_call: Duration,
    /// The most tokens to keep.
    pub tokens: usize,
    /// The most tokens to keep for one client: it has one for every set of scopes that it asks for.
    pub tokens_per_client: usize,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            minimum_life: Duration::from_mins(1),
            refresh_below: Percent::QUARTER,
            refresh_wait: Duration::ZERO,
            refresh_pause: Duration::from_secs(5),
            longest_call: Duration::from_secs(20),
            tokens: 65_536,
            tokens_per_client: 64,
        }
    }
}

/// A share of a token's life, in hundredths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Percent(u8);

impl Percent {
    /// A quarter.
    pub const QUARTER: Self = Self(25);

    /// The share `hundredths`, which is at most 90: above, a token would be renewed (and billed) about as often as it
    /// is asked for.
    ///
    /// ```
    /// # use broker::Percent;
    /// assert_eq!(Percent::new(25), Some(Percent::QUARTER));
    /// assert_eq!(Percent::new(91), None);
    /// ```
    pub const fn new(hundredths: u8) -> Option<Self> {
        if hundredths <= 90 { Some(Self(hundredths)) } else { None }
    }

    /// This share of `whole`.
    pub(crate) fn of(self, whole: Duration) -> Duration {
        whole.saturating_mul(self.0.into()) / 100
    }
}
