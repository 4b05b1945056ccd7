//! A user pool that plays faults: which one, the scope that is asked for says.
//!
//! `cold/FAULT` fails until it is mended, `warm/FAULT` is granted once and fails from then on, and whatever else is asked
//! for is granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

use ambient::{Clock as _, SystemClock};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::faults::Fault;
use super::peer::{CANARY, OWN_HOST, Peer, Play, Request, Script};

pub(super) const CLIENT_ID: &str = "1m2n3b4v5c6x7z8l9k0j1h2g3f";
pub(super) const SECRET: &str = "the_app_clients_secret_plus+";
/// The end of every token.
pub(super) const SIGNATURE: &str = "c2lnbmF0dXJlLW9mLXRoZS1wb29s";
/// How long the tokens live that are to be renewed while they are still good.
pub(super) const WARM_LIFE: u64 = 60;

const LIFE: u64 = 3_600;

/// How the pool is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    TokenEndpoint,
    GetClientToken,
}

/// What a request asked for, and how.
pub(super) struct Asked {
    pub(super) way: Way,
    pub(super) scope: String,
}

/// The pool's side of the conversation.
#[derive(Default)]
pub(super) struct Pool {
    faults: Vec<Fault>,
    calls: Mutex<BTreeMap<String, u32>>,
    strays: Mutex<Vec<String>>,
    mended: Mutex<BTreeSet<String>>,
    all_down: Mutex<bool>,
    gate: (Mutex<bool>, Condvar),
    called: Condvar,
    serial: AtomicU64,
}

impl Pool {
    pub(super) fn start(faults: Vec<Fault>) -> Peer<Self> {
        let gate = (Mutex::new(true), Condvar::new());
        Peer::start(OWN_HOST, Self { faults, gate, ..Self::default() })
    }

    /// How often `scope` was asked for.
    pub(super) fn calls(&self, scope: &str) -> u32 {
        self.calls.lock().unwrap().get(scope).copied().unwrap_or_default()
    }

    /// How often anything was asked for.
    pub(super) fn all_calls(&self) -> u32 {
        self.calls.lock().unwrap().values().sum()
    }

    /// Waits until there were as many calls as `times`; the scopes that were asked for how often.
    pub(super) fn wait_for_calls(&self, times: u32) -> BTreeMap<String, u32> {
        let calls = self.calls.lock().unwrap();
        self.called.wait_while(calls, |calls| calls.values().sum::<u32>() < times).unwrap().clone()
    }

    /// Waits until `scope` was asked for as often as `times`.
    pub(super) fn wait_for_calls_of(&self, scope: &str, times: u32) {
        let calls = self.calls.lock().unwrap();
        let few = |calls: &mut BTreeMap<String, u32>| calls.get(scope).is_none_or(|count| *count < times);
        drop(self.called.wait_while(calls, few).unwrap());
    }

    /// Requests that no user pool gets: of another path, or to another place that it sent somebody to.
    pub(super) fn strays(&self) -> Vec<String> {
        self.strays.lock().unwrap().clone()
    }

    /// Grants `scope` from now on.
    pub(super) fn mend(&self, scope: &str) {
        self.mended.lock().unwrap().insert(scope.to_owned());
    }

    /// Whether every request is answered with 503.
    pub(super) fn set_down(&self, down: bool) {
        *self.all_down.lock().unwrap() = down;
    }

    /// While the gate is closed, who is called does not answer.
    pub(super) fn set_gate(&self, open: bool) {
        *self.gate.0.lock().unwrap() = open;
        self.gate.1.notify_all();
    }

    fn fault(&self, scope: &str, call: u32) -> Option<&Fault> {
        let (kind, name) = scope.split_once('/')?;
        let granted = match kind {
            "cold" => false,
            "warm" => call == 1,
            _ => true,
        };
        let mended = self.mended.lock().unwrap().contains(scope);
        self.faults.iter().find(|fault| fault.name == name).filter(|_| !granted && !mended)
    }

    fn granted(&self, asked: &Asked) -> Play {
        let life = if asked.scope.starts_with("warm/") { WARM_LIFE } else { LIFE };
        let serial = self.serial.fetch_add(1, Ordering::SeqCst);
        asked.grant(&token(&json!({ "scope": asked.scope, "jti": serial }), life), life)
    }
}

impl Script for Pool {
    fn play(&self, request: &Request) -> Play {
        let Some(asked) = Asked::of(request) else {
            self.strays.lock().unwrap().push(format!("{} {}", request.target, request.body));
            return Play::http("404 Not Found", "", "");
        };
        let call = {
            let mut calls = self.calls.lock().unwrap();
            let count = calls.entry(asked.scope.clone()).or_default();
            *count += 1;
            *count
        };
        self.called.notify_all();
        let open = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_while(open, |open| !*open).unwrap());
        if *self.all_down.lock().unwrap() {
            return Play::http("503 Service Unavailable", "", CANARY);
        }
        self.fault(&asked.scope, call).map_or_else(|| self.granted(&asked), |fault| (fault.play)(&asked))
    }
}

impl Asked {
    /// What a request asks for that is as a user pool wants it.
    fn of(request: &Request) -> Option<Self> {
        let Request { target, head, body } = request;
        if target == "/oauth2/token" && head.contains(&format!("Basic {}\r\n", basic())) {
            let form: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let is_grant = form.get("grant_type")? == "client_credentials";
            return is_grant.then_some(Self { way: Way::TokenEndpoint, scope: form.get("scope")?.clone() });
        }
        let json: Value = serde_json::from_str(body).ok()?;
        let scopes: Vec<_> = json["Scopes"].as_array()?.iter().filter_map(Value::as_str).collect();
        let is_known = target == "/" && json["ClientId"] == CLIENT_ID && json["Secret"] == SECRET;
        is_known.then(|| Self { way: Way::GetClientToken, scope: scopes.join(" ") })
    }

    /// The answer that grants `token`.
    pub(super) fn grant(&self, token: &str, life: u64) -> Play {
        Play::http("200 OK", "Content-Type: application/json\r\n", &self.grant_body(token, life))
    }

    pub(super) fn grant_body(&self, token: &str, life: u64) -> String {
        let body = match self.way {
            Way::TokenEndpoint => {
                json!({ "access_token": token, "expires_in": life, "token_type": "Bearer" })
            }
            Way::GetClientToken => json!({ "ClientAuthenticationResult":
                { "AccessToken": token, "ExpiresIn": life, "TokenType": "Bearer" } }),
        };
        body.to_string()
    }
}

/// A token of the app client with `claims`, which lives for `life` seconds.
pub(super) fn token(claims: &Value, life: u64) -> String {
    // The broker counts from before it asked, in parts of seconds: one more is never too few.
    let now = SystemClock.now().as_millis() / 1_000;
    let mut all = json!({ "client_id": CLIENT_ID, "token_use": "access", "iat": now, "exp": now + life + 1 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{SIGNATURE}", part(&json!({ "alg": "RS256", "kid": "of-the-pool" })), part(&all))
}

/// What the app client shows at the token endpoint.
pub(super) fn basic() -> String {
    STANDARD.encode(format!("{CLIENT_ID}:{SECRET}"))
}
