//! What the data plane counts, for the admin listener's `/metrics`.
//!
//! Requests are counted as a whole, by the limit that refused them, and in `traffic` as API Gateway counts them in
//! CloudWatch; by client in `clients`, if that is asked for. Every label is the definition's or this program's: none comes
//! from a client.

mod clients;
mod traffic;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::admit::{Binding, Limited};
use crate::live::{Endpoint, StageView};

pub(crate) use clients::Clients;
pub(crate) use traffic::Counted;
use traffic::{Dimensions, Measured, Traffic};

/// The data plane's counters.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    refusals: Family<OfLimit, Counter>,
    unready: Family<OfLimit, Counter>,
    latency: Histogram,
    by_stage: Traffic,
    by_method: Traffic,
    pub(crate) by_client: Clients,
    pub(crate) access_log_dropped: Counter,
}

/// What is counted of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    /// None when the client left first.
    pub(crate) status: Option<u16>,
    pub(crate) limited: Option<Limited>,
    /// Whose key it was.
    pub(crate) client: Option<&'a str>,
    pub(crate) latency: Duration,
    /// How long the function took, if it was asked.
    pub(crate) integration: Option<Duration>,
    /// Where the request had got to.
    pub(crate) stage: Option<&'a StageView>,
    pub(crate) endpoint: Option<&'a Endpoint>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfLimit {
    /// A dash where it is not known.
    limit: &'static str,
}

impl OfLimit {
    fn new(binding: Option<Binding>) -> Self {
        Self { limit: binding.map_or("-", Binding::as_str) }
    }
}

impl Metrics {
    /// Counters at zero, registered with `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            refusals: Family::default(),
            unready: Family::default(),
            latency: Histogram::new(SECONDS),
            by_stage: Traffic::new("api"),
            by_method: Traffic::new("method"),
            by_client: Clients::default(),
            access_log_dropped: Counter::default(),
        };
        registry.register(
            "requests",
            "Requests by status; 0 when the client left first",
            metrics.requests.clone(),
        );
        // There from the start: a rise from nothing is no rise to whoever reads a counter twice.
        for binding in Binding::ALL.map(Some) {
            drop(metrics.refusals.get_or_create(&OfLimit::new(binding)));
        }
        for binding in Binding::ALL.map(Some).into_iter().chain([None]) {
            drop(metrics.unready.get_or_create(&OfLimit::new(binding)));
        }
        registry.register(
            "throttled",
            "Requests refused with 429, by the limit that refused",
            metrics.refusals.clone(),
        );
        registry.register(
            "limits_unready",
            "Requests refused with 503 because what a limit pays with was not at hand, by that limit",
            metrics.unready.clone(),
        );
        registry.register_with_unit(
            "latency",
            "From arrival to answer",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register_collector(Box::new(metrics.by_stage.clone()));
        registry.register_collector(Box::new(metrics.by_method.clone()));
        registry.register_collector(Box::new(metrics.by_client.clone()));
        registry.register(
            "access_log_dropped",
            "Access-log lines that could not be taken",
            metrics.access_log_dropped.clone(),
        );
        metrics
    }

    pub(crate) fn observe(&self, observed: Observed<'_>) {
        let Observed { status, limited, client, latency, integration, stage, endpoint } = observed;
        self.requests.get_or_create(&Answered { status: status.unwrap_or(0) }).inc();
        if let Some(limited) = limited {
            let family = match limited {
                Limited::Refused(_) => &self.refusals,
                Limited::Unready(_) => &self.unready,
            };
            family.get_or_create(&OfLimit::new(limited.binding())).inc();
        }
        if let Some(client) = client {
            self.by_client.observe(client, status, limited);
        }
        self.latency.observe(latency.as_secs_f64());
        let measured = Measured { status, latency, integration };
        let Some(stage) = stage else { return };
        self.by_stage.observe(&stage.counted, || of_stage(stage), measured);
        if let Some((endpoint, counted)) =
            endpoint.and_then(|endpoint| Some((endpoint, endpoint.counted.as_ref()?)))
        {
            self.by_method.observe(counted, || of_method(stage, endpoint), measured);
        }
    }
}

fn of_stage(stage: &StageView) -> Dimensions {
    vec![("api_name", stage.api_name.to_string()), ("stage", stage.name.to_string())]
}

fn of_method(stage: &StageView, endpoint: &Endpoint) -> Dimensions {
    let mut dimensions = of_stage(stage);
    dimensions.push(("method", endpoint.arn.method.to_string()));
    dimensions.push(("resource", endpoint.resource_path.to_string()));
    dimensions
}

/// Upper bounds of what latencies are sorted into: from a token out of the cache to the deadline of a function.
const SECONDS: [f64; 13] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 29.0];
