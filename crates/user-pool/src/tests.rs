//! The pool over real HTTP: what it answers, byte by byte, and that its tokens verify against what it publishes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use listen::{Bounds, Drain};
use serde_json::Value;
use testkit::{ManualClock, SeededEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    AppClient, AppClientId, AppClientSecret, PoolConfig, PoolError, PoolId, Secrets, SigningKeys,
    TokenValidity, UserPool,
};

mod client_token;

const POOL: &str = "eu-central-1_a1B2c3D4e";
const CLIENT: &str = "1m2n3b4v5c6x7z8l9k0j1h2g3f";
const BARE_CLIENT: &str = "00000000000000000000000000";
/// With both characters that form encoding changes or that a decoder would.
const OLD_SECRET: &str = "old+secret_with+every_character";
const NEW_SECRET: &str = "newsecret0newsecret0newsecret0newsecret0newsecret0n";

fn client(id: &str, scopes: &str) -> AppClient {
    AppClient {
        id: AppClientId::parse(id).unwrap(),
        secrets: Secrets {
            first: AppClientSecret::parse(OLD_SECRET).unwrap(),
            second: Some(AppClientSecret::parse(NEW_SECRET).unwrap()),
        },
        scopes: if scopes.is_empty() { oauth::ScopeSet::default() } else { scopes.parse().unwrap() },
        validity: TokenValidity::new(Duration::from_mins(10)).unwrap(),
    }
}

fn config() -> PoolConfig {
    PoolConfig {
        pool_id: PoolId::parse(POOL).unwrap(),
        issuer: format!("http://127.0.0.1:8082/{POOL}"),
        domain: "http://127.0.0.1:8082".to_owned(),
        app_clients: vec![client(CLIENT, "orders/read orders/write"), client(BARE_CLIENT, "")],
    }
}

fn made(config: PoolConfig) -> Result<UserPool, PoolError> {
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(7)));
    UserPool::new(config, SigningKeys::generate().unwrap(), clock, entropy)
}

/// A pool that is served for as long as this is held.
struct Running {
    address: SocketAddr,
    pool: Arc<UserPool>,
    _drain: Drain,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (drain, signal) = Drain::new();
        let pool = Arc::new(made(config()).unwrap());
        tokio::spawn(listen::serve(listener, Bounds::default(), Arc::clone(&pool), signal));
        Self { address, pool, _drain: drain }
    }

    async fn send(&self, head: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let sent =
            format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        // The pool may answer and close before it has read a body that is too large.
        let _sent = stream.write_all(sent.as_bytes()).await;
        let mut received = Vec::new();
        // A connection that is closed on unread bytes ends in a reset: what came before it still counts.
        let _ended = stream.read_to_end(&mut received).await;
        let received = String::from_utf8(received).unwrap();
        let (head, body) = received.split_once("\r\n\r\n").unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        Reply { status: status.to_owned(), headers: headers.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1"), "").await
    }

    async fn token(&self, authorization: Option<&str>, body: &str) -> Reply {
        let mut head = "POST /oauth2/token HTTP/1.1\r\n\
                        Content-Type: application/x-www-form-urlencoded"
            .to_owned();
        if let Some(value) = authorization {
            write!(head, "\r\nAuthorization: {value}").unwrap();
        }
        self.send(&head, body).await
    }

    async fn granted(&self, scope: Option<&str>) -> String {
        let scope = scope.map(|scope| format!("&scope={scope}")).unwrap_or_default();
        let body = format!("grant_type=client_credentials{scope}");
        let reply = self.token(Some(&basic(CLIENT, OLD_SECRET)), &body).await;
        let members: Value = serde_json::from_str(&reply.body).unwrap();
        members["access_token"].as_str().unwrap().to_owned()
    }

    /// The name of the key that signs access tokens: the second that is published.
    async fn pool_kid(&self) -> String {
        let keys: Value =
            serde_json::from_str(&self.get(&format!("/{POOL}/.well-known/jwks.json")).await.body).unwrap();
        keys["keys"][1]["kid"].as_str().unwrap().to_owned()
    }

    async fn verified(&self, token: &str) -> Value {
        let keys: JwkSet =
            serde_json::from_str(&self.get(&format!("/{POOL}/.well-known/jwks.json")).await.body).unwrap();
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&config().issuer]);
        // The pool's clock stands still; the life is checked against that clock below.
        validation.validate_exp = false;
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
    }
}

struct Reply {
    status: String,
    headers: String,
    body: String,
}

impl Reply {
    /// The status and the headers that say something about the pool.
    fn head(&self) -> String {
        let mut lines: Vec<&str> = self.headers.split("\r\n").collect();
        lines.retain(|line| !line.starts_with("date: ") && !line.starts_with("content-length: "));
        lines.sort_unstable();
        format!("{}\n{}", self.status, lines.join("\n"))
    }

    fn line(&self) -> String {
        format!("{} {}", self.status.strip_prefix("HTTP/1.1 ").unwrap(), self.body)
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn token_has_the_recorded_claims_and_verifies_against_the_published_keys() {
    let running = Running::start().await;
    let token = running.granted(Some("orders%2Fread")).await;
    let claims = running.verified(&token).await;
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let header = String::from_utf8(parts.next().unwrap()).unwrap();
    let kid = running.pool_kid().await;
    insta::assert_snapshot!("token_header", header.replace(&kid, "[kid]"));
    insta::assert_snapshot!("token_claims", String::from_utf8(parts.next().unwrap()).unwrap());
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
}

#[tokio::test]
async fn app_clients_are_replaced_while_the_pool_runs_and_not_by_ambiguous_ones() {
    let running = Running::start().await;
    let twice = vec![client(BARE_CLIENT, "orders/read"), client(BARE_CLIENT, "")];
    let refused = running.pool.replace_app_clients(twice).unwrap_err();
    assert_eq!(refused, PoolError::AppClientTwice(AppClientId::parse(BARE_CLIENT).unwrap()));
    assert_eq!(running.verified(&running.granted(None).await).await["scope"], "orders/read orders/write");

    let other = AppClient {
        validity: TokenValidity::new(Duration::from_mins(5)).unwrap(),
        ..client(CLIENT, "invoices/read")
    };
    running.pool.replace_app_clients(vec![other]).unwrap();
    let claims = running.verified(&running.granted(None).await).await;
    assert_eq!(claims["scope"], "invoices/read");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
    let gone = running.token(Some(&basic(BARE_CLIENT, OLD_SECRET)), "grant_type=client_credentials").await;
    assert_eq!(gone.line(), r#"400 Bad Request {"error":"invalid_client"}"#);
}

#[tokio::test]
async fn every_token_has_its_own_id_and_is_signed_by_the_same_key() {
    let running = Running::start().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..3 {
        let token = running.granted(None).await;
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        assert_eq!(kid, running.pool_kid().await);
        ids.insert(running.verified(&token).await["jti"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn scopes_that_are_not_named_are_all_that_the_app_client_has() {
    let running = Running::start().await;
    for (asked, carried) in [
        (None, "orders/read orders/write"),
        (Some(""), "orders/read orders/write"),
        (Some("orders/write"), "orders/write"),
        (Some("orders/write+orders%2Fread+orders%2Fread"), "orders/read orders/write"),
    ] {
        let token = running.granted(asked).await;
        assert_eq!(running.verified(&token).await["scope"], carried, "{asked:?}");
    }
}

#[tokio::test]
async fn answer_has_the_recorded_headers() {
    let running = Running::start().await;
    let granted = running.token(Some(&basic(CLIENT, OLD_SECRET)), "grant_type=client_credentials").await;
    let refused = running.token(None, "").await;
    assert!(granted.body.contains(r#","expires_in":600,"token_type":"Bearer"}"#));
    insta::assert_snapshot!("headers", format!("{}\n\n{}", granted.head(), refused.head()));
}

#[tokio::test]
async fn each_refusal_has_its_code_and_no_description() {
    let running = Running::start().await;
    let good = basic(CLIENT, OLD_SECRET);
    let (good, bare) = (Some(good.as_str()), basic(BARE_CLIENT, NEW_SECRET));
    let grant = "grant_type=client_credentials";
    let rows: Vec<(&str, Option<&str>, String)> = vec![
        ("no body", good, String::new()),
        ("no grant type", good, "scope=orders%2Fread".to_owned()),
        ("empty grant type", good, "grant_type=".to_owned()),
        ("unknown grant type", good, "grant_type=password".to_owned()),
        ("unknown grant type, nobody", None, "grant_type=password".to_owned()),
        ("grant of another kind of app client", good, "grant_type=authorization_code".to_owned()),
        ("refresh token", good, "grant_type=refresh_token".to_owned()),
        ("grant type twice", good, format!("{grant}&{grant}")),
        ("broken escape", good, format!("{grant}&scope=%zz")),
        ("unknown scope", good, format!("{grant}&scope=orders%2Fdelete")),
        ("one scope too many", good, format!("{grant}&scope=orders%2Fread+orders%2Fdelete")),
        ("malformed scope", good, format!("{grant}&scope=a++b")),
        ("app client without scopes", Some(&bare), grant.to_owned()),
        ("no client", None, grant.to_owned()),
        ("id without secret", None, format!("{grant}&client_id={CLIENT}")),
        ("secret without id", None, format!("{grant}&client_secret={NEW_SECRET}")),
        ("wrong secret in body", None, format!("{grant}&client_id={CLIENT}&client_secret={NEW_SECRET}x")),
        ("unknown id in body", None, format!("{grant}&client_id=nobody&client_secret={NEW_SECRET}")),
        ("both ways at once", good, format!("{grant}&client_id={CLIENT}&client_secret={NEW_SECRET}")),
        ("secret in body beside Basic", good, format!("{grant}&client_secret={NEW_SECRET}")),
        ("another id in body beside Basic", good, format!("{grant}&client_id={BARE_CLIENT}")),
        ("not Basic", Some("Bearer abc"), grant.to_owned()),
        ("Basic without anything", Some("Basic"), grant.to_owned()),
        ("Basic that is no base64", Some("Basic ~~~~"), grant.to_owned()),
        ("Basic without colon", Some("Basic YWJj"), grant.to_owned()),
        ("Basic that is no UTF-8", Some("Basic //86//8="), grant.to_owned()),
        ("body too large", good, format!("{grant}&x={}", "x".repeat(40_000))),
    ];
    let mut table = String::new();
    for (title, authorization, body) in rows {
        writeln!(table, "{title}: {}", running.token(authorization, &body).await.line()).unwrap();
    }
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nAuthorization: {}\r\nContent-Type: application/json",
        good.unwrap()
    );
    writeln!(table, "JSON body: {}", running.send(&head, "{}").await.line()).unwrap();
    let twice = format!(
        "POST /oauth2/token HTTP/1.1\r\nAuthorization: {0}\r\nAuthorization: {0}\r\nContent-Type: application/x-www-form-urlencoded",
        good.unwrap()
    );
    writeln!(table, "Authorization twice: {}", running.send(&twice, grant).await.line()).unwrap();
    let in_query = format!(
        "POST /oauth2/token?client_id={CLIENT}&client_secret={NEW_SECRET} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"
    );
    writeln!(table, "client in the query: {}", running.send(&in_query, grant).await.line()).unwrap();
    insta::assert_snapshot!("refusals", table);
}

#[tokio::test]
async fn either_secret_of_a_pair_is_good_in_either_way() {
    let running = Running::start().await;
    let grant = "grant_type=client_credentials";
    for secret in [OLD_SECRET, NEW_SECRET] {
        let raw = running.token(Some(&basic(CLIENT, secret)), grant).await;
        assert!(raw.status.ends_with("200 OK"), "{secret}");
        let encoded = running.token(Some(&basic(CLIENT, &form_encoded(secret))), grant).await;
        assert!(encoded.status.ends_with("200 OK"), "{secret}");
        let body = format!("{grant}&client_id={CLIENT}&client_secret={}", form_encoded(secret));
        assert!(running.token(None, &body).await.status.ends_with("200 OK"), "{secret}");
    }
}

#[tokio::test]
async fn over_encoded_and_lower_case_basic_is_understood() {
    let running = Running::start().await;
    // As openid-client writes it: every underscore escaped too.
    let secret = form_encoded(OLD_SECRET).replace('_', "%5F");
    let basic = basic(CLIENT, &secret).replace("Basic ", "basic  ");
    let body = format!("grant_type=client_credentials&client_id={CLIENT}");
    assert!(running.token(Some(&basic), &body).await.status.ends_with("200 OK"));
}

#[tokio::test]
async fn documents_are_those_of_cognito() {
    let running = Running::start().await;
    let keys = running.get(&format!("/{POOL}/.well-known/jwks.json")).await;
    let keys: Value = serde_json::from_str(&keys.body).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    for key in keys {
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["alg"], &key["kty"], &key["use"]), (&"RS256".into(), &"RSA".into(), &"sig".into()));
    }
    let discovery = running.get(&format!("/{POOL}/.well-known/openid-configuration")).await;
    assert!(discovery.headers.contains("content-type: application/json"));
    insta::assert_snapshot!("discovery", discovery.body);
}

#[tokio::test]
async fn other_paths_and_methods_are_not_served() {
    let running = Running::start().await;
    let mut table = String::new();
    for request in [
        "GET /",
        "GET /oauth2/token",
        "PUT /oauth2/token",
        "POST /oauth2/token/",
        "POST /OAuth2/token",
        "GET /oauth2/authorize",
        "POST /eu-central-1_a1B2c3D4e/.well-known/jwks.json",
        "GET /eu-central-1_XXXXXXXXX/.well-known/jwks.json",
        "GET /.well-known/jwks.json",
    ] {
        let reply = running.send(&format!("{request} HTTP/1.1"), "").await;
        writeln!(table, "{request}: {}", reply.line()).unwrap();
    }
    insta::assert_snapshot!("other_paths", table);
}

#[tokio::test]
async fn token_requests_are_counted_and_nothing_else() {
    let running = Running::start().await;
    running.granted(None).await;
    running.token(None, "").await;
    running.get("/oauth2/token").await;
    running.get(&format!("/{POOL}/.well-known/jwks.json")).await;
    assert_eq!(running.pool.token_requests(), 2);
}

#[test]
fn pool_that_could_not_be_reached_is_refused() {
    for issuer in
        ["", "http://127.0.0.1:8082", "http://127.0.0.1:8082/eu_123456789", &format!("ftp://x/{POOL}")]
    {
        let config = PoolConfig { issuer: issuer.to_owned(), ..config() };
        assert!(matches!(made(config), Err(PoolError::Issuer { .. })), "{issuer}");
    }
    for domain in ["", "127.0.0.1:8082", "http://127.0.0.1:8082/"] {
        let config = PoolConfig { domain: domain.to_owned(), ..config() };
        assert!(matches!(made(config), Err(PoolError::Domain { .. })), "{domain}");
    }
    let mut config = config();
    config.app_clients.push(client(CLIENT, "x"));
    assert_eq!(made(config).unwrap_err(), PoolError::AppClientTwice(AppClientId::parse(CLIENT).unwrap()));
}

#[test]
fn debug_of_a_pool_shows_no_secret_and_no_digest() {
    let text = format!("{:?} {:?}", made(config()).unwrap(), config());
    assert!(!text.contains(OLD_SECRET) && !text.contains(NEW_SECRET));
    assert!(!text.contains("digest"), "{text}");
}
