//! Step 8, log: one line per request, refused ones too, written last.
//!
//! The line is the stage's access-log format with its `$context` variables filled in; what belongs to no stage uses the
//! default format. Values from outside are escaped, so that no client can forge a line. A line that cannot be taken is
//! counted, never waited for. Keys, tokens, headers and bodies have no variable.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use journal::Journal;
use listen::RequestLine;
use restapi::{AccessLogSettings, ApiKeyId, HttpMethod, ResponseType};

use crate::admit::Limited;
use crate::ids::Ids;
use crate::live::{Endpoint, Plan, StageView};
use crate::metrics::Metrics;
use crate::refusal::Stock;
use crate::template::{Template, escape_json};

/// Where lines go, and what counts them.
#[derive(Debug)]
pub(crate) struct AccessLog {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) metrics: Arc<Metrics>,
    default_format: Template,
}

impl AccessLog {
    pub(crate) fn new(clock: Arc<dyn Clock>, journal: Journal, metrics: Arc<Metrics>) -> Self {
        Self { clock, journal, metrics, default_format: Template::parse(AccessLogSettings::DEFAULT_FORMAT) }
    }
}

/// What is known of a function's run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integration {
    /// How long it took.
    pub(crate) latency: Duration,
    /// What Lambda itself answered: 200 even where the function failed.
    pub(crate) status: Option<u16>,
    /// The status that the function replied with.
    pub(crate) reply_status: Option<u16>,
}

/// What is known of a request, from its first byte to its line.
///
/// It writes its line when it is dropped, whether that is after the answer or because the client went away before it.
#[derive(Debug)]
pub(crate) struct Record {
    log: Arc<AccessLog>,
    pub(crate) arrived: Timestamp,
    pub(crate) ids: Ids,
    method: Option<Method>,
    path: String,
    version: Version,
    source_ip: IpAddr,
    user_agent: Option<HeaderValue>,
    pub(crate) stage: Option<Arc<StageView>>,
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) principal: Option<String>,
    pub(crate) key_id: Option<ApiKeyId>,
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) limited: Option<Limited>,
    pub(crate) integration: Option<Integration>,
    error: Option<(ResponseType, Cow<'static, str>)>,
    answer: Option<(u16, usize)>,
}

impl Record {
    /// The record of a request that arrives now.
    pub(crate) fn begin(log: Arc<AccessLog>, ids: Ids) -> Self {
        Self {
            arrived: log.clock.now(),
            log,
            ids,
            method: None,
            path: String::new(),
            version: Version::HTTP_11,
            source_ip: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            stage: None,
            endpoint: None,
            principal: None,
            key_id: None,
            plan: None,
            limited: None,
            integration: None,
            error: None,
            answer: None,
        }
    }

    /// Takes over what the head says.
    pub(crate) fn with_head(mut self, head: &Parts, peer: SocketAddr) -> Self {
        self.method = Some(head.method.clone());
        head.uri.path().clone_into(&mut self.path);
        self.version = head.version;
        self.source_ip = peer.ip().to_canonical();
        self.user_agent = head.headers.get(USER_AGENT).cloned();
        self
    }

    /// Takes over what could be read of a head that is none.
    pub(crate) fn with_line(mut self, line: Option<RequestLine>, peer: SocketAddr) -> Self {
        if let Some(RequestLine { method, path, version }) = line {
            (self.method, self.path, self.version) = (Some(method), path, version);
        }
        self.source_ip = peer.ip().to_canonical();
        self
    }

    /// Notes the refusal that is answered.
    pub(crate) fn refused(&mut self, stock: &Stock, response_type: ResponseType) {
        self.error = Some((response_type, stock.message.clone()));
    }

    /// Notes the answer. The line is written now.
    pub(crate) fn finish(mut self, status: u16, length: usize) {
        self.answer = Some((status, length));
    }

    /// `HTTP/1.1` and so on.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP/1.1",
        }
    }

    /// Writes the value of `$context.{name}`, escaped for a JSON string; `-` where there is none.
    pub(crate) fn write_variable(&self, name: &str, out: &mut Vec<u8>) {
        match self.variable(name) {
            Some(value) if !value.is_empty() => escape_json(&value, out),
            _ => out.push(b'-'),
        }
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
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
            "stage" => self.stage.as_deref()?.name.as_ref().into(),
            "apiId" => self.stage.as_deref()?.api_id.as_str().into(),
            "deploymentId" => self.stage.as_deref()?.deployment_id.as_ref().into(),
            "resourceId" => self.endpoint.as_deref()?.resource_id.as_ref().into(),
            "resourcePath" => self.endpoint.as_deref()?.resource_path.as_ref().into(),
            "accountId" => self.endpoint.as_deref()?.arn.account_id.as_str().into(),
            "identity.sourceIp" => self.source_ip.to_string().into(),
            "identity.userAgent" => String::from_utf8_lossy(self.user_agent.as_ref()?.as_bytes()),
            "identity.apiKeyId" => self.key_id.as_ref()?.as_str().into(),
            "authorizer.principalId" => self.principal.as_deref()?.into(),
            "error.responseType" => self.error.as_ref()?.0.as_str().into(),
            "error.message" => self.error.as_ref()?.1.as_ref().into(),
            // Not API Gateway's: there they are unknown and come out as a dash.
            "limit" => self.limited?.binding()?.as_str().into(),
            "plan" => self.plan.as_deref()?.name.as_str().into(),
            _ => return None,
        })
    }

    fn line(&self) -> Vec<u8> {
        let own = self.stage.as_deref().and_then(|stage| stage.access_log.as_ref());
        let mut line = Vec::with_capacity(512);
        own.unwrap_or(&self.log.default_format)
            .render_into(&mut line, |name, out| self.write_variable(name, out));
        line.push(b'\n');
        line
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.log.journal.offer(&self.line()).is_err() {
            self.log.metrics.access_log_dropped.inc();
        }
        let latency = self.log.clock.now().since(self.arrived);
        self.log.metrics.observe(self.answer.map(|(status, _)| status), self.limited, latency);
    }
}
