//! One invocation, from its payload to its answer.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Moment, Timestamp};
use broker::{AuditRecord, AuditSink, CacheOutcome, Verdict};
use config::Definition;
use lambda::{EventError, Function as _, Invocation, ProxyEvent, ProxyReply};
use restapi::{ApiKeyId, HttpMethod, MethodArn, ResourcePath, RestApiId};

use crate::bound::{Bound, Factory};
use crate::keeper::Keeper;
use crate::metrics::{Invoked, Metrics, Outcome, Work};
use crate::refusal;

/// Answers invocations.
#[derive(Debug)]
pub(crate) struct Handler {
    keeper: Keeper,
    metrics: Metrics,
    audit: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    source: MethodArn,
    /// The time of an invocation whose deadline cannot be meant.
    patience: Duration,
}

impl Handler {
    pub(crate) fn new(factory: Factory, metrics: Metrics) -> Self {
        Self {
            source: source(&factory.definition),
            patience: factory.definition.broker.upstream.total_timeout + SPARE,
            audit: Arc::clone(&factory.audit),
            clock: Arc::clone(&factory.clock),
            keeper: Keeper::new(factory),
            metrics,
        }
    }

    /// Answers the invocation with `payload`, which ends at `deadline`.
    ///
    /// Whatever fails is an answer: Lambda's word for an error would be a 502 without a reason. Only what is no request of
    /// an API is an error, and that is between the operator and whoever invoked the function.
    pub(crate) async fn handle(&self, payload: &[u8], deadline: Timestamp) -> Result<ProxyReply, EventError> {
        let began = self.clock.moment();
        let deadline = self.believable(deadline, began.time);
        let mut work = Work::default();
        let answer = match ProxyEvent::from_json(payload) {
            Ok(event) => Ok(self.answer(&event, began, deadline, &mut work).await),
            Err(error) => Err(error),
        };
        let outcome = answer.as_ref().map_or(Outcome::NoEvent, |reply| Outcome::of(reply.status));
        self.metrics.record(Invoked { outcome, began, ended: self.clock.moment(), work });
        answer
    }

    /// The deadline, unless it has passed before the invocation came. Lambda sends none of that kind: whoever did has
    /// another clock, or none, as some emulators.
    fn believable(&self, deadline: Timestamp, now: Timestamp) -> Timestamp {
        if deadline > now {
            return deadline;
        }
        let given_ms = self.patience.as_millis();
        tracing::warn!(given_ms, "the invocation's deadline had passed before it came, and is not kept");
        now.plus(self.patience)
    }

    async fn answer(
        &self,
        event: &ProxyEvent<'_>,
        began: Moment,
        deadline: Timestamp,
        work: &mut Work,
    ) -> ProxyReply {
        let time = deadline.since(began.time);
        let Ok(bound) = self.keeper.broker(&event.request_context, time).await else {
            return self.refuse(event, began);
        };
        let reply = self.ask(&bound, event, deadline).await;
        *work = bound.tally.since_last(bound.broker.stats());
        reply
    }

    async fn ask(&self, bound: &Bound, event: &ProxyEvent<'_>, deadline: Timestamp) -> ProxyReply {
        let left = deadline.since(self.clock.now()).saturating_sub(RESERVE);
        let invocation = Invocation { event, source: &self.source, deadline };
        match tokio::time::timeout(left, bound.broker.invoke(invocation)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                tracing::error!(%error, "the broker gave no answer");
                refusal::unavailable()
            }
            Err(_elapsed) => {
                tracing::error!("the function's deadline was reached before there was an answer");
                refusal::unavailable()
            }
        }
    }

    /// Refuses because there is no broker, and leaves an audit line as a broker would.
    fn refuse(&self, event: &ProxyEvent<'_>, began: Moment) -> ProxyReply {
        let context = &event.request_context;
        let reply = refusal::unavailable();
        let record = AuditRecord {
            time: began.time,
            request_id: &context.request_id,
            trace: AuditRecord::trace_of(event),
            client: None,
            key_id: context.identity.api_key_id.as_deref().filter(|id| ApiKeyId::parse(id).is_ok()),
            grant: None,
            scopes: None,
            decision: Verdict::Deny,
            reason: Some("bindings_unavailable"),
            rules: None,
            cache: CacheOutcome::None,
            upstream_attempts: 0,
            upstream_time: Duration::ZERO,
            app_client: None,
            status: Some(reply.status),
        };
        // There is no token that would have to be taken back.
        let _lost = self.audit.accept(&record);
        reply
    }
}

/// On whose behalf the broker is called. Lambda has held that against the function's policy before the function ran, and
/// does not say it: this is a stand-in with the right parts, and the broker does not look at it.
fn source(definition: &Definition) -> MethodArn {
    let home = &definition.local;
    MethodArn {
        region: home.region.clone(),
        account_id: home.account_id.clone(),
        api_id: RestApiId::derived(&[&definition.api.name]),
        stage: home.stage.clone(),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    }
}

/// What is left of an invocation's time for its answer to get out.
const RESERVE: Duration = Duration::from_millis(200);
/// What an invocation of unknown length has beyond all attempts upstream: twice what settings and answer need of it.
const SPARE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
