//! What API Gateway counts in CloudWatch, by its dimensions: each API and stage, and each method where the stage's settings
//! ask for detailed metrics.
//!
//! A view looks its series up once and holds on to them, so that a request costs no look-up. Series outlive the view: a
//! reload resets no counter. There are as many as there were stages and methods since the start; no client makes one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::{MetricType, TypedMetric as _};
use prometheus_client::registry::Unit;

use super::SECONDS;

/// The series of every API and stage, or of every method.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// In front of every name.
    prefix: &'static str,
    series: Arc<Mutex<BTreeMap<Dimensions, Arc<Series>>>>,
}

/// Names and values of labels, in CloudWatch's order. They are the definition's.
pub(crate) type Dimensions = Vec<(&'static str, String)>;

/// The numbers of one API and stage, or of one method.
#[derive(Debug)]
pub(crate) struct Series {
    count: AtomicU64,
    client_errors: AtomicU64,
    server_errors: AtomicU64,
    latency: Histogram,
    integration_latency: Histogram,
}

/// Where the requests of a stage or method are counted, once one has come.
#[derive(Debug, Default)]
pub(crate) struct Counted(OnceLock<Arc<Series>>);

/// What is counted of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// None when the client left first.
    pub(crate) status: Option<u16>,
    pub(crate) latency: Duration,
    /// How long the function took, if it was asked.
    pub(crate) integration: Option<Duration>,
}

impl Traffic {
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, series: Arc::default() }
    }

    /// Counts a request where `counted` says; the first time, that is the series of `dimensions`.
    pub(crate) fn observe(
        &self,
        counted: &Counted,
        dimensions: impl FnOnce() -> Dimensions,
        measured: Measured,
    ) {
        let series = counted.0.get_or_init(|| Arc::clone(self.lock().entry(dimensions()).or_default()));
        series.observe(measured);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Dimensions, Arc<Series>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Series {
    fn observe(&self, Measured { status, latency, integration }: Measured) {
        self.count.fetch_add(1, Relaxed);
        match status {
            Some(400..500) => drop(self.client_errors.fetch_add(1, Relaxed)),
            Some(500..) => drop(self.server_errors.fetch_add(1, Relaxed)),
            _ => {}
        }
        self.latency.observe(latency.as_secs_f64());
        if let Some(integration) = integration {
            self.integration_latency.observe(integration.as_secs_f64());
        }
    }
}

impl Default for Series {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            client_errors: AtomicU64::new(0),
            server_errors: AtomicU64::new(0),
            latency: Histogram::new(SECONDS),
            integration_latency: Histogram::new(SECONDS),
        }
    }
}

/// Name, help, and where it is kept.
type Part<T> = (&'static str, &'static str, fn(&Series) -> &T);

impl Collector for Traffic {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let series = self.lock().clone();
        let counts: [Part<AtomicU64>; 3] = [
            ("count", "Requests; CloudWatch's Count", |series| &series.count),
            ("4xx_error", "Requests answered with 4XX; CloudWatch's 4XXError", |series| {
                &series.client_errors
            }),
            ("5xx_error", "Requests answered with 5XX; CloudWatch's 5XXError", |series| {
                &series.server_errors
            }),
        ];
        for (name, help, of) in counts {
            let name = format!("{}_{name}", self.prefix);
            let mut described = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            for (dimensions, series) in &series {
                let counter = ConstCounter::new(of(series).load(Relaxed));
                counter.encode(described.encode_family(dimensions)?)?;
            }
        }
        let latencies: [Part<Histogram>; 2] = [
            ("latency", "From arrival to answer; CloudWatch's Latency", |series| &series.latency),
            (
                "integration_latency",
                "From asking the function to its reply; CloudWatch's IntegrationLatency",
                |series| &series.integration_latency,
            ),
        ];
        for (name, help, of) in latencies {
            let name = format!("{}_{name}", self.prefix);
            let mut described =
                encoder.encode_descriptor(&name, help, Some(&Unit::Seconds), Histogram::TYPE)?;
            for (dimensions, series) in &series {
                of(series).encode(described.encode_family(dimensions)?)?;
            }
        }
        Ok(())
    }
}
