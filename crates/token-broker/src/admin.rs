//! The admin listener: is it alive, is it ready, what has it counted. On loopback only, and without a secret to give.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::{Broker, BrokerCounts};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use journal::Journal;
use lambda_host::{Errors, Host, Stats};
use listen::{Answer, Counts, Handler, Inbound};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::limit_store::{Amount, Keeping, LimitStore, Sample};

/// Answers `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug)]
pub(crate) struct Admin {
    registry: Registry,
    readiness: Readiness,
}

/// What must be so for requests to be sent here.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// The front door is open.
    pub(crate) serving: Arc<AtomicBool>,
    /// The keys in force are those of the register.
    pub(crate) keys_in_step: Arc<AtomicBool>,
    /// Without an audit log no token is handed out.
    pub(crate) audit: Journal,
    /// Without the store of limits no request is admitted for long, unless the definition lets them all through.
    pub(crate) limits: Arc<dyn LimitStore>,
}

impl Readiness {
    /// Why requests should not be sent here.
    fn obstacle(&self) -> Option<&'static str> {
        if !self.serving.load(Ordering::Acquire) {
            Some("not ready: starting or stopping\n")
        } else if !self.keys_in_step.load(Ordering::Acquire) {
            Some("not ready: changed API keys could not be taken over; see the log\n")
        } else if !self.audit.is_open() {
            Some("not ready: the audit log cannot be written\n")
        } else if self.limits.keeping() == Keeping::Closed {
            Some("not ready: the limits store cannot be written\n")
        } else {
            None
        }
    }

    /// What is said of a server to which requests may be sent.
    fn ready(&self) -> &'static str {
        match self.limits.keeping() {
            Keeping::Suspended => "ready, but limits are not guaranteed: their store cannot be written\n",
            Keeping::Kept | Keeping::Closed => "ready\n",
        }
    }
}

impl Admin {
    /// Answers from these counters and this readiness.
    pub(crate) fn new(registry: Registry, readiness: Readiness) -> Self {
        Self { registry, readiness }
    }

    fn metrics(&self) -> Answer {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => {
                let mut answer = answer(StatusCode::OK, text);
                let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(open_metrics));
                answer
            }
            Err(_unwritable) => {
                answer(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n".to_owned())
            }
        }
    }
}

impl Handler for Admin {
    async fn handle(&self, inbound: Inbound) -> Answer {
        let (method, path) = (inbound.request.method(), inbound.request.uri().path());
        match (method, path) {
            (&Method::GET, "/healthz") => answer(StatusCode::OK, "alive\n".to_owned()),
            (&Method::GET, "/readyz") => match self.readiness.obstacle() {
                Some(obstacle) => answer(StatusCode::SERVICE_UNAVAILABLE, obstacle.to_owned()),
                None => answer(StatusCode::OK, self.readiness.ready().to_owned()),
            },
            (&Method::GET, "/metrics") => self.metrics(),
            (_, "/healthz" | "/readyz" | "/metrics") => {
                answer(StatusCode::METHOD_NOT_ALLOWED, "use GET\n".to_owned())
            }
            _ => answer(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
        }
    }
}

fn answer(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The broker's counters, read when they are asked for.
#[derive(Debug)]
pub(crate) struct BrokerCollector(pub(crate) Arc<Broker>);

impl Collector for BrokerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let BrokerCounts {
            allowed,
            refused,
            hits,
            refreshes,
            stale,
            misses,
            joined,
            upstream_calls,
            upstream_failures,
            audit_lost,
        } = self.0.stats().counts();
        let plain = [
            ("allowed", "Requests that policy allowed", allowed),
            ("cache_hits", "Tokens served from the cache", hits),
            ("cache_refreshes", "Tokens served from the cache while they were renewed", refreshes),
            ("cache_stale", "Tokens served from the cache because renewing them had failed", stale),
            ("cache_misses", "Tokens that had to be asked for", misses),
            ("cache_joined", "Requests that waited for a token somebody else had asked for", joined),
            ("upstream_calls", "Calls of the user pool, each of several attempts at most", upstream_calls),
            ("upstream_failures", "Calls of the user pool that gave no token", upstream_failures),
            ("audit_lost", "Requests refused because their audit line could not be taken", audit_lost),
        ];
        for (name, help, count) in plain {
            let counter = ConstCounter::new(count);
            let described = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(described)?;
        }
        let mut described = encoder.encode_descriptor(
            "refused",
            "Requests that the broker refused, by reason",
            None,
            ConstCounter::new(0_u64).metric_type(),
        )?;
        for (reason, count) in refused {
            ConstCounter::new(count).encode(described.encode_family(&[("reason", reason)])?)?;
        }
        Ok(())
    }
}

/// What the host of a function in processes of its own has counted.
#[derive(Debug)]
pub(crate) struct FunctionCollector(pub(crate) Arc<Host>);

impl Collector for FunctionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Stats { invocations, throttles, cold_starts, errors, duration, processes, idle } =
            self.0.stats();
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let counts = [
            ("function_invocations", "Invocations that were taken", invocations),
            ("function_throttles", "Invocations refused because all processes were busy", throttles),
            ("function_cold_starts", "Invocations that had to start a process first", cold_starts),
            ("function_duration_milliseconds", "How long answered invocations took together", milliseconds),
        ];
        for (name, help, count) in counts {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let levels =
            [("function_processes", "Processes there are", processes), ("function_idle", "Idle ones", idle)];
        for (name, help, level) in levels {
            let gauge = ConstGauge::new(i64::try_from(level).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let Errors { function, init, exit, timeout, out_of_memory, too_large, malformed, shutdown } = errors;
        let kinds = [
            ("function", function),
            ("init", init),
            ("exit", exit),
            ("timeout", timeout),
            ("out_of_memory", out_of_memory),
            ("too_large", too_large),
            ("malformed", malformed),
            ("shutdown", shutdown),
        ];
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut described =
            encoder.encode_descriptor("function_errors", "Invocations that failed", None, kind)?;
        for (kind, count) in kinds {
            ConstCounter::new(count).encode(described.encode_family(&[("kind", kind)])?)?;
        }
        Ok(())
    }
}

/// What the store of limits has counted.
#[derive(Debug)]
pub(crate) struct LimitCollector(pub(crate) Arc<dyn LimitStore>);

impl Collector for LimitCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Sample { name, help, value } in self.0.samples() {
            match value {
                Amount::Count(count) => {
                    let counter = ConstCounter::new(count);
                    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
                }
                Amount::Level(level) => {
                    let gauge = ConstGauge::new(i64::try_from(level).unwrap_or(i64::MAX));
                    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}

/// How many lines journals refused, by name.
#[derive(Debug)]
pub(crate) struct JournalCollector(pub(crate) Vec<(&'static str, Journal)>);

impl Collector for JournalCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut described =
            encoder.encode_descriptor("log_lines_refused", "Lines that a log could not take", None, kind)?;
        for (name, journal) in &self.0 {
            ConstCounter::new(journal.refused()).encode(described.encode_family(&[("log", *name)])?)?;
        }
        Ok(())
    }
}

/// What became of the front door's connections.
#[derive(Debug)]
pub(crate) struct ConnectionCollector(pub(crate) Arc<Counts>);

impl Collector for ConnectionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let open = ConstGauge::new(i64::try_from(self.0.open()).unwrap_or(i64::MAX));
        open.encode(encoder.encode_descriptor(
            "connections_open",
            "Connections of the front door",
            None,
            open.metric_type(),
        )?)?;
        let totals = [
            (
                "connections_refused",
                "Connections closed because their address had too many",
                self.0.refused(),
            ),
            (
                "connections_cut",
                "Connections ended because their peer took nothing, or too long",
                self.0.cut(),
            ),
        ];
        for (name, help, count) in totals {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ambient::Timestamp;

    use super::*;

    /// A store that can be written, or cannot.
    #[derive(Debug)]
    struct Store {
        keeping: Keeping,
    }

    impl LimitStore for Store {
        fn keeping(&self) -> Keeping {
            self.keeping
        }

        fn samples(&self) -> Vec<Sample> {
            let sample = |name, value| Sample { name, help: "What it counts", value };
            vec![sample("limit_a", Amount::Count(3)), sample("limit_b", Amount::Level(u64::MAX))]
        }

        fn tidy(&self, _now: Timestamp) {}

        fn close(&self, _now: Timestamp) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn store_of_limits_that_cannot_be_written_is_an_obstacle_unless_requests_are_admitted_without_it() {
        let yes = || Arc::new(AtomicBool::new(true));
        let suspended = "ready, but limits are not guaranteed: their store cannot be written\n";
        for (keeping, said) in [
            (Keeping::Kept, Ok("ready\n")),
            (Keeping::Suspended, Ok(suspended)),
            (Keeping::Closed, Err("not ready: the limits store cannot be written\n")),
        ] {
            let (audit, writing) = Journal::start("audit", std::io::sink(), 1_024).unwrap();
            let limits = Arc::new(Store { keeping });
            let readiness = Readiness { serving: yes(), keys_in_step: yes(), audit, limits };
            assert_eq!(readiness.obstacle().map_or_else(|| Ok(readiness.ready()), Err), said);
            writing.finish(std::time::Duration::from_mins(1));
        }
    }

    #[test]
    fn numbers_of_the_store_of_limits_are_metrics() {
        let mut registry = Registry::with_prefix("token_broker");
        registry.register_collector(Box::new(LimitCollector(Arc::new(Store { keeping: Keeping::Kept }))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("token_broker_limit_a_total 3\n"), "{text}");
        assert!(text.contains(&format!("token_broker_limit_b {}\n", i64::MAX)), "{text}");
    }
}
