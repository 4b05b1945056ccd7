//! The admin listener: is it alive, is it ready, what has it counted. On loopback only, and without a secret to give.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::{Broker, BrokerCounts};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use journal::Journal;
use listen::{Answer, Handler, Inbound};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

/// Answers `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug)]
pub(crate) struct Admin {
    registry: Registry,
    ready: Arc<AtomicBool>,
    audit: Journal,
}

impl Admin {
    /// `ready` says whether requests are to be sent here; without an audit log there are none to send.
    pub(crate) fn new(registry: Registry, ready: Arc<AtomicBool>, audit: Journal) -> Self {
        Self { registry, ready, audit }
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
            (&Method::GET, "/readyz") if !self.ready.load(Ordering::Acquire) => {
                answer(StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or stopping\n".to_owned())
            }
            (&Method::GET, "/readyz") if !self.audit.is_open() => answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the audit log cannot be written\n".to_owned(),
            ),
            (&Method::GET, "/readyz") => answer(StatusCode::OK, "ready\n".to_owned()),
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
