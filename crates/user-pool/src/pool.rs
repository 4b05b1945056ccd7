//! The pool itself: which path is which, and the way of a token request from its bytes to a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{Clock, Entropy, Uuid};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, request};
use listen::{Answer, Handler, Inbound, RequestBody, read_body};
use oauth::{ErrorCode, Form, ScopeSet, TokenReply};
use thiserror::Error;

use crate::app_client::{AppClient, AppClients, KnownClient};
use crate::client_token::{self, Question, Refused};
use crate::ids::{AppClientId, PoolId};
use crate::keys::SigningKeys;
use crate::mint::Mint;
use crate::{authenticate, documents, respond};

/// What a pool is made from.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// The pool's id; the region is its first part.
    pub pool_id: PoolId,
    /// The `iss` of its tokens: a URL that ends in `/{pool_id}`, under which the two documents are served.
    pub issuer: String,
    /// The URL of its domain, without a path: `/oauth2/token` is served there.
    pub domain: String,
    /// Its app clients.
    pub app_clients: Vec<AppClient>,
}

/// An embedded user pool. Serve it with [`listen::serve`].
#[derive(Debug)]
pub struct UserPool {
    app_clients: ArcSwap<AppClients>,
    mint: Mint,
    jwks: Document,
    discovery: Document,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    token_requests: AtomicU64,
}

impl UserPool {
    /// The pool that `config` describes, with the keys that sign its tokens.
    pub fn new(
        config: PoolConfig,
        keys: SigningKeys,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, PoolError> {
        let PoolConfig { pool_id, issuer, domain, app_clients } = config;
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !is_url(&issuer) || !issuer.ends_with(&format!("/{pool_id}")) {
            return Err(PoolError::Issuer { issuer, pool_id });
        }
        if !is_url(&domain) || domain.ends_with('/') {
            return Err(PoolError::Domain { domain });
        }
        let well_known = |name: &str| format!("/{pool_id}/.well-known/{name}");
        Ok(Self {
            app_clients: ArcSwap::from_pointee(known(app_clients)?),
            jwks: Document { path: well_known("jwks.json"), body: documents::jwks(&keys) },
            discovery: Document {
                path: well_known("openid-configuration"),
                body: documents::discovery(&issuer, &domain),
            },
            mint: Mint::new(Arc::new(keys), issuer),
            clock,
            entropy,
            token_requests: AtomicU64::new(0),
        })
    }

    /// Has these app clients from the next request on, in place of those until now. If one of them stands twice, nothing
    /// changes.
    pub fn replace_app_clients(&self, app_clients: Vec<AppClient>) -> Result<(), PoolError> {
        self.app_clients.store(Arc::new(known(app_clients)?));
        Ok(())
    }

    /// How many token requests have come in, in either way, those that were refused too.
    pub fn token_requests(&self) -> u64 {
        self.token_requests.load(Ordering::Relaxed)
    }

    async fn token_endpoint(&self, head: &request::Parts, body: RequestBody) -> Answer {
        self.token_requests.fetch_add(1, Ordering::Relaxed);
        let outcome = match read_body(body, MAX_BODY, BODY_DEADLINE).await {
            Ok(body) => self.grant(&head.headers, &body).await,
            Err(_too_large_or_slow) => Err(ErrorCode::InvalidRequest),
        };
        respond::token(outcome, Uuid::v4(self.entropy.as_ref()).as_str())
    }

    async fn grant(&self, headers: &HeaderMap, body: &[u8]) -> Result<TokenReply, ErrorCode> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let form = Form::read(content_type, body).map_err(|_| ErrorCode::InvalidRequest)?;
        let grant = form.value("grant_type").ok_or(ErrorCode::InvalidRequest)?;
        if !COGNITO_GRANTS.contains(&grant) {
            return Err(ErrorCode::UnsupportedGrantType);
        }
        let app_clients = self.app_clients.load_full();
        let client = authenticate::app_client(&app_clients, headers, &form)?;
        if grant != CLIENT_CREDENTIALS {
            // Cognito lets no app client use client credentials and another grant.
            return Err(ErrorCode::UnauthorizedClient);
        }
        let asked = form.value("scope").map(str::parse).transpose().map_err(|_| ErrorCode::InvalidScope)?;
        let scopes = granted(asked, client).map_err(|refused| match refused {
            // Observed of app clients without a resource server's scopes.
            NotGranted::NoScopes => ErrorCode::InvalidGrant,
            NotGranted::NotAllowed => ErrorCode::InvalidScope,
        })?;
        self.mint(client, &scopes).await.ok_or(ErrorCode::ServerError)
    }

    async fn api(&self, head: &request::Parts, body: RequestBody) -> Answer {
        let outcome = if client_token::is_asked_for(&head.headers) {
            self.token_requests.fetch_add(1, Ordering::Relaxed);
            match read_body(body, MAX_BODY, BODY_DEADLINE).await {
                Ok(body) => self.client_token(&body).await,
                Err(_too_large_or_slow) => Err(Refused::Unreadable),
            }
        } else {
            Err(Refused::UnknownOperation)
        };
        respond::client_token(outcome, Uuid::v4(self.entropy.as_ref()).as_str())
    }

    async fn client_token(&self, body: &[u8]) -> Result<TokenReply, Refused> {
        let Question { client_id, secret, scopes } = Question::read(body)?;
        let app_clients = self.app_clients.load_full();
        let client = app_clients.recognize(&client_id, &secret).ok_or_else(|| {
            let known = app_clients.has(&client_id);
            if known { Refused::WrongSecret } else { Refused::UnknownClient(client_id.into_owned()) }
        })?;
        let scopes = granted(scopes, client).map_err(Refused::Scopes)?;
        self.mint(client, &scopes).await.ok_or(Refused::Internal)
    }

    async fn mint(&self, client: &KnownClient, scopes: &ScopeSet) -> Option<TokenReply> {
        let (clock, entropy) = (self.clock.as_ref(), self.entropy.as_ref());
        let access_token = self.mint.token(client, scopes, clock.now(), entropy).await?;
        Some(TokenReply { access_token, expires_in: client.validity.as_duration() })
    }
}

impl Handler for UserPool {
    async fn handle(&self, inbound: Inbound) -> Answer {
        let (head, body) = inbound.request.into_parts();
        let path = head.uri.path();
        let document = [&self.jwks, &self.discovery].into_iter().find(|document| document.path == path);
        match (document, &head.method) {
            (Some(document), &Method::GET) => respond::document(document.body.clone()),
            (Some(_), _) => respond::wrong_method(&Method::GET),
            (None, &Method::POST) if path == API_PATH => self.api(&head, body).await,
            (None, _) if path != TOKEN_PATH => respond::not_found(),
            (None, &Method::POST) => self.token_endpoint(&head, body).await,
            (None, _) => respond::wrong_method(&Method::POST),
        }
    }
}

/// Why a pool cannot be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PoolError {
    /// The issuer is not where the pool's documents are served.
    #[error("the issuer `{issuer}` is no http(s) url that ends in `/{pool_id}`")]
    Issuer {
        /// The issuer that was given.
        issuer: String,
        /// What it must end in.
        pool_id: PoolId,
    },
    /// The domain is no URL, or has a path.
    #[error("the user pool domain `{domain}` is no http(s) url without a final slash")]
    Domain {
        /// The domain that was given.
        domain: String,
    },
    /// Two app clients have one id.
    #[error("the app client `{0}` stands twice")]
    AppClientTwice(AppClientId),
}

fn known(app_clients: Vec<AppClient>) -> Result<AppClients, PoolError> {
    AppClients::new(app_clients).map_err(PoolError::AppClientTwice)
}

#[derive(Debug)]
struct Document {
    path: String,
    body: Bytes,
}

/// Why an app client does not get the scopes that it asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotGranted {
    /// It has none at all.
    NoScopes,
    /// It has not all of those.
    NotAllowed,
}

/// The scopes that `client` gets when it asks for `asked`: all that it has when it asks for none.
fn granted(asked: Option<ScopeSet>, client: &KnownClient) -> Result<ScopeSet, NotGranted> {
    if client.scopes.is_empty() {
        return Err(NotGranted::NoScopes);
    }
    let asked = asked.unwrap_or_else(|| client.scopes.clone());
    if asked.is_subset(&client.scopes) { Ok(asked) } else { Err(NotGranted::NotAllowed) }
}

const TOKEN_PATH: &str = "/oauth2/token";
const API_PATH: &str = "/";
const CLIENT_CREDENTIALS: &str = "client_credentials";
const COGNITO_GRANTS: [&str; 3] = [CLIENT_CREDENTIALS, "authorization_code", "refresh_token"];

/// As much as `oauth::Form` takes: fifty long scopes, every character escaped, stay below it.
const MAX_BODY: usize = 32 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);
