//! What is around the function on AWS, as far as it sees it: the Runtime API, the extension, the user pool.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock as _, SystemClock, SystemEntropy};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use listen::{Answer, Bounds, Drain, Handler, Inbound, read_body};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use user_pool::{
    AppClient, AppClientId, AppClientSecret, PoolConfig, PoolId, Secrets, SigningKeys, UserPool,
};

/// A handler that is served for as long as this is held.
pub(crate) struct Served<H> {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Arc<H>,
    _drain: Drain,
}

fn serve<H: Handler>(listener: TcpListener, handler: H) -> Served<H> {
    let address = listener.local_addr().unwrap();
    let (handler, (drain, signal)) = (Arc::new(handler), Drain::new());
    tokio::spawn(listen::serve(listener, Bounds::default(), Arc::clone(&handler), signal));
    Served { address, handler, _drain: drain }
}

async fn anywhere() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

/// The Runtime API of one execution environment.
pub(crate) struct RuntimeApi {
    to_do: tokio::sync::Mutex<mpsc::UnboundedReceiver<Bytes>>,
    invoke: mpsc::UnboundedSender<Bytes>,
    ids: Mutex<u32>,
    done: mpsc::UnboundedSender<Done>,
    dones: tokio::sync::Mutex<mpsc::UnboundedReceiver<Done>>,
    asked: Semaphore,
}

/// What the function posted: where to, and what.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Served<Self> {
        let ((invoke, to_do), (done, dones)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (to_do, dones) = (tokio::sync::Mutex::new(to_do), tokio::sync::Mutex::new(dones));
        let api = Self { to_do, invoke, ids: Mutex::new(0), done, dones, asked: Semaphore::new(0) };
        serve(anywhere().await, api)
    }

    /// Has the function invoked with `payload`, in its turn.
    pub(crate) fn send(&self, payload: impl Into<Bytes>) {
        self.invoke.send(payload.into()).unwrap();
    }

    /// The next thing that the function posts.
    pub(crate) async fn posted(&self) -> Done {
        let wait = async { self.dones.lock().await.recv().await.unwrap() };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }

    /// Waits until the function has asked for `times` more invocations.
    pub(crate) async fn asked_for(&self, times: u32) {
        tokio::time::timeout(PATIENCE, self.asked.acquire_many(times)).await.unwrap().unwrap().forget();
    }

    async fn next(&self) -> Answer {
        self.asked.add_permits(1);
        let Some(payload) = self.to_do.lock().await.recv().await else { return answer(410, "") };
        let id = {
            let mut ids = self.ids.lock();
            *ids += 1;
            *ids
        };
        let deadline = SystemClock.now().plus(Duration::from_secs(20)).as_millis();
        let mut answer = answer(200, payload);
        for (name, value) in [
            ("lambda-runtime-aws-request-id", format!("request-{id}")),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-central-1:000000000000:function:b".into(),
            ),
            ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793".into()),
        ] {
            answer.headers_mut().insert(name, value.parse().unwrap());
        }
        answer
    }
}

impl Handler for RuntimeApi {
    async fn handle(&self, inbound: Inbound) -> Answer {
        let (head, body) = inbound.request.into_parts();
        if head.uri.path() == "/2018-06-01/runtime/invocation/next" {
            return self.next().await;
        }
        let body = read_body(body, 6 * 1024 * 1024, PATIENCE).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        self.done.send(Done { path: head.uri.path().to_owned(), body }).unwrap();
        answer(202, "")
    }
}

/// The AWS Parameters and Secrets Lambda extension, with the services behind it.
pub(crate) struct Extension {
    /// What it answers by place, in this order; the last answer stays.
    values: Mutex<BTreeMap<String, VecDeque<String>>>,
    down: Mutex<Option<u16>>,
    /// Told of every request; answers wait at the gate.
    asked: Semaphore,
    gate: Semaphore,
}

impl Extension {
    pub(crate) async fn start() -> Served<Self> {
        let (values, down) = (Mutex::default(), Mutex::default());
        let (asked, gate) = (Semaphore::new(0), Semaphore::new(1_000));
        serve(anywhere().await, Self { values, down, asked, gate })
    }

    /// Keeps `values` at `place`: each is told once, the last one from then on.
    pub(crate) fn keep(&self, place: &str, values: &[&str]) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.values.lock().insert(place.to_owned(), values);
    }

    /// Answers everything with `status`, or properly again.
    pub(crate) fn fail(&self, status: Option<u16>) {
        *self.down.lock() = status;
    }

    pub(crate) fn close(&self) {
        self.gate.forget_permits(1_000);
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(1_000);
    }

    /// Waits until it has been asked once more.
    pub(crate) async fn asked(&self) {
        tokio::time::timeout(PATIENCE, self.asked.acquire()).await.unwrap().unwrap().forget();
    }

    fn value(&self, place: &str) -> Option<String> {
        let mut values = self.values.lock();
        let kept = values.get_mut(place)?;
        if kept.len() > 1 { kept.pop_front() } else { kept.front().cloned() }
    }
}

impl Handler for Extension {
    async fn handle(&self, inbound: Inbound) -> Answer {
        self.asked.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        if let Some(status) = *self.down.lock() {
            return answer(status, "not ready to serve traffic, please wait: hunter2");
        }
        let head = inbound.request.into_parts().0;
        if head.headers.get("x-aws-parameters-secrets-token").is_none_or(|token| token != SESSION_TOKEN) {
            return answer(401, "");
        }
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(head.uri.query().unwrap().as_bytes()).into_owned().collect();
        let found = match head.uri.path() {
            "/secretsmanager/get" => self
                .value(&format!("secretsmanager:{}", query["secretId"]))
                .map(|value| json!({ "ARN": "arn:x", "SecretString": value, "ResultMetadata": {} })),
            "/systemsmanager/parameters/get" if query["withDecryption"] == "true" => self
                .value(&format!("ssm:{}", query["name"]))
                .map(|value| json!({ "Parameter": { "Type": "SecureString", "Value": value } })),
            _ => None,
        };
        found.map_or_else(|| answer(400, "ResourceNotFoundException"), |found| answer(200, found.to_string()))
    }
}

/// A user pool with one app client that has two secrets.
pub(crate) async fn user_pool() -> Served<UserPool> {
    let listener = anywhere().await;
    let domain = format!("http://{}", listener.local_addr().unwrap());
    let secret = |text| AppClientSecret::parse(text).unwrap();
    let client = AppClient {
        id: AppClientId::parse(APP_CLIENT).unwrap(),
        secrets: Secrets { first: secret(SECRET), second: Some(secret(OTHER_SECRET)) },
        scopes: "orders/read orders/write".parse().unwrap(),
        validity: user_pool::TokenValidity::default(),
    };
    let config = PoolConfig {
        pool_id: PoolId::parse("eu-central-1_a1B2c3D4e").unwrap(),
        issuer: format!("{domain}/eu-central-1_a1B2c3D4e"),
        domain,
        app_clients: vec![client],
    };
    let keys = SigningKeys::generate().unwrap();
    let pool = UserPool::new(config, keys, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap();
    serve(listener, pool)
}

pub(crate) const APP_CLIENT: &str = "1m2n3b4v5c6x7z8l9k0j1h2g3f";
pub(crate) const SECRET: &str = "the_app_clients_secret_plus+";
pub(crate) const OTHER_SECRET: &str = "the_app_clients_other_secret";
pub(crate) const SESSION_TOKEN: &str = "the-session-token-of-the-role";
/// What takes longer than this hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
