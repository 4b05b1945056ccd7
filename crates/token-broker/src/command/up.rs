//! `up`: the whole chain on this machine, until it is told to stop.

mod banner;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{SystemClock, SystemEntropy};
use anyhow::{Context as _, bail};
use config::{Definition, UserPool as PoolHome};
use gateway::Metrics;
use journal::{Journal, Writing};
use listen::{Bounds, Drain, DrainSignal, Handler};
use prometheus_client::registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::admin::{Admin, BrokerCollector};
use crate::chain::{self, Chain, Issuer, World};
use crate::cli::{Place, Up};
use crate::command::init;
use crate::state::{ApiKeys, EmbeddedPool, State};
use crate::{definition, watch};

const ENDPOINTS: &str = "endpoints.json";
/// Room for some ten thousand lines: a disk that stalls for a moment refuses nobody.
const LOG_BUFFER: usize = 8 * 1024 * 1024;

/// Where a running server is reached. Other commands find it by this file.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Endpoints {
    pub(crate) invoke_url: String,
    pub(crate) admin: String,
    pub(crate) issuer: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) pid: u32,
}

impl Endpoints {
    /// Where the server on this state directory is.
    pub(crate) fn read(state: &State) -> anyhow::Result<Self> {
        let Some(bytes) = state.read(ENDPOINTS)? else {
            bail!("no server runs on this state directory; start it with `token-broker up`");
        };
        serde_json::from_slice(&bytes)
            .with_context(|| format!("`{}` is damaged", state.path(ENDPOINTS).display()))
    }
}

pub(crate) fn run(place: &Place, options: &Up) -> anyhow::Result<()> {
    start_logging(&options.log)?;
    let first_start = definition::write_default(&place.config)?;
    let definition = Arc::new(definition::read(&place.config)?);
    let state = State::open_or_create(&place.state)?;
    let Some(_only_one) = state.try_lock("lock")? else {
        bail!(
            "another token-broker runs on the state directory `{}`; stop it, or name another with --state",
            place.state.display()
        );
    };
    let pool = init::provide(&definition, &state)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime
        .block_on(serve(&Setup { place, options, definition, state: state.clone(), first_start }, pool));
    let removed = state.remove(ENDPOINTS);
    served.and(removed)
}

/// Every connection is a file descriptor, and the usual soft limit is below what the listeners may have open. The hard
/// limit is the administrator's, and stays.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::warn!(limit = current, "the limit of open files cannot be raised");
    }
}

/// What a run is made of, before anything listens.
struct Setup<'a> {
    place: &'a Place,
    options: &'a Up,
    definition: Arc<Definition>,
    state: State,
    first_start: bool,
}

async fn serve(setup: &Setup<'_>, kept: Option<EmbeddedPool>) -> anyhow::Result<()> {
    let Setup { definition, state, options, .. } = setup;
    let records = ApiKeys::read(state)?.records(|client| definition.clients.contains_key(client))?;
    let compiled = definition::compile(definition, records)?;
    let world = World { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let front_door = match options.front_door {
        Some(address) => bind(address, "--front-door").await?,
        None => bind(definition.local.front_door, "homes.local.front_door").await?,
    };
    let admin = bind(definition.local.admin, "homes.local.admin").await?;
    let (drain, draining) = Drain::new();
    // The others stop after the front door: requests under way may still need the user pool, and probes are to see that
    // the program is stopping.
    let (last_drain, last_draining) = Drain::new();
    let (issuer, issuer_url, pool_served) = match (kept, &definition.local.user_pool) {
        (Some(kept), PoolHome::Embedded { listen }) => {
            let listener = bind(*listen, "homes.local.user_pool_listen").await?;
            let address = listener.local_addr()?;
            let url = format!("http://{address}/{}", kept.id.as_str());
            let (pool, issuer) = chain::embedded(&compiled, kept, address, &world)?;
            (issuer, Some(url), Some(start(listener, Arc::new(pool), last_draining.clone())))
        }
        (_, home) => (external(home)?, None, None),
    };

    let mut registry = Registry::with_prefix("token_broker");
    let metrics = Arc::new(Metrics::register(&mut registry));
    let (access_log, access_writing) = log("access", options.access_log.as_deref(), state)?;
    let (audit_log, audit_writing) = log("audit", options.audit_log.as_deref(), state)?;
    let logs = (access_log, audit_log.clone(), metrics);
    let chain = Arc::new(Chain::assemble(definition, &compiled, issuer, logs, world)?);
    registry.register_collector(Box::new(BrokerCollector(Arc::clone(&chain.broker))));

    let ready = Arc::new(AtomicBool::new(true));
    let invoke_url = format!("http://{}/{}/oauth2/token", front_door.local_addr()?, definition.local.stage);
    let endpoints = Endpoints {
        invoke_url,
        admin: format!("http://{}", admin.local_addr()?),
        jwks_uri: issuer_url.as_ref().map(|issuer| format!("{issuer}/.well-known/jwks.json")),
        issuer: issuer_url,
        pid: std::process::id(),
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let admin_served =
        start(admin, Arc::new(Admin::new(registry, Arc::clone(&ready), audit_log)), last_draining);
    let door_served = start(front_door, Arc::clone(&chain.door), draining.clone());
    let watched =
        tokio::spawn(watch::keys(state.clone(), Arc::clone(definition), Arc::clone(&chain), draining));
    state.write(ENDPOINTS, &serde_json::to_vec(&endpoints)?)?;
    announce(setup, &compiled, &endpoints)?;

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    ready.store(false, Ordering::Release);
    let grace = Duration::from_secs(options.drain_seconds);
    tracing::info!(grace_s = options.drain_seconds, "stopping: requests under way may finish");
    drain.begin(grace);
    door_served.await?;
    last_drain.begin(Duration::from_secs(1));
    if let Some(pool_served) = pool_served {
        pool_served.await?;
    }
    admin_served.await?;
    watched.await?;
    // The door holds the journals; its last lines are in them by now.
    audit_writing.finish();
    access_writing.finish();
    tracing::info!("stopped");
    Ok(())
}

fn start<H: Handler>(listener: TcpListener, handler: Arc<H>, draining: DrainSignal) -> JoinHandle<()> {
    tokio::spawn(listen::serve(listener, Bounds::default(), handler, draining))
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("`{field}` cannot listen on {address}; stop what listens there, or name another address")
    })
}

fn external(home: &PoolHome) -> anyhow::Result<Issuer> {
    chain::external(home)?.context("there is neither an embedded user pool nor an existing one")
}

/// A log: to a file that is named, to stdout, or to its file in the state directory.
fn log(name: &'static str, named: Option<&Path>, state: &State) -> anyhow::Result<(Journal, Writing)> {
    let out: Box<dyn Write + Send> = match named {
        None => Box::new(state.append(&format!("logs/{name}.log"))?),
        Some(path) if path.as_os_str() == "-" => Box::new(io::stdout()),
        Some(path) => {
            let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
            Box::new(opened.with_context(|| format!("the log `{}` cannot be opened", path.display()))?)
        }
    };
    Journal::start(name, out, LOG_BUFFER).context("a thread for a log cannot be started")
}

fn announce(setup: &Setup<'_>, compiled: &config::Compiled, endpoints: &Endpoints) -> anyhow::Result<()> {
    if setup.options.json {
        println!("{}", serde_json::to_string(endpoints)?);
        return Ok(());
    }
    anstream::print!("{}", banner::text(setup, compiled, endpoints));
    Ok(())
}

/// The program's own log goes to stderr: for people on a terminal, as JSON lines elsewhere.
fn start_logging(filter: &str) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is no log filter; `info` or `gateway=debug` are"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        subscriber.with_target(false).compact().try_init()
    } else {
        subscriber.json().flatten_event(true).try_init()
    };
    started.map_err(|error| anyhow::anyhow!(error)).context("logging cannot be started")
}
