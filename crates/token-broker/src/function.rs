//! Where the broker's function runs: inside this program, in processes of its own, or on AWS.
//!
//! Processes read the definition and a bindings document, `function/bindings.json` in the state directory: whose each key
//! is, where the user pool is, and in which files its secrets lie. No secret is in the document or in their environment.
//!
//! A function on AWS has its own definition and bindings, and is told nothing. Invoking it takes the AWS SDK, which a build
//! has with the feature `aws` alone.

#[cfg_attr(not(feature = "aws"), path = "function/not_built.rs")]
mod aws;

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bindings::{Bindings, Reference};
use broker::Broker;
use config::{Compiled, FunctionProcesses, LocalHome};
use journal::Journal;
use lambda::Function;
use lambda_host::{FunctionLog, FunctionSpec, Host, LogLine, NoRoom, Surroundings};

pub(crate) use aws::{deployed, refuse_unbuilt};

use crate::chain::{World, directory};
use crate::state::State;

/// The broker, wherever it runs.
#[derive(Debug)]
pub(crate) enum Brokerage {
    /// Inside this program.
    Inside(Arc<Broker>),
    /// In processes of its own.
    Processes(Processes),
    /// On AWS.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "made by a build that has the AWS SDK"))]
    Deployed(Arc<dyn Function>),
}

/// The broker in processes, and what they are told.
#[derive(Debug)]
pub(crate) struct Processes {
    host: Arc<Host>,
    state: State,
    pool: PoolBindings,
}

/// What processes must know of the user pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolBindings {
    /// Where it is.
    pub(crate) upstream: bindings::Upstream,
    /// Its app clients by name.
    pub(crate) app_clients: BTreeMap<String, bindings::AppClient>,
}

/// What processes are started with.
pub(crate) struct Start<'a> {
    pub(crate) local: &'a LocalHome,
    pub(crate) processes: &'a FunctionProcesses,
    /// The file of the definition.
    pub(crate) definition: &'a Path,
    pub(crate) state: &'a State,
    pub(crate) pool: PoolBindings,
    /// Takes what they write.
    pub(crate) log: Journal,
}

impl Brokerage {
    /// What the front door calls.
    pub(crate) fn function(&self) -> Arc<dyn Function> {
        match self {
            Self::Inside(broker) => Arc::clone(broker) as Arc<dyn Function>,
            Self::Processes(processes) => Arc::clone(&processes.host) as Arc<dyn Function>,
            Self::Deployed(function) => Arc::clone(function),
        }
    }

    /// Takes over who is who.
    pub(crate) fn take_over(&self, compiled: &Compiled) -> anyhow::Result<()> {
        match self {
            Self::Inside(broker) => broker.replace_directory(directory(compiled)?),
            Self::Processes(processes) => processes.write(compiled)?,
            // Its bindings are on AWS, and whoever keeps them there says whose a key is.
            Self::Deployed(_) => {}
        }
        Ok(())
    }

    /// Ends what runs beside this program. Requests under way have `grace`.
    pub(crate) async fn shutdown(&self, grace: Duration) {
        if let Self::Processes(processes) = self {
            processes.host.shutdown(grace).await;
        }
    }
}

impl Processes {
    /// The broker as `start` says. No process is started before the first request.
    pub(crate) fn prepare(start: Start<'_>, compiled: &Compiled, world: &World) -> anyhow::Result<Self> {
        let Start { local, processes, definition, state, pool, log } = start;
        let definition = std::path::absolute(definition)?;
        let directory = definition.parent().unwrap_or(Path::new("/")).to_owned();
        let bindings = Reference::File(std::path::absolute(state.path(BINDINGS))?).to_string();
        let definition = definition.to_str().context("the path of the definition is not UTF-8")?.to_owned();
        let command = [&processes.program].into_iter().chain(&processes.arguments).cloned().collect();
        let (name, region) = (local.function.clone(), local.region.clone());
        let spec = FunctionSpec {
            directory,
            environment: [
                ("TOKEN_BROKER_DEFINITION".to_owned(), definition),
                ("TOKEN_BROKER_BINDINGS".to_owned(), bindings),
            ]
            .into(),
            concurrency: NonZeroUsize::try_from(processes.concurrency)?,
            memory_mib: NonZeroU64::new(processes.memory.into()).context("a function needs memory")?,
            timeout: processes.timeout,
            ..FunctionSpec::new(name, region, local.account_id.clone(), command)
        };
        let (clock, entropy) = (Arc::clone(&world.clock), Arc::clone(&world.entropy));
        let host = Host::new(spec, Surroundings { clock, entropy, log: Arc::new(Lines(log)) })?;
        let prepared = Self { host: Arc::new(host), state: state.clone(), pool };
        prepared.write(compiled)?;
        Ok(prepared)
    }

    /// The host, for its counters.
    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Tells the processes whose each key is. They read it when a key comes that they do not know.
    fn write(&self, compiled: &Compiled) -> anyhow::Result<()> {
        let owned = |client: &config::CompiledClient| {
            let id = client.facts.id.clone();
            client.keys.clone().into_iter().map(move |key| (key, id.clone())).collect::<Vec<_>>()
        };
        let PoolBindings { upstream, app_clients } = self.pool.clone();
        let keys = compiled.clients.iter().flat_map(owned).collect();
        self.state.write(BINDINGS, Bindings { keys, upstream, app_clients }.to_json().as_bytes())
    }
}

/// Lines of functions, as they wrote them: audit lines among them.
#[derive(Debug)]
struct Lines(Journal);

impl FunctionLog for Lines {
    fn offer(&self, line: &LogLine<'_>) -> Result<(), NoRoom> {
        self.0.offer(format!("{}\n", line.text).as_bytes()).map_err(|_until_there_is| NoRoom)
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
    }
}

const BINDINGS: &str = "function/bindings.json";
