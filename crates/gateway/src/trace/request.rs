//! The spans of one request: its own, and one for each phase that may take long.
//!
//! Everything is noted on the way and handed over at the end. A request that is not traced notes nothing and reads no clock
//! for it.

use std::net::IpAddr;
use std::sync::Arc;

use ambient::Timestamp;
use http::{HeaderMap, Method};
use spans::{Kind, Span, SpanId, Tracer, Value};

use super::{Sender, Trace, TraceId, state};
use crate::admit::Limited;
use crate::ids::Ids;
use crate::live::{Endpoint, StageView};

/// A request that is traced.
#[derive(Debug)]
pub(crate) struct Traced {
    tracer: Arc<Tracer>,
    trace: spans::TraceId,
    /// The sender's span.
    parent: Option<SpanId>,
    state: Option<Arc<str>>,
    own: SpanId,
    invoke: SpanId,
    phases: Vec<(Phase, Timestamp, Timestamp)>,
    under_way: Option<(Phase, Timestamp)>,
}

/// A phase that has a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Asking an authorizer.
    Authorize,
    /// Spending at every limit.
    Admit,
    /// Waiting for the function.
    Invoke,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Admit => "admit",
            Self::Invoke => "invoke",
        }
    }
}

/// What is known of a request once it is answered.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) arrived: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) ids: &'a Ids,
    pub(crate) method: Option<&'a Method>,
    pub(crate) scheme: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) source_ip: IpAddr,
    pub(crate) stage: Option<&'a StageView>,
    pub(crate) endpoint: Option<&'a Endpoint>,
    /// The client's name in the definition.
    pub(crate) client: Option<&'a Arc<str>>,
    pub(crate) plan: Option<&'a str>,
    pub(crate) limited: Option<Limited>,
    /// None when the client left first.
    pub(crate) status: Option<u16>,
}

impl Trace {
    /// The trace of a request as `tracer` sees it, and its spans if it gets some.
    ///
    /// What goes on to the function then says what was decided here, whatever the sender said; what goes back to the client
    /// is what it sent, if that was a whole trace; else its parent is the request's span.
    pub(crate) fn watched(
        headers: &HeaderMap,
        now: Timestamp,
        tracer: &Arc<Tracer>,
    ) -> (Self, Option<Box<Traced>>) {
        let sender = Sender::of(headers);
        let id = sender.as_ref().map_or_else(|| TraceId::draw(now, tracer.entropy()), |sender| sender.id);
        let said = sender.as_ref().and_then(|sender| sender.sampled);
        let parent = sender.as_ref().and_then(|sender| SpanId::parse(sender.parent?));
        let (own, invoke) = (tracer.draw(), tracer.draw());
        let trace = id.as_w3c().filter(|_| tracer.decide(said));
        let is_w3c = sender.as_ref().is_some_and(|sender| sender.is_w3c);
        let request = trace.map(|trace| Traced {
            tracer: Arc::clone(tracer),
            trace,
            parent,
            state: if is_w3c { state::read(headers) } else { None },
            own,
            invoke,
            phases: Vec::new(),
            under_way: None,
        });
        let sampled = u8::from(request.is_some());
        let inbound = format!("Root={id};Parent={invoke};Sampled={sampled}");
        let outbound = sender
            .and_then(|sender| sender.whole)
            .unwrap_or_else(|| format!("Root={id};Parent={own};Sampled={sampled}"));
        (Self { id, inbound, outbound }, request.map(Box::new))
    }
}

impl TraceId {
    /// The same id as W3C and OpenTelemetry have it. One of zeros alone is none there.
    fn as_w3c(&self) -> Option<spans::TraceId> {
        let digits: String = self.as_str().split('-').skip(1).collect();
        spans::TraceId::parse(&digits)
    }
}

impl Traced {
    /// Notes a phase that begins.
    pub(crate) fn begin_phase(&mut self, phase: Phase, at: Timestamp) {
        self.under_way = Some((phase, at));
    }

    /// Notes that the phase which is under way is over.
    pub(crate) fn end_phase(&mut self, at: Timestamp) {
        self.phases.extend(self.under_way.take().map(|(phase, started)| (phase, started, at)));
    }

    /// Hands over the spans. A phase that the client left in ends here: spans of the function's may stand below it.
    pub(crate) fn end(mut self, ended: &Ended<'_>) {
        self.end_phase(ended.at);
        for (phase, started, at) in &self.phases {
            let id = if *phase == Phase::Invoke { self.invoke } else { self.tracer.draw() };
            let span = self.span(id, phase.name().into(), (*started, *at));
            self.tracer.offer(Span { parent: Some(self.own), ..span });
        }
        let name = match (ended.method, ended.endpoint) {
            (_, Some(endpoint)) => format!("{} {}", endpoint.arn.method, endpoint.resource_path).into(),
            (Some(method), None) => known(method).unwrap_or("HTTP").into(),
            (None, None) => "HTTP".into(),
        };
        let span = self.span(self.own, name, (ended.arrived, ended.at));
        let failed = ended.status.is_some_and(|status| status >= 500);
        let kind = Kind::Server;
        let (parent, is_parent_remote) = (self.parent, self.parent.is_some());
        let attributes = ended.attributes();
        self.tracer.offer(Span { parent, is_parent_remote, kind, attributes, failed, ..span });
    }

    fn span(&self, id: SpanId, name: Arc<str>, (started, ended): (Timestamp, Timestamp)) -> Span {
        Span {
            trace: self.trace,
            id,
            parent: None,
            is_parent_remote: false,
            state: self.state.clone(),
            name,
            kind: Kind::Internal,
            started,
            ended,
            attributes: Vec::new(),
            failed: false,
        }
    }
}

impl Ended<'_> {
    /// By OpenTelemetry's conventions where there are some. What a client wrote is left out: path and query of a request that
    /// fits no method, host, user agent.
    fn attributes(&self) -> Vec<(&'static str, Value)> {
        let mut all = vec![
            ("http.request.method", Value::Word(self.method.and_then(known).unwrap_or("_OTHER"))),
            ("url.scheme", Value::Word(self.scheme)),
            ("network.protocol.version", Value::Word(version(self.protocol))),
            ("client.address", self.source_ip.to_string().as_str().into()),
            ("aws.request_id", self.ids.request.as_str().into()),
            ("aws.extended_request_id", self.ids.extended.as_str().into()),
        ];
        if let Some(stage) = self.stage {
            all.push(("token_broker.api", Value::Text(Arc::clone(&stage.api_name))));
            all.push(("token_broker.stage", Value::Text(Arc::clone(&stage.name))));
        }
        if let Some(endpoint) = self.endpoint {
            all.push(("http.route", Value::Text(Arc::clone(&endpoint.resource_path))));
        }
        if let (Some(stage), Some(endpoint)) = (self.stage, self.endpoint)
            && !endpoint.resource_path.contains('{')
        {
            let path = format!("/{}{}", stage.name, endpoint.resource_path);
            all.push(("url.path", path.as_str().into()));
        }
        all.extend(self.client.map(|client| ("token_broker.client", Value::Text(Arc::clone(client)))));
        all.extend(self.plan.map(|plan| ("token_broker.plan", plan.into())));
        if let Some(limited) = self.limited {
            let outcome = match limited {
                Limited::Refused(_) => "refused",
                Limited::Unready(_) => "unready",
            };
            all.push(("token_broker.limit.outcome", Value::Word(outcome)));
            all.extend(limited.binding().map(|limit| ("token_broker.limit", Value::Word(limit.as_str()))));
        }
        match self.status {
            Some(status) => {
                all.push(("http.response.status_code", Value::Number(status.into())));
                if status >= 500 {
                    all.push(("error.type", status.to_string().as_str().into()));
                }
            }
            None => all.push(("error.type", Value::Word("client_left"))),
        }
        all
    }
}

/// OpenTelemetry writes `2` where API Gateway has `HTTP/2.0`.
fn version(protocol: &'static str) -> &'static str {
    match protocol.trim_start_matches("HTTP/") {
        "2.0" => "2",
        version => version,
    }
}

/// A method that everybody knows. Others are whatever a client makes up.
fn known(method: &Method) -> Option<&'static str> {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ]
    .iter()
    .zip(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])
    .find_map(|(known, name)| (known == method).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_method_are_written_as_opentelemetry_has_them() {
        assert_eq!(["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"].map(version), ["1.0", "1.1", "2"]);
        assert_eq!(known(&Method::PATCH), Some("PATCH"));
        let made_up = Method::from_bytes(b"HUNTER2").unwrap();
        assert_eq!(known(&made_up), None);
    }
}
