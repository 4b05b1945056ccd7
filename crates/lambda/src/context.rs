//! The request context: what the front door knows of a request, and the only place a caller's identity is taken from.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// What the front door knows of a request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RequestContext<'a> {
    /// The resource that matched.
    pub resource_id: Cow<'a, str>,
    /// What an authorizer said of the caller: `principalId`, `claims`, and its own context.
    pub authorizer: Option<Map<String, Value>>,
    /// The path of the resource that matched.
    pub resource_path: Cow<'a, str>,
    /// The operation's name, if the method has one.
    pub operation_name: Option<Cow<'a, str>>,
    /// The method.
    pub http_method: Cow<'a, str>,
    /// The request's second id, which is also `x-amz-apigw-id`.
    pub extended_request_id: Cow<'a, str>,
    /// The path as it was asked for, with the stage.
    pub path: Cow<'a, str>,
    /// Whose API it is.
    pub account_id: Cow<'a, str>,
    /// The protocol, such as `HTTP/1.1`.
    pub protocol: Cow<'a, str>,
    /// The stage.
    pub stage: Cow<'a, str>,
    /// The first label of the host name.
    pub domain_prefix: Cow<'a, str>,
    /// When it arrived, in milliseconds since the epoch. `requestTime` is made from it.
    pub request_time_epoch: u64,
    /// The request's id, which is also `x-amzn-RequestId`.
    pub request_id: Cow<'a, str>,
    /// Who calls, as far as the front door can tell.
    pub identity: Identity<'a>,
    /// The host name.
    pub domain_name: Cow<'a, str>,
    /// The deployment that answered.
    pub deployment_id: Cow<'a, str>,
    /// The API.
    pub api_id: Cow<'a, str>,
}

impl Serialize for RequestContext<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut context = serializer.serialize_struct("RequestContext", 19)?;
        context.serialize_field("resourceId", &self.resource_id)?;
        if let Some(authorizer) = &self.authorizer {
            context.serialize_field("authorizer", authorizer)?;
        }
        context.serialize_field("resourcePath", &self.resource_path)?;
        if let Some(name) = &self.operation_name {
            context.serialize_field("operationName", name)?;
        }
        context.serialize_field("httpMethod", &self.http_method)?;
        context.serialize_field("extendedRequestId", &self.extended_request_id)?;
        context.serialize_field("requestTime", &request_time(self.request_time_epoch))?;
        context.serialize_field("path", &self.path)?;
        context.serialize_field("accountId", &self.account_id)?;
        context.serialize_field("protocol", &self.protocol)?;
        context.serialize_field("stage", &self.stage)?;
        context.serialize_field("domainPrefix", &self.domain_prefix)?;
        context.serialize_field("requestTimeEpoch", &self.request_time_epoch)?;
        context.serialize_field("requestId", &self.request_id)?;
        context.serialize_field("identity", &self.identity)?;
        context.serialize_field("domainName", &self.domain_name)?;
        context.serialize_field("deploymentId", &self.deployment_id)?;
        context.serialize_field("apiId", &self.api_id)?;
        context.end()
    }
}

/// The moment `epoch_ms` milliseconds after the epoch, as `requestTime` shows it: `24/Sep/2026:20:16:32 +0000`.
pub fn request_time(epoch_ms: u64) -> String {
    i64::try_from(epoch_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map(|at| at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string())
        .unwrap_or_default()
}

/// Who calls, as far as the front door can tell.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "API Gateway's members; those that are null without IAM have nothing more to say"
)]
pub struct Identity<'a> {
    pub cognito_identity_pool_id: Option<Cow<'a, str>>,
    pub account_id: Option<Cow<'a, str>>,
    pub cognito_identity_id: Option<Cow<'a, str>>,
    /// The key that was presented. A secret: it is there because API Gateway puts it there, and nobody may print it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Cow<'a, str>>,
    pub caller: Option<Cow<'a, str>>,
    /// The caller's address.
    pub source_ip: Cow<'a, str>,
    pub principal_org_id: Option<Cow<'a, str>>,
    pub access_key: Option<Cow<'a, str>>,
    pub cognito_authentication_type: Option<Cow<'a, str>>,
    pub cognito_authentication_provider: Option<Cow<'a, str>>,
    pub user_arn: Option<Cow<'a, str>>,
    /// The id of the key that was presented, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<Cow<'a, str>>,
    pub user_agent: Option<Cow<'a, str>>,
    pub user: Option<Cow<'a, str>>,
    /// What the client's certificate says, if it showed one. It is no proof of who calls: that is for authorizers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<Arc<ClientCertificate>>,
}

/// What the certificate says that a client showed in its handshake.
///
/// Its `Debug` shows whose it is and its number, so that a line of a log stays a line.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// The certificate itself.
    pub client_cert_pem: String,
    /// Whose it is.
    #[serde(rename = "subjectDN")]
    pub subject_dn: String,
    /// Who signed it.
    #[serde(rename = "issuerDN")]
    pub issuer_dn: String,
    /// Its number with that signer, in hex, a colon between bytes.
    pub serial_number: String,
    /// When it holds.
    pub validity: Validity,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("subject_dn", &self.subject_dn)
            .field("serial_number", &self.serial_number)
            .finish_non_exhaustive()
    }
}

/// When a certificate holds, as OpenSSL writes it: see [`certificate_time`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    /// From when on.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
}

/// The moment `epoch_s` seconds after the epoch, as API Gateway writes the times of certificates.
///
/// ```
/// assert_eq!(lambda::certificate_time(1_628_156_164), "Aug  5 09:36:04 2021 GMT");
/// ```
pub fn certificate_time(epoch_s: u64) -> String {
    i64::try_from(epoch_s)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|at| at.strftime("%b %e %H:%M:%S %Y GMT").to_string())
        .unwrap_or_default()
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("api_key_id", &self.api_key_id)
            .field("source_ip", &self.source_ip)
            .field("user_arn", &self.user_arn)
            .finish_non_exhaustive()
    }
}
