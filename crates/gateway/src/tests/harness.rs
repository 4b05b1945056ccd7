//! A front door on a socket of its own, and a client that reads every byte it answers.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Journal, Writing};
use lambda::{Function, Guarded};
use limits::{Limiter, Memory};
use listen::{Arrival, Bounds, Drain, Greeted, Listener};
use prometheus_client::registry::Registry;
use proxied::SourceRule;
use restapi::{Account, AuthorizationType, AuthorizerId, FunctionName};
use serde_json::Value;
use spans::Tracer;
use testkit::{ManualClock, SeededEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::account::{FUNCTION, account, deploy, oauth_responses, token_method};
use super::stand_ins::Told;
use crate::{Authorizer, Door, DoorParts, Functions, Live, Metrics, Peer, RequestBounds, Transport};

/// What a front door is to be opened with.
pub(super) struct Setup {
    pub(super) account: Account,
    pub(super) authorizers: HashMap<AuthorizerId, Arc<dyn Authorizer>>,
    pub(super) limiter: Arc<dyn Limiter>,
    pub(super) bounds: RequestBounds,
    pub(super) source: SourceRule,
    /// How every connection is said to have come.
    pub(super) transport: Transport,
    /// Who makes spans, if somebody does.
    pub(super) tracer: Option<Arc<Tracer>>,
    pub(super) log_bytes: usize,
    /// Whether the function is there at all.
    pub(super) has_function: bool,
}

/// An open front door.
pub(super) struct House {
    pub(super) account: Account,
    pub(super) function: Arc<Told>,
    pub(super) clock: Arc<ManualClock>,
    registry: Registry,
    pub(super) door: Arc<Door>,
    functions: Functions,
    limiter: Arc<dyn Limiter>,
    address: SocketAddr,
    log: Log,
    writing: Writing,
    executed: Log,
    executing: Writing,
    _drain: Drain,
}

impl Setup {
    /// The fixture with API Gateway's stock answers.
    pub(super) fn stock() -> Self {
        Self {
            account: account(),
            authorizers: HashMap::new(),
            limiter: Arc::new(Memory::new()),
            bounds: RequestBounds::default(),
            source: SourceRule::default(),
            transport: Transport::Plain,
            tracer: None,
            log_bytes: 1 << 20,
            has_function: true,
        }
    }

    /// The fixture with answers that OAuth clients can read.
    pub(super) fn oauth() -> Self {
        Self::stock().with(|account| {
            account.rest_apis.first_mut().unwrap().gateway_responses = oauth_responses();
        })
    }

    /// The same with a change, which is deployed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Account)) -> Self {
        change(&mut self.account);
        deploy(&mut self.account);
        self
    }

    /// The same with an authorizer in front of the token method, which is deployed.
    pub(super) fn authorized_by(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        let id = AuthorizerId::parse("auth01").unwrap();
        self.authorizers.insert(id.clone(), authorizer);
        self.with(|account| {
            let method = token_method(account);
            method.authorization_type = AuthorizationType::Custom;
            method.authorizer_id = Some(id);
        })
    }

    /// Opens the front door. It stays open for as long as the house is held.
    pub(super) async fn open(self) -> House {
        let function = Arc::new(Told::new());
        let functions = Functions {
            by_arn: self.has_function.then(|| guarded(&self.account, &function)).into_iter().collect(),
            authorizers: self.authorizers,
        };
        let clock = Arc::new(ManualClock::default());
        let log = Log::default();
        let (access_log, writing) = Journal::start("access-log", log.clone(), self.log_bytes).unwrap();
        let executed = Log::default();
        let (execution_log, executing) =
            Journal::start("execution-log", executed.clone(), self.log_bytes).unwrap();
        let mut registry = Registry::default();
        let metrics = Arc::new(Metrics::register(&mut registry));
        let door = Door::new(DoorParts {
            live: live(&self.account, &functions, &*self.limiter, &clock),
            limiter: Arc::clone(&self.limiter),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            access_log,
            metrics,
            bounds: self.bounds,
        });
        let mut door = door.with_execution_log(execution_log).with_source_rule(self.source);
        if let Some(tracer) = self.tracer {
            door = door.with_tracer(tracer);
        }
        let door = Arc::new(door);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (drain, signal) = Drain::new();
        let listener = Socket { listener, transport: self.transport };
        tokio::spawn(listen::serve(listener, Bounds::default(), Arc::clone(&door), signal));
        House {
            account: self.account,
            function,
            clock,
            registry,
            door,
            functions,
            limiter: self.limiter,
            address,
            log,
            writing,
            executed,
            executing,
            _drain: drain,
        }
    }
}

impl House {
    /// Sends a request on a connection of its own.
    pub(super) async fn send(&self, request: Request) -> Reply {
        self.exchange(&request.wire()).await.unwrap_or_else(|| panic!("no answer to {request:?}"))
    }

    /// Sends raw bytes on a connection of their own; no answer if the connection ends without one.
    pub(super) async fn exchange(&self, sent: &[u8]) -> Option<Reply> {
        let mut stream = self.connect().await;
        // The answer may come, and the connection be closed, before everything was sent.
        let _sent = stream.write_all(sent).await;
        let mut answer = Vec::new();
        let _ended = stream.read_to_end(&mut answer).await;
        (!answer.is_empty()).then(|| Reply::parse(&answer))
    }

    /// Sends raw bytes, says that there are no more, and takes whatever comes back.
    pub(super) async fn exchange_and_leave(&self, sent: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        let _sent = stream.write_all(sent).await;
        let _ended = stream.shutdown().await;
        let mut answer = Vec::new();
        let _read = stream.read_to_end(&mut answer).await;
        answer
    }

    /// A connection on which nothing has been sent.
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Shows the account as it is now: what the management plane does after every live change.
    pub(super) fn show(&self) {
        self.door.replace(live(&self.account, &self.functions, &*self.limiter, &self.clock));
    }

    /// The value of a counter, by its name and labels as they stand in `/metrics`.
    pub(super) fn counted(&self, counter: &str) -> Option<u64> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(counter)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// Closes the front door and returns its access log, line by line.
    pub(super) fn log(self) -> Vec<String> {
        self.logs().0
    }

    /// Closes the front door and returns its access log and its execution log, line by line.
    pub(super) fn logs(self) -> (Vec<String>, Vec<String>) {
        self.writing.finish(Duration::from_mins(1));
        self.executing.finish(Duration::from_mins(1));
        (self.log.lines(), self.executed.lines())
    }
}

fn live(account: &Account, functions: &Functions, limiter: &dyn Limiter, clock: &ManualClock) -> Live {
    let now = ambient::Clock::now(clock);
    Live::build(account, functions, limiter, now, &SeededEntropy::new(1)).unwrap()
}

/// The function behind its resource policy, by its ARN.
fn guarded(account: &Account, function: &Arc<Told>) -> (String, Arc<dyn Function>) {
    let name = FunctionName::parse(FUNCTION).unwrap();
    let guarded = Guarded::new(name, account.permissions.clone(), function.clone());
    (format!("arn:aws:lambda:eu-central-1:000000000000:function:{FUNCTION}"), Arc::new(guarded))
}

/// A socket whose connections are said to have come as a test has it.
struct Socket {
    listener: TcpListener,
    transport: Transport,
}

struct Come {
    stream: TcpStream,
    peer: Peer,
}

impl Listener for Socket {
    type Arrival = Come;

    async fn accept(&self) -> io::Result<Come> {
        let (stream, address) = self.listener.accept().await?;
        Ok(Come { stream, peer: Peer { transport: self.transport.clone(), ..Peer::from(address) } })
    }
}

impl Arrival for Come {
    type Stream = TcpStream;
    type Peer = Peer;

    fn address(&self) -> Option<IpAddr> {
        Some(self.peer.address.ip())
    }

    async fn greet(self) -> io::Result<Greeted<TcpStream, Peer>> {
        Ok(Greeted::http1(self.stream, self.peer))
    }
}

/// Where a log is written to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let written = self.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap().lines().map(ToOwned::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request, byte for byte. A `Host`, a length for the body and `Connection: close` are added unless they were given.
#[derive(Clone, Debug)]
pub(super) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub(super) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// The request every OAuth client sends, with `key`.
    pub(super) fn token(key: &str) -> Self {
        Self::anonymous_token().header("x-api-key", key)
    }

    /// The same without a key.
    pub(super) fn anonymous_token() -> Self {
        Self::new("POST", "/dev/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
    }

    pub(super) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(super) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        body.as_ref().clone_into(&mut self.body);
        self
    }

    pub(super) fn wire(&self) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut wire = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            wire.extend_from_slice(name.as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value);
            wire.extend_from_slice(b"\r\n");
        };
        if !has("host") {
            line("Host", b"localhost:8080");
        }
        if !has("connection") {
            line("Connection", b"close");
        }
        if !self.body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            line("Content-Length", self.body.len().to_string().as_bytes());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(&self.body);
        wire
    }
}

/// An answer as it stood on the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// In the order in which they came, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    fn parse(answer: &[u8]) -> Self {
        let text = String::from_utf8(answer.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("half an answer: {text}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }

    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} stands {} times", all.len());
        all.first().copied()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The answer without what differs from one request to the next.
    pub(super) fn without_ids(mut self) -> Self {
        self.headers.retain(|(name, _)| !["date", "x-amzn-requestid", "x-amz-apigw-id"].contains(&&**name));
        self
    }
}
