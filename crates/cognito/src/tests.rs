//! What each behaviour of an upstream comes to, without sockets: a scripted transport and a clock that jumps.
//!
//! What holds in both ways is tried in both: a [`Wire`] says how each writes the same thing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use oauth::ScopeSet;
use parking_lot::Mutex;
use testkit::{ManualClock, SeededEntropy};

use crate::{
    AppClientCredentials, Endpoint, Exchange, IdpEndpoint, Reply, Settings, TokenCall, TokenEndpoint,
    Transport, TransportError, Upstream,
};

mod answers;
mod patience;
mod secrets;
mod sent;

/// One thing that the upstream does.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16, &'static str, String),
    RetryAfter(u16, &'static str),
    Typed(String, String),
    Fail(TransportError),
    Hang,
    Slow(Duration, String),
}

/// Does what its script says, call by call, and keeps what it was sent. Past the end of the script it panics.
#[derive(Debug)]
struct Scripted {
    wire: Wire,
    script: Mutex<VecDeque<Act>>,
    calls: Mutex<Vec<TokenCall>>,
    clock: Arc<ManualClock>,
}

impl Transport for Scripted {
    async fn send(&self, call: TokenCall) -> Result<Reply, TransportError> {
        self.calls.lock().push(call);
        let act = self.script.lock().pop_front().expect("another call than the script has");
        let answer = http::Response::builder();
        let answer = match act {
            Act::Answer(status, content_type, body) => answer
                .status(status)
                .header("content-type", content_type)
                .header("location", "https://elsewhere.example.com/")
                .body(Bytes::from(body)),
            Act::RetryAfter(status, value) => {
                answer.status(status).header("retry-after", value).body(Bytes::new())
            }
            Act::Typed(kind, body) => {
                answer.status(400).header("x-amzn-errortype", kind).body(Bytes::from(body))
            }
            Act::Fail(error) => return Err(error),
            Act::Hang => std::future::pending().await,
            Act::Slow(time, body) => {
                self.clock.advance(time);
                answer.body(Bytes::from(body))
            }
        };
        Ok(answer.unwrap())
    }
}

impl Scripted {
    fn calls(&self) -> usize {
        self.calls.lock().len()
    }

    /// The secrets that were sent, in order.
    fn secrets(&self) -> Vec<String> {
        self.calls.lock().iter().map(|call| self.wire.secret(call)).collect()
    }
}

/// How each way writes what both ways say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wire {
    Token,
    Idp,
}

impl Wire {
    const BOTH: [Self; 2] = [Self::Token, Self::Idp];

    fn endpoint(self) -> Endpoint {
        match self {
            Self::Token => TokenEndpoint::parse("https://pool.example.com/oauth2/token").unwrap().into(),
            Self::Idp => IdpEndpoint::parse("https://idp.example.com/").unwrap().into(),
        }
    }

    fn granted(self, claims: &str, expires_in: &str) -> String {
        let token = jwt(claims);
        match self {
            Self::Token => {
                format!(r#"{{"access_token":"{token}","expires_in":{expires_in},"token_type":"Bearer"}}"#)
            }
            Self::Idp => format!(
                r#"{{"ClientAuthenticationResult":{{"AccessToken":"{token}","ExpiresIn":{expires_in},"TokenType":"Bearer"}}}}"#
            ),
        }
    }

    fn good(self) -> Act {
        let claims = r#"{"scope":"orders/write orders/read","client_id":"billing","token_use":"access"}"#;
        self.ok(self.granted(claims, "3600"))
    }

    fn ok(self, body: impl Into<String>) -> Act {
        let media_type = match self {
            Self::Token => "application/json;charset=UTF-8",
            Self::Idp => "application/x-amz-json-1.1",
        };
        Act::Answer(200, media_type, body.into())
    }

    /// The app client's secret is wrong.
    fn refused_client(self) -> Act {
        match self {
            Self::Token => error("invalid_client"),
            // As it was recorded from a pool.
            Self::Idp => typed("NotAuthorizedException", "Invalid client or secret"),
        }
    }

    fn refused_scope(self) -> Act {
        match self {
            Self::Token => error("invalid_scope"),
            Self::Idp => typed("InvalidParameterException", "Invalid scopes requested"),
        }
    }

    fn secret(self, call: &TokenCall) -> String {
        match self {
            Self::Token => {
                let pair = call.headers["authorization"].to_str().unwrap().strip_prefix("Basic ").unwrap();
                let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
                pair.strip_prefix("billing:").unwrap().to_owned()
            }
            Self::Idp => {
                let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
                assert_eq!(body["ClientId"], "billing");
                body["Secret"].as_str().unwrap().to_owned()
            }
        }
    }
}

type Bench = (Upstream<Arc<Scripted>>, Arc<Scripted>);

fn bench_with(wire: Wire, settings: Settings, script: impl IntoIterator<Item = Act>) -> Bench {
    let clock = Arc::new(ManualClock::default());
    let script = Mutex::new(script.into_iter().collect());
    let scripted = Arc::new(Scripted { wire, script, calls: Mutex::default(), clock: Arc::clone(&clock) });
    let entropy = Arc::new(SeededEntropy::new(1));
    (Upstream::over(Arc::clone(&scripted), wire.endpoint(), settings, clock, entropy), scripted)
}

fn bench(wire: Wire, script: impl IntoIterator<Item = Act>) -> Bench {
    bench_with(wire, Settings::default(), script)
}

async fn ask(upstream: &Upstream<Arc<Scripted>>, credentials: &AppClientCredentials) -> Exchange {
    upstream.request_token(credentials, &scopes()).await
}

fn credentials() -> AppClientCredentials {
    AppClientCredentials::new("billing", "hunter2".into(), None).unwrap()
}

fn scopes() -> ScopeSet {
    "orders/read orders/write".parse().unwrap()
}

/// A token whose payload is `claims`; nobody here checks its signature.
fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn error(code: &str) -> Act {
    Act::Answer(400, "application/json;charset=UTF-8", format!(r#"{{"error":"{code}"}}"#))
}

fn typed(kind: &str, message: &str) -> Act {
    let body = format!(r#"{{"__type":"{kind}","message":"{message}"}}"#);
    Act::Answer(400, "application/x-amz-json-1.1", body)
}

fn page(status: u16) -> Act {
    Act::Answer(status, "text/html", "<html>hunter2</html>".to_owned())
}
