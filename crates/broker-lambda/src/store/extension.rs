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
    use http::{Response, StatusCode};
    use http_body_util::Full;
    use listen::{Answer, Bounds, Drain, Handler, Inbound};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers everything with a status and a body.
    struct Same(u16, Vec<u8>);

    impl Handler for Same {
        async fn handle(&self, _inbound: Inbound) -> Answer {
            let mut answer = Response::new(Full::new(Bytes::from(self.1.clone())));
            *answer.status_mut() = StatusCode::from_u16(self.0).unwrap();
            answer
        }
    }

    fn shown_to(port: u16, token: &str) -> Extension {
        Extension::new(ExtensionAccess { port, token: Some(token.into()) })
    }

    #[tokio::test]
    async fn answer_is_a_value_or_says_why_there_is_none() {
        let table = [
            (200, br#"{"SecretString":"hunter2"}"#.to_vec(), None),
            (200, b"hunter2".to_vec(), Some(StoreError::Malformed)),
            (200, vec![b' '; MOST_BYTES + 1], Some(StoreError::TooLarge)),
            (400, b"hunter2".to_vec(), Some(StoreError::Refused(400))),
            (302, b"hunter2".to_vec(), Some(StoreError::Refused(302))),
            (500, b"hunter2".to_vec(), Some(StoreError::Refused(500))),
        ];
        for (status, body, expected) in table {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (_drain, signal) = Drain::new();
            let handler = std::sync::Arc::new(Same(status, body));
            tokio::spawn(listen::serve(listener, Bounds::default(), handler, signal));
            let error = shown_to(port, "token").secret("m2m").await.err();
            assert_eq!(error, expected, "{status}");
        }
    }

    #[tokio::test]
    async fn extension_that_cannot_be_asked_is_told_apart() {
        // Nobody listens on port 1, and nobody may.
        assert_eq!(shown_to(1, "token").secret("m2m").await.unwrap_err(), StoreError::NotReached);
        let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = closing.local_addr().unwrap().port();
        tokio::spawn(async move { while closing.accept().await.is_ok() {} });
        assert_eq!(shown_to(port, "token").parameter("m2m").await.unwrap_err(), StoreError::Malformed);
        for token in [None, Some("two\nlines".into())] {
            let nothing_to_show = Extension::new(ExtensionAccess { port, token });
            assert_eq!(nothing_to_show.secret("m2m").await.unwrap_err(), StoreError::NoSession);
        }
    }

    #[tokio::test]
    async fn extension_that_says_nothing_is_not_waited_for() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let accepted = tokio::spawn(async move { silent.accept().await });
        let extension = shown_to(port, "token");
        let asking = tokio::spawn(async move { extension.secret("m2m").await.map(|_| ()) });
        let _connection = accepted.await.unwrap().unwrap();
        // Not before the connection: making it is not a matter of this clock.
        tokio::time::pause();
        assert_eq!(asking.await.unwrap(), Err(StoreError::TimedOut));
    }

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
