use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{Ending, FakeSource, HOUR, UNAVAILABLE, World, member, token};

/// Starts the request of key 1 for `a` in a task of its own.
fn start(world: &Arc<World>) -> tokio::task::JoinHandle<lambda::ProxyReply> {
    let world = Arc::clone(world);
    tokio::spawn(async move { world.ask(1, "a").await })
}

/// Lets every task that can run do so. For a runtime of one thread.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_of_a_cold_token_make_one_call_upstream() {
    const CALLERS: u64 = 10_000;
    let world = Arc::new(World::gated());
    let callers: Vec<_> = (0..CALLERS).map(|_| start(&world)).collect();
    world.source.called(1).await;
    // Everybody has passed policy before the one call is answered, so that most of them wait for it.
    while world.broker.stats().counts().allowed < CALLERS {
        tokio::task::yield_now().await;
    }
    world.source.release();
    for caller in callers {
        let reply = caller.await.unwrap();
        assert_eq!((reply.status, token(&reply).as_str()), (200, "m2m.a.1"));
    }
    assert_eq!(world.source.calls(), 1);
    let counts = world.broker.stats().counts();
    assert_eq!(counts.misses, 1);
    assert_eq!(counts.joined + counts.hits, CALLERS - 1);
    assert_eq!(world.sink.lines().len(), 10_000);
}

#[tokio::test]
async fn first_caller_who_goes_away_takes_nothing_down() {
    let world = Arc::new(World::gated());
    let first = start(&world);
    world.source.called(1).await;
    let second = start(&world);
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(world.sink.last("reason"), "abandoned");
    assert_eq!(world.sink.last("decision"), "allow");
    assert_eq!(world.sink.last("status"), serde_json::Value::Null);
    world.source.release();
    assert_eq!(token(&second.await.unwrap()), "m2m.a.1");
    assert_eq!(world.source.calls(), 1);
    assert_eq!(world.sink.lines().len(), 2);
}

#[tokio::test]
async fn call_that_nobody_waits_for_any_more_still_fills_the_cache() {
    let world = Arc::new(World::gated());
    let only = start(&world);
    world.source.called(1).await;
    only.abort();
    world.source.release();
    world.landed(1).await;
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
    assert_eq!(world.source.calls(), 1);
}

#[tokio::test]
async fn failure_is_shared_by_those_who_wait_and_not_remembered() {
    let world = Arc::new(World::gated());
    world.source.then([UNAVAILABLE]);
    let (first, second) = (start(&world), start(&world));
    settle().await;
    world.source.release();
    for caller in [first, second] {
        let reply = caller.await.unwrap();
        assert_eq!((reply.status, member(&reply, "error")), (503, "temporarily_unavailable".into()));
    }
    assert_eq!(world.source.calls(), 1);
    // The call stands on the account of the first, and of nobody else.
    let lines = world.sink.lines().concat();
    for account in [r#""cache":"miss","upstream_attempts":1,"#, r#""cache":"joined","upstream_attempts":0,"#]
    {
        assert_eq!(lines.matches(account).count(), 1, "{lines}");
    }
    world.source.release();
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
}

#[tokio::test]
async fn panic_in_the_source_is_an_error_for_those_who_wait_and_wedges_nothing() {
    let world = Arc::new(World::gated());
    world.source.then([Ending::Panic]);
    let (first, second) = (start(&world), start(&world));
    settle().await;
    world.source.release();
    for caller in [first, second] {
        let reply = caller.await.unwrap();
        assert_eq!((reply.status, member(&reply, "error")), (500, "server_error".into()));
        assert!(!reply.body.contains("breaks"));
    }
    world.source.release();
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
}

#[tokio::test(start_paused = true)]
async fn source_that_never_answers_is_given_up_and_wedges_nothing() {
    let world = World::gated();
    // Nothing can run, so the paused time jumps to the end of the longest call.
    let reply = world.ask(1, "a").await;
    assert_eq!((reply.status, member(&reply, "error")), (503, "temporarily_unavailable".into()));
    assert_eq!(world.sink.last("reason"), "upstream_call_too_long");
    world.source.release();
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
}

#[tokio::test]
async fn expires_in_is_the_life_that_is_left_in_whole_seconds() {
    let world = World::open();
    assert_eq!(member(&world.ask(1, "a").await, "expires_in"), 3600);
    world.clock.advance(Duration::from_millis(1_001));
    assert_eq!(member(&world.ask(1, "a").await, "expires_in"), 3598);
    assert_eq!(world.source.calls(), 1);
}

#[tokio::test]
async fn time_that_the_upstream_took_is_taken_off_the_life() {
    let world = Arc::new(World::gated());
    let caller = start(&world);
    world.source.called(1).await;
    world.clock.advance(Duration::from_secs(7));
    world.source.release();
    assert_eq!(member(&caller.await.unwrap(), "expires_in"), 3593);
    assert_eq!(world.sink.last("upstream_ms"), 7_000);
    assert_eq!(world.sink.last("upstream_attempts"), 1);
}

#[tokio::test]
async fn clock_that_is_set_back_makes_no_token_live_longer() {
    let world = World::gated();
    world.source.release();
    world.ask(1, "a").await;
    world.clock.advance(Duration::from_mins(20));
    world.clock.set(Timestamp::from_secs(1));
    assert_eq!(member(&world.ask(1, "a").await, "expires_in"), 2400);
    world.clock.advance(Duration::from_mins(39) + Duration::from_micros(1));
    world.source.then([UNAVAILABLE]);
    world.source.release();
    assert_eq!(world.ask(1, "a").await.status, 503);
}

#[tokio::test]
async fn time_that_the_machine_slept_through_counts() {
    let world = World::open();
    world.ask(1, "a").await;
    world.clock.set(world.clock.now().plus(Duration::from_mins(59) + Duration::from_micros(1)));
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
}

#[tokio::test]
async fn token_with_less_than_the_minimum_life_is_never_handed_out() {
    let world = World::gated();
    world.source.release();
    world.ask(1, "a").await;
    world.clock.advance(Duration::from_mins(59));
    assert_eq!(member(&world.ask(1, "a").await, "expires_in"), 60);
    world.clock.advance(Duration::from_micros(1));
    world.source.then([UNAVAILABLE]);
    world.source.release();
    assert_eq!(world.ask(1, "a").await.status, 503);
}

#[tokio::test]
async fn short_lived_token_from_upstream_is_no_token() {
    let world = World::open();
    world.source.then([Ending::Token(Duration::from_secs(59))]);
    let reply = world.ask(1, "a").await;
    assert_eq!((reply.status, member(&reply, "error")), (500, "server_error".into()));
    assert_eq!(world.sink.last("reason"), "token_short_lived");
    assert_eq!(world.ask(1, "a").await.status, 200);
}

#[tokio::test]
async fn refresh_ahead_happens_once_and_nobody_waits_for_it() {
    let world = World::gated();
    world.source.release();
    world.ask(1, "a").await;
    world.clock.advance(HOUR * 3 / 4);
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
    assert_eq!(world.sink.last("cache"), "hit");
    world.clock.advance(Duration::from_micros(1));
    // The gate is closed: whoever waited for the renewal would wait for ever.
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
    assert_eq!(world.sink.last("cache"), "refresh");
    assert_eq!(world.sink.last("upstream_attempts"), 0);
    for _ in 0..10 {
        assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
        assert_eq!(world.sink.last("cache"), "hit");
    }
    settle().await;
    assert_eq!(world.source.calls(), 2);
    world.source.release();
    world.landed(2).await;
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
    assert_eq!(world.sink.last("cache"), "hit");
    assert_eq!(world.source.calls(), 2);
}

/// Where nothing runs after the answer, the request that renews waits for the new token, within bounds.
#[tokio::test(start_paused = true)]
async fn renewal_can_be_waited_for_by_the_request_that_starts_it() {
    let patient = BrokerSettings { refresh_wait: Duration::from_millis(800), ..BrokerSettings::default() };
    let world = Arc::new(World::with(FakeSource::gated, patient));
    world.source.release();
    world.ask(1, "a").await;
    world.clock.advance(Duration::from_mins(50));
    let renewing = start(&world);
    world.source.called(2).await;
    // Others do not wait with it.
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
    world.source.release();
    assert_eq!(token(&renewing.await.unwrap()), "m2m.a.2");
    assert_eq!(
        (world.sink.last("cache"), world.sink.last("upstream_attempts")),
        ("refresh".into(), 1.into())
    );

    // One that takes too long, or fails, leaves the old token.
    world.clock.advance(Duration::from_mins(50));
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
    world.source.then([UNAVAILABLE]);
    world.source.release();
    world.landed(3).await;
    world.clock.advance(Duration::from_secs(5));
    world.source.then([UNAVAILABLE]);
    world.source.release();
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.2");
    assert_eq!(world.sink.last("cache"), "refresh");
    assert_eq!(world.source.calls(), 4);
}

#[tokio::test]
async fn stale_token_is_served_while_the_upstream_fails_and_only_to_the_minimum_life() {
    let world = World::open();
    world.ask(1, "a").await;
    world.source.then([UNAVAILABLE; 8]);
    world.clock.advance(Duration::from_mins(50));
    assert_eq!(world.ask(1, "a").await.status, 200);
    world.landed(2).await;
    assert_eq!(world.ask(1, "a").await.status, 200);
    assert_eq!(world.sink.last("cache"), "stale");
    assert_eq!(world.source.calls(), 2);
    // After the pause, the next who asks tries again, and is served all the same.
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.ask(1, "a").await.status, 200);
    assert_eq!(world.sink.last("cache"), "refresh");
    world.landed(3).await;
    world.clock.advance(Duration::from_mins(9));
    let reply = world.ask(1, "a").await;
    assert_eq!(reply.status, 503);
    assert!(reply.headers.contains(&("Retry-After".into(), "2".into())));
    assert_eq!(world.sink.last("cache"), "miss");
    assert_eq!(world.broker.stats().counts().upstream_failures, 3);
    let upstream = world.broker.stats().upstream();
    assert_eq!(upstream.attempts, 4);
    assert_eq!(upstream.errors.values().sum::<u64>(), 3, "{upstream:?}");
    assert_eq!(upstream.took.iter().sum::<u64>(), 4);
}

#[tokio::test]
async fn who_comes_while_a_renewal_runs_and_the_token_has_died_waits_for_that_renewal() {
    let world = Arc::new(World::gated());
    world.source.release();
    world.ask(1, "a").await;
    world.clock.advance(Duration::from_mins(50));
    world.ask(1, "a").await;
    world.source.called(2).await;
    world.clock.advance(Duration::from_mins(10));
    let late = start(&world);
    settle().await;
    world.source.release();
    let reply = late.await.unwrap();
    assert_eq!(token(&reply), "m2m.a.2");
    // Ten minutes have passed since this token was asked for.
    assert_eq!(member(&reply, "expires_in"), 3000);
    assert_eq!(world.sink.last("cache"), "joined");
    assert_eq!(world.source.calls(), 2);
}

#[tokio::test]
async fn who_finds_no_room_is_sent_away_and_the_calls_under_way_are_not_disturbed() {
    let settings = BrokerSettings { tokens_per_client: 1, ..BrokerSettings::default() };
    let world = Arc::new(World::with(FakeSource::gated, settings));
    let caller = start(&world);
    world.source.called(1).await;
    assert_eq!(world.ask(1, "b").await.status, 503);
    assert_eq!(world.sink.last("reason"), "too_many_tokens");
    world.source.release();
    assert_eq!(token(&caller.await.unwrap()), "m2m.a.1");
    world.source.release();
    assert_eq!(token(&world.ask(1, "b").await), "m2m.b.2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A token belongs to one client and one set of scopes, in whatever order and however often those are named.
    #[test]
    fn tokens_are_shared_by_the_same_client_and_scopes_and_by_nobody_else(
        asks in proptest::collection::vec((1..=2_u32, proptest::collection::vec("[abc]", 1..5)), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::open();
            let mut served = std::collections::BTreeMap::new();
            for (key, scopes) in asks {
                let reply = token(&world.ask(key, &scopes.join(" ")).await);
                let set: std::collections::BTreeSet<String> = scopes.into_iter().collect();
                let known = served.entry((key, set)).or_insert_with(|| reply.clone());
                assert_eq!(known, &reply);
            }
            let distinct: std::collections::BTreeSet<&String> = served.values().collect();
            assert_eq!(distinct.len(), served.len());
            assert_eq!(world.source.calls(), served.len());
        });
    }
}
