//! What the tests share: a definition, bindings, a store that does as it is told, and a stream that remembers.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bindings::Reference;
use broker::AuditSink;
use config::Definition;
use futures_util::future::BoxFuture;
use lambda::{Identity, Pairs, ProxyEvent, RequestContext};
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::json;
use testkit::{ManualClock, SeededEntropy};
use tokio::sync::{Semaphore, watch};

use crate::bound::Factory;
use crate::lines::Lines;
use crate::store::{Store, StoreError};

pub(crate) const DEFINITION: &str = r"
api:
  throttle: { rate: 1000, burst: 1000 }
  token_endpoint: { identity: api_key, throttle: { rate: 1000, burst: 1000 } }
plans:
  wide: { throttle: { rate: 500, burst: 500 } }
clients:
  billing: { plan: wide, scopes: [orders/read], default_scopes: [orders/read] }
  partner: { plan: wide, scopes: [orders/read], default_scopes: [orders/read], app_client: partner }
homes:
  local: { user_pool: embedded }
";

pub(crate) const BILLING: &str = "billing000";
pub(crate) const PARTNER: &str = "partner000";
pub(crate) const STRANGER: &str = "stranger00";

/// The bindings of `keys`, each with its client, where app clients are named `app_clients`.
pub(crate) fn bindings(keys: &[(&str, &str)], app_clients: &[&str]) -> String {
    let keys: BTreeMap<_, _> = keys.iter().copied().collect();
    let app_client = |name: &&str| {
        (name.to_string(), json!({ "client_id": format!("{name}-id"), "secret": format!("ssm:/{name}") }))
    };
    let app_clients: BTreeMap<_, _> = app_clients.iter().map(app_client).collect();
    // Nobody listens there.
    let upstream = json!({ "token_endpoint": "http://127.0.0.1:1/oauth2/token" });
    json!({ "version": 1, "keys": keys, "upstream": upstream, "app_clients": app_clients }).to_string()
}

/// The bindings of one key and all app clients.
pub(crate) fn usual() -> String {
    bindings(&[(BILLING, "billing")], &["m2m", "partner"])
}

/// What API Gateway makes of a request with the key `key`.
pub(crate) fn event(key: &str) -> ProxyEvent<'static> {
    let mut headers = Pairs::with_capacity(1);
    headers.push("content-type", "application/x-www-form-urlencoded");
    let identity = Identity {
        api_key: Some("hunter2-the-key".into()),
        api_key_id: Some(key.to_owned().into()),
        source_ip: "10.1.2.3".into(),
        ..Identity::default()
    };
    ProxyEvent {
        http_method: "POST".into(),
        headers,
        request_context: RequestContext { request_id: "r-1".into(), identity, ..RequestContext::default() },
        body: Some("grant_type=client_credentials".into()),
        ..ProxyEvent::default()
    }
}

/// A store whose values are set, and whose readings are counted; at a closed gate they wait.
#[derive(Debug)]
pub(crate) struct FakeStore {
    values: Mutex<BTreeMap<String, Result<String, StoreError>>>,
    reads: watch::Sender<Vec<String>>,
    gate: Semaphore,
}

impl FakeStore {
    pub(crate) fn open() -> Arc<Self> {
        let store = Self::gated();
        store.release();
        store
    }

    pub(crate) fn gated() -> Arc<Self> {
        Arc::new(Self { values: Mutex::default(), reads: watch::Sender::default(), gate: Semaphore::new(0) })
    }

    pub(crate) fn set(&self, place: &str, value: Result<&str, StoreError>) {
        self.values.lock().insert(place.to_owned(), value.map(str::to_owned));
    }

    pub(crate) fn release(&self) {
        self.gate.add_permits(1_000);
    }

    pub(crate) fn release_one(&self) {
        self.gate.add_permits(1);
    }

    /// How often `place` has been read.
    pub(crate) fn reads(&self, place: &str) -> usize {
        self.reads.borrow().iter().filter(|read| *read == place).count()
    }

    /// Waits until something is being read.
    pub(crate) async fn reading(&self) {
        self.reads.subscribe().wait_for(|reads| !reads.is_empty()).await.unwrap();
    }

    async fn answer(&self, place: String) -> Result<SecretString, StoreError> {
        self.reads.send_modify(|reads| reads.push(place.clone()));
        self.gate.acquire().await.unwrap().forget();
        let value = self.values.lock().get(&place).cloned();
        value.unwrap_or(Err(StoreError::Refused(400))).map(SecretString::from)
    }
}

impl Store for FakeStore {
    fn read<'a>(&'a self, place: &'a Reference) -> BoxFuture<'a, Result<SecretString, StoreError>> {
        Box::pin(self.answer(place.to_string()))
    }
}

/// Where the bindings of the tests lie.
pub(crate) const PLACE: &str = "ssm:/bindings";

/// A stream that remembers, unless it is broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    written: Arc<Mutex<Vec<u8>>>,
    broken: Arc<AtomicBool>,
}

impl Stream {
    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.written.lock().clone()).unwrap()
    }

    /// The lines, each of which is JSON.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.written.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What makes brokers for the tests.
pub(crate) fn factory(store: &Arc<FakeStore>, clock: &Arc<ManualClock>, lines: Lines) -> Factory {
    Factory {
        definition: Definition::parse(DEFINITION, "test.yaml").unwrap(),
        bindings: PLACE.parse().unwrap(),
        store: Arc::clone(store) as Arc<dyn Store>,
        audit: Arc::new(lines) as Arc<dyn AuditSink>,
        clock: Arc::clone(clock) as Arc<dyn ambient::Clock>,
        entropy: Arc::new(SeededEntropy::new(1)),
    }
}
