//! Headers that a collector asks for: who sends, and for whom.

use std::fmt;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that go with each batch. Their values are secrets.
#[derive(Clone, Default)]
pub struct CollectorHeaders(HeaderMap);

/// A line that is no header for a collector. It is not repeated: there is a secret in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct HeadersError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl CollectorHeaders {
    /// Reads lines `name: value`. Empty ones count for nothing.
    ///
    /// ```
    /// let headers = otlp::CollectorHeaders::parse("authorization: Bearer 6d1f\nx-scope-orgid: platform\n").unwrap();
    /// assert_eq!(format!("{headers:?}"), r#"["authorization", "x-scope-orgid"]"#);
    /// ```
    pub fn parse(text: &str) -> Result<Self, HeadersError> {
        let mut headers = HeaderMap::new();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            let refused = |problem| HeadersError { line, problem };
            let (name, value) = header(text).map_err(refused)?;
            if headers.insert(name, value).is_some() {
                return Err(refused("this header stands there already"));
            }
        }
        if headers.is_empty() {
            return Err(HeadersError { line: 1, problem: "there is no header; write `name: value`" });
        }
        Ok(Self(headers))
    }

    pub(crate) fn put_into(&self, headers: &mut HeaderMap) {
        headers.extend(self.0.clone());
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = text.split_once(':').ok_or("there is no colon; write `name: value`")?;
    let name =
        HeaderName::try_from(name).map_err(|_| "what stands before the colon is no name of a header")?;
    if OWN.contains(&name) {
        return Err("this header says how the batch is sent, which the program does itself");
    }
    let value = HeaderValue::try_from(value.trim()).ok().filter(|value| value.to_str().is_ok());
    let mut value =
        value.ok_or("what stands behind the colon is no value of a header: ASCII without controls")?;
    if value.is_empty() {
        return Err("there is no value behind the colon");
    }
    value.set_sensitive(true);
    Ok((name, value))
}

/// Names alone.
impl fmt::Debug for CollectorHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// Headers of HTTP itself, and those that say what a batch is.
const OWN: [HeaderName; 10] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_headers_whose_values_are_shown_by_nothing() {
        let text = "\nAuthorization: Basic dXNlcjpodW50ZXIy  \r\n\nx-scope-orgid:platform\n";
        let headers = CollectorHeaders::parse(text).unwrap();
        let mut sent = HeaderMap::new();
        headers.put_into(&mut sent);
        assert_eq!(sent.get("authorization").unwrap(), "Basic dXNlcjpodW50ZXIy");
        assert_eq!(sent.get("x-scope-orgid").unwrap(), "platform");
        assert_eq!(sent.len(), 2);
        assert!(sent.values().all(HeaderValue::is_sensitive));
        assert_eq!(format!("{headers:?}"), r#"["authorization", "x-scope-orgid"]"#);
    }

    #[test]
    fn whatever_else_is_refused_with_its_line_and_without_its_text() {
        for (text, line) in [
            ("", 1),
            ("\n \n", 1),
            ("authorization Bearer hunter2", 1),
            ("x-a: b\n: hunter2", 2),
            ("x a: hunter2", 1),
            ("x-a : hunter2", 1),
            (" x-a: hunter2", 1),
            ("x-a: hunter2\u{1}", 1),
            ("x-a: hünter2", 1),
            ("\nx-a:   ", 2),
            ("x-a: hunter2\nX-A: hunter2", 2),
            ("Content-Type: hunter2", 1),
            ("host: hunter2", 1),
            ("transfer-encoding: hunter2", 1),
        ] {
            let error = CollectorHeaders::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(!format!("{error} {error:?}").contains("nter2"), "{error}");
        }
    }
}
