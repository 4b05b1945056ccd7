//! How long the broker may take over an invocation, which ends at a deadline that Lambda sets.

use std::time::Duration;

use broker::{BrokerSettings, Percent};
use cognito::Settings;

/// The settings of the broker and of its upstream in a function with a certain timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Patience {
    pub(crate) broker: BrokerSettings,
    pub(crate) upstream: Settings,
}

impl Patience {
    /// As patient as the definition says, and never longer than an invocation of `time` allows for.
    pub(crate) fn within(time: Duration, definition: &config::BrokerSettings) -> Self {
        let wanted = definition.upstream;
        // The answer has a way to go, too; and in a tiny timeout some of it must be left for asking.
        let longest_call = (wanted.total_timeout + MARGIN).min(time.saturating_sub(MARGIN).max(time / 2));
        // The upstream's own bound comes first: it knows how often it asked.
        let total = wanted.total_timeout.min(longest_call.saturating_sub(MARGIN).max(longest_call / 2));
        if total < wanted.total_timeout {
            let (timeout_ms, total_ms) = (time.as_millis(), total.as_millis());
            tracing::warn!(
                timeout_ms,
                total_ms,
                "the function's timeout is too short for `broker.upstream.total_timeout`, which is cut"
            );
        }
        let refresh_below = 100_u8.saturating_sub(definition.refresh_at_percent);
        Self {
            broker: BrokerSettings {
                minimum_life: definition.min_token_life,
                refresh_below: Percent::new(refresh_below).unwrap_or(Percent::QUARTER),
                refresh_wait: REFRESH_WAIT.min(time / 4),
                longest_call,
                ..BrokerSettings::default()
            },
            upstream: Settings {
                connect: wanted.connect_timeout.min(total),
                attempt: wanted.attempt_timeout.min(total),
                total,
                attempts: wanted.attempts,
                ..Settings::default()
            },
        }
    }
}

/// What is left for everything but waiting for the upstream.
const MARGIN: Duration = Duration::from_secs(1);
/// After its answer the process is frozen: the request that renews a token waits for the new one, but not for long.
const REFRESH_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_timeout_leaves_the_definition_as_it_is() {
        let patience = Patience::within(Duration::from_secs(30), &config::BrokerSettings::default());
        assert_eq!(patience.upstream.total, Duration::from_secs(12));
        assert_eq!(patience.broker.longest_call, Duration::from_secs(13));
        assert_eq!(patience.broker.refresh_wait, Duration::from_secs(1));
        assert_eq!(patience.broker.refresh_below, Percent::QUARTER);
    }

    #[test]
    fn every_wait_ends_before_the_one_around_it() {
        for millis in [0, 1, 500, 1_000, 2_500, 3_000, 10_000, 13_000, 14_500, 900_000] {
            let time = Duration::from_millis(millis);
            let Patience { broker, upstream } = Patience::within(time, &config::BrokerSettings::default());
            assert!(broker.longest_call <= time && broker.refresh_wait <= time / 4, "{millis}");
            assert!(upstream.total <= broker.longest_call, "{millis}");
            assert!(upstream.connect <= upstream.total && upstream.attempt <= upstream.total, "{millis}");
            assert!(
                upstream.total >= (time / 4).min(Duration::from_secs(12)),
                "{millis}: something is left for asking"
            );
        }
    }
}
