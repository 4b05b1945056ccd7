//! A broker for one place: the definition and the bindings, put together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Moment};
use assembly::Patience;
use bindings::{Bindings, BindingsError, Reference, Upstream};
use broker::{
    AppClientName, AppClientNameError, AuditSink, Broker, CognitoSource, Directory, DirectoryError,
};
use cognito::{
    AppClientCredentials, CredentialsError, Endpoint, ExtraHeaders, HeaderError, IdpEndpoint, TokenEndpoint,
};
use config::Definition;
use lambda::RequestContext;
use oauth::EndpointError;
use policy::ClientId;
use restapi::ApiKeyId;
use secrecy::ExposeSecret as _;
use thiserror::Error;

use crate::metrics::Tally;
use crate::secrets::{StoredSecrets, Unbound};
use crate::store::{Store, StoreError};

/// What a broker is made with, apart from the bindings.
pub(crate) struct Factory {
    pub(crate) definition: Definition,
    pub(crate) bindings: Reference,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) audit: Arc<dyn AuditSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// A broker that knows its place, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) broker: Arc<Broker>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) read: Moment,
    bindings: Arc<Bindings>,
    endpoint: Endpoint,
}

impl Factory {
    /// Reads the bindings and makes a broker of them. `held` is the one until now: if tokens still come from the same app
    /// clients at the same place, it goes on with its tokens and connections and learns of the keys alone.
    pub(crate) async fn bind(&self, held: Option<&Bound>, time: Duration) -> Result<Bound, BindError> {
        let text = self.store.read(&self.bindings).await.map_err(BindError::Store)?;
        let bindings = Bindings::parse(text.expose_secret())?;
        let endpoint = self.endpoint(&bindings.upstream).await?;
        let directory = self.directory(&bindings)?;
        let read = self.clock.moment();
        let same =
            |held: &&Bound| held.endpoint == endpoint && held.bindings.app_clients == bindings.app_clients;
        if let Some(held) = held.filter(same) {
            held.broker.replace_directory(directory);
            return Ok(Bound { read, bindings: Arc::new(bindings), ..held.clone() });
        }
        let patience = self.patience(time);
        let upstream = cognito::Upstream::new(
            endpoint.clone(),
            patience.upstream,
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        );
        let source = CognitoSource::new(upstream, self.credentials(&bindings)?);
        let (audit, clock) = (Arc::clone(&self.audit), Arc::clone(&self.clock));
        let broker = Broker::new(patience.broker, directory, Arc::new(source), audit, clock);
        let keys = bindings.keys.len();
        tracing::info!(keys, app_clients = bindings.app_clients.len(), "the broker is bound to its place");
        let tally = Arc::new(Tally::default());
        Ok(Bound { broker: Arc::new(broker), tally, read, bindings: Arc::new(bindings), endpoint })
    }

    fn patience(&self, time: Duration) -> Patience {
        let patience = Patience::within(time, &self.definition.broker);
        if patience.upstream.total < self.definition.broker.upstream.total_timeout {
            let (timeout_ms, total_ms) = (time.as_millis(), patience.upstream.total.as_millis());
            tracing::warn!(
                timeout_ms,
                total_ms,
                "the function's timeout is too short for `broker.upstream.total_timeout`, which is cut"
            );
        }
        patience
    }

    async fn endpoint(&self, upstream: &Upstream) -> Result<Endpoint, BindError> {
        match upstream {
            Upstream::CognitoIdp { url } => Ok(IdpEndpoint::parse(url.as_str())?.into()),
            Upstream::TokenEndpoint { url, header } => {
                let endpoint = TokenEndpoint::parse(url.as_str())?;
                let Some(header) = header else { return Ok(endpoint.into()) };
                let value = self.store.read(&header.value).await.map_err(BindError::Header)?;
                let headers = ExtraHeaders::new([(header.name.as_str(), value)])?;
                Ok(endpoint.with_headers(headers).into())
            }
        }
    }

    /// Who is who. Terraform may know of a client before the package does: its keys are strangers until then.
    fn directory(&self, bindings: &Bindings) -> Result<Directory, BindError> {
        let clients = self.definition.clients.values();
        let clients = clients.map(|client| assembly::client(&client.facts, &client.app_client));
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        let is_known = |(key, client): &(&ApiKeyId, &ClientId)| {
            let known = self.definition.clients.contains_key(*client);
            if !known {
                tracing::warn!(%key, %client, "an API key is of a client that the definition does not have");
            }
            known
        };
        let keys = bindings.keys.iter().filter(is_known).map(|(key, client)| (key.clone(), client.clone()));
        Ok(Directory::new(clients, keys)?)
    }

    /// The credentials of every app client that the definition names, read when they are needed first.
    fn credentials(
        &self,
        bindings: &Bindings,
    ) -> Result<BTreeMap<AppClientName, AppClientCredentials>, BindError> {
        let mut credentials = BTreeMap::new();
        for name in self.definition.app_clients.keys() {
            let known = if let Some(app_client) = bindings.app_clients.get(name.as_str()) {
                let store = Arc::clone(&self.store);
                let source = StoredSecrets { store, place: app_client.secret.clone() };
                AppClientCredentials::read_from(&app_client.client_id, Arc::new(source), REREAD_PAUSE)
            } else {
                let source = Unbound { app_client: name.as_str().to_owned() };
                AppClientCredentials::read_from(name.as_str(), Arc::new(source), REREAD_PAUSE)
            };
            credentials.insert(assembly::app_client(name)?, known?);
        }
        Ok(credentials)
    }
}

impl Bound {
    /// Whether the bindings say all that a request in `context` needs. What is missing may have been added since.
    pub(crate) fn suffices(&self, context: &RequestContext<'_>, definition: &Definition) -> bool {
        let key = context.identity.api_key_id.as_deref().and_then(|id| ApiKeyId::parse(id).ok());
        // What names no key cannot be mended by reading anything.
        let Some(key) = key else { return true };
        let Some(client) = self.bindings.keys.get(&key) else { return false };
        let client = definition.clients.get(client);
        client.is_none_or(|client| self.bindings.app_clients.contains_key(client.app_client.as_str()))
    }
}

impl fmt::Debug for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factory").field("bindings", &self.bindings).finish_non_exhaustive()
    }
}

/// Why no broker could be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum BindError {
    #[error("the bindings cannot be read: {0}")]
    Store(StoreError),
    #[error("{0}")]
    Bindings(#[from] BindingsError),
    #[error("the header that the token endpoint asks for cannot be read: {0}")]
    Header(StoreError),
    #[error("the header that the token endpoint asks for cannot be sent: {0}")]
    Unsendable(#[from] HeaderError),
    #[error("the upstream of the bindings has an address that cannot be used: {0}")]
    Endpoint(#[from] EndpointError),
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    #[error("an app client of the bindings cannot be used: {0}")]
    Credentials(#[from] CredentialsError),
    #[error("an app client has a name that the broker does not take: {0}")]
    AppClientName(#[from] AppClientNameError),
    #[error("the bindings could not be read in time")]
    TimedOut,
}

/// How long after secrets were read again in vain they are not read once more.
const REREAD_PAUSE: Duration = Duration::from_secs(10);
