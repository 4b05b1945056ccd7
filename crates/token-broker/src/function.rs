//! Where the broker's function runs: inside this program, in processes of its own, or on AWS.
//!
//! Processes read a copy of the definition that is in force, and a bindings document, `function/bindings.json` in the state
//! directory: whose each key is, where the user pool is, and in which files its secrets lie. No secret is in the document
//! or in their environment.
//!
//! A function on AWS has its own definition and bindings, and is told nothing. Invoking it takes the AWS SDK, which a build
//! has with the feature `aws` alone.

#[cfg_attr(not(feature = "aws"), path = "function/not_built.rs")]
mod aws;
mod hosts;

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bindings::{Bindings, Reference};
use broker::Broker;
use config::{Compiled, FunctionProcesses, LocalHome};
use journal::Journal;
use lambda::Function;
use lambda_host::{FunctionLog, FunctionSpec, Host, LogLine, NoRoom, Surroundings};

pub(crate) use aws::{deployed, refuse_unbuilt};
pub(crate) use hosts::Hosts;

use crate::chain::{Generation, Tenure, TenuredHost, World, directory};
use crate::state::State;

/// The broker of one definition, wherever it runs.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    function: Arc<TenuredHost>,
    pool: PoolBindings,
    log: Journal,
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
    pub(crate) written: Written<'a>,
    pub(crate) state: &'a State,
    pub(crate) pool: PoolBindings,
    /// Takes what they write.
    pub(crate) log: Journal,
    /// Of the definition that they read.
    pub(crate) tenure: Tenure,
}

/// A definition as it was read: whoever reads it later must not find another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    /// Where it was read. Paths count from its directory.
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Brokerage {
    /// What the front door calls.
    pub(crate) fn function(&self) -> Arc<dyn Function> {
        match self {
            Self::Inside(broker) => Arc::clone(broker) as Arc<dyn Function>,
            Self::Processes(processes) => Arc::clone(&processes.function) as Arc<dyn Function>,
            Self::Deployed(function) => Arc::clone(function),
        }
    }

    /// The same for other keys.
    pub(crate) fn with_keys(&self, compiled: &Compiled) -> anyhow::Result<Self> {
        Ok(match self {
            Self::Inside(broker) => Self::Inside(Arc::new(broker.with_directory(directory(compiled)?))),
            // Processes are told by their bindings. Those of a function on AWS are there, and whoever keeps them there says
            // whose a key is.
            Self::Processes(_) | Self::Deployed(_) => self.clone(),
        })
    }

    /// What its processes are to be told, if it has any.
    pub(crate) fn bindings(&self, compiled: &Compiled) -> Option<Bindings> {
        let Self::Processes(Processes { pool, .. }) = self else { return None };
        let owned = |client: &config::CompiledClient| {
            let id = client.facts.id.clone();
            client.keys.clone().into_iter().map(move |key| (key, id.clone())).collect::<Vec<_>>()
        };
        let PoolBindings { upstream, app_clients } = pool.clone();
        Some(Bindings { keys: compiled.clients.iter().flat_map(owned).collect(), upstream, app_clients })
    }
}

impl Processes {
    /// The broker as `start` says. No process is started before the first request.
    pub(crate) fn prepare(start: Start<'_>, world: &World) -> anyhow::Result<Self> {
        let Start { local, processes, written, state, pool, log, tenure } = start;
        let kept = definition_file(tenure.generation());
        state.write(&kept, written.text.as_bytes())?;
        let definition = std::path::absolute(state.path(&kept))?;
        let definition = definition.to_str().context("the path of the definition is not UTF-8")?.to_owned();
        let directory = std::path::absolute(written.path)?.parent().unwrap_or(Path::new("/")).to_owned();
        let bindings = Reference::File(std::path::absolute(state.path(BINDINGS))?).to_string();
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
        let lines = Arc::new(Lines(log.clone()));
        let host = Arc::new(Host::new(spec, Surroundings { clock, entropy, log: lines })?);
        Ok(Self { function: Arc::new(TenuredHost { host, _tenure: tenure }), pool, log })
    }

    /// The host, for its counters, and to end it.
    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.function.host
    }

    /// Takes what they write.
    pub(crate) const fn log(&self) -> &Journal {
        &self.log
    }
}

/// Tells the processes of all definitions whose each key is, and how the user pool is asked. They read it when a key comes
/// that they do not know. Where two of `bindings` differ, the first counts.
pub(crate) fn tell(state: &State, bindings: impl IntoIterator<Item = Bindings>) -> anyhow::Result<()> {
    let both = |mut first: Bindings, other: Bindings| {
        for (key, client) in other.keys {
            first.keys.entry(key).or_insert(client);
        }
        for (name, app_client) in other.app_clients {
            first.app_clients.entry(name).or_insert(app_client);
        }
        first
    };
    match bindings.into_iter().reduce(both) {
        Some(bindings) => state.write(BINDINGS, bindings.to_json().as_bytes()),
        None => Ok(()),
    }
}

/// Removes the definition that the processes of `generation` have read. They are gone.
pub(crate) fn forget(state: &State, generation: Generation) -> anyhow::Result<()> {
    state.remove(&definition_file(generation))
}

/// Removes the definitions that were kept for processes of servers before this one.
pub(crate) fn forget_all(state: &State) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(state.path(FUNCTION))? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.starts_with("definition.")) {
            state.remove(&format!("{FUNCTION}/{name}"))?;
        }
    }
    Ok(())
}

fn definition_file(generation: Generation) -> String {
    format!("{FUNCTION}/definition.{generation}.yaml")
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

const FUNCTION: &str = "function";
const BINDINGS: &str = "function/bindings.json";
