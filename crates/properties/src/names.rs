//! The small languages: names, ids, ARNs, days, URLs, references.

use std::fmt::Display;
use std::str::FromStr;

use bindings::Reference;
use config::{AppClientName, FunctionArn, LastDay, PlanName};
use oauth::{AccessToken, Description, GrantType, Quoted, Scope, TokenEndpointUrl};
use policy::{ClientId, GroupName};
use restapi::{AccountId, ApiKeyId, FunctionName, HttpMethod, PathPart, Region, RestApiId, StageName};

use crate::bindings_document::is_private;
use crate::{Broken, Kept};

/// A name that is read is written as it was, on one line; a URL is one that a secret may be sent to.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    exact::<ClientId>(text)?;
    exact::<GroupName>(text)?;
    exact::<PlanName>(text)?;
    exact::<AppClientName>(text)?;
    exact::<FunctionArn>(text)?;
    exact::<LastDay>(text)?;
    exact::<limits::Day>(text)?;
    exact::<GrantType>(text)?;
    exact::<Scope>(text)?;
    same(text, AccountId::parse(text).ok())?;
    same(text, ApiKeyId::parse(text).ok())?;
    same(text, FunctionName::parse(text).ok())?;
    same(text, Region::parse(text).ok())?;
    same(text, RestApiId::parse(text).ok())?;
    same(text, StageName::parse(text).ok())?;
    same(text, text.parse::<HttpMethod>().ok().map(HttpMethod::as_str))?;
    same(text, AccessToken::new(text).ok().as_ref().map(AccessToken::expose))?;
    url(text)?;
    shown(text)?;
    if let Ok(reference) = text.parse::<Reference>() {
        keep!(reference.to_string() == text, "{text:?} is written {reference}");
    }
    keep!(PathPart::parse(text).to_string() == text, "{text:?} is another part of a path");
    Ok(())
}

fn exact<T: FromStr + Display>(text: &str) -> Kept {
    same(text, text.parse::<T>().ok())
}

fn same(text: &str, read: Option<impl Display>) -> Kept {
    let Some(read) = read.map(|read| read.to_string()) else { return Ok(()) };
    keep!(read == text, "{text:?} is written {read:?}");
    keep!(!read.chars().any(|c| c.is_control() || c == ' '), "{read:?} is not one word");
    Ok(())
}

fn url(text: &str) -> Kept {
    let Ok(url) = TokenEndpointUrl::parse(text) else { return Ok(()) };
    keep!(is_private(url.as_str()), "a secret goes to {url}");
    let again = TokenEndpointUrl::parse(url.as_str()).map_err(|error| Broken::by(url.as_str(), error))?;
    keep!(again == url, "{url} is read as {again}");
    let plain: Result<http::Uri, _> = url.as_str().parse();
    keep!(plain.is_ok(), "{url} cannot be asked");
    Ok(())
}

/// What a client sent is shown back in characters that RFC 6749 §5.2 allows, and cannot end its own quotation.
fn shown(text: &str) -> Kept {
    let quoted = Quoted(text).to_string();
    keep!(quoted.matches('`').count() == 2, "{text:?} is quoted {quoted}");
    for description in [Description::new(text.to_owned()), Description::new(quoted)] {
        let is_allowed = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\';
        let shown = description.as_str();
        keep!(shown.len() <= 256 && shown.bytes().all(is_allowed), "{text:?} is shown {shown:?}");
    }
    Ok(())
}
