use std::num::NonZeroU32;

use ambient::Clock;
use parking_lot::Mutex;
use spans::{Senders, SpanSink};
use testkit::{ManualClock, SeededEntropy};

use super::*;
use crate::fixtures::{FakeSink, FakeSource, UNAVAILABLE, directory, event, form};
use crate::{Broker, BrokerSettings};

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Span>>);

impl SpanSink for Kept {
    fn offer(&self, span: Span) {
        self.0.lock().push(span);
    }
}

struct World {
    kept: Arc<Kept>,
    source: Arc<FakeSource>,
    broker: Broker,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::default());
    let (kept, source) = (Arc::new(Kept::default()), Arc::new(FakeSource::open(&clock)));
    let entropy = Arc::new(SeededEntropy::new(5));
    let tracer = Tracer::new(Arc::clone(&kept) as _, entropy, NonZeroU32::MIN, Senders::Decide);
    let (of_broker, sink) = (Arc::clone(&source), Arc::new(FakeSink::default()));
    let clock = clock as Arc<dyn Clock>;
    let broker = Broker::new(BrokerSettings::default(), directory(), of_broker, sink, clock);
    World { kept, source, broker: broker.with_tracer(Some(Arc::new(tracer))) }
}

impl World {
    /// The spans that a request under `trace` gets.
    async fn spans(&self, trace: &str, body: &str) -> Vec<Span> {
        let mut event = event(1, body);
        event.headers.push("X-Amzn-Trace-Id", trace.to_owned());
        self.broker.answer(&event).await;
        std::mem::take(&mut *self.kept.0.lock())
    }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    attribute(span, name).and_then(Value::as_text)
}

const TRACED: &str = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";

#[tokio::test]
async fn call_upstream_hangs_below_the_request_that_caused_it_and_a_hit_has_none() {
    let world = world();
    let [call, own] = world.spans(TRACED, &form("a")).await.try_into().unwrap();
    assert_eq!((&*own.name, &*call.name), ("broker", "request_token"));
    assert_eq!(own.parent.unwrap().to_string(), "00f067aa0ba902b7");
    assert_eq!((call.parent, call.kind), (Some(own.id), Kind::Client));
    for span in [&own, &call] {
        assert_eq!(span.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(text(span, "token_broker.app_client"), Some("m2m"));
        assert!(!span.failed);
    }
    assert_eq!(text(&own, "token_broker.client"), Some("billing"));
    assert_eq!(text(&own, "token_broker.scopes"), Some("a"));
    assert_eq!(text(&own, "token_broker.cache"), Some("miss"));
    assert_eq!(attribute(&own, "http.response.status_code"), Some(&Value::Number(200)));

    let [hit] = world.spans(TRACED, &form("a")).await.try_into().unwrap();
    assert_eq!((text(&hit, "token_broker.cache"), text(&hit, "token_broker.reason")), (Some("hit"), None));
}

#[tokio::test]
async fn denied_request_has_its_reason_and_is_no_failure() {
    let [denied] = world().spans(TRACED, &form("z")).await.try_into().unwrap();
    assert_eq!(text(&denied, "token_broker.decision"), Some("deny"));
    assert!(text(&denied, "token_broker.reason").is_some() && !denied.failed);
    // What was asked for and not allowed is the client's text.
    assert_eq!(text(&denied, "token_broker.scopes"), None);
}

#[tokio::test]
async fn failed_call_says_why() {
    let world = world();
    world.source.then([UNAVAILABLE]);
    let [call, own] = world.spans(TRACED, &form("a")).await.try_into().unwrap();
    assert!(call.failed && own.failed);
    assert_eq!(text(&call, "error.type"), text(&own, "token_broker.reason"));
}

#[tokio::test]
async fn request_that_the_front_door_does_not_trace_has_no_spans() {
    let world = world();
    for trace in [&*TRACED.replace("Sampled=1", "Sampled=0"), "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736", ""]
    {
        assert_eq!(world.spans(trace, &form("a")).await, [], "{trace}");
    }
}
