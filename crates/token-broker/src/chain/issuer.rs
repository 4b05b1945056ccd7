//! The way to a user pool: the embedded one, or one that exists already.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use cognito::{AppClientCredentials, AppClientSecrets, Endpoint, IdpEndpoint, TokenEndpoint};
use config::{AppClientName, PoolEndpoint, UserPool as PoolHome};
use oauth::TokenEndpointUrl;
use user_pool::{AppClient, PoolConfig, TokenValidity, UserPool};

use super::World;
use crate::function::PoolBindings;
use crate::secret_file::Exposed;
use crate::state::{EmbeddedPool, State};
use crate::{definition, secret_file};

/// The user pool that the broker asks, and as whom.
pub(crate) struct Issuer {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: BTreeMap<String, AppClientCredentials>,
    /// The same for a broker in processes of its own.
    pub(crate) bindings: PoolBindings,
    /// Files of secrets that are open to everybody.
    pub(crate) exposed: Vec<Exposed>,
}

/// The way to the user pool, and what it is to know if it is the embedded one.
pub(crate) struct Embedding {
    /// None if this program asks no user pool.
    pub(crate) issuer: Option<Issuer>,
    pub(crate) app_clients: Vec<AppClient>,
}

/// The embedded user pool at `address`: what it is to know of the app clients of a definition, and how it is asked.
pub(crate) fn embedding(
    app_clients: &BTreeMap<AppClientName, config::AppClient>,
    kept: &EmbeddedPool,
    (address, state): (SocketAddr, &State),
) -> anyhow::Result<Embedding> {
    let url = format!("http://{address}/oauth2/token");
    let upstream = bindings::Upstream::TokenEndpoint { url: TokenEndpointUrl::parse(&url)?, header: None };
    let mut bindings = PoolBindings { upstream, app_clients: BTreeMap::new() };
    let mut known = Vec::new();
    let mut credentials = BTreeMap::new();
    for (name, app_client) in app_clients {
        let (id, secret) =
            kept.app_clients.get(name.as_str()).cloned().context("an app client was not provided for")?;
        let shown = AppClientCredentials::new(id.as_str(), secret.as_secret().clone(), None)?;
        credentials.insert(name.as_str().to_owned(), shown);
        let secret_file = state.path(&EmbeddedPool::secret_file(name.as_str()));
        bindings.app_clients.insert(name.as_str().to_owned(), bound(id.as_str(), &secret_file)?);
        let scopes = app_client.scopes.clone();
        let validity = TokenValidity::new(app_client.token_validity)?;
        known.push(AppClient { id, secrets: secret.into(), scopes, validity });
    }
    let endpoint = TokenEndpoint::parse(&url)?.into();
    let issuer = Issuer { endpoint, credentials, bindings, exposed: Vec::new() };
    Ok(Embedding { issuer: Some(issuer), app_clients: known })
}

/// The embedded user pool itself.
pub(crate) fn embedded(
    kept: EmbeddedPool,
    app_clients: Vec<AppClient>,
    address: SocketAddr,
    world: &World,
) -> anyhow::Result<UserPool> {
    let domain = format!("http://{address}");
    let config = PoolConfig {
        issuer: format!("{domain}/{}", kept.id.as_str()),
        domain,
        pool_id: kept.id,
        app_clients,
    };
    let (clock, entropy) = (Arc::clone(&world.clock), Arc::clone(&world.entropy));
    Ok(UserPool::new(config, kept.signing_keys, clock, entropy)?)
}

/// The way to a user pool that exists already. `config` is the definition's file: paths count from its directory.
pub(crate) fn external(home: &PoolHome, config: &Path) -> anyhow::Result<Option<Issuer>> {
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
    let mut exposed = Vec::new();
    for (name, app_client) in app_clients {
        let file = definition::directory(config).join(&app_client.secret_file);
        let (text, open) = secret_file::read(&file, &format!("the secret of app client `{name}`"))?;
        exposed.extend(open);
        let secrets = AppClientSecrets::from_lines(&text).with_context(|| {
            format!("the secret of app client `{name}` cannot be taken from `{}`", file.display())
        })?;
        let known = AppClientCredentials::with_secrets(&app_client.client_id, secrets)?;
        credentials.insert(name.as_str().to_owned(), known);
        bindings.app_clients.insert(name.as_str().to_owned(), bound(&app_client.client_id, &file)?);
    }
    Ok(Some(Issuer { endpoint, credentials, bindings, exposed }))
}

/// An app client as a process of its own is told of it.
fn bound(client_id: &str, secret_file: &Path) -> anyhow::Result<bindings::AppClient> {
    let secret = bindings::Reference::File(std::path::absolute(secret_file)?);
    Ok(bindings::AppClient { client_id: client_id.to_owned(), secret })
}
