//! Everything that runs between start and stop, and the order in which it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock as _, SystemClock, SystemEntropy};
use anyhow::{Context as _, bail};
use config::{Breach, Compiled, FunctionHome, UserPool as PoolHome};
use gateway::Metrics;
use journal::Journal;
use listen::{Bounds, Counts, Drain, DrainSignal, Handler, Listener};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::{Endpoints, Setup, banner};
use crate::admin::{
    Admin, BrokerCollector, ConnectionCollector, FunctionCollector, JournalCollector, LimitCollector,
    Readiness,
};
use crate::chain::{self, Chain, Issuer, Outside, World};
use crate::control::Desk;
use crate::definition::Checked;
use crate::function::{Brokerage, Processes};
use crate::limit_store::Limits;
use crate::presence::Fingerprint;
use crate::state::{ApiKeys, EmbeddedPool};
use crate::watch::Watch;
use crate::{control, definition, function, limit_store, logs, terminal, watch};

/// Serves until a signal comes, or something that must run has ended.
pub(super) async fn serve(
    setup: &Setup<'_>,
    kept: Option<EmbeddedPool>,
    own_log: Journal,
) -> anyhow::Result<()> {
    let (access, access_writing) =
        logs::access(setup.options.access_log.as_deref(), setup.state.path("logs/access.log"))?;
    let (audit, audit_writing) =
        logs::audit(setup.options.audit_log.as_deref(), &setup.state.path("logs/audit.log"))?;
    let in_processes = matches!(setup.definition.local.function_home, FunctionHome::Processes(_));
    let function = in_processes.then(|| logs::function(setup.state.path("logs/function.log"))).transpose()?;
    let (function, function_writing) = function.unzip();
    let served = run(setup, kept, Journals { access, audit, function, own: own_log }).await;
    // However it ended: what was accepted is written.
    if let Some(writing) = function_writing {
        logs::finish("function", writing);
    }
    logs::finish("audit", audit_writing);
    logs::finish("access", access_writing);
    tracing::info!("stopped");
    served
}

/// The journals that the parts write to.
#[derive(Clone)]
struct Journals {
    access: Journal,
    audit: Journal,
    /// Of functions in processes of their own.
    function: Option<Journal>,
    own: Journal,
}

async fn run(setup: &Setup<'_>, kept: Option<EmbeddedPool>, journals: Journals) -> anyhow::Result<()> {
    let Setup { definition, state, .. } = setup;
    // Before the register is read, so that a change in between is noticed.
    let seen = Fingerprint::of(state);
    let records = ApiKeys::read(state)?.records(|client| definition.clients.contains_key(client))?;
    let started = SystemClock.now();
    let Checked { compiled, passed } = definition::compile(definition, records, started)?;
    say_what_passed(&passed);
    let bound = Bound::listen(setup).await?;
    let (drain, draining) = Drain::new();
    // The others stop after the front door: requests under way may still need the user pool, and probes are to see that
    // the program is stopping.
    let (last_drain, last_draining) = Drain::new();

    let mut registry = Registry::with_prefix("token_broker");
    let metrics = Arc::new(Metrics::register(&mut registry));
    let world = World { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let (issuer, pool) = issuer(setup, &compiled, kept, &bound, &world)?;
    let endpoints = bound.endpoints(setup, pool.as_ref().map(|(url, _)| url.clone()))?;
    let announcement = announcement(setup, &compiled, &endpoints)?;
    let limits = Limits::open(&definition.local.limits, state, &world.clock)?;
    let store = Arc::clone(&limits.store);
    let broker = brokerage(setup, &compiled, issuer, &journals, &world).await?;
    let outside = Outside { broker, limits, access_log: journals.access.clone(), metrics };
    let chain = Arc::new(Chain::assemble(&compiled, outside, world.clone())?);
    // With it go the values of the keys: what runs knows them by their hash.
    drop(compiled);
    match &*chain.broker {
        Brokerage::Inside(broker) => {
            registry.register_collector(Box::new(BrokerCollector(Arc::clone(broker))));
        }
        Brokerage::Processes(processes) => {
            registry.register_collector(Box::new(FunctionCollector(Arc::clone(processes.host()))));
        }
        // What it does is counted on AWS.
        Brokerage::Deployed(_) => {}
    }
    let mut counted = vec![("audit", journals.audit.clone()), ("log", journals.own)];
    counted.extend(journals.function.map(|journal| ("function", journal)));
    registry.register_collector(Box::new(JournalCollector(counted)));

    registry.register_collector(Box::new(LimitCollector(Arc::clone(&store))));

    let connections = Arc::new(Counts::default());
    registry.register_collector(Box::new(ConnectionCollector(Arc::clone(&connections))));

    let serving = Arc::new(AtomicBool::new(true));
    let in_step = Arc::new(AtomicBool::new(true));
    let readiness = Readiness {
        serving: Arc::clone(&serving),
        keys_in_step: Arc::clone(&in_step),
        audit: journals.audit,
        limits: Arc::clone(&store),
    };
    let mut signals = Signals::listen()?;
    // The sockets listen already: whoever comes now waits in the kernel's queue. From here on nothing fails, so that
    // what runs is always drained; and the watch, which says what is in force as well, comes later.
    seen.publish(state)?;
    endpoints.write(state)?;
    terminal::print(&announcement)?;

    let small = bounds(share(setup.files, 8, 256));
    let large = bounds(share(setup.files, 2, 4096));
    let pool =
        pool.map(|(_, pool)| bound.pool.map(|listener| start(listener, small, pool, last_draining.clone())));
    let desk = Arc::new(Desk::new(Arc::clone(&chain.control)));
    let control = start(bound.control, Desk::bounds(), desk, last_draining.clone());
    let admin = start(bound.admin, small, Arc::new(Admin::new(registry, readiness)), last_draining);
    let tidying = tokio::spawn(limit_store::keep_tidy(Arc::clone(&store), world.clock, draining.clone()));
    let mut door = tokio::spawn(listen::serve_counted(
        bound.front_door,
        large,
        Arc::clone(&chain.door),
        draining.clone(),
        connections,
    ));
    let broker = Arc::clone(&chain.broker);
    let watch = Watch { state: state.clone(), definition: Arc::clone(definition), started, chain, in_step };
    let mut watching = tokio::spawn(watch::keys(watch, seen, draining));

    let ended = tokio::select! {
        () = signals.stop() => Ok(()),
        ended = &mut door => Err(ended.err().map_or_else(|| "ended".to_owned(), |error| error.to_string())),
        ended = &mut watching => Err(ended.err().map_or_else(|| "ended".to_owned(), |error| error.to_string())),
    };
    serving.store(false, Ordering::Release);
    let grace = Duration::from_secs(setup.options.drain_seconds);
    tracing::info!(grace_s = setup.options.drain_seconds, "stopping: requests under way may finish");
    drain.begin(grace);
    // What has ended already says so again, and is not waited for twice.
    if !door.is_finished() {
        let _drained = door.await;
    }
    if !watching.is_finished() {
        let _stopped = watching.await;
    }
    // Nobody waits for its answers any more. It may still want the user pool to end well.
    broker.shutdown(Duration::from_secs(1)).await;
    last_drain.begin(Duration::from_secs(1));
    if let Some(pool) = pool.flatten() {
        let _drained = pool.await;
    }
    let (_control, _admin, _tidied) = tokio::join!(control, admin, tidying);
    // Nobody spends or extends any more.
    let closed = store.close(SystemClock.now());
    match ended {
        Ok(()) => closed,
        Err(why) => bail!("a part that must run has ended by itself: {why}"),
    }
}

/// What runs though it breaks a guardrail is in the log of every start.
fn say_what_passed(passed: &[Breach]) {
    for Breach { finding, waiver, .. } in passed {
        let (guardrail, place, detail) = (finding.guardrail.id, &finding.place, &finding.detail);
        match waiver {
            Some(waiver) => tracing::warn!(
                guardrail,
                place,
                detail,
                waiver.line = waiver.position.line,
                waiver.until = %waiver.expires,
                waiver.reason,
                "a guardrail is broken and waived"
            ),
            None => {
                tracing::warn!(guardrail, place, detail, mend = finding.guardrail.mend, "a guardrail warns");
            }
        }
    }
}

/// The addresses that are listened on.
struct Bound {
    front_door: TcpListener,
    admin: TcpListener,
    pool: Option<TcpListener>,
    control: UnixListener,
}

impl Bound {
    async fn listen(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let local = &setup.definition.local;
        let front_door = match setup.options.front_door {
            Some(address) => bind(address, "--front-door").await?,
            None => bind(local.front_door, "homes.local.front_door").await?,
        };
        let admin = bind(local.admin, "homes.local.admin").await?;
        let pool = match &local.user_pool {
            PoolHome::Embedded { listen } => Some(bind(*listen, "homes.local.user_pool_listen").await?),
            PoolHome::External { .. } | PoolHome::OfTheFunction => None,
        };
        let control = UnixListener::from_std(control::bind(&setup.state)?)?;
        Ok(Self { front_door, admin, pool, control })
    }

    fn endpoints(&self, setup: &Setup<'_>, issuer: Option<String>) -> anyhow::Result<Endpoints> {
        let stage = &setup.definition.local.stage;
        Ok(Endpoints {
            invoke_url: format!("http://{}/{stage}/oauth2/token", self.front_door.local_addr()?),
            admin: format!("http://{}", self.admin.local_addr()?),
            jwks_uri: issuer.as_ref().map(|issuer| format!("{issuer}/.well-known/jwks.json")),
            issuer,
            pid: std::process::id(),
        })
    }
}

/// The broker, where the definition says that it runs.
async fn brokerage(
    setup: &Setup<'_>,
    compiled: &Compiled,
    issuer: Option<Issuer>,
    journals: &Journals,
    world: &World,
) -> anyhow::Result<Brokerage> {
    let local = &setup.definition.local;
    let issuer = || issuer.context("there is neither an embedded user pool nor an existing one");
    match &local.function_home {
        FunctionHome::Deployed(function) => function::deployed(function).await,
        FunctionHome::InProcess => {
            let audit = journals.audit.clone();
            let broker = chain::broker(&setup.definition, compiled, issuer()?, audit, world)?;
            Ok(Brokerage::Inside(Arc::new(broker)))
        }
        FunctionHome::Processes(processes) => {
            let start = function::Start {
                local,
                processes,
                definition: &setup.place.config,
                state: &setup.state,
                pool: issuer()?.bindings,
                log: journals.function.clone().context("a function in processes has a log")?,
            };
            Ok(Brokerage::Processes(Processes::prepare(start, compiled, world)?))
        }
    }
}

type Pool = (String, Arc<user_pool::UserPool>);

/// The way to the user pool, if this program asks one; and the embedded one with its issuer's URL if it is that.
fn issuer(
    setup: &Setup<'_>,
    compiled: &Compiled,
    kept: Option<EmbeddedPool>,
    bound: &Bound,
    world: &World,
) -> anyhow::Result<(Option<Issuer>, Option<Pool>)> {
    let (Some(kept), Some(listener)) = (kept, &bound.pool) else {
        return Ok((chain::external(&setup.definition.local.user_pool)?, None));
    };
    let address = listener.local_addr()?;
    let url = format!("http://{address}/{}", kept.id.as_str());
    let (pool, issuer) = chain::embedded(compiled, kept, (address, &setup.state), world)?;
    Ok((Some(issuer), Some((url, Arc::new(pool)))))
}

fn start<L: Listener, H: Handler<L::Peer>>(
    listener: L,
    bounds: Bounds,
    handler: Arc<H>,
    draining: DrainSignal,
) -> JoinHandle<()> {
    tokio::spawn(listen::serve(listener, bounds, handler, draining))
}

/// Bounds with so many connections, of which one address may have half.
fn bounds(connections: usize) -> Bounds {
    Bounds { connections, per_address: (connections / 2).max(1), ..Bounds::default() }
}

/// A share of the files that may be open, but no more than `most`: connections from outside must not take the files that
/// keys and logs are read and written by.
fn share(files: u64, part: u64, most: usize) -> usize {
    usize::try_from(files / part).unwrap_or(usize::MAX).clamp(1, most)
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("`{field}` cannot listen on {address}; stop what listens there, or name another address")
    })
}

/// What is printed once everything listens.
fn announcement(setup: &Setup<'_>, compiled: &Compiled, endpoints: &Endpoints) -> anyhow::Result<String> {
    if setup.options.json {
        Ok(serde_json::to_string(endpoints)? + "\n")
    } else {
        Ok(banner::text(setup, compiled, endpoints))
    }
}

/// The signals that stop the program.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
