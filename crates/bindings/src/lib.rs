//! The bindings: what exists only once a place has been built, and the definition cannot know.
//!
//! Which API key id is whose, where the user pool is asked for tokens, the ids of its app clients, and *where* each secret
//! lies. Terraform writes the document on AWS, and `token-broker up` writes it for functions in processes of their own; a
//! broker in such a process reads it beside the definition. So the definition needs no editing between places.
//!
//! ```
//! let bindings = bindings::Bindings::parse(r#"{
//!     "version": 1,
//!     "keys": { "a1b2c3d4e5": "billing" },
//!     "upstream": { "token_endpoint": "https://example.auth.eu-central-1.amazoncognito.com/oauth2/token" },
//!     "app_clients": {
//!         "m2m": { "client_id": "3f9c7a", "secret": "secretsmanager:token-broker/m2m" }
//!     }
//! }"#)?;
//! assert_eq!(bindings.keys.len(), 1);
//! # Ok::<(), bindings::BindingsError>(())
//! ```
//!
//! Pure: it reads no file and asks nobody. There is no secret in the document, and an error repeats nothing that stands in
//! it, since somebody may have put one where its place should be.

mod document;
mod reference;

use std::collections::BTreeMap;

use oauth::TokenEndpointUrl;
use policy::ClientId;
use restapi::ApiKeyId;
use serde_json::{Map, Value, json};

pub use document::BindingsError;
pub use reference::{Reference, ReferenceError};

/// What a place has that the definition does not say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bindings {
    /// Whose each API key is.
    pub keys: BTreeMap<ApiKeyId, ClientId>,
    /// Where tokens are asked for.
    pub upstream: Upstream,
    /// The app clients of the user pool, by the names that the definition gives them.
    pub app_clients: BTreeMap<String, AppClient>,
}

/// Where tokens are asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Upstream {
    /// At the `/oauth2/token` of the user pool's domain.
    TokenEndpoint {
        /// The whole URL, path included.
        url: TokenEndpointUrl,
        /// A header that the domain's firewall asks for.
        header: Option<Header>,
    },
    /// At Cognito's own API, by `GetClientToken`.
    CognitoIdp {
        /// The service's endpoint in the region.
        url: TokenEndpointUrl,
    },
}

/// A header with a secret value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Where its value lies.
    pub value: Reference,
}

/// An app client of the user pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppClient {
    /// The id that the user pool gave it.
    pub client_id: String,
    /// Where its secret lies: one, or two while they are rotated, a line each.
    pub secret: Reference,
}

impl Bindings {
    /// Reads the document.
    pub fn parse(text: &str) -> Result<Self, BindingsError> {
        document::read(text)
    }

    /// The document.
    pub fn to_json(&self) -> String {
        let keys = self.keys.iter().map(|(id, client)| (id.as_str().to_owned(), client.as_str().into()));
        let app_clients = self.app_clients.iter().map(|(name, app_client)| {
            let secret = app_client.secret.to_string();
            (name.clone(), json!({ "client_id": app_client.client_id, "secret": secret }))
        });
        let document = json!({
            "version": VERSION,
            "keys": keys.collect::<Map<String, Value>>(),
            "upstream": self.upstream.to_value(),
            "app_clients": app_clients.collect::<Map<String, Value>>(),
        });
        format!("{document:#}\n")
    }
}

impl Upstream {
    fn to_value(&self) -> Value {
        match self {
            Self::TokenEndpoint { url, header: None } => json!({ "token_endpoint": url.as_str() }),
            Self::TokenEndpoint { url, header: Some(Header { name, value }) } => {
                json!({ "token_endpoint": url.as_str(), "header": { "name": name, "value": value.to_string() } })
            }
            Self::CognitoIdp { url } => json!({ "cognito_idp": url.as_str() }),
        }
    }
}

/// The version of the document that this program reads and writes.
const VERSION: u64 = 1;

#[cfg(test)]
mod tests;
