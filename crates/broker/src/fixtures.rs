//! What the tests share: a front door's event, a source of tokens that does as it is told, and a sink that remembers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock, Moment};
use cognito::{Effort, IssuedToken, UpstreamError};
use futures_util::future::BoxFuture;
use lambda::{Identity, Pairs, ProxyEvent, ProxyReply, RequestContext};
use oauth::{AccessToken, ScopeSet};
use parking_lot::Mutex;
use policy::{ClientFacts, ClientId};
use restapi::ApiKeyId;
use testkit::ManualClock;
use tokio::sync::{Semaphore, watch};

use crate::{
    AppClientName, AuditLost, AuditRecord, AuditSink, Broker, BrokerSettings, Client, Directory, Minting,
    SourceError, TokenSource,
};

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) fn name(text: &str) -> ClientId {
    text.parse().unwrap()
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

/// A client that may have `allowed`, and has the first of them by default.
pub(crate) fn client(id: &str, allowed: &str) -> Client {
    let default_scopes = scopes(allowed.split(' ').next().unwrap());
    let facts = ClientFacts { default_scopes, ..ClientFacts::new(name(id), scopes(allowed)) };
    Client { facts, app_client: "m2m".parse().unwrap() }
}

pub(crate) fn key_id(number: u32) -> ApiKeyId {
    ApiKeyId::derived(&["fixtures", &number.to_string()])
}

/// Key 1 is `billing`'s, key 2 is `stock`'s; both may have `a b c`.
pub(crate) fn directory() -> Directory {
    let keys = [(key_id(1), name("billing")), (key_id(2), name("stock"))];
    Directory::new([client("billing", "a b c"), client("stock", "a b c")], keys).unwrap()
}

/// What the front door makes of a form that came with key number `key`.
pub(crate) fn event(key: u32, body: &str) -> ProxyEvent<'static> {
    let mut headers = Pairs::with_capacity(2);
    headers.push("content-type", "application/x-www-form-urlencoded");
    headers.push("x-api-key", "the-value-of-the-key");
    let identity = Identity {
        api_key: Some("the-value-of-the-key".into()),
        api_key_id: Some(key_id(key).as_str().to_owned().into()),
        source_ip: "10.1.2.3".into(),
        ..Identity::default()
    };
    ProxyEvent {
        http_method: "POST".into(),
        headers,
        request_context: RequestContext { request_id: "r-1".into(), identity, ..RequestContext::default() },
        body: Some(body.to_owned().into()),
        ..ProxyEvent::default()
    }
}

pub(crate) fn form(scope: &str) -> String {
    format!("grant_type=client_credentials&scope={}", scope.replace(' ', "+"))
}

/// How a call upstream ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Token(Duration),
    Fail(SourceError),
    Panic,
}

pub(crate) const UNAVAILABLE: Ending =
    Ending::Fail(SourceError::Upstream(UpstreamError::Unavailable { retry_after: None }));

/// A source whose calls end as scripted, else with a token that lives for an hour; at a closed gate they wait.
#[derive(Debug)]
pub(crate) struct FakeSource {
    clock: Arc<ManualClock>,
    script: Mutex<VecDeque<Ending>>,
    gate: Option<Semaphore>,
    calls: watch::Sender<usize>,
}

impl FakeSource {
    pub(crate) fn open(clock: &Arc<ManualClock>) -> Self {
        let calls = watch::Sender::new(0);
        Self { clock: Arc::clone(clock), script: Mutex::default(), gate: None, calls }
    }

    pub(crate) fn gated(clock: &Arc<ManualClock>) -> Self {
        Self { gate: Some(Semaphore::new(0)), ..Self::open(clock) }
    }

    /// What the next calls come to.
    pub(crate) fn then(&self, endings: impl IntoIterator<Item = Ending>) {
        self.script.lock().extend(endings);
    }

    /// Lets one call through the gate.
    pub(crate) fn release(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }

    pub(crate) fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    /// Waits until `number` calls have been made.
    pub(crate) async fn called(&self, number: usize) {
        self.calls.subscribe().wait_for(|calls| *calls >= number).await.unwrap();
    }

    async fn answer(&self, app_client: &AppClientName, scopes: &ScopeSet) -> Minting {
        let asked = self.clock.moment();
        let mut number = 0;
        self.calls.send_modify(|calls| {
            *calls += 1;
            number = *calls;
        });
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let ending = self.script.lock().pop_front().unwrap_or(Ending::Token(HOUR));
        let outcome = match ending {
            Ending::Token(life) => {
                let text = format!("{app_client}.{}.{number}", scopes.as_str().replace(' ', "-"));
                Ok(issued(&text, asked, life))
            }
            Ending::Fail(error) => Err(error),
            Ending::Panic => panic!("the source breaks, as it was told"),
        };
        Minting { outcome, effort: Effort { attempts: 1, ..Effort::default() } }
    }
}

impl TokenSource for FakeSource {
    fn request_token<'a>(
        &'a self,
        app_client: &'a AppClientName,
        scopes: &'a ScopeSet,
    ) -> BoxFuture<'a, Minting> {
        Box::pin(self.answer(app_client, scopes))
    }
}

pub(crate) fn issued(text: &str, asked: Moment, life: Duration) -> IssuedToken {
    IssuedToken { token: AccessToken::new(text).unwrap(), asked, lifetime: life }
}

/// A sink that remembers its lines, unless it is full.
#[derive(Debug, Default)]
pub(crate) struct FakeSink {
    lines: Mutex<Vec<String>>,
    full: AtomicBool,
}

impl FakeSink {
    pub(crate) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// The last line's member `name`.
    pub(crate) fn last(&self, name: &str) -> serde_json::Value {
        let lines = self.lines.lock();
        serde_json::from_str::<serde_json::Value>(lines.last().unwrap()).unwrap()[name].clone()
    }
}

impl AuditSink for FakeSink {
    fn accept(&self, record: &AuditRecord<'_>) -> Result<(), AuditLost> {
        if self.full.load(Ordering::SeqCst) {
            return Err(AuditLost);
        }
        self.lines.lock().push(record.to_json_line());
        Ok(())
    }
}

/// A broker and everything around it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: Arc<FakeSource>,
    pub(crate) sink: Arc<FakeSink>,
    pub(crate) broker: Arc<Broker>,
}

impl World {
    pub(crate) fn open() -> Self {
        Self::with(FakeSource::open, BrokerSettings::default())
    }

    pub(crate) fn gated() -> Self {
        Self::with(FakeSource::gated, BrokerSettings::default())
    }

    pub(crate) fn with(source: fn(&Arc<ManualClock>) -> FakeSource, settings: BrokerSettings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let (source, sink) = (Arc::new(source(&clock)), Arc::new(FakeSink::default()));
        let (of_broker, to_sink) = (Arc::clone(&source), Arc::clone(&sink));
        let broker =
            Broker::new(settings, directory(), of_broker, to_sink, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, source, sink, broker: Arc::new(broker) }
    }

    /// Key number `key` asks for `scope`.
    pub(crate) async fn ask(&self, key: u32, scope: &str) -> ProxyReply {
        self.send(&event(key, &form(scope))).await
    }

    pub(crate) async fn send(&self, event: &ProxyEvent<'_>) -> ProxyReply {
        self.broker.answer(event).await
    }

    /// Waits until `number` calls upstream have ended.
    pub(crate) async fn landed(&self, number: u64) {
        while self.broker.stats().counts().upstream_calls < number {
            tokio::task::yield_now().await;
        }
    }
}

/// A member of a reply's body.
pub(crate) fn member(reply: &ProxyReply, name: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&reply.body).unwrap()[name].clone()
}

pub(crate) fn token(reply: &ProxyReply) -> String {
    member(reply, "access_token").as_str().unwrap_or_default().to_owned()
}
