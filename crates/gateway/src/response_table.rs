//! The answers an API gives by itself: a gateway response where one is declared, else the stock answer.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use restapi::{GatewayResponse, ResponseType};

use crate::template::Template;

/// Gateway responses of one deployment, compiled.
#[derive(Debug, Default)]
pub(crate) struct ResponseTable(HashMap<ResponseType, Custom>);

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
        Self(declared.iter().map(|response| (response.response_type, Custom::new(response))).collect())
    }

    /// The declared answer for a type: its own, or the catch-all of its class.
    pub(crate) fn find(&self, response_type: ResponseType) -> Option<&Custom> {
        self.0.get(&response_type).or_else(|| self.0.get(&response_type.catch_all()))
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
}
