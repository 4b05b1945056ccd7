//! Where tokens come from: the one thing the broker asks of an upstream, and Cognito as the one that answers.
//!
//! The broker names an app client and scopes, and gets a token that carries exactly those, or a reason. How often to try
//! and when to stop trying are the upstream's. It tells why in an enum, so that no text of its can reach a client.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cognito::{
    AppClientCredentials, Circuit, Effort, Exchange, IssuedToken, Transport, Upstream, UpstreamError,
};
use futures_util::future::BoxFuture;
use oauth::ScopeSet;
use thiserror::Error;

/// Mints tokens.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A new token of `app_client` that carries exactly `scopes`.
    fn request_token<'a>(
        &'a self,
        app_client: &'a AppClientName,
        scopes: &'a ScopeSet,
    ) -> BoxFuture<'a, Minting>;

    /// Whether the source is left alone because it keeps failing. One that never is left alone is closed.
    fn circuit(&self) -> Circuit {
        Circuit::Closed
    }
}

/// What asking for a new token came to, and what it took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Minting {
    /// The token, or why there is none.
    pub outcome: Result<IssuedToken, SourceError>,
    /// What it took.
    pub effort: Effort,
}

/// Why no token was minted.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SourceError {
    /// The upstream gave none.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Nothing was sent: nobody knows the app client's credentials.
    #[error("the app client has no credentials here")]
    UnknownAppClient,
}

/// A user pool as the source of tokens, and the credentials of its app clients.
pub struct CognitoSource<T = cognito::HttpTransport> {
    upstream: Upstream<T>,
    app_clients: HashMap<AppClientName, AppClientCredentials>,
}

impl<T> CognitoSource<T> {
    /// The pool behind `upstream`, to be asked as one of `app_clients`.
    pub fn new(
        upstream: Upstream<T>,
        app_clients: impl IntoIterator<Item = (AppClientName, AppClientCredentials)>,
    ) -> Self {
        Self { upstream, app_clients: app_clients.into_iter().collect() }
    }
}

impl<T: Transport> TokenSource for CognitoSource<T> {
    fn request_token<'a>(
        &'a self,
        app_client: &'a AppClientName,
        scopes: &'a ScopeSet,
    ) -> BoxFuture<'a, Minting> {
        Box::pin(async move {
            let Some(credentials) = self.app_clients.get(app_client) else {
                return Minting { outcome: Err(SourceError::UnknownAppClient), effort: Effort::default() };
            };
            let Exchange { outcome, effort } = self.upstream.request_token(credentials, scopes).await;
            Minting { outcome: outcome.map_err(SourceError::Upstream), effort }
        })
    }

    fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

impl<T> fmt::Debug for CognitoSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CognitoSource").field("app_clients", &self.app_clients.keys()).finish_non_exhaustive()
    }
}

/// The name of an app client, as the configuration gives it. It is not the id that the user pool knows.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AppClientName(Arc<str>);

impl AppClientName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppClientName {
    type Err = AppClientNameError;

    fn from_str(name: &str) -> Result<Self, AppClientNameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name.len() > MAX_LENGTH || !name.bytes().all(allowed) {
            return Err(AppClientNameError);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for AppClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name of an app client.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the name of an app client has 1 to {MAX_LENGTH} letters, digits, `-` and `_`")]
pub struct AppClientNameError;

const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests;
