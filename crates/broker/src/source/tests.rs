use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use cognito::{Reply, Settings, TokenCall, TokenEndpoint, TransportError};
use parking_lot::Mutex;
use testkit::{ManualClock, SeededEntropy};

use super::*;
use crate::fixtures::scopes;

/// A token endpoint that answers as scripted and remembers who asked.
#[derive(Default)]
struct Endpoint {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked_by: Mutex<Vec<String>>,
}

impl Transport for Endpoint {
    async fn send(&self, call: TokenCall) -> Result<Reply, TransportError> {
        let authorization = call.headers["authorization"].to_str().unwrap();
        self.asked_by.lock().push(authorization.to_owned());
        let (status, body) = self.answers.lock().pop_front().ok_or(TransportError::NotConnected)?;
        Ok(http::Response::builder().status(status).body(Bytes::from(body)).unwrap())
    }
}

fn app_client(name: &str) -> AppClientName {
    name.parse().unwrap()
}

/// A source of two app clients.
fn source(endpoint: &Arc<Endpoint>) -> CognitoSource<Arc<Endpoint>> {
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(1)));
    let url = TokenEndpoint::parse("https://pool.example.com/oauth2/token").unwrap();
    let upstream = Upstream::over(Arc::clone(endpoint), url, Settings::default(), clock, entropy);
    let credentials = |id: &str| AppClientCredentials::new(id, "sesame".into(), None).unwrap();
    let app_clients = [("m2m", "3fhq"), ("partners", "7kds")];
    CognitoSource::new(upstream, app_clients.map(|(name, id)| (app_client(name), credentials(id))))
}

fn success(scope: &str) -> (u16, String) {
    let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"scope":"{scope}"}}"#));
    (200, format!(r#"{{"access_token":"e30.{payload}.c2ln","expires_in":3600,"token_type":"Bearer"}}"#))
}

#[tokio::test]
async fn pool_is_asked_as_the_app_client_that_was_named() {
    let endpoint = Arc::new(Endpoint::default());
    endpoint.answers.lock().extend([success("a b"), success("a b")]);
    let source = source(&endpoint);
    for name in ["partners", "m2m"] {
        let minting = source.request_token(&app_client(name), &scopes("b a")).await;
        assert!(minting.outcome.is_ok());
        assert_eq!(minting.effort.attempts, 1);
    }
    let expected = ["7kds:sesame", "3fhq:sesame"].map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    assert_eq!(*endpoint.asked_by.lock(), expected);
}

#[tokio::test]
async fn failure_is_handed_on_as_what_it_is() {
    let endpoint = Arc::new(Endpoint::default());
    endpoint.answers.lock().extend([success("a"), (400, r#"{"error":"invalid_client"}"#.to_owned())]);
    let source = source(&endpoint);
    for error in [UpstreamError::ScopeMismatch, UpstreamError::RefusedClient] {
        let minting = source.request_token(&app_client("m2m"), &scopes("a b")).await;
        assert_eq!(minting.outcome, Err(SourceError::Upstream(error)));
    }
}

#[tokio::test]
async fn nothing_is_sent_for_an_app_client_without_credentials() {
    let endpoint = Arc::new(Endpoint::default());
    let minting = source(&endpoint).request_token(&app_client("other"), &scopes("a")).await;
    assert_eq!(minting.outcome, Err(SourceError::UnknownAppClient));
    assert_eq!(minting.effort, Effort::default());
    assert!(endpoint.asked_by.lock().is_empty());
}

#[test]
fn debug_shows_names_and_no_credentials() {
    let shown = format!("{:?}", source(&Arc::default()));
    assert!(shown.contains("m2m") && !shown.contains("sesame"), "{shown}");
}

#[test]
fn name_of_an_app_client_is_short_and_plain() {
    for name in ["m2m", "M2M_partners-1", &"a".repeat(MAX_LENGTH)] {
        assert_eq!(app_client(name).as_str(), name);
    }
    for name in ["", "a b", "a/b", "a.b", "é", "a\n", &"a".repeat(MAX_LENGTH + 1)] {
        assert_eq!(name.parse::<AppClientName>(), Err(AppClientNameError), "{name:?}");
    }
}
