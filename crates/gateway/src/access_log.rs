//! Step 8, log: one line per request, refused ones too, written last.
//!
//! The line is the stage's access-log format with its `$context` variables filled in; what belongs to no stage uses the
//! default format. Values from outside are escaped, so that no client can forge a line. A line that cannot be taken is
//! counted, never waited for. Keys, tokens, headers and bodies have no variable.
//!
//! What is known of a request is collected here on its way; the execution log is told by it as well.

mod variables;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use http::header::{HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use journal::Journal;
use lambda::{ClientCertificate, InvokeError};
use listen::RequestLine;
use restapi::{AccessLogSettings, ApiKeyId, LoggingLevel, ResponseType};
use serde_json::{Map, Value};
use spans::Tracer;

use crate::admit::Limited;
use crate::execution_log::Event;
use crate::ids::Ids;
use crate::live::{Endpoint, Plan, StageView};
use crate::log_line::LogLine;
use crate::metrics::{Metrics, Observed};
use crate::peer::Peer;
use crate::template::escape_json;
use crate::trace::{Ended, Phase, Trace, TraceId, Traced};

/// Where lines go, and what counts them.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    /// The execution log, if there is one.
    pub(crate) executions: Option<Journal>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who makes spans, if somebody does.
    pub(crate) tracer: Option<Arc<Tracer>>,
    default_format: Arc<LogLine>,
}

impl AccessLog {
    pub(crate) fn new(clock: Arc<dyn Clock>, journal: Journal, metrics: Arc<Metrics>) -> Self {
        let default_format = Arc::new(LogLine::parse(AccessLogSettings::DEFAULT_FORMAT));
        Self { clock, journal, executions: None, metrics, tracer: None, default_format }
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
    /// Why there is no reply.
    pub(crate) failure: Option<Failure>,
}

/// Why a function did not reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// For this reason.
    Invoked(InvokeError),
    /// It took too long.
    TimedOut,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invoked(error) => error.fmt(f),
            Self::TimedOut => f.write_str("Endpoint request timed out"),
        }
    }
}

/// What is known of an authorizer's run.
pub(crate) struct Asked {
    /// How long it took.
    pub(crate) latency: Duration,
    /// What it came to, as a status.
    pub(crate) status: u16,
    /// Why nobody may call.
    pub(crate) error: Option<&'static str>,
    /// What it hands on.
    pub(crate) context: Map<String, Value>,
}

/// Without what it hands on: there may be credentials in it.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("status", &self.status).finish_non_exhaustive()
    }
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
    client_certificate: Option<Arc<ClientCertificate>>,
    scheme: &'static str,
    user_agent: Option<HeaderValue>,
    host: Option<HeaderValue>,
    pub(crate) stage: Option<Arc<StageView>>,
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) authorizer: Option<Asked>,
    pub(crate) key_id: Option<ApiKeyId>,
    pub(crate) plan: Option<Arc<Plan>>,
    /// The name of the client whose key it is.
    pub(crate) client: Option<Arc<str>>,
    pub(crate) limited: Option<Limited>,
    pub(crate) integration: Option<Integration>,
    pub(crate) trace: Option<TraceId>,
    /// The trace as the tracer sees it, until the function is asked.
    pub(crate) watched: Option<Trace>,
    traced: Option<Box<Traced>>,
    error: Option<ResponseType>,
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
            client_certificate: None,
            scheme: "http",
            user_agent: None,
            host: None,
            stage: None,
            endpoint: None,
            authorizer: None,
            key_id: None,
            plan: None,
            client: None,
            limited: None,
            integration: None,
            trace: None,
            watched: None,
            traced: None,
            error: None,
            answer: None,
        }
    }

    /// Takes over what the connection says.
    pub(crate) fn with_peer(mut self, peer: &Peer) -> Self {
        self.client_certificate = peer.transport.client_certificate().cloned();
        self.scheme = peer.transport.scheme();
        self
    }

    /// Takes over what the head says.
    pub(crate) fn with_head(mut self, head: &Parts, source_ip: IpAddr) -> Self {
        self.method = Some(head.method.clone());
        head.uri.path().clone_into(&mut self.path);
        self.version = head.version;
        self.source_ip = source_ip;
        self.user_agent = head.headers.get(USER_AGENT).cloned();
        self.host = head.headers.get(HOST).cloned();
        if let Some(tracer) = &self.log.tracer {
            let (trace, traced) = Trace::watched(&head.headers, self.arrived, tracer);
            (self.watched, self.traced) = (Some(trace), traced);
        }
        self
    }

    /// Takes over what could be read of a head that is none.
    pub(crate) fn with_line(mut self, line: Option<RequestLine>, source_ip: IpAddr) -> Self {
        if let Some(RequestLine { method, path, version }) = line {
            (self.method, self.path, self.version) = (Some(method), path, version);
        }
        self.source_ip = source_ip;
        self
    }

    /// Notes that a step begins.
    pub(crate) fn begin_step(&mut self, phase: Phase) {
        if let Some(traced) = &mut self.traced {
            traced.begin_phase(phase, self.log.clock.now());
        }
    }

    /// Notes that the step which is under way is over.
    pub(crate) fn end_step(&mut self) {
        if let Some(traced) = &mut self.traced {
            traced.end_phase(self.log.clock.now());
        }
    }

    /// Notes the refusal that is answered.
    pub(crate) fn refused(&mut self, response_type: ResponseType) {
        self.error = Some(response_type);
    }

    /// Notes the answer. The line is written now.
    pub(crate) fn finish(mut self, status: u16, length: usize) {
        self.answer = Some((status, length));
    }

    /// Says something in the execution log, if the method's settings ask for it.
    pub(crate) fn tell(&self, event: Event<'_>) {
        let Some(journal) = &self.log.executions else { return };
        let level = self.endpoint.as_deref().map_or(LoggingLevel::Off, |endpoint| endpoint.logging_level);
        if event.is_said_at(level) {
            // A line that is not taken is counted by the journal.
            let _dropped = journal.offer(&event.lines(self.log.clock.now(), &self.ids));
        }
    }

    /// What is said last of a request on a method.
    fn tell_the_end(&self) {
        let Some((status, _)) = self.answer else { return self.tell(Event::Abandoned) };
        self.tell(match self.error {
            Some(response_type) => Event::Refused { response_type, status },
            None => Event::Succeeded,
        });
        self.tell(Event::Completed { status });
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

    fn ended(&self, at: Timestamp, status: Option<u16>) -> Ended<'_> {
        Ended {
            arrived: self.arrived,
            at,
            ids: &self.ids,
            method: self.method.as_ref(),
            scheme: self.scheme,
            protocol: self.protocol(),
            source_ip: self.source_ip,
            stage: self.stage.as_deref(),
            endpoint: self.endpoint.as_deref(),
            client: self.client.as_ref(),
            plan: self.plan.as_deref().map(|plan| plan.name.as_str()),
            limited: self.limited,
            status,
        }
    }

    fn line(&self) -> Vec<u8> {
        let own = self.stage.as_deref().and_then(|stage| stage.access_log.as_ref());
        let mut line = Vec::with_capacity(512);
        own.unwrap_or(&self.log.default_format).render_into(&mut line, |name| self.variable(name));
        line.push(b'\n');
        line
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.tell_the_end();
        if self.log.journal.offer(&self.line()).is_err() {
            self.log.metrics.access_log_dropped.inc();
        }
        let now = self.log.clock.now();
        let status = self.answer.map(|(status, _)| status);
        if let Some(traced) = self.traced.take() {
            traced.end(&self.ended(now, status));
        }
        let latency = now.since(self.arrived);
        self.log.metrics.observe(Observed {
            status,
            limited: self.limited,
            client: self.client.as_deref(),
            latency,
            integration: self.integration.map(|integration| integration.latency),
            stage: self.stage.as_deref(),
            endpoint: self.endpoint.as_deref(),
        });
    }
}
