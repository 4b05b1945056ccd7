//! A front door at the end of a pipe in memory: bytes go in, and what it answered, logged and invoked comes out.
//!
//! Everything is as it is behind a socket, but for time and for randomness, which is the same for each connection.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use ambient::Clock as _;
use config::{Compiled, Definition, KeyRecord, compile};
use gateway::{Door, DoorParts, Functions, Live, Metrics, RequestBounds};
use journal::Journal;
use lambda::{Function, Guarded, Invocation, InvokeError, Invoking, ProxyReply};
use limits::Memory;
use listen::Protocol;
use prometheus_client::registry::Registry;
use restapi::{Account, ApiKeyId, ApiKeyValue, IntegrationUri};
use testkit::{ManualClock, SeededEntropy};

use crate::Broken;
use crate::pipe::{converse, locked};

/// What the front door is to be opened with.
pub(crate) struct Setup {
    /// The stage's access-log format; none for the default.
    pub(crate) format: Option<String>,
    /// What the function answers.
    pub(crate) outcome: Result<ProxyReply, InvokeError>,
}

impl Default for Setup {
    fn default() -> Self {
        let reply = ProxyReply { status: 200, body: TOKEN.into(), ..ProxyReply::default() };
        Self { format: None, outcome: Ok(reply) }
    }
}

/// What came out.
pub(crate) struct Seen {
    /// Every byte that the client got.
    pub(crate) answered: Vec<u8>,
    /// The events that the function was invoked with.
    pub(crate) events: Vec<Vec<u8>>,
    /// The access log.
    pub(crate) log: Vec<u8>,
}

/// Runs one connection, on which `pieces` are sent one after the other, to its end.
pub(crate) fn run(setup: &Setup, pieces: &[&[u8]]) -> Result<Seen, Broken> {
    run_by(Protocol::Http1, setup, pieces)
}

/// The same on which `protocol` was agreed.
pub(crate) fn run_by(protocol: Protocol, setup: &Setup, pieces: &[&[u8]]) -> Result<Seen, Broken> {
    let compiled = COMPILED.as_ref().map_err(Broken::new)?;
    let mut account = compiled.account.clone();
    if let Some(format) = &setup.format {
        let stages = account.rest_apis.iter_mut().flat_map(|api| &mut api.stages);
        for settings in stages.filter_map(|stage| stage.access_log_settings.as_mut()) {
            settings.format.clone_from(format);
        }
    }
    let told = Arc::new(Told { outcome: setup.outcome.clone(), events: Mutex::default() });
    let log = Log::default();
    let (access_log, writing) =
        Journal::start("access-log", log.clone(), LOG_BYTES).map_err(|error| Broken::by("the log", error))?;
    let door = Arc::new(open(&account, &told, access_log)?);
    let answered = converse(&door, protocol, pieces)?;
    drop(door);
    keep!(writing.finish(Duration::from_mins(1)), "the log is not written");
    let (events, log) = (locked(&told.events).clone(), locked(&log.0).clone());
    Ok(Seen { answered, events, log })
}

fn open(account: &Account, told: &Arc<Told>, access_log: Journal) -> Result<Door, Broken> {
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(7)));
    let limiter = Arc::new(Memory::new());
    let functions = functions(account, told);
    let live = Live::build(account, &functions, limiter.as_ref(), clock.now(), entropy.as_ref());
    let metrics = Arc::new(Metrics::register(&mut Registry::default()));
    Ok(Door::new(DoorParts {
        live: live.map_err(|error| Broken::by("the account", error))?,
        limiter,
        clock,
        entropy,
        access_log,
        metrics,
        bounds: RequestBounds::default(),
    }))
}

/// Everything integrates with the one function, behind the permissions that were given for its name.
fn functions(account: &Account, told: &Arc<Told>) -> Functions {
    let mut functions = Functions::default();
    let resources = account.rest_apis.iter().flat_map(|api| &api.resources);
    let methods = resources.flat_map(|resource| resource.methods.values());
    for uri in methods.filter_map(|method| method.integration.as_ref()).map(|integration| &integration.uri) {
        if let (IntegrationUri::Function { name, .. }, Some(arn)) = (uri, uri.function_arn()) {
            let function = Guarded::new(name.clone(), account.permissions.clone(), Arc::<Told>::clone(told));
            functions.by_arn.insert(arn, Arc::new(function));
        }
    }
    functions
}

/// A function that keeps its events and answers as it is told.
struct Told {
    outcome: Result<ProxyReply, InvokeError>,
    events: Mutex<Vec<Vec<u8>>>,
}

impl Function for Told {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        locked(&self.events).push(invocation.event.to_json());
        Box::pin(std::future::ready(self.outcome.clone()))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(..)")
    }
}

/// Where the access log is written to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn compiled() -> Result<Compiled, String> {
    let definition =
        Definition::parse(DEFINITION, "token-broker.yaml").map_err(|errors| errors.to_string())?;
    let client: policy::ClientId = "billing".parse().map_err(|error| format!("{error}"))?;
    let value = ApiKeyValue::new(KEY.to_owned()).map_err(|error| error.to_string())?;
    let id = ApiKeyId::derived(&["billing"]);
    let key = KeyRecord { id, client, value, enabled: true, name: "billing".to_owned() };
    compile(&definition, vec![key]).map_err(|error| error.to_string())
}

static COMPILED: LazyLock<Result<Compiled, String>> = LazyLock::new(compiled);

const DEFINITION: &str = "
api:
  throttle: { rate: 1000, burst: 1000 }
  token_endpoint: { identity: api_key, throttle: { rate: 1000, burst: 1000 } }
plans:
  standard: { throttle: { rate: 1000, burst: 1000 } }
clients:
  billing: { plan: standard, scopes: [orders/read] }
homes:
  local: { stage: dev, user_pool: embedded }
";

/// The one key that admits.
pub(crate) const KEY: &str = "the-value-of-the-api-key";

/// What the function answers if it is told nothing else.
pub(crate) const TOKEN: &str = r#"{"access_token":"t"}"#;

/// As many lines as a connection of that size can make.
const LOG_BYTES: usize = 1 << 28;
