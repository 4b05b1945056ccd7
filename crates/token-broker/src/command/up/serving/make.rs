//! The chain of a definition, made on the sockets that are there, with all that is counted of it.

use std::sync::Arc;

use ambient::{Clock as _, SystemClock, Timestamp};
use anyhow::Context as _;
use config::{Compiled, FunctionHome};
use gateway::Metrics;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc::UnboundedReceiver;

use super::super::{Endpoints, Setup, banner};
use super::{Bound, Journals};
use crate::admin::{BrokerCollector, FillCollector, FunctionCollector, JournalCollector, LimitCollector};
use crate::certificates::{CertificateCollector, Certificates, Development};
use crate::chain::{self, Chain, EmbeddedAt, Embedding, Generation, Issuer, Outside, Tenure, Tenures, World};
use crate::definition::{self, Checked};
use crate::function::{self, Brokerage, Processes, Written};
use crate::limit_store::{LimitStore, Limits};
use crate::presence::Fingerprint;
use crate::reload::{History, HistoryCollector};
use crate::secret_file;
use crate::state::{ApiKeys, EmbeddedPool};

/// A definition with the keys of the register, that may run.
pub(super) struct Judged {
    compiled: Compiled,
    /// When.
    at: Timestamp,
    /// The register that it was judged with.
    pub(super) register: Fingerprint,
}

/// What is made, and nothing of it runs yet.
pub(super) struct Made {
    pub(super) chain: Arc<Chain>,
    /// Generations that nothing needs any more.
    pub(super) ended: UnboundedReceiver<Generation>,
    pub(super) pool: Option<EmbeddedAt>,
    pub(super) store: Arc<dyn LimitStore>,
    pub(super) history: Arc<History>,
    /// The front door's, if it has one.
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) registry: Registry,
    pub(super) endpoints: Endpoints,
    /// What is printed once everything listens.
    pub(super) announcement: String,
}

impl Judged {
    /// Judges the definition.
    pub(super) fn now(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let Setup { definition, state, .. } = setup;
        // Before the register is read, so that a change in between is noticed.
        let register = Fingerprint::of(state);
        let records = ApiKeys::read(state)?.records(|client| definition.clients.contains_key(client))?;
        let at = SystemClock.now();
        let Checked { compiled, passed } = definition::compile(definition, records, at)?;
        definition::say_what_passed(&passed);
        definition::say_of_waivers(definition, at);
        Ok(Self { compiled, at, register })
    }
}

/// Makes everything. With what was judged go the values of the keys: what runs knows them by their hash.
pub(super) async fn make(
    setup: &Setup<'_>,
    judged: Judged,
    kept: Option<EmbeddedPool>,
    (bound, journals): (&Bound, &Journals),
    world: &World,
) -> anyhow::Result<Made> {
    let Judged { compiled, at, .. } = judged;
    let mut registry = Registry::with_prefix("token_broker");
    let metrics = Arc::new(Metrics::register(&mut registry));
    let (Embedding { issuer, app_clients }, pool) = issuer(setup, &compiled, kept, bound, world)?;
    let (url, pool) = pool.unzip();
    let certificates = certificates(setup, &compiled, world)?;
    if let Some(certificates) = &certificates {
        registry.register_collector(Box::new(CertificateCollector(Arc::clone(certificates))));
    }
    let endpoints = bound.endpoints(setup, url, certificates.as_deref())?;
    let announcement = announcement(setup, &compiled, &endpoints, certificates.as_deref())?;
    let limits = Limits::open(&setup.definition.local.limits, &setup.state, &world.clock)?;
    let store = Arc::clone(&limits.store);
    let tenures = Tenures::new();
    let brokerage = brokerage(setup, &compiled, (issuer, tenures.first()), journals, world).await?;
    if let Brokerage::Inside(broker) = &brokerage {
        registry.register_collector(Box::new(BrokerCollector(Arc::clone(broker.stats()))));
    }
    let in_processes = matches!(brokerage, Brokerage::Processes(_));
    let outside = Outside {
        brokerage,
        limits,
        access_log: journals.access.clone(),
        execution_log: journals.execution.clone(),
        metrics,
        state: setup.state.clone(),
        pool: pool.clone(),
        app_clients,
        tenures,
    };
    let (chain, ended) = Chain::assemble(&setup.definition, &compiled, at, outside, world.clone())?;
    // What a function on AWS does is counted there.
    if in_processes {
        registry.register_collector(Box::new(FunctionCollector(Arc::clone(&chain.hosts))));
    }
    let history = Arc::new(History::new(at));
    registry.register_collector(Box::new(HistoryCollector(Arc::clone(&history))));
    let mut counted = vec![
        ("audit", journals.audit.clone()),
        ("execution", journals.execution.clone()),
        ("log", journals.own.clone()),
    ];
    counted.extend(journals.function.clone().map(|journal| ("function", journal)));
    registry.register_collector(Box::new(JournalCollector(counted)));
    registry.register_collector(Box::new(LimitCollector(Arc::clone(&store))));
    let (door, clock) = (Arc::clone(&chain.door), Arc::clone(&world.clock));
    registry.register_collector(Box::new(FillCollector { door, store: Arc::clone(&store), clock }));
    let chain = Arc::new(chain);
    Ok(Made { chain, ended, pool, store, history, certificates, registry, endpoints, announcement })
}

/// The broker, where the definition says that it runs.
async fn brokerage(
    setup: &Setup<'_>,
    compiled: &Compiled,
    (issuer, tenure): (Option<Issuer>, Tenure),
    journals: &Journals,
    world: &World,
) -> anyhow::Result<Brokerage> {
    let local = &setup.definition.local;
    let issuer = || issuer.context("there is neither an embedded user pool nor an existing one");
    match &local.function_home {
        FunctionHome::Deployed(function) => function::deployed(function).await,
        FunctionHome::InProcess => {
            let audit = journals.audit.clone();
            let broker = chain::broker(&setup.definition, compiled, (issuer()?, tenure), audit, world)?;
            Ok(Brokerage::Inside(Arc::new(broker)))
        }
        FunctionHome::Processes(processes) => {
            let start = function::Start {
                local,
                processes,
                written: Written { path: &setup.place.config, text: &setup.text },
                state: &setup.state,
                pool: issuer()?.bindings,
                log: journals.function.clone().context("a function in processes has a log")?,
                tenure,
            };
            Ok(Brokerage::Processes(Processes::prepare(start, world)?))
        }
    }
}

/// The way to the user pool, if this program asks one; and the embedded one with its issuer's URL if it is that.
fn issuer(
    setup: &Setup<'_>,
    compiled: &Compiled,
    kept: Option<EmbeddedPool>,
    bound: &Bound,
    world: &World,
) -> anyhow::Result<(Embedding, Option<(String, EmbeddedAt)>)> {
    let (Some(kept), Some(listener)) = (kept, &bound.pool) else {
        let issuer = chain::external(&setup.definition.local.user_pool, &setup.place.config)?;
        secret_file::warn(issuer.as_ref().map_or(&[], |issuer| &issuer.exposed));
        return Ok((Embedding { issuer, app_clients: Vec::new() }, None));
    };
    let address = listener.local_addr()?;
    let url = format!("http://{address}/{}", kept.id.as_str());
    let embedding = chain::embedding(&compiled.app_clients, &kept, (address, &setup.state))?;
    let pool = chain::embedded(kept, embedding.app_clients.clone(), address, world)?;
    Ok((embedding, Some((url, EmbeddedAt { pool: Arc::new(pool), address }))))
}

/// The front door's certificate, if the definition or the command asks for one.
fn certificates(
    setup: &Setup<'_>,
    compiled: &Compiled,
    world: &World,
) -> anyhow::Result<Option<Arc<Certificates>>> {
    let api_host = banner::api_host(compiled);
    let development = setup
        .options
        .tls
        .then(|| Development::new(setup.state.clone(), api_host, Arc::clone(&world.entropy)));
    Certificates::start(&setup.definition, &setup.place.config, development, Arc::clone(&world.clock))
}

fn announcement(
    setup: &Setup<'_>,
    compiled: &Compiled,
    endpoints: &Endpoints,
    certificates: Option<&Certificates>,
) -> anyhow::Result<String> {
    if setup.options.json {
        Ok(serde_json::to_string(endpoints)? + "\n")
    } else {
        let is_development = certificates.is_some_and(Certificates::is_development);
        Ok(banner::text(setup, compiled, endpoints, is_development))
    }
}
