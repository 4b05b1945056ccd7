//! How long and how often an upstream is asked: retries, waits, the breaker.

use std::num::NonZeroU32;

use super::*;
use crate::{Effort, UpstreamError};

#[tokio::test(start_paused = true)]
async fn transient_failure_is_tried_again_until_a_token_comes() {
    for wire in Wire::BOTH {
        let failures = [Act::Fail(TransportError::NotConnected), page(503), wire.good()];
        let (upstream, _scripted) = bench(wire, failures);
        let Exchange { outcome, effort } = ask(&upstream, &credentials()).await;
        assert!(outcome.is_ok());
        assert_eq!((effort.attempts, effort.unconnected, effort.error_replies), (3, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_stay_below_the_doubling_bound() {
    for wire in Wire::BOTH {
        let settings = Settings { attempts: NonZeroU32::new(5).unwrap(), ..Settings::default() };
        let (upstream, scripted) = bench_with(wire, settings, std::iter::repeat_n(page(500), 5));
        let began = tokio::time::Instant::now();
        ask(&upstream, &credentials()).await.outcome.unwrap_err();
        assert_eq!(scripted.calls(), 5);
        let waited = began.elapsed();
        assert!(
            waited > Duration::ZERO && waited <= Duration::from_millis(100 + 200 + 400 + 800),
            "{waited:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn everything_together_ends_at_the_total() {
    for wire in Wire::BOTH {
        let settings = Settings {
            attempts: NonZeroU32::new(100).unwrap(),
            attempt: Duration::from_secs(5),
            total: Duration::from_secs(12),
            ..Settings::default()
        };
        let (upstream, scripted) = bench_with(wire, settings, std::iter::repeat_n(Act::Hang, 100));
        let began = tokio::time::Instant::now();
        let exchange = ask(&upstream, &credentials()).await;
        assert_eq!(exchange.outcome, Err(UpstreamError::Timeout));
        assert!(began.elapsed() <= Duration::from_millis(12_001), "{:?}", began.elapsed());
        assert_eq!(scripted.calls(), 3);
        let Effort { attempts, unconnected, error_replies, .. } = exchange.effort;
        assert_eq!((attempts, unconnected, error_replies), (3, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_when_it_is_short() {
    for wire in Wire::BOTH {
        let (upstream, _scripted) = bench(wire, [Act::RetryAfter(429, "1"), wire.good()]);
        let began = tokio::time::Instant::now();
        assert!(ask(&upstream, &credentials()).await.outcome.is_ok());
        assert!(began.elapsed() >= Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_that_is_long_ends_the_attempts_and_is_told() {
    for wire in Wire::BOTH {
        for (value, told) in [("30", Some(30)), ("86400", Some(3600)), ("0030", Some(30))] {
            let (upstream, scripted) = bench(wire, [Act::RetryAfter(429, value)]);
            let error = ask(&upstream, &credentials()).await.outcome.unwrap_err();
            assert_eq!(error, UpstreamError::Throttled { retry_after: told.map(Duration::from_secs) });
            assert_eq!(scripted.calls(), 1);
        }
        let (upstream, scripted) =
            bench(wire, std::iter::repeat_n(Act::RetryAfter(503, "Tue, 24 Nov 2026 00:00:00 GMT"), 3));
        let error = ask(&upstream, &credentials()).await.outcome.unwrap_err();
        assert_eq!((error, scripted.calls()), (UpstreamError::Unavailable { retry_after: None }, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn upstream_that_keeps_failing_is_left_alone_and_then_probed() {
    for wire in Wire::BOTH {
        let script = std::iter::repeat_n(page(500), 5).chain([wire.good(), wire.good()]);
        let (upstream, scripted) = bench(wire, script);
        let ask = async || ask(&upstream, &credentials()).await;
        for calls in [3, 5] {
            // The fifth failure opens the breaker; the caller whose attempt it was is told of the failure.
            let outcome = ask().await.outcome;
            assert_eq!(
                (outcome, scripted.calls()),
                (Err(UpstreamError::Unavailable { retry_after: None }), calls)
            );
        }
        let Exchange { outcome, effort } = ask().await;
        assert_eq!(outcome, Err(UpstreamError::CircuitOpen { retry_after: Duration::from_secs(10) }));
        assert_eq!((effort.attempts, scripted.calls()), (0, 5));
        assert_eq!(upstream.circuit(), crate::Circuit::Open);
        scripted.clock.advance(Duration::from_secs(10));
        assert!(ask().await.outcome.is_ok());
        assert_eq!(upstream.circuit(), crate::Circuit::Closed);
        assert!(ask().await.outcome.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_never_open_the_breaker() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, std::iter::repeat_n(wire.refused_scope(), 20));
        for _ in 0..20 {
            let outcome = ask(&upstream, &credentials()).await.outcome;
            assert_eq!(outcome, Err(UpstreamError::RefusedScope));
        }
        assert_eq!(scripted.calls(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn probe_whose_caller_goes_away_leaves_its_place() {
    for wire in Wire::BOTH {
        let script = std::iter::repeat_n(page(500), 5).chain([Act::Hang, page(500)]);
        let (upstream, scripted) = bench(wire, script);
        for _ in 0..2 {
            ask(&upstream, &credentials()).await.outcome.unwrap_err();
        }
        scripted.clock.advance(Duration::from_secs(10));
        let credentials = credentials();
        let scopes = scopes();
        let gone =
            tokio::time::timeout(Duration::from_secs(1), upstream.request_token(&credentials, &scopes));
        assert!(gone.await.is_err());
        // The next is a probe too: its one failure opens the breaker again.
        let Exchange { outcome, effort } = ask(&upstream, &credentials).await;
        assert_eq!(outcome, Err(UpstreamError::Unavailable { retry_after: None }));
        assert_eq!((effort.attempts, scripted.calls()), (1, 7));
    }
}
