//! A request of HTTP/2, held against the rules that the HTTP library leaves to others, and put as HTTP/1.1 would have it.
//!
//! The library resets streams whose heads are malformed by RFC 9113 §8: names in capitals, pseudo-header fields that are
//! missing, doubled, late or unknown, fields of a connection, a `TE` other than `trailers`, a length that is none. What it
//! lets through can still be read in two ways, and is refused here for the same reasons as over HTTP/1.1, in the same words.
//!
//! Behind this nobody has to know which protocol a request came in by: the authority is its `Host`, the target its path and
//! query, and cookies are one field.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use crate::host::is_host;
use crate::target;
use crate::violation::{Fault, RequestLine, Violation};

/// Holds the head of a request against the rules. It may have so many header fields.
pub(crate) fn check<B>(request: Request<B>, most_fields: usize) -> Result<Request<B>, Fault> {
    let line = RequestLine {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        version: Version::HTTP_2,
    };
    checked(request, most_fields).map_err(|violation| Fault { violation, line: Some(line) })
}

/// How many bytes a head holds, as RFC 9113 §10.5.1 counts them.
pub(crate) fn weight<B>(request: &Request<B>) -> usize {
    let fields: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    fields + request.uri().path_and_query().map_or(0, |path| path.as_str().len())
}

fn checked<B>(mut request: Request<B>, most_fields: usize) -> Result<Request<B>, Violation> {
    if request.method() == Method::CONNECT {
        return Err(Violation::Tunnel);
    }
    check_fields(request.headers(), most_fields)?;
    let host = host(&request)?;
    let path = path(request.uri())?;
    *request.uri_mut() = Uri::from(path);
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    join_cookies(headers);
    Ok(request)
}

fn check_fields(headers: &HeaderMap, most: usize) -> Result<(), Violation> {
    if headers.len() > most {
        return Err(Violation::TooManyFields);
    }
    if headers.values().any(|value| is_padded(value.as_bytes())) {
        return Err(Violation::Field);
    }
    if headers.contains_key(HTTP2_SETTINGS) {
        return Err(Violation::Upgrade);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    // The library takes a length of nothing for zero.
    if lengths.next().is_some_and(HeaderValue::is_empty) || lengths.next().is_some() {
        return Err(Violation::Length);
    }
    let expects_more = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().any(expects_more) {
        return Err(Violation::Expectation);
    }
    Ok(())
}

/// Whether there is white space around a value (RFC 9113 §8.2.1). In HTTP/1.1 it would be no part of it.
fn is_padded(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_space(value.first()) || is_space(value.last())
}

/// The authority, which a `Host` may stand for and must not contradict (RFC 9113 §8.3.1).
fn host<B>(request: &Request<B>) -> Result<HeaderValue, Violation> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (named, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let host = match (authority, named, second) {
        (Some(authority), Some(named), None) if !authority.eq_ignore_ascii_case(named.as_bytes()) => None,
        (Some(authority), _, None) => HeaderValue::from_bytes(authority).ok(),
        (None, Some(named), None) => Some(named.clone()),
        _ => None,
    };
    host.filter(|host| is_host(host.as_bytes())).ok_or(Violation::Host)
}

fn path(uri: &Uri) -> Result<PathAndQuery, Violation> {
    let is_of_the_web = matches!(uri.scheme_str(), None | Some("http" | "https"));
    uri.path_and_query()
        .filter(|path| is_of_the_web && target::is_path(path.as_str()))
        .cloned()
        .ok_or(Violation::Target)
}

/// Cookies may come one by one, for compression's sake, and are one field for everybody else (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice()))
    {
        headers.insert(COOKIE, joined);
    }
}

const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

#[cfg(test)]
mod tests;
