//! The answers an API gives by itself: a gateway response where one is declared, else the stock answer.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use restapi::{GatewayResponse, ResponseType};
use serde_json::{Map, Value};

use crate::template::Template;

/// Gateway responses of one deployment, compiled.
#[derive(Debug, Default)]
pub(crate) struct ResponseTable {
    declared: HashMap<ResponseType, Custom>,
    /// The answer while limits are not ready: the one for throttled requests, in other words.
    unready: Option<Custom>,
}

/// A declared answer.
#[derive(Debug)]
pub(crate) struct Custom {
    /// The status; the stock one if none.
    pub(crate) status: Option<u16>,
    /// Headers that do not depend on the request.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The media type and the body.
    pub(crate) body: Option<(HeaderValue, Template)>,
}

impl ResponseTable {
    /// Compiles gateway responses.
    pub(crate) fn new(declared: &[GatewayResponse]) -> Self {
        let find = |wanted| declared.iter().find(|response| response.response_type == wanted);
        let throttled = ResponseType::Throttled;
        let unready = find(throttled).or_else(|| find(throttled.catch_all()));
        Self {
            declared: declared
                .iter()
                .map(|response| (response.response_type, Custom::new(response)))
                .collect(),
            unready: unready.map(|response| Custom::new(response).describing(UNREADY)),
        }
    }

    /// The declared answer for a type: its own, or the catch-all of its class.
    pub(crate) fn find(&self, response_type: ResponseType) -> Option<&Custom> {
        self.declared.get(&response_type).or_else(|| self.declared.get(&response_type.catch_all()))
    }

    /// The answer while limits are not ready, which API Gateway has no type for.
    pub(crate) fn unready(&self) -> Option<&Custom> {
        self.unready.as_ref()
    }
}

impl Custom {
    fn new(declared: &GatewayResponse) -> Self {
        let headers = declared.response_parameters.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("gatewayresponse.header.")?;
            // Only static values: a variable here would have to be a mapping expression, which nothing declares.
            let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        // One media type is declared in practice; among several the client's Accept would choose.
        let body = declared.response_templates.iter().next();
        Self {
            status: declared.status_code,
            headers: headers.collect(),
            body: body.and_then(|(media_type, text)| {
                Some((HeaderValue::try_from(media_type).ok()?, Template::parse(text)))
            }),
        }
    }

    /// The same with another description, if its body is an OAuth error with one that does not depend on the request.
    fn describing(self, description: &str) -> Self {
        let Self { status, headers, body } = self;
        let body = body.map(|(media_type, template)| {
            let described = template.as_static().and_then(|text| described(&text, description));
            (media_type, described.unwrap_or(template))
        });
        Self { status, headers, body }
    }
}

/// An OAuth error (RFC 6749 §5.2) with another `error_description`; none if it has no such member.
fn described(error: &str, description: &str) -> Option<Template> {
    let mut error: Map<String, Value> = serde_json::from_str(error).ok()?;
    *error.get_mut("error_description")? = description.into();
    Some(Template::parse(&Value::Object(error).to_string()))
}

/// What an OAuth client is told while limits are not ready.
const UNREADY: &str = "the store of limits is not ready; try again";
