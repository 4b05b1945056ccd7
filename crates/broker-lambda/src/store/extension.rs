//! The AWS Parameters and Secrets Lambda extension: a listener on this machine that fetches and caches for us.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};

use super::{StoreError, answer};
use crate::environment::ExtensionAccess;

/// The extension, and what it wants to be shown.
pub(super) struct Extension {
    client: Client<HttpConnector, Empty<Bytes>>,
    port: u16,
    token: Option<HeaderValue>,
}

impl Extension {
    pub(super) fn new(access: ExtensionAccess) -> Self {
        let ExtensionAccess { port, token } = access;
        // It is asked every few minutes, and between two requests the whole machine may have stood still: a connection
        // that was kept would more often be dead than useful.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { client, port, token: token.and_then(|token| header(&token)) }
    }

    pub(super) async fn secret(&self, name: &str) -> Result<SecretString, StoreError> {
        answer::secret(&self.get(&query("/secretsmanager/get", &[("secretId", name)])).await?)
    }

    pub(super) async fn parameter(&self, name: &str) -> Result<SecretString, StoreError> {
        let path = query("/systemsmanager/parameters/get", &[("name", name), ("withDecryption", "true")]);
        answer::parameter(&self.get(&path).await?)
    }

    async fn get(&self, path: &str) -> Result<Bytes, StoreError> {
        let token = self.token.clone().ok_or(StoreError::NoSession)?;
        let request = Request::get(format!("http://localhost:{}{path}", self.port))
            .header(TOKEN, token)
            .body(Empty::new())
            .map_err(|_| StoreError::Malformed)?;
        tokio::time::timeout(WITHIN, self.exchange(request)).await.unwrap_or(Err(StoreError::TimedOut))
    }

    async fn exchange(&self, request: Request<Empty<Bytes>>) -> Result<Bytes, StoreError> {
        let answer = self.client.request(request).await.map_err(|error| {
            if error.is_connect() { StoreError::NotReached } else { StoreError::Malformed }
        })?;
        if !answer.status().is_success() {
            return Err(StoreError::Refused(answer.status().as_u16()));
        }
        match Limited::new(answer.into_body(), MOST_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(StoreError::TooLarge),
            Err(_broken) => Err(StoreError::Malformed),
        }
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension").field("port", &self.port).finish_non_exhaustive()
    }
}

fn header(token: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(token.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{path}?{query}")
}

const TOKEN: &str = "x-aws-parameters-secrets-token";
/// The extension asks a service in the region, and tries again by itself.
const WITHIN: Duration = Duration::from_secs(3);
/// Secrets Manager keeps 64 KiB and JSON may escape every byte of it.
const MOST_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(
            query("/get", &[("name", "/a/b&c=d"), ("withDecryption", "true")]),
            "/get?name=%2Fa%2Fb%26c%3Dd&withDecryption=true"
        );
    }

    #[test]
    fn debug_shows_no_token() {
        let extension = Extension::new(ExtensionAccess { port: 2773, token: Some("hunter2".into()) });
        assert_eq!(format!("{extension:?}"), "Extension { port: 2773, .. }");
    }
}
