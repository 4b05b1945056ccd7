//! The file as it is written: fields and shapes, not yet their sense.
//!
//! Values that a person can get wrong are kept as they stand, with their place, so that all of them can be judged
//! together. The schema is made from these types, and their comments are its descriptions.

mod home;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::word_or::{InsteadOfWord, WordOr};
use crate::written::{Optional, Written};

pub(crate) use home::{
    AwsDocument, ExternalAppClientDocument, ExternalPoolDocument, FunctionDocument,
    FunctionElsewhereDocument, HomesDocument, LimitsDocument, LocalDocument, MetricsDocument, TlsDocument,
    TracesDocument, UserPoolDocument, WhenLostDocument,
};

/// One definition for every home: the API, its plans, its clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "token-broker.yaml")]
pub(crate) struct Document {
    /// The front door.
    #[serde(default)]
    pub(crate) api: Optional<Written<ApiDocument>>,
    /// What the API keys of a client may use, by name.
    #[serde(default)]
    pub(crate) plans: Optional<BTreeMap<Written<String>, Written<PlanDocument>>>,
    /// Who may ask for tokens, by name.
    #[serde(default)]
    pub(crate) clients: Optional<BTreeMap<Written<String>, Written<ClientDocument>>>,
    /// The app clients of the user pool that the broker asks with, by name.
    #[serde(default)]
    pub(crate) app_clients: Optional<BTreeMap<Written<String>, Written<AppClientDocument>>>,
    /// How the broker keeps tokens and asks for new ones.
    #[serde(default)]
    pub(crate) broker: Optional<Written<BrokerDocument>>,
    /// What depends on the place.
    #[serde(default)]
    pub(crate) homes: Optional<Written<HomesDocument>>,
    /// Exceptions from guardrails, each with its reason and its end.
    #[serde(default)]
    pub(crate) waivers: Optional<Vec<Written<WaiverDocument>>>,
}

/// The front door.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiDocument {
    /// Its name: `token-broker-api` unless given. The API's id is made from it.
    #[serde(default)]
    pub(crate) name: Optional<Written<String>>,
    /// What it is for.
    #[serde(default)]
    pub(crate) description: Optional<Written<String>>,
    /// The stage default: a bucket for each method that has none of its own.
    #[serde(default)]
    pub(crate) throttle: Optional<Written<ThrottleDocument>>,
    /// `POST /oauth2/token`.
    #[serde(default)]
    pub(crate) token_endpoint: Optional<Written<TokenEndpointDocument>>,
    /// How the API answers what it refuses by itself: `oauth` (RFC 6749 §5.2, the default) or `aws` (API Gateway's stock
    /// answers).
    #[serde(default)]
    #[schemars(with = "GatewayResponsesWord")]
    pub(crate) gateway_responses: Optional<Written<String>>,
    /// What a line of the access log looks like: `json` (the default), `clf`, `csv`, `xml`, or a mapping with a `format` of
    /// your own.
    #[serde(default)]
    pub(crate) access_log: Optional<Written<AccessLogDocument>>,
    /// What the execution log says of each request: `off`, `error` (what was refused or failed, the default) or `info`
    /// (every step). No level writes bodies.
    #[serde(default)]
    #[schemars(with = "LoggingLevelWord")]
    pub(crate) logging_level: Optional<Written<String>>,
}

/// `api.access_log`.
pub(crate) type AccessLogDocument = WordOr<LogFormatDocument>;

/// A format of the access log in its own words.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogFormatDocument {
    /// One line with API Gateway's `$context` variables, one of them a request id. Values are escaped for what the text is:
    /// JSON, XML, CSV, or text.
    #[schemars(length(min = 1))]
    pub(crate) format: Written<String>,
}

impl InsteadOfWord for LogFormatDocument {
    const WORD: &'static str = "json";
    const WORDS: &'static [&'static str] = &restapi::AccessLogFormat::NAMES;
    const DESCRIPTION: &'static str = "What a line of the access log looks like.";
    const EXPECTED: &'static str = "`json`, `clf`, `csv`, `xml` or a mapping with `format`";
}

/// `POST /oauth2/token`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenEndpointDocument {
    /// How callers show who they are: `api_key`.
    #[serde(default)]
    #[schemars(with = "IdentityWord")]
    pub(crate) identity: Optional<Written<String>>,
    /// The method's own bucket, for all callers together.
    #[serde(default)]
    pub(crate) throttle: Optional<Written<ThrottleDocument>>,
}

/// A token bucket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThrottleDocument {
    /// Requests per second that are put back, with at most three decimals.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) rate: Written<f64>,
    /// Requests that the full bucket holds.
    #[schemars(range(min = 1, max = 9_007_199))]
    pub(crate) burst: Written<u64>,
}

/// What each API key on the plan may use, for itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanDocument {
    /// A bucket per key, over everything that the plan opens.
    #[serde(default)]
    pub(crate) throttle: Optional<Written<ThrottleDocument>>,
    /// A second, stricter bucket per key for `POST /oauth2/token`.
    #[serde(default)]
    pub(crate) token_endpoint: Optional<Written<ThrottleDocument>>,
    /// How many requests a key may make in a period.
    #[serde(default)]
    pub(crate) quota: Optional<Written<QuotaDocument>>,
}

/// How many requests a key may make in a period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaDocument {
    /// How many.
    #[schemars(range(min = 1))]
    pub(crate) limit: Written<u64>,
    /// In which period, UTC: `day`, `week` or `month`.
    #[schemars(with = "PeriodWord")]
    pub(crate) period: Written<String>,
    /// On which day of the period it starts: 0 for `day`, 0 to 6 for `week`, 0 to 27 for `month`.
    #[serde(default)]
    #[schemars(range(max = 27))]
    pub(crate) offset: Optional<Written<u64>>,
}

/// Who may ask for tokens, and for which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientDocument {
    /// The plan of its API keys.
    pub(crate) plan: Written<String>,
    /// Groups that it belongs to, for policies.
    #[serde(default)]
    pub(crate) groups: Optional<Written<Vec<Written<String>>>>,
    /// The scopes it may have, each as `resource-server/scope`.
    #[schemars(length(min = 1))]
    pub(crate) scopes: Written<Vec<Written<String>>>,
    /// The scopes it gets when it asks for none; without them it must ask.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) default_scopes: Optional<Written<Vec<Written<String>>>>,
    /// The app client that the broker asks with for it: `m2m` unless given.
    #[serde(default)]
    pub(crate) app_client: Optional<Written<String>>,
    /// The networks it may come from; without them it may come from anywhere.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) allow_from: Optional<Written<Vec<Written<String>>>>,
    /// The grant types it may use: `client_credentials` unless given.
    #[serde(default)]
    #[schemars(with = "Vec<GrantWord>", length(min = 1))]
    pub(crate) grants: Optional<Written<Vec<Written<String>>>>,
    /// Whether it gets tokens at all: `true` unless given.
    #[serde(default)]
    pub(crate) enabled: Optional<Written<bool>>,
    /// The first moment at which it gets tokens (RFC 3339).
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) not_before: Optional<Written<String>>,
    /// The last moment at which it gets tokens (RFC 3339).
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) not_after: Optional<Written<String>>,
    // Known, and refused: a limit that is read and not kept would be worse than none.
    #[serde(default)]
    #[schemars(skip)]
    pub(crate) budget: Optional<Written<IgnoredAny>>,
}

/// An app client of the user pool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppClientDocument {
    /// How long its access tokens live, 5 minutes to 24 hours: `1h` unless given.
    #[serde(default)]
    pub(crate) token_validity: Optional<Written<String>>,
}

/// How the broker keeps tokens and asks for new ones.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerDocument {
    /// No token with less life left than this is handed out: `60s` unless given.
    #[serde(default)]
    pub(crate) min_token_life: Optional<Written<String>>,
    /// At what part of a token's life, in percent, a new one is asked for ahead of time: `75` unless given; `100` for
    /// never.
    #[serde(default)]
    #[schemars(range(min = 10, max = 100))]
    pub(crate) refresh_at_percent: Optional<Written<u64>>,
    /// How patient the broker is with the user pool.
    #[serde(default)]
    pub(crate) upstream: Optional<Written<UpstreamDocument>>,
}

/// How patient the broker is with the user pool.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamDocument {
    /// How long a connection may take: `2s` unless given.
    #[serde(default)]
    pub(crate) connect_timeout: Optional<Written<String>>,
    /// How long one attempt may take: `5s` unless given.
    #[serde(default)]
    pub(crate) attempt_timeout: Optional<Written<String>>,
    /// How long all attempts and the waits between them may take, at most 27 s: `12s` unless given.
    #[serde(default)]
    pub(crate) total_timeout: Optional<Written<String>>,
    /// How many attempts: `3` unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10))]
    pub(crate) attempts: Optional<Written<u64>>,
}

/// An exception from a guardrail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaiverDocument {
    /// The guardrail's id, such as `TB018`.
    #[schemars(extend("pattern" = "^TB[0-9]{3}$"))]
    pub(crate) guardrail: Written<String>,
    /// The object that may break it, such as `usagePlans/partner`, or the address of a Terraform resource. What is below
    /// it is covered, too.
    #[schemars(length(min = 1))]
    pub(crate) at: Written<String>,
    /// Why this is right for now.
    #[schemars(length(min = 10))]
    pub(crate) reason: Written<String>,
    /// The last day (UTC) on which it holds, such as `2027-01-31`.
    #[schemars(extend("format" = "date"))]
    pub(crate) expires: Written<String>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum GatewayResponsesWord {
    Oauth,
    Aws,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum LoggingLevelWord {
    Off,
    Error,
    Info,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum IdentityWord {
    ApiKey,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum PeriodWord {
    Day,
    Week,
    Month,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum GrantWord {
    ClientCredentials,
}
