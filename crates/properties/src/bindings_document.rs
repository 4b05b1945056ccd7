//! The bindings document that Terraform writes.

use std::net::Ipv4Addr;

use bindings::{Bindings, BindingsError, Upstream};

use crate::{Broken, Kept};

/// A document is read as it is written; secrets go nowhere but to this machine or over HTTPS; an error is one line, and
/// repeats no value.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    match Bindings::parse(text) {
        Ok(bindings) => {
            let written = bindings.to_json();
            let again = Bindings::parse(&written).map_err(|error| Broken::by(&written, error))?;
            keep!(again == bindings, "{bindings:?} is written {written}");
            keep!(again.to_json() == written, "{written} is not written twice alike");
            let (Upstream::TokenEndpoint { url, .. } | Upstream::CognitoIdp { url }) = &bindings.upstream;
            keep!(is_private(url.as_str()), "a secret goes to {url}");
        }
        Err(error) => {
            if let BindingsError::NoJson { line, .. } = error {
                keep!(line <= text.split('\n').count(), "line {line} is not in the document");
            }
            keep!(!error.to_string().chars().any(char::is_control), "the error is {:?}", error.to_string());
        }
    }
    Ok(())
}

/// Whether nobody on the way can read what is sent there.
pub(crate) fn is_private(url: &str) -> bool {
    let is_here = |url: &str| {
        let host = url.split('/').next().unwrap_or_default();
        let name =
            if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
        let is_loopback = |name: &str| name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        name.is_some_and(|name| matches!(name, "localhost" | "[::1]") || is_loopback(name))
    };
    url.starts_with("https://") || url.strip_prefix("http://").is_some_and(is_here)
}
