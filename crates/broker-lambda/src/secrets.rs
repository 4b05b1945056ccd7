//! The secrets of an app client, where they lie.

use std::fmt;
use std::sync::Arc;

use bindings::Reference;
use cognito::{AppClientSecrets, SecretSource, SecretsUnreadable};
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;

use crate::store::Store;

/// Secrets in a store: one, or two while they are rotated, a line each.
#[derive(Clone)]
pub(crate) struct StoredSecrets {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) place: Reference,
}

impl StoredSecrets {
    async fn read(&self) -> Result<AppClientSecrets, SecretsUnreadable> {
        let place = &self.place;
        let text = self.store.read(place).await.map_err(|error| {
            tracing::warn!(%place, %error, "the secrets of an app client cannot be read");
            SecretsUnreadable
        })?;
        AppClientSecrets::from_lines(text.expose_secret()).map_err(|error| {
            tracing::warn!(%place, %error, "the secrets of an app client cannot be used");
            SecretsUnreadable
        })
    }
}

impl SecretSource for StoredSecrets {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(self.read())
    }
}

impl fmt::Debug for StoredSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecrets").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The secrets of an app client that the bindings do not have: there are none, and its clients are told to come back.
#[derive(Debug)]
pub(crate) struct Unbound {
    pub(crate) app_client: String,
}

impl SecretSource for Unbound {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        let app_client = &self.app_client;
        tracing::warn!(app_client, "the bindings do not have this app client: its clients get no tokens");
        Box::pin(std::future::ready(Err(SecretsUnreadable)))
    }
}
