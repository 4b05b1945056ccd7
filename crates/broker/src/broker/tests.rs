use std::time::Duration;

use ambient::Timestamp;
use lambda::Identity;
use restapi::{AccountId, HttpMethod, MethodArn, Region, ResourcePath, RestApiId, StageName};

use super::*;
use crate::fixtures::{FakeSource, World, client, directory, event, form, key_id, member, name, token};

#[tokio::test]
async fn function_answers_an_event_with_a_token() {
    let world = World::open();
    let source = MethodArn {
        region: Region::parse("eu-central-1").unwrap(),
        account_id: AccountId::parse("000000000000").unwrap(),
        api_id: RestApiId::derived(&["token-broker-api"]),
        stage: StageName::parse("dev").unwrap(),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    };
    let event = event(1, &form("a"));
    let invocation = Invocation { event: &event, source: &source, deadline: Timestamp::from_secs(u64::MAX) };
    let reply = world.broker.invoke(invocation).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"{"access_token":"m2m.a.1","expires_in":3600,"token_type":"Bearer"}"#);
}

#[tokio::test]
async fn nothing_but_the_request_context_says_who_calls() {
    let world = World::open();
    let bodies = [
        "grant_type=client_credentials&scope=a&client_id=stock&client_secret=the-value-of-the-key",
        "client_id=stock&grant_type=client_credentials&scope=a",
    ];
    for body in bodies {
        assert_eq!(world.send(&event(1, body)).await.status, 200);
        assert_eq!(world.sink.last("client"), "billing");
    }
    let mut headers = event(1, &form("a"));
    headers.headers.push("authorization", "Basic c3RvY2s6c2VzYW1l");
    headers.headers.push("x-api-key-id", key_id(2).as_str().to_owned());
    assert_eq!(token(&world.send(&headers).await), "m2m.a.1");
    assert_eq!(world.sink.last("client"), "billing");

    for identity in [
        Identity { source_ip: "10.1.2.3".into(), ..Identity::default() },
        Identity { api_key: Some("the-value-of-the-key".into()), ..Identity::default() },
        Identity { api_key_id: Some("".into()), ..Identity::default() },
        Identity { api_key_id: Some("billing".into()), ..Identity::default() },
    ] {
        let mut nobody = event(1, bodies[0]);
        nobody.request_context.identity = identity;
        let reply = world.send(&nobody).await;
        assert_eq!((reply.status, member(&reply, "error")), (401, "invalid_client".into()));
        assert_eq!(world.sink.last("cache"), "none");
    }
    assert_eq!(world.source.calls(), 1);
}

#[tokio::test]
async fn caller_is_authorized_before_every_hit() {
    let world = World::open();
    assert_eq!(world.ask(1, "a b").await.status, 200);
    let mut narrowed = client("billing", "a");
    narrowed.facts.allow_from = vec!["10.0.0.0/8".parse().unwrap()];
    let keys = [(key_id(1), name("billing"))];
    world.broker.replace_directory(Directory::new([narrowed], keys).unwrap());
    let reply = world.ask(1, "a b").await;
    assert_eq!((reply.status, member(&reply, "error")), (400, "invalid_scope".into()));
    assert_eq!(world.ask(2, "a").await.status, 401);
    let mut elsewhere = event(1, &form("a"));
    elsewhere.request_context.identity.source_ip = "192.0.2.1".into();
    assert_eq!(member(&world.send(&elsewhere).await, "error"), "unauthorized_client");
    world.broker.replace_directory(directory());
    assert_eq!(token(&world.ask(1, "a b").await), "m2m.a-b.1");
}

/// The broker that takes the place of `world`'s, for the same clients; its source has not been asked yet.
fn succeeded(world: &World, settings: BrokerSettings, tokens: KeptTokens) -> (Broker, Arc<FakeSource>) {
    let source = Arc::new(FakeSource::open(&world.clock));
    let next = Succession { settings, directory: directory(), source: source.clone(), tokens };
    (world.broker.succeeded_by(next), source)
}

#[tokio::test]
async fn broker_that_takes_anothers_place_has_its_tokens_or_none() {
    let world = World::open();
    assert_eq!(token(&world.ask(1, "a b").await), "m2m.a-b.1");
    let (keeps, source) = succeeded(&world, BrokerSettings::default(), KeptTokens::All);
    assert_eq!(token(&keeps.answer(&event(1, &form("a b"))).await), "m2m.a-b.1");
    assert_eq!(source.calls(), 0);
    let (forgets, source) = succeeded(&world, BrokerSettings::default(), KeptTokens::None);
    assert_eq!(forgets.answer(&event(1, &form("a b"))).await.status, 200);
    assert_eq!((source.calls(), world.source.calls()), (1, 1));
    assert_eq!(keeps.stats().counts().hits, 1, "they count together");
    assert_eq!(world.broker.stats().counts().allowed, 3);
    assert_eq!(world.sink.lines().len(), 3, "and are audited in one place");
}

#[tokio::test]
async fn broker_that_takes_anothers_place_goes_by_its_own_settings() {
    let world = World::open();
    assert_eq!(world.ask(1, "a").await.status, 200);
    // Nothing that is in the cache lives long enough for this one, and what is new does.
    world.clock.advance(Duration::from_secs(10));
    let strict = BrokerSettings { minimum_life: Duration::from_secs(3_595), ..BrokerSettings::default() };
    let (strict, source) = succeeded(&world, strict, KeptTokens::All);
    assert_eq!(strict.answer(&event(1, &form("a"))).await.status, 200);
    assert_eq!(source.calls(), 1);
}

#[tokio::test]
async fn call_under_way_is_waited_for_by_both() {
    let world = World::gated();
    let asked = event(1, &form("a"));
    let first = world.broker.answer(&asked);
    let (next, source) = succeeded(&world, BrokerSettings::default(), KeptTokens::All);
    let second = async {
        world.source.called(1).await;
        let answered = next.answer(&asked);
        world.source.release();
        answered.await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((token(&first), token(&second)), ("m2m.a.1".into(), "m2m.a.1".into()));
    assert_eq!(source.calls(), 0);
}

#[tokio::test]
async fn other_clients_are_known_to_the_new_broker_alone() {
    let world = World::open();
    let narrowed = Directory::new([client("billing", "a")], [(key_id(1), name("billing"))]).unwrap();
    let other = world.broker.with_directory(narrowed);
    let asked = event(2, &form("a"));
    assert_eq!((world.broker.answer(&asked).await.status, other.answer(&asked).await.status), (200, 401));
    assert_eq!(world.ask(1, "a").await.status, 200);
    assert_eq!(other.answer(&event(1, &form("a"))).await.status, 200);
    assert_eq!(world.source.calls(), 2, "two clients, whoever is asked");
}

#[tokio::test]
async fn keys_of_one_client_share_its_tokens() {
    let world = World::open();
    let keys = [(key_id(1), name("billing")), (key_id(2), name("billing"))];
    world.broker.replace_directory(Directory::new([client("billing", "a")], keys).unwrap());
    assert_eq!(token(&world.ask(1, "a").await), token(&world.ask(2, "a").await));
    assert_eq!(world.source.calls(), 1);
}

#[tokio::test]
async fn without_a_scope_the_default_scopes_are_asked_for_by_name() {
    let world = World::open();
    let reply = world.send(&event(1, "grant_type=client_credentials")).await;
    assert_eq!(token(&reply), "m2m.a.1");
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused() {
    let world = World::open();
    let mut twice = event(1, &form("a"));
    twice.headers.push("Content-Type", "application/x-www-form-urlencoded");
    let mut in_url = event(1, &form("a"));
    in_url.query.push("scope", "b");
    let mut undecodable = event(1, "%");
    undecodable.is_base64_encoded = true;
    for (event, reason) in [
        (twice, "content_type_repeated"),
        (in_url, "parameters_in_url"),
        (undecodable, "body_undecodable"),
        (event(1, "grant_type=client_credentials&scope=a&scope=b"), "form_malformed"),
    ] {
        let reply = world.send(&event).await;
        assert_eq!((reply.status, member(&reply, "error")), (400, "invalid_request".into()));
        assert_eq!(world.sink.last("reason"), reason);
    }
}

#[tokio::test]
async fn other_media_types_and_bodies_that_are_too_large_have_their_own_status() {
    let world = World::open();
    let mut json = event(1, "{}");
    json.headers = lambda::Pairs::default();
    json.headers.push("content-type", "application/json");
    assert_eq!(world.send(&json).await.status, 415);
    assert_eq!(world.send(&event(1, &"a".repeat(100_000))).await.status, 413);
}

#[tokio::test]
async fn base64_body_and_foreign_query_parameters_are_fine() {
    let world = World::open();
    let mut event = event(1, "Z3JhbnRfdHlwZT1jbGllbnRfY3JlZGVudGlhbHMmc2NvcGU9YQ==");
    event.is_base64_encoded = true;
    event.query.push("trace", "1");
    assert_eq!(world.send(&event).await.status, 200);
}

#[tokio::test]
async fn address_that_cannot_be_read_is_in_no_network() {
    let world = World::open();
    let mut event = event(1, &form("a"));
    event.request_context.identity.source_ip = "test-invoke-source-ip".into();
    let reply = world.send(&event).await;
    assert_eq!((reply.status, member(&reply, "error")), (400, "unauthorized_client".into()));
    assert_eq!(world.sink.last("decision"), "deny");
}

#[tokio::test]
async fn counters_tell_what_happened() {
    let world = World::open();
    for scope in ["a", "a", "z", "z"] {
        world.ask(1, scope).await;
    }
    world.ask(9, "a").await;
    let counts = world.broker.stats().counts();
    assert_eq!((counts.allowed, counts.misses, counts.hits), (2, 1, 1));
    assert_eq!((counts.upstream_calls, counts.upstream_failures), (1, 0));
    let refused: Vec<_> = counts.refused.into_iter().collect();
    assert_eq!(refused, [("scope_not_allowed", 2), ("unknown_identity", 1)]);
}
