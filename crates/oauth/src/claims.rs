//! What an access token says about itself, read without checking the signature.
//!
//! The broker got the token from the issuer over TLS and does not decide by it who anybody is. It looks inside for one
//! thing: that the upstream granted what was asked and nothing else, before the token is served. Whoever *accepts* a
//! token must verify it instead; these claims prove nothing to them.

use ambient::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use thiserror::Error;

use crate::{AccessToken, ScopeError, ScopeSet};

/// The claims of a token that nobody has verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnverifiedClaims {
    /// `scope`; none when the claim is absent or empty.
    pub scopes: Option<ScopeSet>,
    /// `exp`: from then on the token is dead.
    pub expires_at: Option<Timestamp>,
    /// `iat`: when it was issued.
    pub issued_at: Option<Timestamp>,
    /// `client_id`: the app client that it was issued to.
    pub client_id: Option<String>,
    /// `token_use`: `access` in an access token of Cognito.
    pub token_use: Option<String>,
}

impl UnverifiedClaims {
    /// Reads the claims of `token`, which must be a JWT.
    pub fn decode(token: &AccessToken) -> Result<Self, ClaimsError> {
        let mut parts = token.expose().split('.');
        let (Some(_header), Some(payload), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClaimsError::NotJwt);
        };
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ClaimsError::NotJwt)?;
        Self::read(&payload)
    }

    /// Whether the token carries `asked` and nothing else.
    pub fn carry_exactly(&self, asked: &ScopeSet) -> bool {
        self.scopes.as_ref() == Some(asked)
    }

    fn read(payload: &[u8]) -> Result<Self, ClaimsError> {
        // serde reads a struct from an array too; only an object has claims.
        if payload.trim_ascii_start().first() != Some(&b'{') {
            return Err(ClaimsError::Malformed);
        }
        let claims: Claims = serde_json::from_slice(payload).map_err(|_| ClaimsError::Malformed)?;
        let scope = claims.scope.filter(|scope| !scope.is_empty());
        Ok(Self {
            scopes: scope.map(|scope| scope.parse()).transpose()?,
            expires_at: claims.exp.map(Timestamp::from_secs),
            issued_at: claims.iat.map(Timestamp::from_secs),
            client_id: claims.client_id,
            token_use: claims.token_use,
        })
    }
}

/// Why a token has no claims to read. It never repeats a part of the token.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ClaimsError {
    /// The token is not three base64url parts.
    #[error("the token is not a jwt")]
    NotJwt,
    /// The payload is no JSON object, or a claim has the wrong type or stands twice.
    #[error("the token's claims are malformed")]
    Malformed,
    /// The claim `scope` is no list of scopes.
    #[error("the token's scope claim is malformed")]
    Scope(#[from] ScopeError),
}

// serde refuses a claim that stands twice, and reads over those that are not listed.
#[derive(Deserialize)]
struct Claims {
    scope: Option<String>,
    exp: Option<u64>,
    iat: Option<u64>,
    client_id: Option<String>,
    token_use: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(payload: &str) -> AccessToken {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let text = format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#), encode(payload));
        AccessToken::new(&text).unwrap()
    }

    #[test]
    fn claims_of_a_cognito_token_are_read() {
        let payload = r#"{"sub":"3fhq","token_use":"access","scope":"orders/write orders/read","auth_time":1700000000,
            "iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc","exp":1700003600,"iat":1700000000,
            "version":2,"jti":"7f2a","client_id":"3fhq"}"#;
        let claims = UnverifiedClaims::decode(&token(payload)).unwrap();
        let expected = UnverifiedClaims {
            scopes: Some("orders/read orders/write".parse().unwrap()),
            expires_at: Some(Timestamp::from_secs(1_700_003_600)),
            issued_at: Some(Timestamp::from_secs(1_700_000_000)),
            client_id: Some("3fhq".to_owned()),
            token_use: Some("access".to_owned()),
        };
        assert_eq!(claims, expected);
    }

    #[test]
    fn only_the_very_scopes_that_were_asked_will_do() {
        let asked: ScopeSet = "a b".parse().unwrap();
        for (payload, exact) in [
            (r#"{"scope":"b a"}"#, true),
            (r#"{"scope":"a"}"#, false),
            (r#"{"scope":"a b c"}"#, false),
            (r#"{"scope":""}"#, false),
            (r"{}", false),
        ] {
            let claims = UnverifiedClaims::decode(&token(payload)).unwrap();
            assert_eq!(claims.carry_exactly(&asked), exact, "{payload}");
        }
    }

    #[test]
    fn what_has_no_claims_is_refused() {
        for text in ["opaque", "a.b", "a.b.c.d", "a..c", "a.e3.c", "a.~.c"] {
            let claims = UnverifiedClaims::decode(&AccessToken::new(text).unwrap());
            assert!(matches!(claims, Err(ClaimsError::NotJwt | ClaimsError::Malformed)), "{text}");
        }
        for (payload, error) in [
            ("", ClaimsError::Malformed),
            ("[]", ClaimsError::Malformed),
            (r#"{"scope":["a"]}"#, ClaimsError::Malformed),
            (r#"{"scope":"a","scope":"b"}"#, ClaimsError::Malformed),
            (r#"{"exp":-1}"#, ClaimsError::Malformed),
            (r#"{"scope":"a  b"}"#, ClaimsError::Scope(ScopeError::Spacing)),
        ] {
            assert_eq!(UnverifiedClaims::decode(&token(payload)), Err(error), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn no_token_panics(text in "[A-Za-z0-9_-]{0,8}(\\.[A-Za-z0-9_-]{0,40}){0,3}", payload in any::<String>()) {
            if let Ok(token) = AccessToken::new(&text) {
                let _ = UnverifiedClaims::decode(&token);
            }
            let _ = UnverifiedClaims::decode(&token(&payload));
        }
    }
}
