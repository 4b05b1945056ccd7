//! The whole chain, put together: user pool, broker, function behind its permission, front door.
//!
//! What belongs to one definition (clients, settings, functions, the front door's view) is made anew for another one and
//! swapped in as one: each request finds the broker that belongs to the view it was admitted by. What does not (sockets,
//! limits, logs, tokens, counters) stays.

mod issuer;
mod succession;
mod tenure;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::{Clock, Entropy, Timestamp};
use assembly::Patience;
use bindings::Bindings;
use broker::{Broker, CognitoSource, Directory, TokenSource};
use cognito::Upstream;
use config::{Compiled, Definition};
use gateway::{Door, DoorParts, Functions, Live, Metrics, RequestBounds};
use journal::Journal;
use lambda::{Function, Guarded};
use policy::ClientId;
use restapi::{Account, IntegrationUri};
use spans::Tracer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use user_pool::{AppClient, UserPool};

use crate::audit::AuditLog;
use crate::control::{Control, Roster};
use crate::function::{self, Brokerage, Hosts};
use crate::limit_store::Limits;
use crate::state::State;

pub(crate) use issuer::{Embedding, Issuer, embedded, embedding, external};
pub(crate) use succession::Successor;
use tenure::TenuredSource;
pub(crate) use tenure::{Generation, Tenure, TenuredHost};

/// What every part takes from the world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Who makes spans, if somebody does.
    pub(crate) tracer: Option<Arc<Tracer>>,
}

/// The parts that run.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) door: Arc<Door>,
    pub(crate) control: Arc<Control>,
    pub(crate) hosts: Arc<Hosts>,
    limits: Limits,
    state: State,
    pool: Option<EmbeddedAt>,
    world: World,
    tenures: UnboundedSender<Generation>,
    // Changed by one at a time; see `reload`.
    in_force: Mutex<InForce>,
}

/// The embedded user pool, and where it listens.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddedAt {
    pub(crate) pool: Arc<UserPool>,
    pub(crate) address: std::net::SocketAddr,
}

/// What the chain is put together with, and does not make itself.
pub(crate) struct Outside {
    pub(crate) brokerage: Brokerage,
    pub(crate) limits: Limits,
    pub(crate) access_log: Journal,
    pub(crate) execution_log: Journal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) state: State,
    pub(crate) pool: Option<EmbeddedAt>,
    /// What the embedded user pool knows.
    pub(crate) app_clients: Vec<AppClient>,
    pub(crate) tenures: Tenures,
}

/// The definition in force, and what was made of it.
#[derive(Debug)]
struct InForce {
    generation: Generation,
    definition: Arc<Definition>,
    /// When waivers were judged. One that has expired since stops the next start and the next reload, and not a change of
    /// keys, which has nothing to do with it.
    judged: Timestamp,
    /// What limits are defined by. Without keys: their values have no business here.
    account: Account,
    brokerage: Brokerage,
    told: Told,
    /// What requests that began under earlier definitions may still need, the latest first.
    earlier: Vec<(Generation, Told)>,
}

/// What others are told of a definition: processes, and the embedded user pool.
#[derive(Clone, Debug, Default)]
struct Told {
    bindings: Option<Bindings>,
    app_clients: Vec<AppClient>,
}

/// Where tenures end.
#[derive(Debug)]
pub(crate) struct Tenures {
    sender: UnboundedSender<Generation>,
    /// Each generation once nothing that began under it is left.
    pub(crate) ended: UnboundedReceiver<Generation>,
}

impl Tenures {
    /// None yet.
    pub(crate) fn new() -> Self {
        let (sender, ended) = unbounded_channel();
        Self { sender, ended }
    }

    /// That of the first definition.
    pub(crate) fn first(&self) -> Tenure {
        Tenure::begin(Generation::FIRST, self.sender.clone())
    }
}

impl Chain {
    /// Puts the chain together. Gives back where tenures end, for [`Chain::forget`].
    pub(crate) fn assemble(
        definition: &Arc<Definition>,
        compiled: &Compiled,
        judged: Timestamp,
        outside: Outside,
        world: World,
    ) -> anyhow::Result<(Self, UnboundedReceiver<Generation>)> {
        let Outside {
            brokerage,
            limits,
            access_log,
            execution_log,
            metrics,
            state,
            pool,
            app_clients,
            tenures,
        } = outside;
        let functions = functions(compiled, &brokerage.function());
        let now = world.clock.now();
        let live = Live::build(&compiled.account, &functions, &*limits.limiter, now, &*world.entropy)?;
        let roster = Roster::of(&compiled.account)?;
        let control = Control::new(roster, Arc::clone(&limits.meter), Arc::clone(&world.clock));
        let hosts = Arc::new(Hosts::default());
        if let Brokerage::Processes(processes) = &brokerage {
            hosts.add(Generation::FIRST, processes.host());
        }
        let told = Told { bindings: brokerage.bindings(compiled), app_clients };
        function::tell(&state, told.bindings.clone())?;
        let door = Door::new(DoorParts {
            live,
            limiter: Arc::clone(&limits.limiter),
            clock: Arc::clone(&world.clock),
            entropy: Arc::clone(&world.entropy),
            access_log,
            metrics,
            bounds: RequestBounds::default(),
        });
        let door = door.with_execution_log(execution_log);
        let mut door = door.with_source_rule(definition.local.proxies.source.clone());
        if let Some(tracer) = &world.tracer {
            door = door.with_tracer(Arc::clone(tracer));
        }
        let door = Arc::new(door);
        count_clients(&door, definition);
        let in_force = InForce {
            generation: Generation::FIRST,
            definition: Arc::clone(definition),
            judged,
            account: without_keys(&compiled.account),
            brokerage,
            told,
            earlier: Vec::new(),
        };
        let Tenures { sender: tenures, ended } = tenures;
        let in_force = Mutex::new(in_force);
        let control = Arc::new(control);
        Ok((Self { door, control, hosts, limits, state, pool, world, tenures, in_force }, ended))
    }

    /// The definition in force, and when its waivers were judged.
    pub(crate) fn definition(&self) -> (Arc<Definition>, Timestamp) {
        let in_force = self.in_force();
        (Arc::clone(&in_force.definition), in_force.judged)
    }

    /// Takes over other keys for the definition in force.
    ///
    /// With its keys the front door's view brings the broker that knows them; processes are told before. So no admitted
    /// key is a stranger to the broker.
    pub(crate) fn take_over_keys(&self, compiled: &Compiled) -> anyhow::Result<()> {
        let mut in_force = self.in_force();
        let brokerage = in_force.brokerage.with_keys(compiled)?;
        let live = self.live(compiled, &brokerage)?;
        let roster = Roster::of(&compiled.account)?;
        let bindings = brokerage.bindings(compiled);
        let earlier = in_force.earlier.iter().filter_map(|(_, told)| told.bindings.clone());
        function::tell(&self.state, bindings.clone().into_iter().chain(earlier))?;
        self.door.replace(live);
        count_clients(&self.door, &in_force.definition);
        self.control.replace(roster);
        in_force.brokerage = brokerage;
        in_force.told.bindings = bindings;
        Ok(())
    }

    /// Takes every key out of force whose id is not among `ids`. It needs nothing but what is in force already.
    pub(crate) fn keep_only(&self, ids: &HashSet<&str>) {
        self.door.keep_only(&|key| ids.contains(key.as_str()));
        self.control.keep_only(ids);
    }

    fn live(&self, compiled: &Compiled, brokerage: &Brokerage) -> anyhow::Result<Live> {
        let functions = functions(compiled, &brokerage.function());
        let now = self.world.clock.now();
        Ok(Live::build(&compiled.account, &functions, &*self.limits.limiter, now, &*self.world.entropy)?)
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts by client as the definition asks.
fn count_clients(door: &Door, definition: &Definition) {
    door.count_clients(definition.clients.keys().map(ClientId::as_str), definition.local.metrics.per_client);
}

/// The broker inside this program.
pub(crate) fn broker(
    definition: &Definition,
    compiled: &Compiled,
    (issuer, tenure): (Issuer, Tenure),
    audit_log: Journal,
    world: &World,
) -> anyhow::Result<Broker> {
    let settings = Patience::resident(&definition.broker).broker;
    let source = source(definition, issuer, tenure, world)?;
    let audit = Arc::new(AuditLog(audit_log));
    let broker = Broker::new(settings, directory(compiled)?, source, audit, Arc::clone(&world.clock));
    Ok(broker.with_tracer(world.tracer.clone()))
}

/// The user pool, asked as patiently as the definition says.
fn source(
    definition: &Definition,
    issuer: Issuer,
    tenure: Tenure,
    world: &World,
) -> anyhow::Result<Arc<dyn TokenSource>> {
    let patience = Patience::resident(&definition.broker).upstream;
    let (clock, entropy) = (Arc::clone(&world.clock), Arc::clone(&world.entropy));
    let upstream = Upstream::new(issuer.endpoint, patience, clock, entropy);
    let named = issuer.credentials.into_iter().map(|(name, credentials)| Ok((name.parse()?, credentials)));
    let source = CognitoSource::new(upstream, named.collect::<anyhow::Result<Vec<_>>>()?);
    Ok(Arc::new(TenuredSource { source, _tenure: tenure }))
}

/// Whose each key is, and what policy looks at.
pub(crate) fn directory(compiled: &Compiled) -> anyhow::Result<Directory> {
    let mut clients = Vec::new();
    let mut keys = Vec::new();
    for client in &compiled.clients {
        keys.extend(client.keys.iter().map(|key| (key.clone(), client.facts.id.clone())));
        clients.push(assembly::client(&client.facts, &client.app_client)?);
    }
    Ok(Directory::new(clients, keys)?)
}

/// Every function that a method integrates with is the broker, behind the permissions that were given for its name.
fn functions(compiled: &Compiled, broker: &Arc<dyn Function>) -> Functions {
    let mut functions = Functions::default();
    let resources = compiled.account.rest_apis.iter().flat_map(|api| &api.resources);
    let integrations = resources
        .flat_map(|resource| resource.methods.values())
        .filter_map(|method| method.integration.as_ref());
    for uri in integrations.map(|integration| &integration.uri) {
        if let (IntegrationUri::Function { name, .. }, Some(arn)) = (uri, uri.function_arn()) {
            let policy = compiled.account.permissions.clone();
            functions.by_arn.insert(arn, Arc::new(Guarded::new(name.clone(), policy, Arc::clone(broker))));
        }
    }
    functions
}

fn without_keys(account: &Account) -> Account {
    Account { api_keys: Vec::new(), usage_plan_keys: Vec::new(), ..account.clone() }
}
