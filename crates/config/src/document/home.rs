//! The part of the file that depends on the place: this machine, and AWS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ThrottleDocument;
use crate::word_or::{InsteadOfWord, WordOr};
use crate::written::{Optional, Written};

/// What depends on the place.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HomesDocument {
    /// This machine.
    #[serde(default)]
    pub(crate) local: Optional<Written<LocalDocument>>,
    /// AWS. What exists only there (pool, domain, secrets) comes from Terraform.
    #[serde(default)]
    pub(crate) aws: Optional<Written<AwsDocument>>,
}

/// This machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalDocument {
    /// The stage, first segment of the URL: `dev` unless given.
    #[serde(default)]
    pub(crate) stage: Optional<Written<String>>,
    /// The region that events and ARNs name: `us-east-1` unless given.
    #[serde(default)]
    pub(crate) region: Optional<Written<String>>,
    /// The account that events and ARNs name: `000000000000` unless given.
    #[serde(default)]
    pub(crate) account_id: Optional<Written<String>>,
    /// The account's own bucket, for all APIs together: API Gateway's 10,000 a second with a burst of 5,000 unless given.
    #[serde(default)]
    pub(crate) account_throttle: Optional<Written<ThrottleDocument>>,
    /// Where the front door listens: `127.0.0.1:8080` unless given.
    #[serde(default)]
    pub(crate) front_door: Optional<Written<String>>,
    /// The networks that proxies in front of the front door are in, whose word about a client's address is taken: nobody's
    /// unless given.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) trusted_proxies: Optional<Written<Vec<Written<String>>>>,
    /// The one request header in which trusted proxies name their clients: `x_forwarded_for` or `forwarded`. Without it no
    /// header is believed.
    #[serde(default)]
    #[schemars(with = "ClientAddressWord")]
    pub(crate) client_address: Optional<Written<String>>,
    /// Whether every connection begins with a PROXY protocol header of version 2: `off` (the default) or `required`, and then
    /// only trusted proxies may connect.
    #[serde(default)]
    #[schemars(with = "ProxyProtocolWord")]
    pub(crate) proxy_protocol: Optional<Written<String>>,
    /// How connections to the front door are encrypted. Without it they are in clear, unless `up --tls` says otherwise.
    #[serde(default)]
    pub(crate) tls: Optional<Written<TlsDocument>>,
    /// Where health and metrics are served, on loopback only: `127.0.0.1:8081` unless given.
    #[serde(default)]
    pub(crate) admin: Optional<Written<String>>,
    /// Where tokens come from: `embedded` (the default), or an existing user pool.
    #[serde(default)]
    pub(crate) user_pool: Optional<Written<UserPoolDocument>>,
    /// Where the embedded user pool listens: `127.0.0.1:8082` unless given.
    #[serde(default)]
    pub(crate) user_pool_listen: Optional<Written<String>>,
    /// Where buckets and quotas are kept, and what happens when they cannot be.
    #[serde(default)]
    pub(crate) limits: Optional<Written<LimitsDocument>>,
    /// Where the function runs that the API calls: `in_process` (the default), in processes of its own, or on AWS.
    #[serde(default)]
    pub(crate) function: Optional<Written<FunctionDocument>>,
    /// What is counted besides what always is.
    #[serde(default)]
    pub(crate) metrics: Optional<Written<MetricsDocument>>,
    /// Spans of requests, sent to a collector by OTLP over HTTP. Without it none are made. It takes a build with the feature
    /// `otlp`.
    #[serde(default)]
    pub(crate) traces: Optional<Written<TracesDocument>>,
}

/// How connections to the front door are encrypted: by TLS 1.3 or 1.2. Paths count from the directory of this file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsDocument {
    /// The file of the certificate in PEM, and behind it of what signed it.
    #[schemars(length(min = 1))]
    pub(crate) certificate: Written<String>,
    /// The file of its private key in PEM, which only its owner, or its group, may read.
    #[schemars(length(min = 1))]
    pub(crate) key: Written<String>,
    /// The oldest version that is spoken: `"1.2"` (the default) or `"1.3"`.
    #[serde(default)]
    #[schemars(with = "TlsVersionWord")]
    pub(crate) min_version: Optional<Written<String>>,
    /// Whether clients show certificates: `none` (the default), `optional` or `required`.
    #[serde(default)]
    #[schemars(with = "ClientAuthWord")]
    pub(crate) client_auth: Optional<Written<String>>,
    /// With `client_auth`: the file of the certificates of those who sign clients' certificates, in PEM.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) client_ca: Optional<Written<String>>,
    /// With `client_auth`: the file of the lists of certificates that they have taken back, in PEM, one of each authority.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) client_crl: Optional<Written<String>>,
}

/// What is counted besides what always is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsDocument {
    /// How many clients have series of their own, the first by name; all others are counted together as `(other)`. None have
    /// unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub(crate) per_client: Optional<Written<u64>>,
}

/// Spans of requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesDocument {
    /// Where the collector takes OTLP over HTTP, without `/v1/traces`: `http://127.0.0.1:4318` unless given. HTTPS, or HTTP on
    /// this machine. `OTEL_EXPORTER_OTLP_ENDPOINT` stands above it.
    #[serde(default)]
    #[schemars(extend("format" = "uri"))]
    pub(crate) endpoint: Optional<Written<String>>,
    /// The file of the certificates of those who sign the collector's, in PEM; Mozilla's list unless given. The path counts from
    /// the directory of this file.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) ca: Optional<Written<String>>,
    /// The file of headers that the collector asks for, a line `name: value` each, such as `authorization: Bearer …`. They are
    /// secrets, and go to `endpoint` alone, by HTTPS. The path counts from the directory of this file.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) headers_file: Optional<Written<String>>,
    /// One in how many of the requests that nobody has decided about is traced: `10` unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) one_in: Optional<Written<u64>>,
    /// What it counts for that a request says whether it is traced: `follow` (the default) does as it says, `ignore` lets
    /// `one_in` decide alone.
    #[serde(default)]
    #[schemars(with = "ParentsWord")]
    pub(crate) parents: Optional<Written<String>>,
}

/// Where buckets and quotas are kept, and what happens when they cannot be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsDocument {
    /// `sqlite` (the default): a file in the state directory, exact across restarts and crashes. `memory`: a restart fills
    /// every bucket and forgets used quota.
    #[serde(default)]
    #[schemars(with = "LimitStoreWord")]
    pub(crate) store: Optional<Written<String>>,
    /// The most requests of one key's quota that are set aside at a time, and so the most that a crash can lose of it:
    /// `1000` unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) quota_batch: Optional<Written<u64>>,
    /// How far ahead the file says that the program is alive, 1 s to 60 s: `5s` unless given. After a crash
    /// every bucket is empty until that moment and fills from there, so that the first request passes 1 / rate later.
    #[serde(default)]
    pub(crate) lease: Optional<Written<String>>,
    /// What happens to requests while the file cannot be written.
    #[serde(default)]
    pub(crate) when_lost: Optional<Written<WhenLostDocument>>,
}

/// What happens to requests while limits cannot be kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenLostDocument {
    /// What buckets do: `closed` (the default) refuses with 503, `open` goes on without the file, so that a crash meanwhile
    /// may admit too much.
    #[serde(default)]
    #[schemars(with = "WhenLostWord")]
    pub(crate) throttle: Optional<Written<String>>,
    /// What quotas do, in the same words.
    #[serde(default)]
    #[schemars(with = "WhenLostWord")]
    pub(crate) quota: Optional<Written<String>>,
}

/// AWS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsDocument {
    /// The stage: `prod` unless given.
    #[serde(default)]
    pub(crate) stage: Optional<Written<String>>,
    /// The region.
    pub(crate) region: Written<String>,
}

/// Where tokens come from.
pub(crate) type UserPoolDocument = WordOr<ExternalPoolDocument>;

/// Where the function runs.
pub(crate) type FunctionDocument = WordOr<FunctionElsewhereDocument>;

impl InsteadOfWord for ExternalPoolDocument {
    const WORD: &'static str = "embedded";
    const DESCRIPTION: &'static str = "Where tokens come from.";
    const EXPECTED: &'static str =
        "`embedded` or a mapping with `token_endpoint` or `cognito_idp`, and `app_clients`";
}

impl InsteadOfWord for FunctionElsewhereDocument {
    const WORD: &'static str = "in_process";
    const DESCRIPTION: &'static str = "Where the function runs that the API calls.";
    const EXPECTED: &'static str = "`in_process` or a mapping with `command` or `aws`";
}

/// A function outside this program: in processes of its own (`command`), or deployed on AWS (`aws`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionElsewhereDocument {
    /// The program and its arguments: anything that speaks the Lambda Runtime API, such as a `bootstrap`. A path with a
    /// slash counts from the definition's directory. This, or `aws`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(crate) command: Optional<Written<Vec<String>>>,
    /// The ARN of a deployed function, with an alias or a version if one is meant. It is invoked with the credentials that
    /// the AWS SDK finds, and has its own user pool. This, or `command`.
    #[serde(default)]
    pub(crate) aws: Optional<Written<String>>,
    /// With `aws`: where Lambda's API is, if it is not AWS's own endpoint of the ARN's region. HTTPS, or HTTP on this machine.
    #[serde(default)]
    #[schemars(extend("format" = "uri"))]
    pub(crate) endpoint: Optional<Written<String>>,
    /// How many run at a time at most: `10` unless given. More requests are refused as Lambda refuses them.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub(crate) concurrency: Optional<Written<u64>>,
    /// Memory of one process in MiB, 128 to 10240: `128` unless given. What needs more is killed.
    #[serde(default)]
    #[schemars(range(min = 128, max = 10_240))]
    pub(crate) memory: Optional<Written<u64>>,
    /// How long one invocation may take, 1 s to 15 min: `29s` unless given. With `aws`, how long this machine waits for it,
    /// up to 28 s, unless the 29 s are meant that API Gateway waits.
    #[serde(default)]
    pub(crate) timeout: Optional<Written<String>>,
}

/// An existing user pool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalPoolDocument {
    /// Its domain's token endpoint, the whole URL. This, or `cognito_idp`.
    #[serde(default)]
    #[schemars(extend("format" = "uri"))]
    pub(crate) token_endpoint: Optional<Written<String>>,
    /// Cognito's API in the pool's region, such as `https://cognito-idp.eu-central-1.amazonaws.com`: tokens are asked for
    /// by `GetClientToken`, and the pool needs no domain.
    #[serde(default)]
    #[schemars(extend("format" = "uri"))]
    pub(crate) cognito_idp: Optional<Written<String>>,
    /// What each app client is called there, and where its secret is.
    pub(crate) app_clients: BTreeMap<Written<String>, Written<ExternalAppClientDocument>>,
}

/// An app client of an existing user pool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalAppClientDocument {
    /// Its id in the pool.
    pub(crate) client_id: Written<String>,
    /// The file that holds its secret, and nothing else; while secrets are rotated, both of them, a line each. The path counts
    /// from the directory of this file.
    pub(crate) secret_file: Written<String>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum LimitStoreWord {
    Sqlite,
    Memory,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum WhenLostWord {
    Closed,
    Open,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum ParentsWord {
    Follow,
    Ignore,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum ClientAddressWord {
    XForwardedFor,
    Forwarded,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum ProxyProtocolWord {
    Off,
    Required,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum TlsVersionWord {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's list of words")]
enum ClientAuthWord {
    None,
    Optional,
    Required,
}
