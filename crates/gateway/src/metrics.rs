//! What the data plane counts, for the admin listener's `/metrics`.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::admit::{Binding, Limited};

/// The data plane's counters. Every label has a handful of values: none comes from a client.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    refusals: Family<OfLimit, Counter>,
    unready: Family<OfLimit, Counter>,
    latency: Histogram,
    pub(crate) access_log_dropped: Counter,
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
        let seconds =
            [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 29.0];
        let metrics = Self {
            requests: Family::default(),
            refusals: Family::default(),
            unready: Family::default(),
            latency: Histogram::new(seconds),
            access_log_dropped: Counter::default(),
        };
        registry.register(
            "requests",
            "Requests by status; 0 when the client left first",
            metrics.requests.clone(),
        );
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
        registry.register(
            "access_log_dropped",
            "Access-log lines that could not be taken",
            metrics.access_log_dropped.clone(),
        );
        metrics
    }

    pub(crate) fn observe(&self, status: Option<u16>, limited: Option<Limited>, latency: Duration) {
        self.requests.get_or_create(&Answered { status: status.unwrap_or(0) }).inc();
        if let Some(limited) = limited {
            let family = match limited {
                Limited::Refused(_) => &self.refusals,
                Limited::Unready(_) => &self.unready,
            };
            family.get_or_create(&OfLimit::new(limited.binding())).inc();
        }
        self.latency.observe(latency.as_secs_f64());
    }
}
