//! The proxy event: the request as a function sees it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::pairs::{Multi, Pairs, Single};
use crate::{RequestContext, UndecodableBody};

/// A Lambda proxy event, payload format 1.0.
///
/// It borrows from the request, so that in process nothing is copied. Its serializer writes the members in the recorded
/// order, with `null` where API Gateway writes null.
///
/// Its `Debug` shows neither header values nor query nor body.
#[derive(Clone, Default, Deserialize, PartialEq)]
#[serde(from = "Recorded")]
pub struct ProxyEvent<'a> {
    /// The path of the resource that matched, such as `/oauth2/token`.
    pub resource: Cow<'a, str>,
    /// The path that was asked for, without the stage, not decoded.
    pub path: Cow<'a, str>,
    /// The method.
    pub http_method: Cow<'a, str>,
    /// Headers.
    pub headers: Pairs<'a>,
    /// Query parameters, decoded.
    pub query: Pairs<'a>,
    /// What stood for `{name}` in the resource's path, not decoded.
    pub path_parameters: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// The stage's variables.
    pub stage_variables: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// What the front door knows of the request.
    pub request_context: RequestContext<'a>,
    /// The body, if there is one.
    pub body: Option<Cow<'a, str>>,
    /// Whether the body is base64.
    pub is_base64_encoded: bool,
}

/// A text that is no proxy event. It does not say what stands in the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the payload is not a Lambda proxy event, payload format 1.0 (line {line}, column {column})")]
pub struct EventError {
    line: usize,
    column: usize,
}

impl ProxyEvent<'_> {
    /// The event as API Gateway sends it.
    pub fn to_json(&self) -> Vec<u8> {
        // A vector takes every write and no key is anything but a string: there is nothing that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an event that API Gateway sent.
    pub fn from_json(json: &[u8]) -> Result<ProxyEvent<'static>, EventError> {
        serde_json::from_slice(json)
            .map_err(|error| EventError { line: error.line(), column: error.column() })
    }

    /// The body's bytes, decoded if they came as base64; empty without a body.
    pub fn body_bytes(&self) -> Result<Cow<'_, [u8]>, UndecodableBody> {
        use base64::Engine as _;
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded {
            base64::engine::general_purpose::STANDARD
                .decode(body)
                .map(Cow::Owned)
                .map_err(|_| UndecodableBody)
        } else {
            Ok(Cow::Borrowed(body.as_bytes()))
        }
    }
}

impl Serialize for ProxyEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut headers = self.headers.clone();
        // Headers are sorted in every record of a real event.
        headers.sort();
        let mut event = serializer.serialize_struct("ProxyEvent", 12)?;
        event.serialize_field("resource", &self.resource)?;
        event.serialize_field("path", &self.path)?;
        event.serialize_field("httpMethod", &self.http_method)?;
        event.serialize_field("headers", &Single(&headers))?;
        event.serialize_field("multiValueHeaders", &Multi(&headers))?;
        event.serialize_field("queryStringParameters", &Single(&self.query))?;
        event.serialize_field("multiValueQueryStringParameters", &Multi(&self.query))?;
        event.serialize_field("pathParameters", &some_if_any(&self.path_parameters))?;
        event.serialize_field("stageVariables", &some_if_any(&self.stage_variables))?;
        event.serialize_field("requestContext", &self.request_context)?;
        event.serialize_field("body", &self.body)?;
        event.serialize_field("isBase64Encoded", &self.is_base64_encoded)?;
        event.end()
    }
}

/// Empty maps are null in an event, never `{}`.
fn some_if_any<K, V>(map: &BTreeMap<K, V>) -> Option<&BTreeMap<K, V>> {
    (!map.is_empty()).then_some(map)
}

impl fmt::Debug for ProxyEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyEvent")
            .field("http_method", &self.http_method)
            .field("resource", &self.resource)
            .field("headers", &self.headers)
            .field("request_context", &self.request_context)
            .finish_non_exhaustive()
    }
}

/// The event as it stands in JSON, every map twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    resource: String,
    path: String,
    http_method: String,
    headers: Option<Pairs<'static>>,
    multi_value_headers: Option<Pairs<'static>>,
    query_string_parameters: Option<Pairs<'static>>,
    multi_value_query_string_parameters: Option<Pairs<'static>>,
    path_parameters: Option<BTreeMap<Cow<'static, str>, Cow<'static, str>>>,
    stage_variables: Option<BTreeMap<Cow<'static, str>, Cow<'static, str>>>,
    request_context: RequestContext<'static>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl From<Recorded> for ProxyEvent<'_> {
    fn from(recorded: Recorded) -> Self {
        Self {
            resource: recorded.resource.into(),
            path: recorded.path.into(),
            http_method: recorded.http_method.into(),
            headers: recorded.multi_value_headers.or(recorded.headers).unwrap_or_default(),
            query: recorded
                .multi_value_query_string_parameters
                .or(recorded.query_string_parameters)
                .unwrap_or_default(),
            path_parameters: recorded.path_parameters.unwrap_or_default(),
            stage_variables: recorded.stage_variables.unwrap_or_default(),
            request_context: recorded.request_context,
            body: recorded.body.map(Cow::Owned),
            is_base64_encoded: recorded.is_base64_encoded,
        }
    }
}

#[cfg(test)]
mod tests;
