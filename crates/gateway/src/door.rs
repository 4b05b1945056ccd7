//! The front door: everything the pipeline needs, and the listener's way into it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy};
use arc_swap::ArcSwap;
use journal::Journal;
use limits::Limiter;
use listen::{Answer, Handler, Inbound, Refused};
use proxied::SourceRule;
use restapi::ApiKeyId;
use spans::Tracer;

use crate::access_log::AccessLog;
use crate::admit::Limits;
use crate::in_force::ClientQuota;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::pipeline;

/// How much a request may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestBounds {
    /// Bytes of path and query.
    pub url_bytes: usize,
    /// Bytes of all headers together.
    pub header_bytes: usize,
    /// Bytes of the body. API Gateway's own limit is 10 MB; a token request is far smaller.
    pub body_bytes: usize,
    /// How long the whole body may take.
    pub body: Duration,
}

impl Default for RequestBounds {
    fn default() -> Self {
        Self { url_bytes: 10_240, header_bytes: 10_240, body_bytes: 64 * 1024, body: Duration::from_secs(10) }
    }
}

/// What a front door is made of.
#[derive(Debug)]
pub struct DoorParts {
    /// The API as it is now.
    pub live: Live,
    /// Where limits are kept; the one `live` was built with.
    pub limiter: Arc<dyn Limiter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// Where access-log lines go.
    pub access_log: Journal,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How much a request may be.
    pub bounds: RequestBounds,
}

/// The front door of an account's APIs.
#[derive(Debug)]
pub struct Door {
    pub(crate) live: ArcSwap<Live>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) log: Arc<AccessLog>,
    pub(crate) bounds: RequestBounds,
    /// Of clients that are counted by themselves.
    pub(crate) client_quotas: ArcSwap<Vec<ClientQuota>>,
    pub(crate) source: SourceRule,
}

impl Door {
    /// A front door, open as soon as a listener hands it requests.
    pub fn new(parts: DoorParts) -> Self {
        let DoorParts { live, limiter, clock, entropy, access_log, metrics, bounds } = parts;
        let log = Arc::new(AccessLog::new(Arc::clone(&clock), access_log, metrics));
        let limits = Limits::new(limiter);
        let source = SourceRule::default();
        Self {
            live: ArcSwap::from_pointee(live),
            limits,
            clock,
            entropy,
            log,
            bounds,
            source,
            client_quotas: ArcSwap::default(),
        }
    }

    /// Finds the source address of requests by `rule`. Without it, they come from the address of their connection.
    #[must_use]
    pub fn with_source_rule(mut self, rule: SourceRule) -> Self {
        self.source = rule;
        self
    }

    /// Says in `journal` what is done with requests, as much of it as the settings of their methods ask for. Without it there
    /// is no execution log.
    #[must_use]
    pub fn with_execution_log(mut self, journal: Journal) -> Self {
        Arc::make_mut(&mut self.log).executions = Some(journal);
        self
    }

    /// Hands spans of some requests to `tracer`. Without it none are made.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Arc<Tracer>) -> Self {
        Arc::make_mut(&mut self.log).tracer = Some(tracer);
        self
    }

    /// Shows another state of the API from now on. Requests under way finish on the one they began with.
    pub fn replace(&self, live: Live) {
        self.live.store(Arc::new(live));
    }

    /// Counts by client from now on: the first `most` of `names` by themselves, all others together. Without a number, nobody.
    ///
    /// It belongs behind every [`replace`](Self::replace), and looks at every key, if anybody is counted: whoever shows the quotas
    /// of the few that are shown need not.
    pub fn count_clients<'a>(&self, names: impl IntoIterator<Item = &'a str>, most: Option<NonZeroU32>) {
        self.log.metrics.by_client.show(names, most);
        self.client_quotas.store(Arc::new(self.find_client_quotas()));
    }

    /// Takes out of force, from the next request on, every key that `keep` does not name. It cannot fail: a revocation
    /// must get through even if nothing new can be built.
    pub fn keep_only(&self, keep: &dyn Fn(&ApiKeyId) -> bool) {
        self.live.rcu(|live| live.with_keys(keep));
    }
}

impl Handler<Peer> for Door {
    async fn handle(&self, inbound: Inbound<Peer>) -> Answer {
        pipeline::run(self, inbound).await
    }

    async fn refuse(&self, refused: Refused<Peer>) -> Answer {
        pipeline::refuse(self, refused)
    }
}

/// Behind a plain socket.
impl Handler for Door {
    async fn handle(&self, Inbound { request, peer }: Inbound) -> Answer {
        pipeline::run(self, Inbound { request, peer: peer.into() }).await
    }

    async fn refuse(&self, Refused { violation, line, peer }: Refused) -> Answer {
        pipeline::refuse(self, Refused { violation, line, peer: peer.into() })
    }
}
