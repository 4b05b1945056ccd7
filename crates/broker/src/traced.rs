//! The spans of a request that is traced: what was decided, and the call upstream that it caused.
//!
//! The front door says by the event whether a request is traced. Spans have of a request what its audit line has.

use std::sync::Arc;

use ambient::Timestamp;
use lambda::ProxyEvent;
use oauth::ScopeSet;
use policy::ClientId;
use spans::{Kind, Span, SpanId, Tracer, Under, Value};

use crate::stats::Called;
use crate::{AppClientName, AuditRecord, CacheOutcome, Verdict};

/// A request that is traced.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    tracer: Arc<Tracer>,
    under: Under,
    own: SpanId,
}

impl Traced {
    /// None if the front door says that it is not.
    pub(crate) fn of(event: &ProxyEvent<'_>, tracer: &Arc<Tracer>) -> Option<Self> {
        let under = event.headers.last("x-amzn-trace-id").and_then(Under::read)?;
        Some(Self { tracer: Arc::clone(tracer), under, own: tracer.draw() })
    }

    /// Hands over the span of a request that is answered.
    pub(crate) fn answered(&self, record: &AuditRecord<'_>, at: Timestamp) {
        let text = |value: Option<&str>| value.map(Value::from);
        let word = |value: Option<&'static str>| value.map(Value::Word);
        let decision = match record.decision {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
        };
        let attributes = [
            ("token_broker.client", text(record.client.as_ref().map(ClientId::as_str))),
            ("token_broker.grant", word(record.grant)),
            ("token_broker.scopes", text(record.scopes.as_ref().map(ScopeSet::as_str))),
            ("token_broker.decision", word(Some(decision))),
            ("token_broker.reason", word(record.reason)),
            ("token_broker.cache", word(Some(cache(record.cache)))),
            ("token_broker.app_client", text(record.app_client.as_ref().map(AppClientName::as_str))),
            ("http.response.status_code", record.status.map(|status| Value::Number(status.into()))),
        ];
        let failed = record.status.is_some_and(|status| status >= 500);
        let span = self.span("broker", record.time, at);
        self.tracer.offer(Span { attributes: there(attributes), failed, ..span });
    }

    /// Hands over the span of a call upstream that this request caused. It may end after the answer, or serve others as well.
    pub(crate) fn called(
        &self,
        app_client: &AppClientName,
        began: Timestamp,
        at: Timestamp,
        called: &Called,
    ) {
        let attributes = [
            ("token_broker.app_client", Some(app_client.as_str().into())),
            ("token_broker.upstream.attempts", Some(Value::Number(called.attempts.into()))),
            ("error.type", called.error.map(Value::Word)),
        ];
        let span = self.span("request_token", began, at);
        self.tracer.offer(Span {
            id: self.tracer.draw(),
            parent: Some(self.own),
            kind: Kind::Client,
            attributes: there(attributes),
            failed: called.error.is_some(),
            ..span
        });
    }

    fn span(&self, name: &'static str, started: Timestamp, ended: Timestamp) -> Span {
        Span {
            trace: self.under.trace,
            id: self.own,
            parent: Some(self.under.parent),
            is_parent_remote: false,
            state: None,
            name: name.into(),
            kind: Kind::Internal,
            started,
            ended,
            attributes: Vec::new(),
            failed: false,
        }
    }
}

fn there<const N: usize>(attributes: [(&'static str, Option<Value>); N]) -> Vec<(&'static str, Value)> {
    attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

const fn cache(outcome: CacheOutcome) -> &'static str {
    match outcome {
        CacheOutcome::None => "none",
        CacheOutcome::Hit => "hit",
        CacheOutcome::Refresh => "refresh",
        CacheOutcome::Stale => "stale",
        CacheOutcome::Miss => "miss",
        CacheOutcome::Joined => "joined",
    }
}

#[cfg(test)]
mod tests;
