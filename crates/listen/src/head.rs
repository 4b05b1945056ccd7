//! A request head, held against RFC 9112: one way to read it, or none.
//!
//! It is parsed by the parser that the HTTP library parses it with again, so that both see the same fields; on top come
//! the rules that the library leaves to others or does not have. The lines have been looked at already: each ends right.

use std::mem::MaybeUninit;

use http::{Method, Uri, Version};
use httparse::{Header, Status};

use crate::host::is_host;
use crate::target;
use crate::violation::{Fault, RequestLine, Violation};

/// More header lines than this no listener allows.
pub(crate) const MOST_FIELDS: usize = 100;

/// What follows a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// So many bytes, or none.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// What matters of a head that is right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) framing: Framing,
    /// Nothing is read after this request: the client may go on in another protocol, which is not taken up.
    pub(crate) is_last: bool,
}

/// Holds a whole head against the rules. It may have so many header lines.
pub(crate) fn check(head: &[u8], most_fields: usize) -> Result<Head, Fault> {
    // Three kilobytes that are written as far as there are fields, not once more before.
    let mut space = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let fields = space.get_mut(..most_fields.min(MOST_FIELDS)).unwrap_or_default();
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(head, fields);
    let outcome = match parsed {
        Ok(Status::Complete(length)) if length == head.len() => checked(&request),
        Ok(_) => Err(Violation::RequestLine),
        Err(error) => Err(violation(error)),
    };
    outcome.map_err(|violation| Fault { violation, line: line(&request) })
}

fn violation(error: httparse::Error) -> Violation {
    match error {
        httparse::Error::TooManyHeaders => Violation::TooManyFields,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Violation::Field,
        httparse::Error::Version => Violation::Version,
        _ => Violation::RequestLine,
    }
}

/// What can be said of the first line, for whoever keeps a log.
fn line(request: &httparse::Request<'_, '_>) -> Option<RequestLine> {
    let method = Method::from_bytes(request.method?.as_bytes()).ok()?;
    let version = if request.version? == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let target = request.path?;
    let path = if target.starts_with('/') {
        target.split(['?', '#']).next().unwrap_or_default().to_owned()
    } else {
        target.parse::<Uri>().map_or_else(|_| String::new(), |uri| uri.path().to_owned())
    };
    Some(RequestLine { method, path, version })
}

fn checked(request: &httparse::Request<'_, '_>) -> Result<Head, Violation> {
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(Violation::RequestLine);
    };
    let fields = Fields::collect(request.headers)?;
    if method == "CONNECT" {
        return Err(Violation::Tunnel);
    }
    let host = fields.host.filter(|host| is_host(host)).ok_or(Violation::Host)?;
    target::check(target, host)?;
    let is_last = fields.is_last()?;
    Ok(Head { framing: fields.framing(version)?, is_last })
}

/// The fields that say where a request goes and where it ends.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    settings: bool,
}

impl<'a> Fields<'a> {
    fn collect(headers: &[Header<'a>]) -> Result<Self, Violation> {
        let mut fields = Self::default();
        for Header { name, value } in headers {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                4 if is("host") => once(&mut fields.host, value, Violation::Host)?,
                6 if is("expect") && !value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(Violation::Expectation);
                }
                7 if is("upgrade") => once(&mut fields.upgrade, value, Violation::Upgrade)?,
                14 if is("content-length") => once(&mut fields.length, value, Violation::Length)?,
                14 if is("http2-settings") => fields.settings = true,
                17 if is("transfer-encoding") => once(&mut fields.coding, value, Violation::Coding)?,
                _ => {}
            }
        }
        Ok(fields)
    }

    /// Two readers of the same bytes must not disagree about where the body ends: that is how one request is smuggled
    /// inside another (RFC 9112 §11.2).
    fn framing(&self, version: u8) -> Result<Framing, Violation> {
        match (self.coding, self.length) {
            (Some(_), Some(_)) => Err(Violation::LengthAndCoding),
            (Some(_), None) if version == 0 => Err(Violation::CodingBeforeItsTime),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(_), None) => Err(Violation::Coding),
            (None, Some(length)) => Ok(Framing::Length(counted(length)?)),
            (None, None) => Ok(Framing::Length(0)),
        }
    }

    /// HTTP/2 may be offered and is passed over: clients offer it with every first request (RFC 9110 §7.8). Nothing that
    /// comes after that request is read, so that it cannot matter what either side takes it for.
    fn is_last(&self) -> Result<bool, Violation> {
        match self.upgrade {
            Some(protocol) if protocol.eq_ignore_ascii_case(b"h2c") => Ok(true),
            Some(_) => Err(Violation::Upgrade),
            None if self.settings => Err(Violation::Upgrade),
            None => Ok(false),
        }
    }
}

fn once<'a>(field: &mut Option<&'a [u8]>, value: &'a [u8], violation: Violation) -> Result<(), Violation> {
    if field.replace(value).is_some() { Err(violation) } else { Ok(()) }
}

/// A length that says more than 18 digits can is never sent.
fn counted(length: &[u8]) -> Result<u64, Violation> {
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(Violation::Length);
    }
    if length.len() > 18 {
        return Err(Violation::HugeLength);
    }
    Ok(length.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
