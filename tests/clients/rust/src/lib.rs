//! The `oauth2` crate, as a service uses it: the key goes along in the default headers of the HTTP client.
#![cfg(test)]

use std::path::PathBuf;
use std::{env, fs};

use oauth2::basic::{
    BasicClient, BasicErrorResponseType as Code, BasicRequestTokenError, BasicTokenResponse,
};
use oauth2::reqwest::blocking::Client;
use oauth2::reqwest::header::{HeaderMap, HeaderValue};
use oauth2::{ClientId, ClientSecret, HttpClientError, Scope, TokenResponse as _, TokenUrl};

type Refused = BasicRequestTokenError<HttpClientError<oauth2::reqwest::Error>>;

/// A file of the broker that `run.py` started.
fn state(name: &str) -> String {
    let root = PathBuf::from(env::var("BROKER_STATE").expect("run.py starts the broker and says where"));
    fs::read_to_string(root.join(name)).unwrap().trim().to_owned()
}

fn grant(key: &str, scopes: &[&str]) -> Result<BasicTokenResponse, Refused> {
    let endpoints: serde_json::Value = serde_json::from_str(&state("endpoints.json")).unwrap();
    let url = TokenUrl::new(endpoints["invoke_url"].as_str().unwrap().into()).unwrap();
    let headers = HeaderMap::from_iter([("x-api-key".parse().unwrap(), HeaderValue::from_str(key).unwrap())]);
    let http = Client::builder().default_headers(headers).build().unwrap();
    // It sends these as Basic credentials. They say nothing about who calls.
    BasicClient::new(ClientId::new("whoever".into()))
        .set_client_secret(ClientSecret::new("whatever".into()))
        .set_token_uri(url)
        .exchange_client_credentials()
        .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .request(&http)
}

/// The OAuth error code of a refusal; a reply that was not understood is not one.
fn code(granted: Result<BasicTokenResponse, Refused>) -> Code {
    match granted.unwrap_err() {
        Refused::ServerResponse(reply) => reply.error().clone(),
        other => panic!("not an OAuth error: {other:?}"),
    }
}

#[test]
fn token_is_granted() {
    let token = grant(&state("keys/billing"), &["orders/read", "orders/write"]).unwrap();
    assert_eq!(token.access_token().secret().split('.').count(), 3);
    assert!((60..=3600).contains(&token.expires_in().unwrap().as_secs()));
}

#[test]
fn bad_key_is_invalid_client() {
    assert_eq!(code(grant(&"0".repeat(40), &[])), Code::InvalidClient);
}

#[test]
fn denied_scope_is_invalid_scope() {
    assert_eq!(code(grant(&state("keys/billing"), &["orders/delete"])), Code::InvalidScope);
}

#[test]
fn limits_are_temporarily_unavailable() {
    for limit in ["throttled", "spent"] {
        let key = state(&format!("keys/rust-oauth2-{limit}"));
        grant(&key, &[]).unwrap();
        assert_eq!(code(grant(&key, &[])), Code::Extension("temporarily_unavailable".into()), "{limit}");
    }
}
