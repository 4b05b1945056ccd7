//! Which secret is shown: one of two, or one that is read again.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{BoxFuture, join_all};

use super::*;
use crate::{AppClientSecrets, Effort, SecretSource, SecretsUnreadable, UpstreamError};

fn pair() -> AppClientCredentials {
    AppClientCredentials::new("billing", "old".into(), Some("new".into())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn other_secret_is_tried_before_a_refusal_is_believed_and_then_remembered() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, [wire.refused_client(), wire.good(), wire.good()]);
        let pair = pair();
        let exchange = ask(&upstream, &pair).await;
        assert!(exchange.outcome.is_ok());
        assert_eq!((exchange.effort.attempts, exchange.effort.error_replies), (2, 1));
        assert!(ask(&upstream, &pair).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "new", "new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn remembered_secret_that_is_taken_away_gives_way_again() {
    for wire in Wire::BOTH {
        let invalid = || wire.refused_client();
        let (upstream, scripted) =
            bench(wire, [invalid(), wire.good(), invalid(), wire.refused_scope(), wire.good()]);
        let pair = pair();
        assert!(ask(&upstream, &pair).await.outcome.is_ok());
        // A refused scope proves that the secret was taken.
        let refused = ask(&upstream, &pair).await.outcome;
        assert_eq!(refused, Err(UpstreamError::RefusedScope));
        assert!(ask(&upstream, &pair).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "new", "new", "old", "old"]);
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_of_both_secrets_is_believed() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, std::iter::repeat_n(wire.refused_client(), 4));
        let pair = pair();
        for _ in 0..2 {
            let outcome = ask(&upstream, &pair).await.outcome;
            assert_eq!(outcome, Err(UpstreamError::RefusedClient));
        }
        assert_eq!(scripted.secrets(), ["old", "new", "old", "new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn secret_that_nobody_looked_at_is_not_remembered() {
    for wire in Wire::BOTH {
        let script = [wire.refused_client(), page(503), page(503), page(503), wire.good()];
        let (upstream, scripted) = bench(wire, script);
        let pair = pair();
        let outcome = ask(&upstream, &pair).await.outcome;
        assert_eq!(outcome, Err(UpstreamError::Unavailable { retry_after: None }));
        assert!(ask(&upstream, &pair).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "new", "new", "new", "old"]);
    }
}

/// A malformed request is refused before anybody looks at the secret.
#[tokio::test(start_paused = true)]
async fn secret_of_a_request_that_is_refused_as_malformed_is_not_remembered() {
    for wire in Wire::BOTH {
        let malformed = match wire {
            Wire::Token => error("invalid_request"),
            Wire::Idp => typed("InvalidParameterException", "something is wrong"),
        };
        let (upstream, scripted) = bench(wire, [wire.refused_client(), malformed, wire.good()]);
        let pair = pair();
        assert!(matches!(ask(&upstream, &pair).await.outcome, Err(UpstreamError::Refused(_))));
        assert!(ask(&upstream, &pair).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "new", "old"]);
    }
}

/// Keeps other secrets each time that it is read; none of them when a reading has no line.
#[derive(Debug)]
struct Kept {
    readings: Vec<Option<Vec<&'static str>>>,
    read: AtomicUsize,
}

impl SecretSource for Kept {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        let reading = self.readings.get(self.read.fetch_add(1, Ordering::Relaxed)).expect("another reading");
        let read = reading.as_ref().ok_or(SecretsUnreadable).and_then(|secrets| {
            let second = secrets.get(1).map(|secret| (*secret).into());
            Ok(AppClientSecrets::new(secrets[0].into(), second)?)
        });
        Box::pin(std::future::ready(read))
    }
}

const PAUSE: Duration = Duration::from_secs(30);

fn kept<const N: usize>(readings: [Option<Vec<&'static str>>; N]) -> (AppClientCredentials, Arc<Kept>) {
    let kept = Arc::new(Kept { readings: readings.into(), read: AtomicUsize::new(0) });
    (AppClientCredentials::read_from("billing", kept.clone(), PAUSE).unwrap(), kept)
}

#[tokio::test(start_paused = true)]
async fn secrets_are_read_again_before_a_refusal_is_believed() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, [wire.refused_client(), wire.good(), wire.good()]);
        let (credentials, kept) = kept([Some(vec!["old"]), Some(vec!["new", "old"])]);
        assert_eq!(kept.read.load(Ordering::Relaxed), 0);
        let exchange = ask(&upstream, &credentials).await;
        assert!(exchange.outcome.is_ok());
        assert_eq!((exchange.effort.attempts, exchange.effort.error_replies), (2, 1));
        assert!(ask(&upstream, &credentials).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "new", "new"]);
        assert_eq!(kept.read.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_new_one_of_the_secrets_read_again_is_tried_and_then_remembered() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, [wire.refused_client(), wire.good(), wire.good()]);
        let (credentials, _kept) = kept([Some(vec!["old"]), Some(vec!["old", "new"])]);
        for _ in 0..2 {
            assert!(ask(&upstream, &credentials).await.outcome.is_ok());
        }
        assert_eq!(scripted.secrets(), ["old", "new", "new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_secret_is_read_again_once_in_a_pause_and_tried_once_a_request() {
    for wire in Wire::BOTH {
        let refused = || wire.refused_client();
        let (upstream, scripted) = bench(wire, [refused(), refused(), refused(), refused(), wire.good()]);
        let (credentials, kept) = kept([Some(vec!["old"]), Some(vec!["old"]), Some(vec!["new"])]);
        for _ in 0..3 {
            assert_eq!(ask(&upstream, &credentials).await.outcome, Err(UpstreamError::RefusedClient));
        }
        assert_eq!(kept.read.load(Ordering::Relaxed), 2);
        scripted.clock.advance(PAUSE);
        assert!(ask(&upstream, &credentials).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "old", "old", "old", "new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_of_the_new_secret_too_is_believed() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, std::iter::repeat_n(wire.refused_client(), 3));
        let (credentials, kept) = kept([Some(vec!["old", "older"]), Some(vec!["new"])]);
        assert_eq!(ask(&upstream, &credentials).await.outcome, Err(UpstreamError::RefusedClient));
        assert_eq!(scripted.secrets(), ["old", "older", "new"]);
        assert_eq!(kept.read.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_but_a_refused_client_makes_the_secrets_read_again() {
    for wire in Wire::BOTH {
        for act in [wire.refused_scope(), page(503), Act::RetryAfter(429, "60"), Act::Hang, wire.ok("{}")] {
            let once = Settings { attempts: std::num::NonZeroU32::MIN, ..Settings::default() };
            let (upstream, _scripted) = bench_with(wire, once, [act]);
            let (credentials, kept) = kept([Some(vec!["old"])]);
            assert!(ask(&upstream, &credentials).await.outcome.is_err());
            assert_eq!(kept.read.load(Ordering::Relaxed), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_that_cannot_be_read_are_an_error_of_their_own_and_nothing_is_sent() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, [wire.good()]);
        let (credentials, _kept) = kept([None, Some(vec!["new"])]);
        for _ in 0..3 {
            let Exchange { outcome, effort } = ask(&upstream, &credentials).await;
            assert_eq!(outcome, Err(UpstreamError::SecretsUnreadable));
            assert_eq!((effort, scripted.calls()), (Effort::default(), 0));
        }
        scripted.clock.advance(Duration::from_secs(1));
        assert!(ask(&upstream, &credentials).await.outcome.is_ok());
    }
}

/// Is asked, and never answers.
#[derive(Debug)]
struct Silent;

impl SecretSource for Silent {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn reading_takes_no_longer_than_an_attempt() {
    for wire in Wire::BOTH {
        let (upstream, _scripted) = bench(wire, []);
        let credentials = AppClientCredentials::read_from("billing", Arc::new(Silent), PAUSE).unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(ask(&upstream, &credentials).await.outcome, Err(UpstreamError::SecretsUnreadable));
        let waited = began.elapsed();
        let attempt = Settings::default().attempt;
        assert!(waited >= attempt && waited <= attempt + Duration::from_millis(1), "{waited:?}");
    }
}

/// The secret may have been changed where it is kept: whether the refusal is final nobody knows.
#[tokio::test(start_paused = true)]
async fn refusal_is_not_believed_while_the_secrets_cannot_be_read_again() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, [wire.refused_client(), wire.refused_client(), wire.good()]);
        let (credentials, kept) = kept([Some(vec!["old"]), None, Some(vec!["new"])]);
        let Exchange { outcome, effort } = ask(&upstream, &credentials).await;
        assert_eq!(outcome, Err(UpstreamError::SecretsUnreadable));
        assert_eq!((effort.attempts, effort.error_replies), (1, 1));
        scripted.clock.advance(Duration::from_secs(1));
        assert!(ask(&upstream, &credentials).await.outcome.is_ok());
        assert_eq!(scripted.secrets(), ["old", "old", "new"]);
        assert_eq!(kept.read.load(Ordering::Relaxed), 3);
    }
}

/// Takes the secret `new` alone, and refuses nobody before a hundred are to be refused.
struct Picky {
    wire: Wire,
    refused: tokio::sync::Barrier,
}

impl Transport for Picky {
    async fn send(&self, call: TokenCall) -> Result<Reply, TransportError> {
        let act = if self.wire.secret(&call) == "new" {
            self.wire.good()
        } else {
            self.refused.wait().await;
            self.wire.refused_client()
        };
        let Act::Answer(status, _media_type, body) = act else { unreachable!() };
        Ok(http::Response::builder().status(status).body(Bytes::from(body)).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_are_refused_together_the_secrets_are_read_again_once() {
    for wire in Wire::BOTH {
        let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(1)));
        let picky = Picky { wire, refused: tokio::sync::Barrier::new(100) };
        let upstream = Upstream::over(picky, wire.endpoint(), Settings::default(), clock, entropy);
        let (credentials, kept) = kept([Some(vec!["old"]), Some(vec!["new"])]);
        let scopes = scopes();
        let exchanges = join_all((0..100).map(|_| upstream.request_token(&credentials, &scopes))).await;
        assert!(exchanges.iter().all(|each| each.outcome.is_ok() && each.effort.attempts == 2));
        assert_eq!(kept.read.load(Ordering::Relaxed), 2);
    }
}
