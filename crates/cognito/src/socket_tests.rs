//! A few exchanges over real sockets: with the embedded pool in both ways, and with peers that misbehave.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use futures_util::future::BoxFuture;
use listen::{Bounds, Drain};
use oauth::{ScopeSet, UnverifiedClaims};
use testkit::{ManualClock, SeededEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use user_pool::{
    AppClient, AppClientId, AppClientSecret, PoolConfig, PoolId, Secrets, SigningKeys, UserPool,
};

use crate::{
    AppClientCredentials, AppClientSecrets, Effort, Endpoint, Exchange, ExtraHeaders, IdpEndpoint,
    SecretSource, SecretsUnreadable, Settings, TokenEndpoint, Upstream, UpstreamError,
};

const POOL: &str = "eu-central-1_a1B2c3D4e";

/// A pool that is served for as long as this is held, and an app client of it.
struct Running {
    /// The pool in both ways: by its token endpoint, and by `GetClientToken`.
    upstreams: [Upstream; 2],
    pool: Arc<UserPool>,
    client: AppClient,
    clock: Arc<ManualClock>,
    _drain: Drain,
}

async fn started() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let domain = format!("http://{}", listener.local_addr().unwrap());
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(3)));
    let client = AppClient {
        id: AppClientId::generate(entropy.as_ref()),
        // With the one character that a decoder would make a space of.
        secrets: Secrets::from(AppClientSecret::parse("plus+plus+plus+plus+plus+plus+").unwrap()),
        scopes: "orders/read orders/write".parse().unwrap(),
        validity: user_pool::TokenValidity::default(),
    };
    let config = PoolConfig {
        pool_id: PoolId::parse(POOL).unwrap(),
        issuer: format!("{domain}/{POOL}"),
        domain: domain.clone(),
        app_clients: vec![client.clone()],
    };
    let keys = SigningKeys::generate().unwrap();
    let pool = Arc::new(UserPool::new(config, keys, clock.clone(), entropy.clone()).unwrap());
    let (drain, signal) = Drain::new();
    tokio::spawn(listen::serve(listener, Bounds::default(), Arc::clone(&pool), signal));
    let endpoints: [Endpoint; 2] = [
        TokenEndpoint::parse(&format!("{domain}/oauth2/token")).unwrap().into(),
        IdpEndpoint::parse(&domain).unwrap().into(),
    ];
    let upstreams = endpoints
        .map(|endpoint| Upstream::new(endpoint, Settings::default(), clock.clone(), entropy.clone()));
    Running { upstreams, pool, client, clock, _drain: drain }
}

impl Running {
    fn credentials(&self) -> AppClientCredentials {
        let secret = self.client.secrets.first.as_secret().clone();
        AppClientCredentials::new(self.client.id.as_str(), secret, None).unwrap()
    }
}

async fn ask_for(upstream: &Upstream, credentials: &AppClientCredentials, scopes: &str) -> Exchange {
    upstream.request_token(credentials, &scopes.parse().unwrap()).await
}

#[tokio::test]
async fn embedded_pool_issues_what_is_asked_for() {
    let running = started().await;
    for upstream in &running.upstreams {
        for scopes in ["orders/read", "orders/read orders/write"] {
            let Exchange { outcome, effort } = ask_for(upstream, &running.credentials(), scopes).await;
            let issued = outcome.unwrap();
            let claims = UnverifiedClaims::decode(&issued.token).unwrap();
            assert_eq!(claims.scopes.as_ref().map(ScopeSet::as_str), Some(scopes));
            assert_eq!((issued.asked, issued.lifetime), (running.clock.moment(), Duration::from_hours(1)));
            assert_eq!(effort.attempts, 1);
        }
    }
    assert_eq!(running.pool.token_requests(), 4);
}

#[tokio::test]
async fn embedded_pool_refuses_as_cognito_does() {
    let running = started().await;
    let wrong = |id: &str, secret: &str| AppClientCredentials::new(id, secret.into(), None).unwrap();
    let id = running.client.id.as_str();
    for upstream in &running.upstreams {
        for (credentials, scopes, error) in [
            (running.credentials(), "orders/delete", UpstreamError::RefusedScope),
            (wrong(id, "of-no-shape"), "orders/read", UpstreamError::RefusedClient),
            (wrong(id, "of_a_good_shape_but_wrong"), "orders/read", UpstreamError::RefusedClient),
            (wrong("nobody", "of_a_good_shape_but_wrong"), "orders/read", UpstreamError::RefusedClient),
        ] {
            let Exchange { outcome, effort } = ask_for(upstream, &credentials, scopes).await;
            assert_eq!(outcome, Err(error));
            assert_eq!((effort.attempts, effort.error_replies), (1, 1));
        }
    }
    assert_eq!(running.pool.token_requests(), 8);
}

#[tokio::test]
async fn rotated_secret_is_found() {
    let running = started().await;
    let right = running.client.secrets.first.as_secret();
    for upstream in &running.upstreams {
        let pair =
            AppClientCredentials::new(running.client.id.as_str(), "removed".into(), Some(right.clone()))
                .unwrap();
        assert_eq!(ask_for(upstream, &pair, "orders/read").await.effort.attempts, 2);
        assert_eq!(ask_for(upstream, &pair, "orders/read").await.effort.attempts, 1);
    }
}

/// Has a secret in its cache that was rotated away.
#[derive(Debug)]
struct Rotated(AppClientSecrets);

impl SecretSource for Rotated {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(async { Ok(AppClientSecrets::new("removed_removed_removed_".into(), None)?) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

#[tokio::test]
async fn secret_that_was_rotated_away_is_read_again() {
    let running = started().await;
    let right = running.client.secrets.first.as_secret().clone();
    let source = Arc::new(Rotated(AppClientSecrets::new(right, None).unwrap()));
    for upstream in &running.upstreams {
        let pause = Duration::from_secs(30);
        let read =
            AppClientCredentials::read_from(running.client.id.as_str(), source.clone(), pause).unwrap();
        assert_eq!(ask_for(upstream, &read, "orders/read").await.effort.attempts, 2);
        assert_eq!(ask_for(upstream, &read, "orders/read").await.effort.attempts, 1);
    }
}

#[tokio::test]
async fn extra_headers_go_along_in_both_ways() {
    for way in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let extra = ExtraHeaders::new([("x-origin-verify", "sesame".into())]).unwrap();
        let endpoint = if way == 0 {
            Endpoint::from(TokenEndpoint::parse(&url).unwrap().with_headers(extra))
        } else {
            Endpoint::from(IdpEndpoint::parse(&url).unwrap().with_headers(extra))
        };
        let peer = tokio::spawn(async move {
            let (mut stream, _peer) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            String::from_utf8(request[..read].to_vec()).unwrap()
        });
        ask_at(endpoint, Settings::default()).await;
        let request = peer.await.unwrap();
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nx-origin-verify: sesame\r\n"), "{request}");
    }
}

/// What asking a peer comes to that reads a little of each request and then answers `answer`, or hangs up.
async fn asked_of_a_peer_that_answers(answer: Vec<u8>) -> Exchange {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _peer)) = listener.accept().await {
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).await;
            let _written = stream.write_all(&answer).await;
        }
    });
    ask(&format!("http://{address}/oauth2/token"), Settings::default()).await
}

async fn ask(url: &str, settings: Settings) -> Exchange {
    ask_at(TokenEndpoint::parse(url).unwrap().into(), settings).await
}

async fn ask_at(endpoint: Endpoint, settings: Settings) -> Exchange {
    let once = Settings { attempts: NonZeroU32::MIN, ..settings };
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(3)));
    let credentials = AppClientCredentials::new("billing", "hunter2".into(), None).unwrap();
    Upstream::new(endpoint, once, clock, entropy)
        .request_token(&credentials, &"orders/read".parse().unwrap())
        .await
}

#[tokio::test]
async fn peer_that_misbehaves_is_an_error() {
    let huge = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(100_000));
    let rows: [(&[u8], UpstreamError); 6] = [
        (b"", UpstreamError::Unavailable { retry_after: None }),
        (b"SSH-2.0-OpenSSH_9.6\r\n", UpstreamError::Unavailable { retry_after: None }),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
            UpstreamError::Unavailable { retry_after: None },
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", UpstreamError::Malformed),
        (huge.as_bytes(), UpstreamError::Malformed),
        (
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            UpstreamError::Redirected,
        ),
    ];
    for (answer, error) in rows {
        let exchange = asked_of_a_peer_that_answers(answer.to_vec()).await;
        assert_eq!(
            exchange.outcome,
            Err(error),
            "{}",
            answer.escape_ascii().to_string().get(..40).unwrap_or_default()
        );
        assert_eq!(exchange.effort.unconnected, 0);
    }
}

#[tokio::test]
async fn port_that_nobody_listens_on_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let exchange = ask(&format!("http://{address}/oauth2/token"), Settings::default()).await;
    assert_eq!(exchange.outcome, Err(UpstreamError::NotConnected));
    assert_eq!(exchange.effort.unconnected, exchange.effort.attempts);
}

#[tokio::test]
async fn peer_that_speaks_no_tls_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _peer)) = listener.accept().await {
            let _written = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let exchange = ask(&format!("https://{address}/oauth2/token"), Settings::default()).await;
    assert_eq!(exchange.outcome, Err(UpstreamError::NotConnected));
}

#[tokio::test]
async fn peer_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { attempt: Duration::from_millis(50), ..Settings::default() };
    let exchange = ask(&format!("http://{address}/oauth2/token"), settings).await;
    assert_eq!(exchange.outcome, Err(UpstreamError::Timeout));
    let Effort { attempts, unconnected, error_replies, .. } = exchange.effort;
    assert_eq!((attempts, unconnected, error_replies), (1, 0, 0));
    drop(listener);
}
