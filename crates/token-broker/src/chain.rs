//! The whole chain, put together: user pool, broker, function behind its permission, front door.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, Entropy};
use anyhow::Context as _;
use assembly::Patience;
use broker::{Broker, CognitoSource, Directory};
use cognito::{AppClientCredentials, AppClientSecrets, Endpoint, IdpEndpoint, TokenEndpoint, Upstream};
use config::{Compiled, Definition, PoolEndpoint, UserPool as PoolHome};
use gateway::{Door, DoorParts, Functions, Live, Metrics, RequestBounds};
use journal::Journal;
use lambda::{Function, Guarded};
use oauth::TokenEndpointUrl;
use restapi::IntegrationUri;
use user_pool::{AppClient, PoolConfig, TokenValidity, UserPool};
use zeroize::Zeroizing;

use crate::audit::AuditLog;
use crate::control::{Control, Roster};
use crate::function::{Brokerage, PoolBindings};
use crate::limit_store::Limits;
use crate::state::{EmbeddedPool, State};

/// What every part takes from the world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// The parts that run.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) door: Arc<Door>,
    pub(crate) broker: Arc<Brokerage>,
    pub(crate) control: Arc<Control>,
    functions: Functions,
    limits: Limits,
    world: World,
}

/// What the chain is put together with, and does not make itself.
pub(crate) struct Outside {
    pub(crate) broker: Brokerage,
    pub(crate) limits: Limits,
    pub(crate) access_log: Journal,
    pub(crate) metrics: Arc<Metrics>,
}

/// The user pool that the broker asks, and as whom.
pub(crate) struct Issuer {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: BTreeMap<String, AppClientCredentials>,
    /// The same for a broker in processes of its own.
    pub(crate) bindings: PoolBindings,
}

impl Chain {
    /// Puts the chain together.
    pub(crate) fn assemble(compiled: &Compiled, outside: Outside, world: World) -> anyhow::Result<Self> {
        let Outside { broker, limits, access_log, metrics } = outside;
        let broker = Arc::new(broker);
        let functions = functions(compiled, &broker.function());
        let now = world.clock.now();
        let live = Live::build(&compiled.account, &functions, &*limits.limiter, now, &*world.entropy)?;
        let roster = Roster::of(&compiled.account)?;
        let control = Control::new(roster, Arc::clone(&limits.meter), Arc::clone(&world.clock));
        let door = Arc::new(Door::new(DoorParts {
            live,
            limiter: Arc::clone(&limits.limiter),
            clock: Arc::clone(&world.clock),
            entropy: Arc::clone(&world.entropy),
            access_log,
            metrics,
            bounds: RequestBounds::default(),
        }));
        Ok(Self { door, broker, control: Arc::new(control), functions, limits, world })
    }

    /// Takes over what changes while the chain runs: keys, plans and who owns what.
    ///
    /// The broker learns of a key before the front door admits it, so that no admitted key is a stranger to the broker.
    pub(crate) fn take_over(&self, compiled: &Compiled) -> anyhow::Result<()> {
        let now = self.world.clock.now();
        let limiter = &*self.limits.limiter;
        let live = Live::build(&compiled.account, &self.functions, limiter, now, &*self.world.entropy)?;
        let roster = Roster::of(&compiled.account)?;
        self.broker.take_over(compiled)?;
        self.door.replace(live);
        self.control.replace(roster);
        Ok(())
    }

    /// Takes every key out of force whose id is not among `ids`. It needs nothing but what is in force already.
    pub(crate) fn keep_only(&self, ids: &HashSet<&str>) {
        self.door.keep_only(&|key| ids.contains(key.as_str()));
        self.control.keep_only(ids);
    }
}

/// The broker inside this program.
pub(crate) fn broker(
    definition: &Definition,
    compiled: &Compiled,
    issuer: Issuer,
    audit_log: Journal,
    world: &World,
) -> anyhow::Result<Broker> {
    let patience = Patience::resident(&definition.broker);
    let upstream = Upstream::new(
        issuer.endpoint,
        patience.upstream,
        Arc::clone(&world.clock),
        Arc::clone(&world.entropy),
    );
    let named = issuer.credentials.into_iter().map(|(name, credentials)| Ok((name.parse()?, credentials)));
    let source = CognitoSource::new(upstream, named.collect::<anyhow::Result<Vec<_>>>()?);
    let audit = Arc::new(AuditLog(audit_log));
    Ok(Broker::new(patience.broker, directory(compiled)?, Arc::new(source), audit, Arc::clone(&world.clock)))
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

/// The embedded user pool at `address`, and the way to it.
pub(crate) fn embedded(
    compiled: &Compiled,
    kept: EmbeddedPool,
    (address, state): (SocketAddr, &State),
    world: &World,
) -> anyhow::Result<(UserPool, Issuer)> {
    let domain = format!("http://{address}");
    let url = format!("{domain}/oauth2/token");
    let upstream = bindings::Upstream::TokenEndpoint { url: TokenEndpointUrl::parse(&url)?, header: None };
    let mut bindings = PoolBindings { upstream, app_clients: BTreeMap::new() };
    let mut app_clients = Vec::new();
    let mut credentials = BTreeMap::new();
    for (name, app_client) in &compiled.app_clients {
        let (id, secret) =
            kept.app_clients.get(name.as_str()).cloned().context("an app client was not provided for")?;
        let known = AppClientCredentials::new(id.as_str(), secret.as_secret().clone(), None)?;
        credentials.insert(name.as_str().to_owned(), known);
        let secret_file = state.path(&EmbeddedPool::secret_file(name.as_str()));
        bindings.app_clients.insert(name.as_str().to_owned(), bound(id.as_str(), &secret_file)?);
        let scopes = app_client.scopes.clone();
        let validity = TokenValidity::new(app_client.token_validity)?;
        app_clients.push(AppClient { id, secrets: secret.into(), scopes, validity });
    }
    let config = PoolConfig {
        issuer: format!("{domain}/{}", kept.id.as_str()),
        domain: domain.clone(),
        pool_id: kept.id,
        app_clients,
    };
    let pool =
        UserPool::new(config, kept.signing_keys, Arc::clone(&world.clock), Arc::clone(&world.entropy))?;
    let endpoint = TokenEndpoint::parse(&url)?.into();
    Ok((pool, Issuer { endpoint, credentials, bindings }))
}

/// The way to a user pool that exists already.
pub(crate) fn external(home: &PoolHome) -> anyhow::Result<Option<Issuer>> {
    let PoolHome::External { endpoint, app_clients } = home else { return Ok(None) };
    let (endpoint, upstream) = match endpoint.clone() {
        PoolEndpoint::Token(url) => (
            Endpoint::from(TokenEndpoint::parse(url.as_str())?),
            bindings::Upstream::TokenEndpoint { url, header: None },
        ),
        PoolEndpoint::Idp(url) => {
            (IdpEndpoint::parse(url.as_str())?.into(), bindings::Upstream::CognitoIdp { url })
        }
    };
    let mut bindings = PoolBindings { upstream, app_clients: BTreeMap::new() };
    let mut credentials = BTreeMap::new();
    for (name, app_client) in app_clients {
        let file = &app_client.secret_file;
        let text = fs::read_to_string(file).map(Zeroizing::new);
        let text = text.with_context(|| {
            format!("the secret of app client `{name}` cannot be read from `{}`", file.display())
        })?;
        let secrets = AppClientSecrets::from_lines(&text).with_context(|| {
            format!("the secret of app client `{name}` cannot be taken from `{}`", file.display())
        })?;
        let known = AppClientCredentials::with_secrets(&app_client.client_id, secrets)?;
        credentials.insert(name.as_str().to_owned(), known);
        bindings.app_clients.insert(name.as_str().to_owned(), bound(&app_client.client_id, file)?);
    }
    Ok(Some(Issuer { endpoint, credentials, bindings }))
}

/// An app client as a process of its own is told of it.
fn bound(client_id: &str, secret_file: &Path) -> anyhow::Result<bindings::AppClient> {
    let secret = bindings::Reference::File(std::path::absolute(secret_file)?);
    Ok(bindings::AppClient { client_id: client_id.to_owned(), secret })
}
