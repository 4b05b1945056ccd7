//! What a user pool answers, down to the claims inside the token.
//!
//! The first line is the status and the way of asking (`200 token`, `400 idp`), the second the claims, what follows is the
//! body. `$JWT` in the body becomes a token with these claims, since no fuzzer would find its way through base64.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;

use ambient::Clock as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito::{
    AppClientCredentials, Endpoint, Exchange, IdpEndpoint, IssuedToken, Reply, Settings, TokenCall,
    TokenEndpoint, Transport, TransportError, Upstream,
};
use oauth::{AccessToken, ScopeSet, TokenReply, UnverifiedClaims};
use serde_json::Value;
use testkit::{ManualClock, SeededEntropy};

use crate::pipe::block_on;
use crate::{Broken, Kept};

/// A token is served only if it carries the scopes that were asked for and no other, was made for who asked, and lives; an
/// error repeats nothing of the answer.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (claims, body) = rest.split_once('\n').unwrap_or((rest, ""));
    let jwt = format!("{HEADER}.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let body = body.replace("$JWT", &jwt);
    decoded(&jwt, claims)?;
    reply(&body)?;
    let (status, way) = head.split_once(' ').unwrap_or((head, ""));
    let Ok(status) = status.parse::<http::StatusCode>() else { return Ok(()) };
    let clock = Arc::new(ManualClock::default());
    let Exchange { outcome, .. } = ask(status, &body, way == "idp", &clock)?;
    match outcome {
        Ok(issued) => {
            keep!(status.is_success(), "a token out of a {status}");
            served(&issued, &body, clock.now().as_secs())
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            keep!(!shown.contains("hunter2"), "{shown}");
            Ok(())
        }
    }
}

/// Asks a user pool that answers with `body`.
fn ask(
    status: http::StatusCode,
    body: &str,
    is_idp: bool,
    clock: &Arc<ManualClock>,
) -> Result<Exchange, Broken> {
    let mut answer = Reply::new(body.to_owned().into());
    *answer.status_mut() = status;
    let endpoint = if is_idp {
        IdpEndpoint::parse("https://cognito-idp.eu-central-1.amazonaws.com/").map(Endpoint::from)
    } else {
        TokenEndpoint::parse("https://pool.example.com/oauth2/token").map(Endpoint::from)
    };
    let endpoint = endpoint.map_err(|error| Broken::by("the endpoint", error))?;
    let settings = Settings { attempts: NonZeroU32::MIN, ..Settings::default() };
    let entropy = Arc::new(SeededEntropy::new(1));
    let upstream =
        Upstream::over(Says(answer), endpoint, settings, Arc::<ManualClock>::clone(clock), entropy);
    let credentials = AppClientCredentials::new(CLIENT, "the-secret".into(), None)
        .map_err(|error| Broken::by("the credentials", error))?;
    let scopes: ScopeSet = ASKED.parse().map_err(|error| Broken::by("the scopes", error))?;
    block_on(upstream.request_token(&credentials, &scopes))
}

/// Holds the token that was served against a plain reading of the answer.
fn served(issued: &IssuedToken, body: &str, now: u64) -> Kept {
    // What no one asks for is not looked into: half of a surrogate pair in it is seen by this reader alone.
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return Ok(()) };
    let members = answer.get("ClientAuthenticationResult").filter(|_| answer.get("access_token").is_none());
    let (members, name) = members.map_or((&answer, "access_token"), |members| (members, "AccessToken"));
    let token = members.get(name).and_then(Value::as_str);
    keep!(token == Some(issued.token.expose()), "another token than the answer's");
    let payload = token.and_then(|token| token.split('.').nth(1)).unwrap_or_default();
    let payload =
        URL_SAFE_NO_PAD.decode(payload).map_err(|error| Broken::by("a token without claims", error))?;
    let Ok(claims) = serde_json::from_slice::<Value>(&payload) else { return Ok(()) };
    let claim = |name: &str| claims.get(name).filter(|claim| !claim.is_null());
    let scopes: BTreeSet<&str> =
        claim("scope").and_then(Value::as_str).unwrap_or_default().split(' ').collect();
    keep!(scopes.iter().copied().eq(ASKED.split(' ')), "the token has the scopes {scopes:?}");
    keep!(claim("client_id").is_none_or(|id| id == CLIENT), "the token of somebody else");
    keep!(claim("token_use").is_none_or(|kind| kind == "access"), "no access token");
    let life = issued.lifetime.as_secs();
    keep!(life > 0 && life <= 24 * 3600, "a life of {life} s");
    let left = claim("exp").and_then(Value::as_u64).map(|end| end.saturating_sub(now));
    keep!(left.is_none_or(|left| life <= left), "{life} s where the token has {left:?}");
    let promised = members.get("expires_in").or_else(|| members.get("ExpiresIn"));
    let promised = promised.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    keep!(promised.is_some_and(|promised| life <= promised), "{life} s where {promised:?} are promised");
    keep!(!format!("{issued:?}").contains(issued.token.expose()), "the token is shown");
    Ok(())
}

/// Claims are read as any reader of JSON reads them.
fn decoded(jwt: &str, claims: &str) -> Kept {
    let Ok(token) = AccessToken::new(jwt) else { return Ok(()) };
    let Ok(read) = UnverifiedClaims::decode(&token) else { return Ok(()) };
    let Ok(json) = serde_json::from_str::<Value>(claims) else { return Ok(()) };
    keep!(json.is_object(), "claims out of {json}");
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    keep!(read.client_id.as_deref() == text("client_id"), "the client is {:?}", read.client_id);
    keep!(read.token_use.as_deref() == text("token_use"), "the use is {:?}", read.token_use);
    let seconds = |name: &str| json.get(name).and_then(Value::as_u64).map(ambient::Timestamp::from_secs);
    keep!(read.expires_at == seconds("exp") && read.issued_at == seconds("iat"), "the times are other ones");
    let words: BTreeSet<&str> =
        text("scope").unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    let own: BTreeSet<&str> = read.scopes.iter().flat_map(ScopeSet::iter).collect();
    keep!(own == words, "the scopes are {own:?}");
    Ok(())
}

/// A reply that is read is written so that it is read as the same.
fn reply(body: &str) -> Kept {
    let Ok(reply) = TokenReply::read(body.as_bytes()) else { return Ok(()) };
    let again = TokenReply::read(reply.to_json().as_bytes());
    keep!(again.as_ref() == Ok(&reply), "{reply:?} is read as {again:?}");
    keep!(
        !format!("{reply:?}").contains(reply.access_token.expose()) || reply.access_token.expose().len() < 16,
        "the token is shown"
    );
    Ok(())
}

/// A user pool that always says the same.
struct Says(Reply);

impl Transport for Says {
    fn send(&self, _call: TokenCall) -> impl Future<Output = Result<Reply, TransportError>> + Send {
        std::future::ready(Ok(self.0.clone()))
    }
}

const CLIENT: &str = "3fhq";
const ASKED: &str = "orders/read orders/write";
/// `{"alg":"RS256"}`.
const HEADER: &str = "eyJhbGciOiJSUzI1NiJ9";
