//! The reply of a function, and the rules by which API Gateway accepts one.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A text of a reply: borrowed from the program where the function is part of it.
type Text = Cow<'static, str>;

/// A Lambda proxy reply.
///
/// Its `Debug` does not show the body or header values: a token is in there.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct ProxyReply {
    /// The status.
    pub status: u16,
    /// Headers with one value each.
    pub headers: Vec<(Text, Text)>,
    /// Headers with several values; sent before the others.
    pub multi_value_headers: Vec<(Text, Vec<Text>)>,
    /// The body.
    pub body: Text,
    /// Whether the body is base64.
    pub is_base64_encoded: bool,
}

/// Why a function's result is no proxy reply. API Gateway answers 502 to each of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MalformedReply {
    /// Not JSON.
    #[error("the result is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("the result is not a JSON object")]
    NotAnObject,
    /// A member that is none of the five.
    #[error(
        "the result has a member other than statusCode, headers, multiValueHeaders, body and isBase64Encoded"
    )]
    UnknownMember,
    /// A status that is none.
    #[error("statusCode is not a status from 200 to 599")]
    StatusCode,
    /// Headers that are no map of names to plain values.
    #[error("headers is not a map of names to strings, numbers or booleans")]
    Headers,
    /// Headers that are no map of names to lists of plain values.
    #[error("multiValueHeaders is not a map of names to lists of strings, numbers or booleans")]
    MultiValueHeaders,
    /// A header that cannot be sent.
    #[error("a header has a name or value that cannot stand in HTTP")]
    Unsendable,
    /// A body that is no text.
    #[error("body is not a string")]
    Body,
    /// A flag that is no boolean.
    #[error("isBase64Encoded is not a boolean")]
    IsBase64Encoded,
}

/// A body that says it is base64, and is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the body is not base64")]
pub struct UndecodableBody;

impl ProxyReply {
    /// Reads a function's result by API Gateway's rules: `statusCode` may be a numeric string and may be missing, header
    /// values may be numbers or booleans, members may be null, and any further member makes the whole malformed.
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedReply> {
        let Value::Object(mut result) = serde_json::from_slice(json).map_err(|_| MalformedReply::NotJson)?
        else {
            return Err(MalformedReply::NotAnObject);
        };
        let mut take = |name: &str| result.remove(name).filter(|value| !value.is_null());
        let reply = Self {
            status: take("statusCode").map_or(Ok(200), |value| status(&value))?,
            headers: take("headers").map_or(Ok(Vec::new()), headers)?,
            multi_value_headers: take("multiValueHeaders").map_or(Ok(Vec::new()), multi_value_headers)?,
            body: match take("body") {
                None => Cow::Borrowed(""),
                Some(Value::String(body)) => Cow::Owned(body),
                Some(_) => return Err(MalformedReply::Body),
            },
            is_base64_encoded: match take("isBase64Encoded") {
                None => false,
                Some(Value::Bool(encoded)) => encoded,
                Some(_) => return Err(MalformedReply::IsBase64Encoded),
            },
        };
        if result.is_empty() { Ok(reply) } else { Err(MalformedReply::UnknownMember) }
    }

    /// The reply as a function returns it.
    pub fn to_json(&self) -> Vec<u8> {
        // A vector takes every write and no key is anything but a string: there is nothing that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The bytes a client gets. Base64 is decoded only if the first media type the client accepts is one of the API's
    /// binary media types; otherwise the base64 text is sent as it is.
    pub fn body_for(
        &self,
        accept: Option<&str>,
        binary_media_types: &[String],
    ) -> Result<Vec<u8>, UndecodableBody> {
        let first = accept.and_then(|accept| accept.split([',', ';']).next()).map_or("", str::trim);
        let decodes = self.is_base64_encoded && binary_media_types.iter().any(|own| covers(own, first));
        if decodes {
            base64::engine::general_purpose::STANDARD.decode(self.body.as_ref()).map_err(|_| UndecodableBody)
        } else {
            Ok(self.body.as_bytes().to_vec())
        }
    }
}

impl Serialize for ProxyReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let single = self.headers.iter().map(|(name, value)| (name.to_string(), value.as_ref().into()));
        let multi = self.multi_value_headers.iter().map(|(name, values)| {
            (name.to_string(), Value::Array(values.iter().map(|value| value.as_ref().into()).collect()))
        });
        let mut reply = serializer.serialize_struct("ProxyReply", 5)?;
        reply.serialize_field("statusCode", &self.status)?;
        reply.serialize_field("headers", &single.collect::<Map<String, Value>>())?;
        reply.serialize_field("multiValueHeaders", &multi.collect::<Map<String, Value>>())?;
        reply.serialize_field("body", &self.body)?;
        reply.serialize_field("isBase64Encoded", &self.is_base64_encoded)?;
        reply.end()
    }
}

impl fmt::Debug for ProxyReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyReply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Whether a binary media type covers what a client accepts: exactly, or as `type/*`. `*/x` covers nothing.
fn covers(own: &str, accepted: &str) -> bool {
    own == accepted
        || own.strip_suffix("/*").is_some_and(|kind| {
            accepted.split_once('/').is_some_and(|(accepted_kind, _)| kind == accepted_kind || kind == "*")
        })
}

fn status(value: &Value) -> Result<u16, MalformedReply> {
    let status = match value {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    status.filter(|status| (200..600).contains(status)).ok_or(MalformedReply::StatusCode)
}

fn plain(value: Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(Cow::Owned(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

type Headers = Vec<(Text, Text)>;
type MultiValueHeaders = Vec<(Text, Vec<Text>)>;

fn headers(value: Value) -> Result<Headers, MalformedReply> {
    let Value::Object(map) = value else { return Err(MalformedReply::Headers) };
    let one = |(name, value)| plain(value).map(|value| (Cow::Owned(name), value));
    map.into_iter().map(one).collect::<Option<_>>().ok_or(MalformedReply::Headers)
}

fn multi_value_headers(value: Value) -> Result<MultiValueHeaders, MalformedReply> {
    let Value::Object(map) = value else { return Err(MalformedReply::MultiValueHeaders) };
    let one = |(name, value)| match value {
        Value::Array(values) => {
            values.into_iter().map(plain).collect::<Option<_>>().map(|values| (Cow::Owned(name), values))
        }
        _ => None,
    };
    map.into_iter().map(one).collect::<Option<_>>().ok_or(MalformedReply::MultiValueHeaders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ProxyReply, MalformedReply> {
        ProxyReply::from_json(json.as_bytes())
    }

    #[test]
    fn result_is_accepted_or_refused_as_recorded() {
        let accepted = [
            (r#"{"statusCode":200}"#, 200),
            ("{}", 200),
            (r#"{"headers":{"a":"b"}}"#, 200),
            (r#"{"statusCode":"201"}"#, 201),
            (r#"{"statusCode":204,"headers":null,"body":null}"#, 204),
        ];
        for (json, status) in accepted {
            assert_eq!(read(json).map(|reply| reply.status), Ok(status), "{json}");
        }
        let refused = [
            ("", MalformedReply::NotJson),
            ("null", MalformedReply::NotAnObject),
            (r#""hello""#, MalformedReply::NotAnObject),
            ("[]", MalformedReply::NotAnObject),
            (r#"{"statusCode":"test"}"#, MalformedReply::StatusCode),
            (r#"{"statusCode":99}"#, MalformedReply::StatusCode),
            (r#"{"statusCode":true}"#, MalformedReply::StatusCode),
            (r#"{"statusCode":200,"wrong":1}"#, MalformedReply::UnknownMember),
            (r#"{"headers":[]}"#, MalformedReply::Headers),
            (r#"{"headers":{"a":[]}}"#, MalformedReply::Headers),
            (r#"{"multiValueHeaders":{"a":"b"}}"#, MalformedReply::MultiValueHeaders),
            (r#"{"body":{"a":1}}"#, MalformedReply::Body),
            (r#"{"isBase64Encoded":"true"}"#, MalformedReply::IsBase64Encoded),
        ];
        for (json, why) in refused {
            assert_eq!(read(json), Err(why), "{json}");
        }
    }

    #[test]
    fn header_values_become_text() {
        let reply = read(r#"{"headers":{"a":true,"b":1.5},"multiValueHeaders":{"c":["x",2]}}"#).unwrap();
        assert_eq!(reply.headers, [("a".into(), "true".into()), ("b".into(), "1.5".into())]);
        assert_eq!(reply.multi_value_headers, [("c".into(), vec!["x".into(), "2".into()])]);
    }

    #[test]
    fn written_reply_is_read_back() {
        let reply = ProxyReply {
            status: 400,
            headers: vec![("Cache-Control".into(), "no-store".into())],
            multi_value_headers: vec![("Set-Cookie".into(), vec!["a".into(), "b".into()])],
            body: r#"{"error":"invalid_scope"}"#.into(),
            is_base64_encoded: false,
        };
        assert_eq!(ProxyReply::from_json(&reply.to_json()), Ok(reply));
    }

    #[test]
    fn base64_is_decoded_only_for_a_client_that_asks_for_binary_first() {
        let reply = ProxyReply { body: "aGk=".into(), is_base64_encoded: true, ..ProxyReply::default() };
        let body = |accept: Option<&str>, own: &str| reply.body_for(accept, &[own.to_owned()]).unwrap();
        assert_eq!(body(Some("image/png"), "image/png"), b"hi");
        assert_eq!(body(Some("image/png, text/plain"), "image/*"), b"hi");
        assert_eq!(body(Some("image/png"), "*/*"), b"hi");
        assert_eq!(body(Some("text/plain, image/png"), "image/png"), b"aGk=");
        assert_eq!(body(Some("image/png"), "*/png"), b"aGk=");
        assert_eq!(body(None, "image/png"), b"aGk=");
        let broken = ProxyReply { body: "&".into(), ..reply.clone() };
        assert_eq!(broken.body_for(Some("image/png"), &["image/png".into()]), Err(UndecodableBody));
    }

    #[test]
    fn debug_does_not_show_the_body() {
        let reply = ProxyReply { body: "sesame".into(), ..ProxyReply::default() };
        assert!(!format!("{reply:?}").contains("sesame"));
    }
}
