//! `GetClientToken` of the Cognito API: what a request says, and every way in which it can be refused.
//!
//! The shapes of the request are those of AWS's model of the operation. The texts of refusals are this program's own where
//! none was recorded; programs go by the type.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use oauth::{Scope, ScopeSet};
use serde::Deserialize;

use crate::pool::NotGranted;

/// A request for a token, checked for its shape and for nothing else.
pub(crate) struct Question<'a> {
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) secret: Cow<'a, str>,
    /// The scopes that are asked for; none when they are left to the pool.
    pub(crate) scopes: Option<ScopeSet>,
}

impl<'a> Question<'a> {
    /// Reads `body` as a request.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Refused> {
        // serde reads a struct from an array too; only an object has members.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refused::Unreadable);
        }
        let members: Members<'a> = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
        Ok(Self {
            client_id: text(members.client_id, "clientId", 1..=128)?,
            secret: text(members.secret, "secret", 24..=64)?,
            scopes: scopes(&members.scopes.unwrap_or_default())?,
        })
    }
}

/// Whether `headers` ask for `GetClientToken`. Any other operation of the API is unknown here.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    is("x-amz-target", TARGET) && is(CONTENT_TYPE.as_str(), MEDIA_TYPE)
}

/// Why there is no token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// Another operation is asked for, or none.
    UnknownOperation,
    /// The body is no JSON of this operation.
    Unreadable,
    /// A value is missing.
    Missing(&'static str),
    /// A value has not the shape that it must have.
    Misshapen(&'static str),
    /// Nobody has this id.
    UnknownClient(String),
    /// The secret is not one of the app client's.
    WrongSecret,
    /// The app client does not have the scopes.
    Scopes(NotGranted),
    /// Something inside is broken.
    Internal,
}

impl Refused {
    /// The type of the error, for programs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::UnknownOperation => "UnknownOperationException",
            Self::Unreadable => "SerializationException",
            Self::Missing(_) | Self::Misshapen(_) | Self::Scopes(_) => "InvalidParameterException",
            Self::UnknownClient(_) => "ResourceNotFoundException",
            Self::WrongSecret => "NotAuthorizedException",
            Self::Internal => "InternalErrorException",
        }
    }

    /// What is wrong, for people.
    pub(crate) fn message(&self) -> Option<Cow<'static, str>> {
        let at = |name: &str, constraint: &str| {
            let text = "1 validation error detected: Value at";
            format!("{text} '{name}' failed to satisfy constraint: {constraint}").into()
        };
        Some(match self {
            Self::UnknownOperation => return None,
            Self::Unreadable => "the body is not the JSON of this operation".into(),
            Self::Missing(name) => at(name, "Member must not be null"),
            Self::Misshapen(name) => at(name, "Member must satisfy its pattern and length"),
            Self::UnknownClient(id) => format!("User pool client {id} does not exist.").into(),
            // As it was recorded.
            Self::WrongSecret => "Invalid client or secret".into(),
            Self::Scopes(NotGranted::NoScopes) => "the app client has no scopes".into(),
            Self::Scopes(NotGranted::NotAllowed) => "the app client does not have every scope".into(),
            Self::Internal => "internal error".into(),
        })
    }
}

// serde refuses a member that stands twice, and reads over those that are not listed: `ClientMetadata` means something
// only to triggers, and there are none.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    #[serde(borrow)]
    client_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secret: Option<Cow<'a, str>>,
    #[serde(borrow)]
    scopes: Option<Vec<Cow<'a, str>>>,
}

/// A text of letters, digits, `_` and `+`.
fn text<'a>(
    value: Option<Cow<'a, str>>,
    name: &'static str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Cow<'a, str>, Refused> {
    let value = value.ok_or(Refused::Missing(name))?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+');
    if lengths.contains(&value.len()) && value.bytes().all(fits) {
        Ok(value)
    } else {
        Err(Refused::Misshapen(name))
    }
}

/// No scope means all of them, as if the member were missing.
fn scopes(listed: &[Cow<'_, str>]) -> Result<Option<ScopeSet>, Refused> {
    let scopes: Result<Vec<Scope>, _> = listed.iter().map(|scope| scope.parse()).collect();
    let set = scopes.and_then(|scopes| ScopeSet::from_scopes(&scopes));
    let set = set.map_err(|_| Refused::Misshapen("scopes"))?;
    Ok((!set.is_empty()).then_some(set))
}

/// What the API takes and answers.
pub(crate) const MEDIA_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AWSCognitoIdentityProviderService.GetClientToken";
