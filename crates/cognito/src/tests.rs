//! What each behaviour of an upstream comes to, without sockets: a scripted transport and a clock that jumps.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use oauth::ScopeSet;
use parking_lot::Mutex;
use testkit::{ManualClock, SeededEntropy};

use crate::{
    AppClientCredentials, Effort, Exchange, Reply, Settings, TokenCall, Transport, TransportError, Upstream,
    UpstreamError,
};

/// One thing that the upstream does.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16, &'static str, String),
    RetryAfter(u16, &'static str),
    Fail(TransportError),
    Hang,
    Slow(Duration, String),
}

/// Does what its script says, call by call, and keeps what it was sent. Past the end of the script it panics.
#[derive(Debug)]
struct Scripted {
    script: Mutex<VecDeque<Act>>,
    calls: Mutex<Vec<TokenCall>>,
    clock: Arc<ManualClock>,
}

impl Transport for Scripted {
    async fn send(&self, call: TokenCall) -> Result<Reply, TransportError> {
        self.calls.lock().push(call);
        let act = self.script.lock().pop_front().expect("another call than the script has");
        match act {
            Act::Answer(status, content_type, body) => Ok(http::Response::builder()
                .status(status)
                .header("content-type", content_type)
                .header("location", "https://elsewhere.example.com/")
                .body(Bytes::from(body))
                .unwrap()),
            Act::RetryAfter(status, value) => Ok(http::Response::builder()
                .status(status)
                .header("retry-after", value)
                .body(Bytes::new())
                .unwrap()),
            Act::Fail(error) => Err(error),
            Act::Hang => std::future::pending().await,
            Act::Slow(time, body) => {
                self.clock.advance(time);
                Ok(http::Response::new(Bytes::from(body)))
            }
        }
    }
}

type Bench = (Upstream<Arc<Scripted>>, Arc<Scripted>);

fn bench_with(settings: Settings, script: impl IntoIterator<Item = Act>) -> Bench {
    let clock = Arc::new(ManualClock::default());
    let script = Mutex::new(script.into_iter().collect());
    let scripted = Arc::new(Scripted { script, calls: Mutex::default(), clock: Arc::clone(&clock) });
    let entropy = Arc::new(SeededEntropy::new(1));
    (Upstream::over(Arc::clone(&scripted), settings, clock, entropy), scripted)
}

fn bench(script: impl IntoIterator<Item = Act>) -> Bench {
    bench_with(Settings::default(), script)
}

impl Scripted {
    fn calls(&self) -> usize {
        self.calls.lock().len()
    }

    /// The secrets that were sent, in order.
    fn secrets(&self) -> Vec<String> {
        let shown = |call: &TokenCall| {
            let pair = call.authorization.to_str().unwrap().strip_prefix("Basic ").unwrap();
            let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
            pair.strip_prefix("billing:").unwrap().to_owned()
        };
        self.calls.lock().iter().map(shown).collect()
    }
}

fn credentials() -> AppClientCredentials {
    AppClientCredentials::new("billing", "hunter2".into(), None).unwrap()
}

fn pair() -> AppClientCredentials {
    AppClientCredentials::new("billing", "old".into(), Some("new".into())).unwrap()
}

fn scopes() -> ScopeSet {
    "orders/read orders/write".parse().unwrap()
}

/// A token whose payload is `claims`; nobody here checks its signature.
fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn granted(claims: &str, expires_in: &str) -> String {
    let token = jwt(claims);
    format!(r#"{{"access_token":"{token}","expires_in":{expires_in},"token_type":"Bearer"}}"#)
}

fn good() -> String {
    granted(r#"{"scope":"orders/write orders/read","client_id":"billing","token_use":"access"}"#, "3600")
}

fn ok(body: impl Into<String>) -> Act {
    Act::Answer(200, "application/json;charset=UTF-8", body.into())
}

fn error(code: &str) -> Act {
    Act::Answer(400, "application/json;charset=UTF-8", format!(r#"{{"error":"{code}"}}"#))
}

fn page(status: u16) -> Act {
    Act::Answer(status, "text/html", "<html>hunter2</html>".to_owned())
}

#[tokio::test(start_paused = true)]
async fn token_is_asked_for_with_explicit_scopes_and_raw_basic() {
    let (upstream, scripted) = bench([ok(good())]);
    let exchange = upstream.request_token(&credentials(), &scopes()).await;
    let issued = exchange.outcome.unwrap();
    assert_eq!(issued.lifetime, Duration::from_hours(1));
    assert_eq!(issued.asked, scripted.clock.moment());
    assert_eq!(exchange.effort, Effort { attempts: 1, ..Effort::default() });
    assert_eq!(scripted.secrets(), ["hunter2"]);
    let form = scripted.calls.lock()[0].form.clone();
    assert_eq!(form, "grant_type=client_credentials&scope=orders%2Fread+orders%2Fwrite");
}

/// Every behaviour of an upstream that never gets better: what it comes to, and how often it is tried.
#[tokio::test(start_paused = true)]
async fn each_behaviour_comes_to_one_error() {
    let claims = |claims: &str| ok(granted(claims, "3600"));
    let rows = [
        ("no connection", Act::Fail(TransportError::NotConnected)),
        ("connection reset", Act::Fail(TransportError::Broken)),
        ("huge body", Act::Fail(TransportError::TooLarge)),
        ("no answer", Act::Hang),
        ("429 without a body", Act::Answer(429, "text/plain", String::new())),
        (
            "429 with an OAuth error",
            Act::Answer(429, "application/json", r#"{"error":"invalid_client"}"#.into()),
        ),
        ("500 page", page(500)),
        (
            "502 with an OAuth error",
            Act::Answer(502, "application/json", r#"{"error":"server_error"}"#.into()),
        ),
        ("403 page", page(403)),
        ("404 page", page(404)),
        ("400 with a message", Act::Answer(400, "application/json", r#"{"message":"hunter2"}"#.into())),
        ("200 page", page(200)),
        ("200 with an error", ok(r#"{"error":"invalid_client"}"#)),
        ("200 with an opaque token", ok(r#"{"access_token":"abc","expires_in":60,"token_type":"Bearer"}"#)),
        ("200 with another token type", ok(good().replace("Bearer", "DPoP"))),
        ("200 without a lifetime", ok(granted(r#"{"scope":"orders/read orders/write"}"#, "null"))),
        ("200 with two days of life", ok(granted(r#"{"scope":"orders/read orders/write"}"#, "172800"))),
        ("200 with a dead token", claims(r#"{"scope":"orders/read orders/write","exp":1000}"#)),
        ("200 with another's token", claims(r#"{"scope":"orders/read orders/write","client_id":"other"}"#)),
        ("200 with an id token", claims(r#"{"scope":"orders/read orders/write","token_use":"id"}"#)),
        ("204", Act::Answer(204, "", String::new())),
        ("one scope less", claims(r#"{"scope":"orders/read"}"#)),
        ("one scope more", claims(r#"{"scope":"orders/read orders/write orders/delete"}"#)),
        ("no scope", claims("{}")),
        ("unreadable scope", claims(r#"{"scope":" orders/read"}"#)),
        ("redirect", page(302)),
        ("redirect that keeps the method", page(307)),
        ("invalid_client", error("invalid_client")),
        ("invalid_scope", error("invalid_scope")),
        ("invalid_grant", error("invalid_grant")),
        ("temporarily_unavailable", error("temporarily_unavailable")),
        ("an error of its own", error("hunter2")),
        (
            "401 with an OAuth error",
            Act::Answer(401, "application/json", r#"{"error":"invalid_client"}"#.into()),
        ),
    ];
    let mut table = String::new();
    for (title, act) in rows {
        let (upstream, scripted) = bench(std::iter::repeat_n(act, 3));
        let Exchange { outcome, effort } = upstream.request_token(&credentials(), &scopes()).await;
        let error = outcome.unwrap_err();
        assert_eq!(effort.attempts as usize, scripted.calls(), "{title}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{title}");
        writeln!(
            table,
            "{title}: {} ({error}), tried {}, perhaps minted {}",
            error.label(),
            effort.attempts,
            effort.attempts - effort.unconnected - effort.error_replies
        )
        .unwrap();
    }
    insta::assert_snapshot!("behaviours", table);
}

#[tokio::test(start_paused = true)]
async fn transient_failure_is_tried_again_until_a_token_comes() {
    let failures = [Act::Fail(TransportError::NotConnected), page(503), ok(good())];
    let (upstream, _scripted) = bench(failures);
    let Exchange { outcome, effort } = upstream.request_token(&credentials(), &scopes()).await;
    assert!(outcome.is_ok());
    assert_eq!((effort.attempts, effort.unconnected, effort.error_replies), (3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_stay_below_the_doubling_bound() {
    let settings = Settings { attempts: NonZeroU32::new(5).unwrap(), ..Settings::default() };
    let (upstream, scripted) = bench_with(settings, std::iter::repeat_n(page(500), 5));
    let began = tokio::time::Instant::now();
    upstream.request_token(&credentials(), &scopes()).await.outcome.unwrap_err();
    assert_eq!(scripted.calls(), 5);
    let waited = began.elapsed();
    assert!(waited > Duration::ZERO && waited <= Duration::from_millis(100 + 200 + 400 + 800), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn everything_together_ends_at_the_total() {
    let settings = Settings {
        attempts: NonZeroU32::new(100).unwrap(),
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(12),
        ..Settings::default()
    };
    let (upstream, scripted) = bench_with(settings, std::iter::repeat_n(Act::Hang, 100));
    let began = tokio::time::Instant::now();
    let exchange = upstream.request_token(&credentials(), &scopes()).await;
    assert_eq!(exchange.outcome, Err(UpstreamError::Timeout));
    assert!(began.elapsed() <= Duration::from_millis(12_001), "{:?}", began.elapsed());
    assert_eq!(scripted.calls(), 3);
    let Effort { attempts, unconnected, error_replies, .. } = exchange.effort;
    assert_eq!((attempts, unconnected, error_replies), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_when_it_is_short() {
    let (upstream, _scripted) = bench([Act::RetryAfter(429, "1"), ok(good())]);
    let began = tokio::time::Instant::now();
    assert!(upstream.request_token(&credentials(), &scopes()).await.outcome.is_ok());
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn retry_after_that_is_long_ends_the_attempts_and_is_told() {
    for (value, told) in [("30", Some(30)), ("86400", Some(3600)), ("0030", Some(30))] {
        let (upstream, scripted) = bench([Act::RetryAfter(429, value)]);
        let error = upstream.request_token(&credentials(), &scopes()).await.outcome.unwrap_err();
        assert_eq!(error, UpstreamError::Throttled { retry_after: told.map(Duration::from_secs) });
        assert_eq!(scripted.calls(), 1);
    }
    let (upstream, scripted) =
        bench(std::iter::repeat_n(Act::RetryAfter(503, "Tue, 24 Nov 2026 00:00:00 GMT"), 3));
    let error = upstream.request_token(&credentials(), &scopes()).await.outcome.unwrap_err();
    assert_eq!((error, scripted.calls()), (UpstreamError::Unavailable { retry_after: None }, 3));
}

#[tokio::test(start_paused = true)]
async fn life_counts_from_the_sending_and_ends_with_the_earlier_end() {
    let clock = ManualClock::default();
    let (asked, sent) = (clock.moment(), clock.now().as_secs());
    for (exp, lifetime) in [(sent + 3600, 3600), (sent + 600, 600), (sent + 9999, 3600)] {
        let claims = format!(r#"{{"scope":"orders/read orders/write","exp":{exp}}}"#);
        let slow = Act::Slow(Duration::from_secs(4), granted(&claims, "3600"));
        let (upstream, _scripted) = bench([slow]);
        let Exchange { outcome, effort } = upstream.request_token(&credentials(), &scopes()).await;
        let issued = outcome.unwrap();
        assert_eq!(issued.lifetime, Duration::from_secs(lifetime));
        assert_eq!(issued.asked, asked);
        assert_eq!(effort.elapsed, Duration::from_secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn no_scope_is_never_sent() {
    let (upstream, scripted) = bench([]);
    let exchange = upstream.request_token(&credentials(), &ScopeSet::default()).await;
    assert_eq!(exchange.outcome, Err(UpstreamError::RefusedScope));
    assert_eq!((scripted.calls(), exchange.effort), (0, Effort::default()));
}

#[tokio::test(start_paused = true)]
async fn other_secret_is_tried_before_a_refusal_is_believed_and_then_remembered() {
    let (upstream, scripted) = bench([error("invalid_client"), ok(good()), ok(good())]);
    let pair = pair();
    let exchange = upstream.request_token(&pair, &scopes()).await;
    assert!(exchange.outcome.is_ok());
    assert_eq!((exchange.effort.attempts, exchange.effort.error_replies), (2, 1));
    assert!(upstream.request_token(&pair, &scopes()).await.outcome.is_ok());
    assert_eq!(scripted.secrets(), ["old", "new", "new"]);
}

#[tokio::test(start_paused = true)]
async fn remembered_secret_that_is_taken_away_gives_way_again() {
    let invalid = || error("invalid_client");
    let (upstream, scripted) = bench([invalid(), ok(good()), invalid(), error("invalid_scope"), ok(good())]);
    let pair = pair();
    assert!(upstream.request_token(&pair, &scopes()).await.outcome.is_ok());
    // A refused scope proves that the secret was taken.
    let refused = upstream.request_token(&pair, &scopes()).await.outcome;
    assert_eq!(refused, Err(UpstreamError::RefusedScope));
    assert!(upstream.request_token(&pair, &scopes()).await.outcome.is_ok());
    assert_eq!(scripted.secrets(), ["old", "new", "new", "old", "old"]);
}

#[tokio::test(start_paused = true)]
async fn refusal_of_both_secrets_is_believed() {
    let (upstream, scripted) = bench(std::iter::repeat_n(error("invalid_client"), 4));
    let pair = pair();
    for _ in 0..2 {
        let outcome = upstream.request_token(&pair, &scopes()).await.outcome;
        assert_eq!(outcome, Err(UpstreamError::RefusedClient));
    }
    assert_eq!(scripted.secrets(), ["old", "new", "old", "new"]);
}

#[tokio::test(start_paused = true)]
async fn secret_that_nobody_looked_at_is_not_remembered() {
    let script = [error("invalid_client"), page(503), page(503), page(503), ok(good())];
    let (upstream, scripted) = bench(script);
    let pair = pair();
    let outcome = upstream.request_token(&pair, &scopes()).await.outcome;
    assert_eq!(outcome, Err(UpstreamError::Unavailable { retry_after: None }));
    assert!(upstream.request_token(&pair, &scopes()).await.outcome.is_ok());
    assert_eq!(scripted.secrets(), ["old", "new", "new", "new", "old"]);
}

#[tokio::test(start_paused = true)]
async fn upstream_that_keeps_failing_is_left_alone_and_then_probed() {
    let script = std::iter::repeat_n(page(500), 5).chain([ok(good()), ok(good())]);
    let (upstream, scripted) = bench(script);
    let ask = async || upstream.request_token(&credentials(), &scopes()).await;
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
    scripted.clock.advance(Duration::from_secs(10));
    assert!(ask().await.outcome.is_ok());
    assert!(ask().await.outcome.is_ok());
}

#[tokio::test(start_paused = true)]
async fn refusals_never_open_the_breaker() {
    let (upstream, scripted) = bench(std::iter::repeat_n(error("invalid_scope"), 20));
    for _ in 0..20 {
        let outcome = upstream.request_token(&credentials(), &scopes()).await.outcome;
        assert_eq!(outcome, Err(UpstreamError::RefusedScope));
    }
    assert_eq!(scripted.calls(), 20);
}

#[tokio::test(start_paused = true)]
async fn probe_whose_caller_goes_away_leaves_its_place() {
    let script = std::iter::repeat_n(page(500), 5).chain([Act::Hang, page(500)]);
    let (upstream, scripted) = bench(script);
    for _ in 0..2 {
        upstream.request_token(&credentials(), &scopes()).await.outcome.unwrap_err();
    }
    scripted.clock.advance(Duration::from_secs(10));
    let credentials = credentials();
    let scopes = scopes();
    let gone = tokio::time::timeout(Duration::from_secs(1), upstream.request_token(&credentials, &scopes));
    assert!(gone.await.is_err());
    // The next is a probe too: its one failure opens the breaker again.
    let Exchange { outcome, effort } = upstream.request_token(&credentials, &scopes).await;
    assert_eq!(outcome, Err(UpstreamError::Unavailable { retry_after: None }));
    assert_eq!((effort.attempts, scripted.calls()), (1, 7));
}

#[test]
fn nothing_that_is_sent_can_be_printed() {
    let call = TokenCall {
        authorization: http::HeaderValue::from_static("Basic hunter2"),
        form: Bytes::from_static(b"hunter2"),
    };
    assert_eq!(format!("{call:?}"), "TokenCall(..)");
}
