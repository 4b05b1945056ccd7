//! The REST API as data: what API Gateway calls a REST API, its resources, methods, integrations, deployments, stages,
//! usage plans, API keys and gateway responses, and the Lambda permission beside them.
//!
//! The types carry API Gateway's names, ids, defaults and constraints, and serialize with its member names, because
//! the configuration, the data plane, a management API and Terraform all speak of the same objects. They are general:
//! nothing here knows `/oauth2/token`. What token-broker asks of them beyond what API Gateway allows is in
//! [`guardrails`], which are functions over these types and never hidden inside them.
//!
//! Two kinds of change follow from the shape. A [`Deployment`] freezes resources, methods, integrations, authorizers and
//! gateway responses; API keys, usage plans, their membership and stage settings are live.
//!
//! Pure: no I/O, no clock, no randomness. Limits are only described here; the `limits` crate spends them.

mod access_log;
mod account;
mod api;
mod api_key;
mod deployment;
mod gateway_response;
pub mod guardrails;
mod id;
mod integration;
mod method;
mod permission;
mod resource;
mod stage;
mod throttle;
mod usage_plan;

pub use access_log::{
    AccessLogFormat, AccessLogSettings, LogFormatError, LogVariable, ValueOf, check_log_format, log_variables,
};
pub use account::Account;
pub use api::{ApiKeySource, EndpointType, RestApi};
pub use api_key::{ApiKey, ApiKeyValue, ApiKeyValueError};
pub use deployment::{ApiSnapshot, Deployment};
pub use gateway_response::{GatewayResponse, ResponseType};
pub use id::{
    AccountId, ApiKeyId, AuthorizerId, DeploymentId, FunctionName, IdError, Region, ResourceId, RestApiId,
    StageName, UsagePlanId,
};
pub use integration::{Integration, IntegrationType, IntegrationUri, PassthroughBehavior};
pub use method::{AuthorizationType, Authorizer, AuthorizerType, HttpMethod, HttpMethodError, Method};
pub use permission::{MethodArn, Permission, SourceArnPattern};
pub use resource::{PathPart, Resource, ResourcePath};
pub use stage::{LoggingLevel, MethodKey, MethodSetting, Stage};
pub use throttle::{RateLimit, RateLimitError, ThrottleSettings};
pub use usage_plan::{ApiStage, QuotaPeriod, QuotaSettings, QuotaSettingsError, UsagePlan, UsagePlanKey};
