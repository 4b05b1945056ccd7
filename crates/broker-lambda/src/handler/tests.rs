use listen::{Bounds, Drain};
use serde_json::{Value, json};
use testkit::{ManualClock, SeededEntropy};
use tokio::net::TcpListener;
use user_pool::{
    AppClient, AppClientId, AppClientSecret, PoolConfig, PoolId, Secrets, SigningKeys, TokenValidity,
    UserPool,
};

use super::*;
use crate::fixtures::{BILLING, FakeStore, PLACE, STRANGER, Stream, event, factory, usual};
use crate::lines::Lines;
use crate::store::StoreError;

struct World {
    handler: Handler,
    store: Arc<FakeStore>,
    clock: Arc<ManualClock>,
    stdout: Stream,
}

impl World {
    fn of(store: Arc<FakeStore>) -> Self {
        let (clock, stdout) = (Arc::new(ManualClock::default()), Stream::default());
        let lines = Lines::to(stdout.clone());
        let metrics = Metrics::new(lines.clone(), "token-broker".into(), "broker".into());
        let handler = Handler::new(factory(&store, &clock, lines), metrics);
        Self { handler, store, clock, stdout }
    }

    fn open() -> Self {
        let world = Self::of(FakeStore::open());
        world.store.set(PLACE, Ok(&usual()));
        world
    }

    async fn invoke(&self, key: &str) -> ProxyReply {
        let deadline = self.clock.now().plus(Duration::from_secs(10));
        self.handler.handle(&event(key).to_json(), deadline).await.unwrap()
    }

    /// The last line's member `name`, of those that are metrics or of those that are not.
    fn last(&self, metrics: bool, name: &str) -> serde_json::Value {
        let lines = self.stdout.lines();
        let line = lines.iter().rfind(|line| line.get("_aws").is_some() == metrics);
        line.unwrap()[name].clone()
    }
}

fn shown(reply: &ProxyReply) -> String {
    let headers = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    format!("{}\n{}\n{}", reply.status, headers.collect::<String>(), reply.body)
}

#[tokio::test]
async fn refusal_of_the_broker_is_an_answer_and_leaves_two_lines() {
    let world = World::open();
    let reply = world.invoke(STRANGER).await;
    assert_eq!(reply.status, 401);
    assert_eq!(world.stdout.lines().len(), 2);
    assert_eq!(world.last(false, "reason"), "unknown_identity");
    assert_eq!(world.last(false, "key_id"), STRANGER);
    assert_eq!(
        (world.last(true, "outcome"), world.last(true, "cold_start")),
        ("refused".into(), true.into())
    );
    world.invoke(STRANGER).await;
    assert_eq!(world.last(true, "cold_start"), false);
}

#[tokio::test]
async fn without_bindings_the_answer_is_an_oauth_error_and_not_one_of_lambda() {
    let world = World::open();
    world.store.set(PLACE, Err(StoreError::NotReached));
    let reply = world.invoke(BILLING).await;
    insta::assert_snapshot!(shown(&reply), @r#"
    503
    Content-Type: application/json;charset=UTF-8
    Cache-Control: no-store
    Pragma: no-cache
    Retry-After: 2

    {"error":"temporarily_unavailable","error_description":"no token can be issued at the moment"}
    "#);
    let audit = world.stdout.text();
    insta::assert_snapshot!(audit.lines().next().unwrap(), @r#"{"time":"2026-09-24T20:16:32.000000Z","request_id":"r-1","client":null,"key_id":"billing000","grant":null,"scopes":null,"decision":"deny","reason":"bindings_unavailable","rules":[],"cache":"none","upstream_attempts":0,"upstream_ms":0,"app_client":null,"status":503,"trace":null}"#);
    assert_eq!(world.last(true, "outcome"), "failed");
    world.store.set(PLACE, Ok(&usual()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.invoke(STRANGER).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn broker_gives_up_before_the_function_would_be_stopped() {
    let world = World::of(FakeStore::gated());
    world.store.set(PLACE, Ok(&usual()));
    world.store.release_one();
    // The bindings come, the secret never does.
    let began = tokio::time::Instant::now();
    let deadline = world.clock.now().plus(Duration::from_secs(2));
    let reply = world.handler.handle(&event(BILLING).to_json(), deadline).await.unwrap();
    assert_eq!(reply.status, 503);
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(world.store.reads("ssm:/m2m"), 1);
    assert_eq!(world.last(false, "status"), 503);
}

#[tokio::test(start_paused = true)]
async fn deadline_is_answered_in_time_and_the_audit_line_says_that_the_request_was_abandoned() {
    let gated = World::of(FakeStore::gated());
    gated.store.set(PLACE, Ok(&usual()));
    gated.store.release_one();
    gated.invoke(STRANGER).await;
    // Less than at the first time, when the broker's patience was measured.
    let began = tokio::time::Instant::now();
    let deadline = gated.clock.now().plus(Duration::from_secs(1));
    let late = gated.handler.handle(&event(BILLING).to_json(), deadline).await.unwrap();
    assert_eq!((late.status, began.elapsed()), (503, Duration::from_millis(800)));
    assert_eq!((gated.last(false, "reason"), gated.last(false, "status")), ("abandoned".into(), ().into()));
    assert_eq!(gated.last(true, "outcome"), "failed");
}

#[tokio::test(start_paused = true)]
async fn deadline_that_has_passed_already_is_not_kept() {
    let gated = World::of(FakeStore::gated());
    gated.store.set(PLACE, Ok(&usual()));
    gated.store.release_one();
    let began = tokio::time::Instant::now();
    let reply = gated.handler.handle(&event(BILLING).to_json(), Timestamp::default()).await.unwrap();
    // The secret never comes: as long as the definition lets one attempt take.
    assert_eq!((reply.status, began.elapsed()), (503, Duration::from_secs(5)));
    let again = gated.handler.handle(&event(STRANGER).to_json(), gated.clock.now()).await.unwrap();
    assert_eq!(again.status, 401);
}

#[tokio::test]
async fn payload_that_is_no_event_is_an_error_that_does_not_repeat_it() {
    let world = World::open();
    for payload in ["", "{}", "hunter2", r#"{"httpMethod":"hunter2","headers":7}"#, r#"["hunter2"]"#] {
        let error = world.handler.handle(payload.as_bytes(), world.clock.now()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert_eq!(world.last(true, "outcome"), "no_event");
    }
    assert_eq!(world.store.reads(PLACE), 0);
}

#[tokio::test]
async fn audit_line_that_cannot_be_written_takes_the_answer_with_it() {
    let world = World::open();
    assert_eq!(world.invoke(STRANGER).await.status, 401);
    world.stdout.break_off();
    assert_eq!(world.invoke(STRANGER).await.status, 503);
}

#[tokio::test]
async fn nothing_that_is_secret_is_written() {
    let world = World::open();
    world.store.set("ssm:/m2m", Ok("hunter2-the-secret"));
    let reply = world.invoke(BILLING).await;
    assert_eq!(reply.status, 503, "nobody listens upstream");
    assert_eq!(
        (world.last(false, "client"), world.last(true, "UpstreamFailures")),
        ("billing".into(), 1.into())
    );
    assert!(!world.stdout.text().contains("hunter2"));
}

/// A user pool by the clock of `world`, to which its bindings lead for as long as what comes back is held.
async fn pool_of(world: &World) -> (Arc<UserPool>, Drain) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let domain = format!("http://{}", listener.local_addr().unwrap());
    let id = "1m2n3b4v5c6x7z8l9k0j1h2g3f";
    let secret = "hunter2_the_app_clients_secret";
    let client = AppClient {
        id: AppClientId::parse(id).unwrap(),
        secrets: Secrets::from(AppClientSecret::parse(secret).unwrap()),
        scopes: "orders/read".parse().unwrap(),
        validity: TokenValidity::default(),
    };
    let mut bindings: Value = serde_json::from_str(&usual()).unwrap();
    bindings["upstream"] = json!({ "token_endpoint": format!("{domain}/oauth2/token") });
    bindings["app_clients"]["m2m"]["client_id"] = id.into();
    world.store.set(PLACE, Ok(&bindings.to_string()));
    world.store.set("ssm:/m2m", Ok(secret));
    let config = PoolConfig {
        pool_id: PoolId::parse("eu-central-1_a1B2c3D4e").unwrap(),
        issuer: format!("{domain}/eu-central-1_a1B2c3D4e"),
        domain,
        app_clients: vec![client],
    };
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let keys = SigningKeys::generate().unwrap();
    let pool = Arc::new(UserPool::new(config, keys, clock, Arc::new(SeededEntropy::new(7))).unwrap());
    let (drain, signal) = Drain::new();
    tokio::spawn(listen::serve(listener, Bounds::default(), Arc::clone(&pool), signal));
    (pool, drain)
}

#[tokio::test]
async fn old_token_is_renewed_within_the_invocation_that_finds_it_old() {
    let world = World::open();
    let (pool, _drain) = pool_of(&world).await;
    let first = world.invoke(BILLING).await;
    assert_eq!((first.status, world.last(false, "cache")), (200, "miss".into()));
    world.clock.advance(Duration::from_mins(46));
    let renewed = world.invoke(BILLING).await;
    assert_eq!((renewed.status, world.last(false, "cache")), (200, "refresh".into()));
    assert_eq!((world.last(true, "CacheHits"), world.last(true, "UpstreamCalls")), (1.into(), 1.into()));
    assert_eq!(pool.token_requests(), 2);
    assert_ne!(first.body, renewed.body, "nothing of it is left for after the answer");
    assert!(renewed.body.contains(r#""expires_in":3600"#));
    assert!(!world.stdout.text().contains("hunter2"));
}
