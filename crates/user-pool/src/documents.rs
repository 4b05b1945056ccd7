//! The two documents by which anybody can verify a token: the public keys, and where everything is.
//!
//! Both are made once: nothing in them changes while the pool runs.

use bytes::Bytes;
use serde::Serialize;

use crate::keys::{SigningKey, SigningKeys};

/// The keys as RFC 7517 writes them, with the members that Cognito publishes.
pub(crate) fn jwks(keys: &SigningKeys) -> Bytes {
    json(&KeySet { keys: [Jwk::of(&keys.identity), Jwk::of(&keys.access)] })
}

/// The discovery document (`OpenID` Connect Discovery 1.0 §3) with the members and the order of Cognito's.
///
/// It names the authorization and the user info endpoint because the specification and Cognito do; they are not served.
pub(crate) fn discovery(issuer: &str, domain: &str) -> Bytes {
    json(&Discovery {
        authorization_endpoint: format!("{domain}/oauth2/authorize"),
        id_token_signing_alg_values_supported: ["RS256"],
        issuer,
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        response_types_supported: ["code", "token"],
        scopes_supported: ["openid", "email", "phone", "profile"],
        subject_types_supported: ["public"],
        token_endpoint: format!("{domain}/oauth2/token"),
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        userinfo_endpoint: format!("{domain}/oauth2/userInfo"),
    })
}

#[derive(Serialize)]
struct KeySet<'a> {
    keys: [Jwk<'a>; 2],
}

#[derive(Serialize)]
struct Jwk<'a> {
    alg: &'a str,
    e: &'a str,
    kid: &'a str,
    kty: &'a str,
    n: &'a str,
    #[serde(rename = "use")]
    purpose: &'a str,
}

impl<'a> Jwk<'a> {
    fn of(key: &'a SigningKey) -> Self {
        Self { alg: "RS256", e: &key.exponent, kid: &key.kid, kty: "RSA", n: &key.modulus, purpose: "sig" }
    }
}

#[derive(Serialize)]
struct Discovery<'a> {
    authorization_endpoint: String,
    id_token_signing_alg_values_supported: [&'a str; 1],
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'a str; 2],
    scopes_supported: [&'a str; 4],
    subject_types_supported: [&'a str; 1],
    token_endpoint: String,
    token_endpoint_auth_methods_supported: [&'a str; 2],
    userinfo_endpoint: String,
}

fn json(document: &impl Serialize) -> Bytes {
    // Structs of strings cannot fail to serialize; an empty document would be noticed by the first reader.
    serde_json::to_vec(document).map(Bytes::from).unwrap_or_default()
}
