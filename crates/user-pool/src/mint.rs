//! An access token: its claims as Cognito writes them, and its signature.
//!
//! Signing takes half a millisecond of pure computation. It runs on a blocking thread, and one at a time: the pool lives
//! in the process of the front door, and a burst of cold tokens must not take the threads that answer everybody else. One
//! core signs about 1,800 tokens a second, twelve times what Cognito allows an account (150).

use std::sync::Arc;

use ambient::{Entropy, Timestamp, Uuid};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::{AccessToken, ScopeSet};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::app_client::KnownClient;
use crate::keys::SigningKeys;

/// Makes access tokens.
#[derive(Debug)]
pub(crate) struct Mint {
    keys: Arc<SigningKeys>,
    issuer: String,
    header: String,
    turns: Arc<Semaphore>,
}

impl Mint {
    pub(crate) fn new(keys: Arc<SigningKeys>, issuer: String) -> Self {
        // Two members and no `typ`, as in Cognito's tokens. A thumbprint has no character that JSON would escape.
        let header = format!(r#"{{"kid":"{}","alg":"RS256"}}"#, keys.access.kid);
        Self { keys, issuer, header: URL_SAFE_NO_PAD.encode(header), turns: Arc::new(Semaphore::new(1)) }
    }

    /// A token for `client` with `scopes`, issued `now`; none if something inside is broken, which is logged.
    pub(crate) async fn token(
        &self,
        client: &KnownClient,
        scopes: &ScopeSet,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Option<AccessToken> {
        let jti = Uuid::v4(entropy);
        let claims = Claims {
            sub: client.id.as_str(),
            token_use: "access",
            scope: scopes.as_str(),
            auth_time: now.as_secs(),
            iss: &self.issuer,
            exp: now.as_secs().saturating_add(client.validity.as_secs()),
            iat: now.as_secs(),
            version: 2,
            jti: jti.as_str(),
            client_id: client.id.as_str(),
        };
        let claims = serde_json::to_vec(&claims).ok()?;
        self.signed(format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims))).await
    }

    async fn signed(&self, message: String) -> Option<AccessToken> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let keys = Arc::clone(&self.keys);
        let signed = tokio::task::spawn_blocking(move || {
            // Moved in here: when the caller goes away the signature is still made, and still counts as the one.
            let _turn = turn;
            let signature = keys.access.sign(message.as_bytes())?;
            Ok::<_, crate::KeyError>(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
        });
        match signed.await {
            Ok(Ok(token)) => AccessToken::new(&token).ok(),
            Ok(Err(error)) => {
                tracing::error!(%error, "an access token could not be signed");
                None
            }
            Err(_stopped) => None,
        }
    }
}

/// The claims of a machine's access token, in Cognito's order. There is no `aud` and no `username`.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    token_use: &'a str,
    scope: &'a str,
    auth_time: u64,
    iss: &'a str,
    exp: u64,
    iat: u64,
    version: u8,
    jti: &'a str,
    client_id: &'a str,
}
