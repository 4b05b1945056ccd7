//! What each `$context` variable of a request is, as far as the request came.
//!
//! [`restapi::LogVariable`] lists them all; a name that is not here has no value here.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderValue;
use restapi::HttpMethod;
use serde_json::Value;

use super::Record;
use crate::host;

impl Record {
    /// The value of `$context.{name}`, if there is one.
    pub(super) fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let millis = |duration: Duration| Cow::Owned(duration.as_millis().to_string());
        Some(match name {
            "requestId" => self.ids.request.as_str().into(),
            "extendedRequestId" => self.ids.extended.as_str().into(),
            "requestTime" => lambda::request_time(self.arrived.as_millis()).into(),
            "requestTimeEpoch" => self.arrived.as_millis().to_string().into(),
            // Any token is a method on the wire; only those that API Gateway has are worth a line.
            "httpMethod" => self.method.as_ref()?.as_str().parse::<HttpMethod>().ok()?.as_str().into(),
            "path" => self.path.as_str().into(),
            "protocol" => self.protocol().into(),
            "status" => self.answer?.0.to_string().into(),
            "responseLength" => self.answer?.1.to_string().into(),
            "responseLatency" => millis(self.log.clock.now().since(self.arrived)),
            "integrationLatency" | "integration.latency" => millis(self.integration?.latency),
            "integrationStatus" | "integration.integrationStatus" => {
                self.integration?.status?.to_string().into()
            }
            "integration.status" => self.integration?.reply_status?.to_string().into(),
            "integration.error" | "integrationErrorMessage" => self.integration?.failure?.to_string().into(),
            "stage" => self.stage.as_deref()?.name.as_ref().into(),
            "apiId" => self.stage.as_deref()?.api_id.as_str().into(),
            "deploymentId" => self.stage.as_deref()?.deployment_id.as_ref().into(),
            "resourceId" => self.endpoint.as_deref()?.resource_id.as_ref().into(),
            "resourcePath" => self.endpoint.as_deref()?.resource_path.as_ref().into(),
            "accountId" => self.endpoint.as_deref()?.arn.account_id.as_str().into(),
            "domainName" => self.domain_name()?.into(),
            "domainPrefix" => self.domain_name()?.split('.').next()?.into(),
            "identity.sourceIp" => self.source_ip.to_string().into(),
            "identity.userAgent" => String::from_utf8_lossy(self.user_agent.as_ref()?.as_bytes()),
            "identity.apiKeyId" => self.key_id.as_ref()?.as_str().into(),
            "xrayTraceId" => self.trace.as_ref()?.as_str().into(),
            "error.responseType" => self.error?.as_str().into(),
            // Not API Gateway's: there they are unknown and come out as a dash.
            "limit" => self.limited?.binding()?.as_str().into(),
            "plan" => self.plan.as_deref()?.name.as_str().into(),
            _ => {
                return match name.strip_prefix("identity.clientCert.") {
                    Some(name) => self.of_client_certificate(name),
                    None => self.of_authorizer(name.strip_prefix("authorizer.")?),
                };
            }
        })
    }

    fn of_client_certificate(&self, name: &str) -> Option<Cow<'_, str>> {
        let certificate = self.client_certificate.as_deref()?;
        let value = match name {
            "clientCertPem" => &certificate.client_cert_pem,
            "subjectDN" => &certificate.subject_dn,
            "issuerDN" => &certificate.issuer_dn,
            "serialNumber" => &certificate.serial_number,
            "validity.notBefore" => &certificate.validity.not_before,
            "validity.notAfter" => &certificate.validity.not_after,
            _ => return None,
        };
        Some(value.into())
    }

    fn of_authorizer(&self, name: &str) -> Option<Cow<'_, str>> {
        let asked = self.authorizer.as_ref()?;
        match name {
            "latency" | "integrationLatency" => Some(asked.latency.as_millis().to_string().into()),
            "status" | "integrationStatus" => Some(asked.status.to_string().into()),
            "error" => asked.error.map(Into::into),
            // A guardrail refuses these; they are not written without it either.
            _ if restapi::guardrails::shows_credential(&format!("authorizer.{name}")) => None,
            _ => {
                let found = match name.strip_prefix("claims.") {
                    Some(claim) => asked.context.get("claims")?.get(claim)?,
                    None => asked.context.get(name)?,
                };
                match found {
                    Value::String(text) => Some(text.into()),
                    Value::Number(number) => Some(number.to_string().into()),
                    Value::Bool(flag) => Some(flag.to_string().into()),
                    Value::Null | Value::Array(_) | Value::Object(_) => None,
                }
            }
        }
    }

    fn domain_name(&self) -> Option<&str> {
        self.host.as_ref().and_then(|host: &HeaderValue| host.to_str().ok()).map(host::name)
    }
}
