//! What stands behind a method.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{AccountId, FunctionName, HttpMethod, Region, ResourceId};

/// What kind of integration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IntegrationType {
    /// Another HTTP endpoint, with mapping.
    Http,
    /// An AWS service, with mapping.
    Aws,
    /// The gateway answers by itself.
    Mock,
    /// Another HTTP endpoint, passed through.
    HttpProxy,
    /// A Lambda function that is given the whole request: "Lambda proxy integration".
    AwsProxy,
}

/// What becomes of a body without a mapping template.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassthroughBehavior {
    /// Passed on when no template matches its media type.
    #[default]
    WhenNoMatch,
    /// Passed on when there are no templates at all.
    WhenNoTemplates,
    /// Refused with 415.
    Never,
}

/// What stands behind a method.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: IntegrationType,
    /// The method the gateway uses toward it; a function is always invoked with POST.
    pub http_method: HttpMethod,
    /// Where it is.
    pub uri: IntegrationUri,
    /// A role to assume instead of relying on the function's resource policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// What becomes of a body without a mapping template.
    pub passthrough_behavior: PassthroughBehavior,
    /// Mapping of parameters; without effect on `AWS_PROXY`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, String>,
    /// Mapping templates by media type; without effect on `AWS_PROXY`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_templates: BTreeMap<String, String>,
    /// How long it may take: 50 ms to 29 s.
    #[serde(rename = "timeoutInMillis", serialize_with = "whole_milliseconds")]
    pub timeout: Duration,
    /// The namespace of its response cache; the resource's id.
    pub cache_namespace: ResourceId,
    /// What the response cache distinguishes by.
    pub cache_key_parameters: Vec<String>,
}

impl Integration {
    /// The longest that an integration may take by default.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(29);

    /// A Lambda proxy integration of `function`, with API Gateway's defaults.
    pub fn lambda_proxy(function: IntegrationUri, resource: ResourceId) -> Self {
        Self {
            kind: IntegrationType::AwsProxy,
            http_method: HttpMethod::Post,
            uri: function,
            credentials: None,
            passthrough_behavior: PassthroughBehavior::default(),
            request_parameters: BTreeMap::new(),
            request_templates: BTreeMap::new(),
            timeout: Self::MAX_TIMEOUT,
            cache_namespace: resource,
            cache_key_parameters: Vec::new(),
        }
    }
}

/// Where an integration is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IntegrationUri {
    /// A Lambda function.
    Function {
        /// Where the function is.
        region: Region,
        /// Whose it is.
        account_id: AccountId,
        /// Its name.
        name: FunctionName,
    },
    /// Anything else, as it was given.
    Other(String),
}

impl IntegrationUri {
    /// The function's own ARN.
    pub fn function_arn(&self) -> Option<String> {
        match self {
            Self::Function { region, account_id, name } => {
                Some(format!("arn:aws:lambda:{region}:{account_id}:function:{name}"))
            }
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for IntegrationUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { region, account_id, name } => write!(
                f,
                "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/\
                 arn:aws:lambda:{region}:{account_id}:function:{name}/invocations"
            ),
            Self::Other(uri) => f.write_str(uri),
        }
    }
}

impl Serialize for IntegrationUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn whole_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}
