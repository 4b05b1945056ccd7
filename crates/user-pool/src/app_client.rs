//! App clients: who may ask the pool for tokens, and how they are recognized.
//!
//! Of a secret only its digest stays. Comparing digests takes the same time wherever they differ and however long the
//! presented secret is, and both secrets of a pair are always compared.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use oauth::ScopeSet;
use subtle::{Choice, ConstantTimeEq as _};

use crate::ids::{AppClientId, AppClientSecret};
use crate::validity::TokenValidity;

/// An app client as it is defined.
#[derive(Clone, Debug)]
pub struct AppClient {
    /// Its id.
    pub id: AppClientId,
    /// The secrets that it may show.
    pub secrets: Secrets,
    /// The scopes that it may ask for, and gets when it asks for none.
    pub scopes: ScopeSet,
    /// How long its access tokens live.
    pub validity: TokenValidity,
}

/// One secret, or two of them while they are rotated: Cognito allows as many.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The one secret, or one of the two.
    pub first: AppClientSecret,
    /// The other, while there are two.
    pub second: Option<AppClientSecret>,
}

impl From<AppClientSecret> for Secrets {
    fn from(first: AppClientSecret) -> Self {
        Self { first, second: None }
    }
}

/// The app clients of a pool, by id.
#[derive(Debug)]
pub(crate) struct AppClients(HashMap<String, KnownClient>);

impl AppClients {
    /// Keeps `clients`; fails with the id that stands twice.
    pub(crate) fn new(clients: Vec<AppClient>) -> Result<Self, AppClientId> {
        let mut known = HashMap::with_capacity(clients.len());
        for client in clients {
            let id = client.id.clone();
            if known.insert(id.as_str().to_owned(), KnownClient::from(client)).is_some() {
                return Err(id);
            }
        }
        Ok(Self(known))
    }

    /// Whether there is an app client `id`.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The app client `id`, if `secret` is one of its secrets.
    pub(crate) fn recognize(&self, id: &str, secret: &str) -> Option<&KnownClient> {
        // Hashed before the id is looked up, so that an unknown id takes no less time.
        let presented = SecretDigest::of(secret);
        self.0.get(id).filter(|client| client.has_secret(&presented))
    }
}

/// An app client whose secrets are known by digest.
pub(crate) struct KnownClient {
    pub(crate) id: AppClientId,
    pub(crate) scopes: ScopeSet,
    pub(crate) validity: TokenValidity,
    digests: Vec<SecretDigest>,
}

impl KnownClient {
    fn has_secret(&self, presented: &SecretDigest) -> bool {
        let equal = |own: &SecretDigest| own.0.as_slice().ct_eq(presented.0.as_slice());
        self.digests.iter().map(equal).fold(Choice::from(0), |any, one| any | one).into()
    }
}

impl From<AppClient> for KnownClient {
    fn from(client: AppClient) -> Self {
        let AppClient { id, secrets, scopes, validity } = client;
        let secrets = std::iter::once(&secrets.first).chain(&secrets.second);
        let digests = secrets.map(|secret| SecretDigest::of(secret.expose())).collect();
        Self { id, scopes, validity, digests }
    }
}

impl fmt::Debug for KnownClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The SHA-256 of a secret. The secret has 24 characters or more drawn at random, so a plain digest cannot be searched.
struct SecretDigest([u8; 32]);

impl SecretDigest {
    fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }
}
