use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use serde_json::Value;
use testkit::ManualClock;

use crate::fixtures::{UNAVAILABLE, World, directory, event, form, key_id, token};
use crate::{Broker, BrokerSettings};

#[tokio::test]
async fn line_of_each_kind_of_request() {
    let world = World::open();
    world.ask(1, "b a b").await;
    world.clock.advance(Duration::from_millis(1_500));
    world.ask(1, "a b").await;
    world.clock.advance(Duration::from_mins(50));
    world.source.then([UNAVAILABLE]);
    world.ask(1, "a b").await;
    world.landed(2).await;
    world.ask(1, "a b").await;
    world.source.then([UNAVAILABLE]);
    world.ask(2, "c").await;
    world.send(&event(1, "grant_type=client_credentials")).await;
    world.ask(1, "a d").await;
    world.send(&event(1, "grant_type=password&password=sesame")).await;
    world.send(&event(1, "grant_type=%")).await;
    world.ask(3, "a").await;
    insta::assert_snapshot!("lines", world.sink.lines().concat());
}

#[tokio::test]
async fn every_request_leaves_one_line_before_its_answer() {
    let world = World::open();
    for (number, event) in
        [event(1, &form("a")), event(1, "x"), event(1, &form("z")), event(9, "")].iter().enumerate()
    {
        let status = world.send(event).await.status;
        assert_eq!(world.sink.lines().len(), number + 1);
        assert_eq!(world.sink.last("status"), status);
    }
}

/// A clock that breaks.
#[derive(Debug, Default)]
struct Fragile {
    broken: AtomicBool,
    clock: ManualClock,
}

impl Clock for Fragile {
    fn now(&self) -> Timestamp {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock breaks, as it was told");
        self.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }
}

#[tokio::test]
async fn panic_in_the_broker_itself_leaves_a_line() {
    let World { source, sink, .. } = World::gated();
    let clock = Arc::new(Fragile::default());
    let (of_broker, to_sink) = (Arc::clone(&source), Arc::clone(&sink));
    let broker = Broker::new(
        BrokerSettings::default(),
        directory(),
        of_broker,
        to_sink,
        Arc::clone(&clock) as Arc<dyn Clock>,
    );
    let asking = tokio::spawn(async move { broker.answer(&event(1, &form("a"))).await });
    source.called(1).await;
    clock.broken.store(true, Ordering::SeqCst);
    source.release();
    assert!(asking.await.unwrap_err().is_panic());
    assert_eq!(sink.lines().len(), 1);
    assert_eq!((sink.last("reason"), sink.last("client")), ("panicked".into(), "billing".into()));
    assert_eq!(sink.last("status"), Value::Null);
}

#[tokio::test]
async fn full_sink_means_503_whatever_the_answer_was_and_no_token() {
    let world = World::open();
    world.sink.fill(true);
    for body in [form("a"), form("a"), form("z"), String::new()] {
        let reply = world.send(&event(1, &body)).await;
        assert_eq!(reply.status, 503, "{body}");
        let expected = r#"{"error":"temporarily_unavailable","error_description":"no token can be issued at the moment"}"#;
        assert_eq!(reply.body, expected);
    }
    assert_eq!(world.broker.stats().counts().audit_lost, 4);
    // The token was fetched once, is still kept, and is handed out only with a line.
    world.sink.fill(false);
    assert_eq!(token(&world.ask(1, "a").await), "m2m.a.1");
    assert_eq!(world.sink.lines().len(), 1);
}

#[tokio::test]
async fn nothing_that_was_sent_or_handed_out_stands_in_a_line() {
    let world = World::open();
    let sesame = "grant_type=sesame&client_id=sesame&client_secret=sesame&scope=sesame";
    let mut misplaced = event(1, &form("a"));
    misplaced.request_context.identity.api_key_id = Some("the-value-of-the-key".into());
    let mut in_url = event(1, &form("a"));
    in_url.query.push("client_secret", "sesame");
    let asks = [event(1, &form("a")), event(1, sesame), event(1, &form("sesame")), misplaced, in_url];
    for event in &asks {
        world.send(event).await;
    }
    let shown = format!("{}{:?}", world.sink.lines().concat(), world.broker);
    assert_eq!(world.sink.lines().len(), asks.len());
    for secret in ["sesame", "the-value-of-the-key", "m2m.a.1"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn key_id_that_the_directory_does_not_know_is_recorded() {
    let world = World::open();
    world.ask(7, "a").await;
    assert_eq!(world.sink.last("key_id"), key_id(7).as_str());
    assert_eq!(world.sink.last("client"), Value::Null);
}

#[tokio::test]
async fn trace_is_in_the_line_and_nothing_that_only_stands_in_its_place() {
    let id = "1-6ab58520-70315d7939e4c191321149a9";
    for (header, trace) in [
        (format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1"), Value::from(id)),
        (format!("Self=1-x;Root={id}"), Value::from(id)),
        ("Root=1-6ab58520-sesame".to_owned(), Value::Null),
        (format!("Root={id}-more"), Value::Null),
        ("sesame".to_owned(), Value::Null),
    ] {
        let world = World::open();
        let mut event = event(1, &form("a"));
        event.headers.push("X-Amzn-Trace-Id", header.clone());
        world.send(&event).await;
        assert_eq!(world.sink.last("trace"), trace, "{header}");
    }
}
