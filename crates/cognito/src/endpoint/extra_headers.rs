//! Headers that go along with every request for a token, whatever it asks for.
//!
//! A firewall in front of a user pool can let through only requests with a header that nobody else knows; the header is
//! a secret then. It does not carry an app client's credentials: those have their own place in each way.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// Fixed headers of every request to an endpoint. Its `Debug` shows none of them.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct ExtraHeaders(HeaderMap);

impl ExtraHeaders {
    /// Takes `headers`, each a name and its value.
    pub fn new<'a>(headers: impl IntoIterator<Item = (&'a str, SecretString)>) -> Result<Self, HeaderError> {
        let mut map = HeaderMap::new();
        for (text, value) in headers {
            let fails = |error: fn(String) -> HeaderError| error(text.to_owned());
            let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| fails(HeaderError::Name))?;
            if RESERVED.contains(&name.as_str()) {
                return Err(fails(HeaderError::Reserved));
            }
            let mut value = HeaderValue::from_str(value.expose_secret().trim_ascii())
                .ok()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| fails(HeaderError::Value))?;
            value.set_sensitive(true);
            if map.insert(name, value).is_some() {
                return Err(fails(HeaderError::Twice));
            }
        }
        Ok(Self(map))
    }

    /// A request's headers to begin with: these, and nothing else.
    pub(crate) fn to_map(&self) -> HeaderMap {
        self.0.clone()
    }
}

impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraHeaders(..)")
    }
}

/// Why a header cannot go along. It repeats the name, never the value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name has a character that no header's name has.
    #[error("`{0}` is no name of a header")]
    Name(String),
    /// The request has this header already, and it means something.
    #[error("the header `{0}` belongs to the request itself")]
    Reserved(String),
    /// The name stands twice.
    #[error("the header `{0}` stands twice")]
    Twice(String),
    /// The value is empty, or has a character that no header can carry.
    #[error("the value of the header `{0}` is empty or has a character that no header can carry")]
    Value(String),
}

/// Those that a request for a token sets in one of the ways, and those by which HTTP frames a message.
const RESERVED: [&str; 12] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-target",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_that_cannot_go_along_says_why_and_not_its_value() {
        type Row = (&'static [(&'static str, &'static str)], HeaderError);
        let rows: [Row; 6] = [
            (&[("x y", "hunter2")], HeaderError::Name("x y".into())),
            (&[("", "hunter2")], HeaderError::Name(String::new())),
            (&[("Authorization", "hunter2")], HeaderError::Reserved("Authorization".into())),
            (&[("x-a", "hunter\n2")], HeaderError::Value("x-a".into())),
            (&[("x-a", " \n")], HeaderError::Value("x-a".into())),
            (&[("x-a", "hunter2"), ("X-A", "hunter3")], HeaderError::Twice("X-A".into())),
        ];
        for (headers, error) in rows {
            let made = ExtraHeaders::new(headers.iter().map(|(name, value)| (*name, (*value).into())));
            let made = made.unwrap_err();
            assert!(!format!("{made} {made:?}").contains("hunter"));
            assert_eq!(made, error);
        }
    }

    #[test]
    fn line_break_that_a_file_adds_is_no_part_of_the_value() {
        let map = ExtraHeaders::new([("X-Origin-Verify", "hunter2\n".into())]).unwrap().to_map();
        let value = map.get("x-origin-verify").unwrap();
        assert!(value == "hunter2" && value.is_sensitive());
    }
}
