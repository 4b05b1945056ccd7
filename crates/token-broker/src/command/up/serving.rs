//! Everything that runs between start and stop, and the order in which it stops.

mod bound;
mod make;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock, Entropy, SystemClock, SystemEntropy};
use anyhow::bail;
use config::{FunctionHome, ProxyProtocol};
use journal::Journal;
use listen::{Bounds, Counts, Drain, DrainSignal, Handler, Listener, PeerOf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};

use super::{Given, Setup};
use crate::admin::{Admin, ConnectionCollector, Readiness};
use crate::certificates::Certificates;
use crate::chain::{EmbeddedAt, World};
use crate::control::Desk;
use crate::front_listener::{FrontListener, Introductions};
use crate::function::Hosts;
use crate::presence::Fingerprint;
use crate::reload::{Reloading, Reloads};
use crate::traces::Traces;
use crate::{limit_store, logs, notify, reload, terminal};
use bound::Bound;
use make::{Judged, Made};

/// Serves until a signal comes, or something that must run has ended.
pub(super) async fn serve(setup: &Setup<'_>, given: Given, own_log: Journal) -> anyhow::Result<()> {
    let (access, access_writing) =
        logs::access(setup.options.access_log.as_deref(), setup.state.path("logs/access.log"))?;
    let (audit, audit_writing) =
        logs::audit(setup.options.audit_log.as_deref(), setup.state.path("logs/audit.log"))?;
    let (execution, execution_writing) =
        logs::execution(setup.options.execution_log.as_deref(), setup.state.path("logs/execution.log"))?;
    let in_processes = matches!(setup.definition.local.function_home, FunctionHome::Processes(_));
    let function = in_processes.then(|| logs::function(setup.state.path("logs/function.log"))).transpose()?;
    let (function, function_writing) = function.unzip();
    let files = [&access, &audit, &execution].into_iter().chain(&function).cloned().collect();
    let reopening = tokio::spawn(logs::reopen_on(signal(SignalKind::hangup())?, files));
    let served = run(setup, given, Journals { access, audit, execution, function, own: own_log }).await;
    reopening.abort();
    // However it ended: what was accepted is written.
    if let Some(writing) = function_writing {
        logs::finish("function", writing);
    }
    logs::finish("audit", audit_writing);
    logs::finish("execution", execution_writing);
    logs::finish("access", access_writing);
    tracing::info!("stopped");
    served
}

/// The journals that the parts write to.
#[derive(Clone)]
struct Journals {
    access: Journal,
    audit: Journal,
    execution: Journal,
    /// Of functions in processes of their own.
    function: Option<Journal>,
    own: Journal,
}

async fn run(setup: &Setup<'_>, given: Given, journals: Journals) -> anyhow::Result<()> {
    // Early: until it is listened for, SIGHUP ends the program.
    let Signals { mut stop, hangups } = Signals::listen()?;
    let judged = Judged::now(setup)?;
    let register = judged.register;
    let bound = Bound::listen(setup, given.passed).await?;
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let elsewhere = setup.options.otlp_endpoint.as_deref();
    let written = (&*setup.definition, setup.place.config.as_path());
    let (tracer, sending) = Traces::start(written, elsewhere, &clock, &entropy)?;
    let world = World { clock, entropy, tracer };
    let mut made = make::make(setup, judged, given.kept, (&bound, &journals), &world).await?;
    // The sockets listen already: whoever comes now waits in the kernel's queue. From here on nothing fails, so that
    // what runs is always drained; and the task that makes changes, which says what is in force as well, comes later.
    register.publish(&setup.state)?;
    made.endpoints.write(&setup.state)?;
    terminal::print(&made.announcement)?;
    sending.register(&mut made.registry);
    let (status, store) = (made.history.status(), Arc::clone(&made.store));
    let mut running = Running::start(setup, (made, bound), journals.audit, (register, hangups), world);
    notify::ready(&status);
    let ended = running.until(&mut stop).await;
    running.stop(Duration::from_secs(setup.options.drain_seconds)).await;
    // Nobody spends or extends any more.
    let closed = store.close(SystemClock.now());
    // The last requests have their answers.
    sending.finish().await;
    match ended {
        Ok(()) => closed,
        Err(why) => bail!("a part that must run has ended by itself: {why}"),
    }
}

/// Tasks that run, and what tells them to stop.
struct Running {
    serving: Arc<AtomicBool>,
    drain: Drain,
    door: JoinHandle<()>,
    changing: JoinHandle<()>,
    tidying: JoinHandle<()>,
    hosts: Arc<Hosts>,
    /// The others stop after the front door: requests under way may still need the user pool, and probes are to see that the
    /// program is stopping.
    last_drain: Drain,
    last: Vec<JoinHandle<()>>,
}

impl Running {
    fn start(
        setup: &Setup<'_>,
        (made, bound): (Made, Bound),
        audit: Journal,
        (register, hangups): (Fingerprint, Signal),
        world: World,
    ) -> Self {
        let Made { chain, ended, pool, store, history, certificates, mut registry, .. } = made;
        let (drain, draining) = Drain::new();
        let (last_drain, last_draining) = Drain::new();
        let small = bounds(share(setup.files, 8, 256));
        let large = Bounds { linger: LINGER, ..bounds(share(setup.files, 2, 4096)) };
        let connections = Arc::new(Counts::default());
        let proxies = &setup.definition.local.proxies;
        let introductions = (proxies.protocol == ProxyProtocol::Required).then(|| {
            let (proxies, clock) = (proxies.source.proxies.clone(), Arc::clone(&world.clock));
            Arc::new(Introductions::new(proxies, large.per_address, clock))
        });
        registry.register_collector(Box::new(ConnectionCollector {
            counts: Arc::clone(&connections),
            introductions: introductions.clone(),
        }));
        let serving = Arc::new(AtomicBool::new(true));
        let in_step = Arc::new(AtomicBool::new(true));
        let readiness = Readiness {
            serving: Arc::clone(&serving),
            keys_in_step: Arc::clone(&in_step),
            audit,
            limits: Arc::clone(&store),
        };
        let (reloads, requests) = Reloads::new(Arc::clone(&chain), Arc::clone(&history));
        let desk = Arc::new(Desk::new(Arc::clone(&chain.control), reloads));
        let admin = Arc::new(Admin::new(registry, readiness));
        let mut last = vec![
            start(bound.control, Desk::bounds(), desk, last_draining.clone()),
            start(bound.admin, small, admin, last_draining.clone()),
        ];
        if let (Some(EmbeddedAt { pool, .. }), Some(listener)) = (pool, bound.pool) {
            last.push(start(listener, small, pool, last_draining));
        }
        let clock = Arc::clone(&world.clock);
        let tidying = tokio::spawn(limit_store::keep_tidy(store, clock, draining.clone()));
        let handshakes = certificates.as_deref().map(Certificates::handshakes);
        let front_door = FrontListener::new(bound.front_door, handshakes).with_introductions(introductions);
        let door = Arc::clone(&chain.door);
        let door =
            tokio::spawn(listen::serve_counted(front_door, large, door, draining.clone(), connections));
        let hosts = Arc::clone(&chain.hosts);
        let work =
            reload::work(setup.state.clone(), setup.place.config.clone(), chain, certificates, world.clock);
        let definition = setup.file;
        let reloading = Reloading { work, history, in_step, register, definition, hangups, requests, ended };
        let changing = tokio::spawn(reload::follow(reloading, draining));
        Self { serving, drain, door, changing, tidying, hosts, last_drain, last }
    }

    /// Waits for a signal, or for the end of what must not end.
    async fn until(&mut self, stop: &mut Stop) -> Result<(), String> {
        let why = |ended: Result<(), JoinError>| {
            Err(ended.err().map_or_else(|| "ended".to_owned(), |error| error.to_string()))
        };
        tokio::select! {
            () = stop.received() => Ok(()),
            ended = &mut self.door => why(ended),
            ended = &mut self.changing => why(ended),
        }
    }

    /// Stops everything; requests under way have `grace`.
    async fn stop(self, grace: Duration) {
        self.serving.store(false, Ordering::Release);
        tracing::info!(grace_s = grace.as_secs(), "stopping: requests under way may finish");
        self.drain.begin(grace);
        notify::stopping();
        // What has ended already has been waited for, and is not waited for twice.
        for task in [self.door, self.changing] {
            if !task.is_finished() {
                let _stopped = task.await;
            }
        }
        // Nobody waits for their answers any more. They may still want the user pool to end well.
        self.hosts.shutdown(Duration::from_secs(1)).await;
        self.last_drain.begin(Duration::from_secs(1));
        for task in self.last {
            let _drained = task.await;
        }
        let _tidied = self.tidying.await;
    }
}

fn start<L: Listener, H: Handler<PeerOf<L>>>(
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

/// How long clients may go on sending requests over connections that they have, once the program is told to stop. One that
/// is busy has its answer, and its `Connection: close`, long before.
const LINGER: Duration = Duration::from_secs(1);

/// A share of the files that may be open, but no more than `most`: connections from outside must not take the files that
/// keys and logs are read and written by.
fn share(files: u64, part: u64, most: usize) -> usize {
    usize::try_from(files / part).unwrap_or(usize::MAX).clamp(1, most)
}

/// The signals that the program listens for.
struct Signals {
    stop: Stop,
    /// Read the definition again.
    hangups: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { stop: Stop { interrupt, terminate }, hangups: signal(SignalKind::hangup())? })
    }
}

/// The signals that stop it.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
