//! How long the broker may take over a request.

use std::time::Duration;

use broker::{BrokerSettings, Percent};
use cognito::Settings;

/// The settings of the broker and of its upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// Of the broker.
    pub broker: BrokerSettings,
    /// Of its upstream.
    pub upstream: Settings,
}

impl Patience {
    /// As patient as the definition says, in a process that goes on running after its answers.
    pub fn resident(definition: &config::BrokerSettings) -> Self {
        let wanted = definition.upstream;
        let refresh_below = 100_u8.saturating_sub(definition.refresh_at_percent);
        Self {
            broker: BrokerSettings {
                minimum_life: definition.min_token_life,
                refresh_below: Percent::new(refresh_below).unwrap_or(Percent::QUARTER),
                longest_call: wanted.total_timeout + MARGIN,
                ..BrokerSettings::default()
            },
            upstream: Settings {
                connect: wanted.connect_timeout,
                attempt: wanted.attempt_timeout,
                total: wanted.total_timeout,
                attempts: wanted.attempts,
                ..Settings::default()
            },
        }
    }

    /// As patient as the definition says, and never longer than an invocation of `time` allows for, after which the
    /// process is frozen.
    pub fn within(time: Duration, definition: &config::BrokerSettings) -> Self {
        let Self { mut broker, mut upstream } = Self::resident(definition);
        // The answer has a way to go, too; and in a tiny timeout some of it must be left for asking.
        broker.longest_call = broker.longest_call.min(time.saturating_sub(MARGIN).max(time / 2));
        broker.refresh_wait = REFRESH_WAIT.min(time / 4);
        // The upstream's own bound comes first: it knows how often it asked.
        let total = broker.longest_call.saturating_sub(MARGIN).max(broker.longest_call / 2);
        upstream.total = upstream.total.min(total);
        upstream.connect = upstream.connect.min(upstream.total);
        upstream.attempt = upstream.attempt.min(upstream.total);
        Self { broker, upstream }
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
    fn resident_waits_for_no_renewal() {
        let definition = config::BrokerSettings::default();
        let resident = Patience::resident(&definition);
        assert_eq!(resident.broker.refresh_wait, Duration::ZERO);
        let mut within = Patience::within(Duration::from_mins(15), &definition);
        within.broker.refresh_wait = Duration::ZERO;
        assert_eq!(resident, within);
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
