//! The order of the steps, and the only place where it exists.

use std::fmt;
use std::sync::Arc;

use ambient::{Clock, Moment};
use arc_swap::ArcSwap;
use lambda::{Function, Invocation, Invoking, ProxyEvent, ProxyReply};
use oauth::TokenReply;
use spans::Tracer;

use crate::audit::Trail;
use crate::cache::CacheKey;
use crate::fetch::Fetcher;
use crate::reply::Refusal;
use crate::traced::Traced;
use crate::{AuditLost, AuditSink, BrokerSettings, BrokerStats, Directory, TokenSource};
use crate::{decide, identity, reply, request};

/// The broker: a function from proxy event to reply.
pub struct Broker {
    directory: ArcSwap<Directory>,
    fetcher: Arc<Fetcher>,
    audit: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    stats: Arc<BrokerStats>,
    tracer: Option<Arc<Tracer>>,
}

/// What a broker that takes another's place has of its own.
#[derive(Debug)]
pub struct Succession {
    /// How it keeps tokens and asks for new ones. The bounds on how many it keeps stay as they are.
    pub settings: BrokerSettings,
    /// Who is who.
    pub directory: Directory,
    /// Where tokens come from.
    pub source: Arc<dyn TokenSource>,
    /// Whether it serves the tokens that the other has.
    pub tokens: KeptTokens,
}

/// Which tokens go on being served by a broker that takes another's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeptTokens {
    /// All of them: the app clients behind the names are the same.
    All,
    /// None: a name may stand for another app client now.
    None,
}

impl Broker {
    /// A broker for the clients of `directory`, with nothing in its cache.
    pub fn new(
        settings: BrokerSettings,
        directory: Directory,
        source: Arc<dyn TokenSource>,
        audit: Arc<dyn AuditSink>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let stats = Arc::new(BrokerStats::default());
        let fetcher = Fetcher::new(settings, source, Arc::clone(&clock), Arc::clone(&stats));
        let fetcher = Arc::new(fetcher);
        Self { directory: ArcSwap::from_pointee(directory), fetcher, audit, clock, stats, tracer: None }
    }

    /// Hands spans of requests that the front door traces to `tracer`. Without it none are made.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Option<Arc<Tracer>>) -> Self {
        self.tracer = tracer;
        self
    }

    /// A broker that differs from this one in who is who, and in nothing else: they share tokens, calls under way, counters
    /// and the audit log. Whoever holds this one is answered as before.
    #[must_use]
    pub fn with_directory(&self, directory: Directory) -> Self {
        self.with(directory, Arc::clone(&self.fetcher))
    }

    /// The broker that takes this one's place: other clients, settings and source; the same counters and audit log. Whoever
    /// holds this one is answered as before.
    #[must_use]
    pub fn succeeded_by(&self, next: Succession) -> Self {
        let Succession { settings, directory, source, tokens } = next;
        self.with(directory, Arc::new(self.fetcher.succeeded(settings, source, tokens)))
    }

    fn with(&self, directory: Directory, fetcher: Arc<Fetcher>) -> Self {
        Self {
            directory: ArcSwap::from_pointee(directory),
            fetcher,
            audit: Arc::clone(&self.audit),
            clock: Arc::clone(&self.clock),
            stats: Arc::clone(&self.stats),
            tracer: self.tracer.clone(),
        }
    }

    /// Replaces who is who. Requests that are past the first step go on with what they have found.
    pub fn replace_directory(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
    }

    /// What the broker has counted.
    pub const fn stats(&self) -> &Arc<BrokerStats> {
        &self.stats
    }

    pub(crate) async fn answer(&self, event: &ProxyEvent<'_>) -> ProxyReply {
        let now = self.clock.moment();
        let traced = self.tracer.as_ref().and_then(|tracer| Traced::of(event, tracer));
        let mut trail = Trail::begin(&*self.audit, &self.stats, event, now.time);
        trail.traced = traced.map(|traced| (traced, &*self.clock));
        let outcome = self.token(event, now, &mut trail).await;
        let answer = reply::render(&outcome);
        match trail.close(outcome.as_ref().err(), answer.status) {
            Ok(()) => answer,
            Err(AuditLost) => reply::render(&Err(Refusal::AuditLost)),
        }
    }

    async fn token(
        &self,
        event: &ProxyEvent<'_>,
        now: Moment,
        trail: &mut Trail<'_>,
    ) -> Result<TokenReply, Refusal> {
        let context = &event.request_context;
        let client = identity::find(context, &self.directory.load())?;
        trail.identified(&client);
        let request = request::read(event)?;
        trail.asked(request.grant.label());
        let (scopes, rules) = decide::decide(request, context, &client.facts, now.time)?;
        trail.allowed(&scopes, rules, &client.app_client);
        let key = CacheKey { client: client.id().clone(), app_client: client.app_client.clone(), scopes };
        let fetched = self.fetcher.token(&key, now, trail.traced()).await;
        trail.fetched(&fetched);
        Ok(fetched.token?)
    }
}

impl Function for Broker {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        Box::pin(async move { Ok(self.answer(invocation.event).await) })
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("stats", &self.stats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
