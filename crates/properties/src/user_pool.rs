//! Everything that a peer may send on a connection to the embedded user pool.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use listen::Protocol;
use oauth::ScopeSet;
use serde_json::{Map, Value};
use testkit::{ManualClock, SeededEntropy};
use user_pool::{
    AppClient, AppClientId, AppClientSecret, PoolConfig, PoolId, Secrets, SigningKeys, TokenValidity,
    UserPool,
};

use crate::pipe::converse;
use crate::wire::{self, Answer, Request};
use crate::{Broken, Kept};

/// What is answered is HTTP and JSON and shows no secret; a token goes only to a request that shows one, is signed by a key
/// of the published set, and has no scope that the app client does not have.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Served { pool, keys } = SERVED.as_ref().map_err(Clone::clone)?;
    let answered = converse(pool, Protocol::Http1, &[input])?;
    let text = String::from_utf8_lossy(&answered);
    keep!(!SECRETS.iter().any(|secret| text.contains(secret)), "a secret is answered: {text:?}");
    let requests = wire::requests(input);
    for (place, answer) in wire::answers(&answered)?.iter().enumerate() {
        if let Some(token) = token(answer)? {
            let request = requests.get(place);
            let request =
                request.ok_or_else(|| Broken::new(format!("a token, but no request at {place}")))?;
            keep!(request.method == b"POST" && shows_a_secret(request), "a token for nothing: {token}");
            verified(&token, keys)?;
        }
    }
    Ok(())
}

/// The token in an answer, if there is one.
fn token(answer: &Answer<'_>) -> Result<Option<String>, Broken> {
    let is_json = answer.headers.one("content-type").is_some_and(|kind| kind.starts_with(b"application/"));
    if !is_json || answer.body.is_empty() {
        return Ok(None);
    }
    let shown = String::from_utf8_lossy(answer.body);
    let json: Map<String, Value> =
        serde_json::from_slice(answer.body).map_err(|error| Broken::by(&shown, error))?;
    let result = json.get("ClientAuthenticationResult").and_then(|result| result.get("AccessToken"));
    let token = json.get("access_token").or(result).and_then(Value::as_str).map(ToOwned::to_owned);
    keep!(token.is_none() || answer.status == 200, "a token with a {}", answer.status);
    Ok(token)
}

/// Whether id and secret stand in the request in some way in which they can.
fn shows_a_secret(request: &Request<'_>) -> bool {
    let decoded = |bytes: &[u8]| -> Vec<String> {
        let pairs =
            form_urlencoded::parse(bytes).flat_map(|(name, value)| [name.into_owned(), value.into_owned()]);
        pairs.chain([String::from_utf8_lossy(bytes).into_owned()]).collect()
    };
    let basic = request.headers.one("authorization").and_then(|header| {
        let text = str::from_utf8(header).ok()?;
        STANDARD.decode(text.split_once(' ')?.1.trim_start()).ok()
    });
    let json: Option<Value> = serde_json::from_slice(&request.body).ok();
    let member = |name: &str| {
        json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    let mut texts = decoded(&request.body);
    texts.extend(basic.as_deref().map(decoded).unwrap_or_default());
    texts.extend(["ClientId", "Secret"].into_iter().filter_map(member));
    let has = |wanted: &str| texts.iter().any(|text| text.contains(wanted));
    has(CLIENT) && SECRETS.iter().any(|secret| has(secret))
}

fn verified(token: &str, keys: &JwkSet) -> Kept {
    let header =
        jsonwebtoken::decode_header(token).map_err(|error| Broken::by("the token's header", error))?;
    let key = header
        .kid
        .and_then(|kid| keys.find(&kid).cloned())
        .ok_or_else(|| Broken::new("a key that is not published"))?;
    let key = DecodingKey::from_jwk(&key).map_err(|error| Broken::by("the published key", error))?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    // The clock of the pool is not the one on the wall.
    validation.validate_exp = false;
    let claims: Map<String, Value> = jsonwebtoken::decode(token, &key, &validation)
        .map_err(|error| Broken::by("the token", error))?
        .claims;
    let scopes = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    let own: Vec<&str> = SCOPES.split(' ').collect();
    keep!(
        !scopes.is_empty() && scopes.split(' ').all(|scope| own.contains(&scope)),
        "the scopes are {scopes:?}"
    );
    keep!(claims.get("client_id").and_then(Value::as_str) == Some(CLIENT), "the token is of somebody else");
    Ok(())
}

/// A pool, and the keys that it publishes.
struct Served {
    pool: Arc<UserPool>,
    keys: JwkSet,
}

fn served() -> Result<Served, Broken> {
    let pool = Arc::new(pool().map_err(|error| Broken::by("the pool", error))?);
    let request = format!("GET /{POOL}/.well-known/jwks.json HTTP/1.1\r\nhost: a\r\n\r\n");
    let answered = converse(&pool, Protocol::Http1, &[request.as_bytes()])?;
    let answers = wire::answers(&answered)?;
    let document = answers.first().map(|answer| answer.body).unwrap_or_default();
    let keys = serde_json::from_slice(document).map_err(|error| Broken::by("the published keys", error))?;
    Ok(Served { pool, keys })
}

fn pool() -> Result<UserPool, Box<dyn std::error::Error>> {
    let [first, second] = SECRETS;
    let secrets =
        Secrets { first: AppClientSecret::parse(first)?, second: Some(AppClientSecret::parse(second)?) };
    let client = AppClient {
        id: AppClientId::parse(CLIENT)?,
        secrets,
        scopes: SCOPES.parse::<ScopeSet>()?,
        validity: TokenValidity::new(Duration::from_hours(1))?,
    };
    let config = PoolConfig {
        pool_id: PoolId::parse(POOL)?,
        issuer: ISSUER.to_owned(),
        domain: "http://127.0.0.1:8082".to_owned(),
        app_clients: vec![client],
    };
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(7)));
    Ok(UserPool::new(config, SigningKeys::generate()?, clock, entropy)?)
}

static SERVED: LazyLock<Result<Served, Broken>> = LazyLock::new(served);

const POOL: &str = "eu-central-1_a1B2c3D4e";
const ISSUER: &str = "http://127.0.0.1:8082/eu-central-1_a1B2c3D4e";
const CLIENT: &str = "1m2n3b4v5c6x7z8l9k0j1h2g3f";
const SCOPES: &str = "orders/read orders/write";
/// One with both characters that form encoding changes or that a decoder would.
const SECRETS: [&str; 2] =
    ["old+secret_with+every_character", "newsecret0newsecret0newsecret0newsecret0newsecret0n"];
