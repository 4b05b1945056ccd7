//! Which requests have spans, what hangs below what, and what the function and the client are told of it.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use serde_json::Map;
use spans::{Kind, Senders, Span, SpanSink, Tracer, Value};
use testkit::SeededEntropy;
use tokio::io::AsyncWriteExt as _;

use super::account::{GOOD, UNKNOWN};
use super::harness::{House, Request, Setup};
use super::stand_ins::Says;
use crate::{Principal, Transport, Verdict};

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Span>>);

impl SpanSink for Kept {
    fn offer(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

impl Kept {
    /// The spans of the request that has been answered last. They come with its line, which may be after its answer.
    async fn of_last(&self) -> Vec<Span> {
        loop {
            if let Some(spans) = self.take() {
                return spans;
            }
            tokio::task::yield_now().await;
        }
    }

    fn take(&self) -> Option<Vec<Span>> {
        let mut spans = self.0.lock().unwrap();
        spans.iter().any(|span| span.kind == Kind::Server).then(|| std::mem::take(&mut *spans))
    }
}

fn traced(setup: Setup, one_in: u32, senders: Senders) -> (Setup, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let entropy = Arc::new(SeededEntropy::new(3));
    let tracer = Tracer::new(Arc::clone(&kept) as _, entropy, NonZeroU32::new(one_in).unwrap(), senders);
    (Setup { tracer: Some(Arc::new(tracer)), ..setup }, kept)
}

fn seen(house: &House) -> String {
    let event = house.function.last_event();
    event["headers"]["X-Amzn-Trace-Id"].as_str().unwrap().to_owned()
}

fn value<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    value(span, name).and_then(Value::as_text)
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

#[tokio::test]
async fn steps_hang_below_the_request_and_the_request_below_its_sender() {
    let context = Map::from_iter([("principalId".to_owned(), "billing".into())]);
    let allows = Verdict::Allow(Principal { context, usage_key: None });
    let setup = Setup::stock().authorized_by(Arc::new(Says::new(allows)));
    let (setup, kept) = traced(setup, 1, Senders::Decide);
    let house = setup.open().await;
    let reply =
        house.send(Request::token(GOOD).header("traceparent", PARENT).header("tracestate", STATE)).await;
    let [authorize, admit, invoke, own] = kept.of_last().await.try_into().unwrap();
    assert_eq!([&*authorize.name, &*admit.name, &*invoke.name], ["authorize", "admit", "invoke"]);
    assert_eq!((&*own.name, own.kind), ("POST /oauth2/token", Kind::Server));
    for step in [&authorize, &admit, &invoke] {
        assert_eq!((step.parent, step.trace, step.is_parent_remote), (Some(own.id), own.trace, false));
    }
    assert_eq!(own.parent.unwrap().to_string(), "00f067aa0ba902b7");
    assert_eq!((own.is_parent_remote, own.state.as_deref()), (true, Some(STATE)));
    // The function's work hangs below the wait for it, and the client has its own word back.
    let told = format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={};Sampled=1", invoke.id);
    assert_eq!(seen(&house), told);
    let back = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    assert_eq!(reply.header("x-amzn-trace-id"), Some(back));
}

#[tokio::test]
async fn request_that_is_not_traced_says_so_to_the_function_whatever_its_sender_said() {
    let (setup, kept) = traced(Setup::stock(), 1_000_000, Senders::AreNotAsked);
    let house = setup.open().await;
    house.send(Request::token(GOOD).header("traceparent", PARENT)).await;
    assert!(seen(&house).starts_with("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent="), "{}", seen(&house));
    assert!(seen(&house).ends_with(";Sampled=0"));
    house.send(Request::token(GOOD)).await;
    assert!(seen(&house).ends_with(";Sampled=0"));
    assert!(kept.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_tracer_the_sender_s_word_goes_on_as_it_is() {
    let house = Setup::stock().open().await;
    house.send(Request::token(GOOD).header("traceparent", PARENT)).await;
    assert_eq!(seen(&house), "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
}

#[tokio::test]
async fn refused_request_has_a_span_and_nothing_that_a_stranger_wrote() {
    let (setup, kept) = traced(Setup::stock(), 1, Senders::Decide);
    let house = setup.open().await;
    house.send(Request::token(UNKNOWN)).await;
    let [refused] = kept.of_last().await.try_into().unwrap();
    assert_eq!(value(&refused, "http.response.status_code"), Some(&Value::Number(403)));
    assert!(!refused.failed && text(&refused, "token_broker.client").is_none());
    house.send(Request::new("POST", "/hunter2/elsewhere?key=hunter2").header("user-agent", "hunter2")).await;
    let [lost] = kept.of_last().await.try_into().unwrap();
    assert_eq!((&*lost.name, text(&lost, "url.path")), ("POST", None));
    house.send(Request::new("HUNTER2", "/dev/oauth2/token")).await;
    let [odd] = kept.of_last().await.try_into().unwrap();
    assert_eq!((&*odd.name, text(&odd, "http.request.method")), ("HTTP", Some("_OTHER")));
    for span in [refused, lost, odd] {
        assert!(!format!("{span:?}").to_lowercase().contains("hunter2"), "{span:?}");
    }
}

#[tokio::test]
async fn function_that_fails_fails_its_request() {
    let (setup, kept) = traced(Setup::stock(), 1, Senders::Decide);
    let house = Setup { transport: Transport::Tls { client: None }, ..setup }.open().await;
    house.function.panics();
    house.send(Request::token(GOOD)).await;
    let own = kept.of_last().await.pop().unwrap();
    assert!(own.failed);
    assert_eq!(text(&own, "error.type"), Some("502"));
    assert_eq!((text(&own, "url.scheme"), text(&own, "client.address")), (Some("https"), Some("127.0.0.1")));
}

#[tokio::test]
async fn step_that_the_client_left_in_has_its_span() {
    let (setup, kept) = traced(Setup::stock(), 1, Senders::Decide);
    let house = setup.open().await;
    house.function.hangs();
    let mut client = house.connect().await;
    client.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    drop(client);
    let [admit, invoke, own] = kept.of_last().await.try_into().unwrap();
    assert_eq!([&*admit.name, &*invoke.name], ["admit", "invoke"]);
    assert_eq!((invoke.parent, invoke.ended), (Some(own.id), own.ended));
    assert!(seen(&house).contains(&format!("Parent={}", invoke.id)));
    assert_eq!(text(&own, "error.type"), Some("client_left"));
}
