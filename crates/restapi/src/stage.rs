//! A stage and its settings, which are live: they change without a deployment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::{
    AccessLogSettings, DeploymentId, HttpMethod, RateLimit, ResourcePath, StageName, ThrottleSettings,
};

/// A named view of one deployment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Its name, the first segment of its URLs.
    pub stage_name: StageName,
    /// The deployment it shows.
    pub deployment_id: DeploymentId,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Settings for every method (`*/*`) and for single methods.
    pub method_settings: BTreeMap<MethodKey, MethodSetting>,
    /// Stage variables, shown to the function.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Where and how access is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogSettings>,
    /// Whether requests are traced with X-Ray.
    pub tracing_enabled: bool,
    /// Whether the stage has a response cache.
    pub cache_cluster_enabled: bool,
}

impl Stage {
    /// The settings that hold for a method: its own entry, else the stage's default, else API Gateway's.
    ///
    /// A specific entry replaces the default whole; it does not add to it.
    pub fn setting(&self, path: &ResourcePath, method: HttpMethod) -> MethodSetting {
        let own = MethodKey::One { path: path.clone(), method };
        self.method_settings
            .get(&own)
            .or_else(|| self.method_settings.get(&MethodKey::Every))
            .cloned()
            .unwrap_or_default()
    }
}

/// Which methods a setting is for.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MethodKey {
    /// `*/*`: every method that has no setting of its own.
    Every,
    /// One method.
    One {
        /// Of this resource.
        path: ResourcePath,
        /// This one.
        method: HttpMethod,
    },
}

impl fmt::Display for MethodKey {
    /// As in API Gateway's patch paths and Terraform's `method_path`: `*/*`, `~1oauth2~1token/POST`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*/*"),
            Self::One { path, method } => write!(f, "{}/{method}", path.as_str().replace('/', "~1")),
        }
    }
}

impl Serialize for MethodKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How much of an execution is logged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LoggingLevel {
    /// Nothing.
    #[default]
    Off,
    /// What failed.
    Error,
    /// Every step.
    Info,
}

/// Settings of one method, or of all, in a stage. The default is what API Gateway fills in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "API Gateway's members, each on its own")]
pub struct MethodSetting {
    /// Detailed metrics per method.
    pub metrics_enabled: bool,
    /// The execution log's level.
    pub logging_level: LoggingLevel,
    /// Whether whole requests and answers are logged, bodies included.
    pub data_trace_enabled: bool,
    /// Requests that the method's bucket holds.
    pub throttling_burst_limit: u32,
    /// Requests per second that are put back.
    pub throttling_rate_limit: RateLimit,
    /// Whether answers are cached.
    pub caching_enabled: bool,
    /// For how long.
    pub cache_ttl_in_seconds: u32,
    /// Whether they are encrypted at rest.
    pub cache_data_encrypted: bool,
    /// Whether a client needs a permission to invalidate an entry.
    pub require_authorization_for_cache_control: bool,
}

impl MethodSetting {
    /// The method's bucket.
    pub const fn throttle(&self) -> ThrottleSettings {
        ThrottleSettings { rate_limit: self.throttling_rate_limit, burst_limit: self.throttling_burst_limit }
    }

    /// The default with another bucket.
    pub fn throttled(throttle: ThrottleSettings) -> Self {
        Self {
            throttling_burst_limit: throttle.burst_limit,
            throttling_rate_limit: throttle.rate_limit,
            ..Self::default()
        }
    }
}

impl Default for MethodSetting {
    fn default() -> Self {
        Self {
            metrics_enabled: false,
            logging_level: LoggingLevel::Off,
            data_trace_enabled: false,
            throttling_burst_limit: ThrottleSettings::ACCOUNT_DEFAULT.burst_limit,
            throttling_rate_limit: ThrottleSettings::ACCOUNT_DEFAULT.rate_limit,
            caching_enabled: false,
            cache_ttl_in_seconds: 300,
            cache_data_encrypted: false,
            require_authorization_for_cache_control: true,
        }
    }
}
