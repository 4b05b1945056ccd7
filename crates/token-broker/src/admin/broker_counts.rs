//! What the broker has counted, and what its calls of the user pool took.

use std::fmt::Error;
use std::sync::Arc;

use broker::{BrokerCounts, BrokerStats, UpstreamCounts};
use cognito::Circuit;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::page::Page;

/// The broker's counters, read when they are asked for.
#[derive(Debug)]
pub(crate) struct BrokerCollector(pub(crate) Arc<BrokerStats>);

impl Collector for BrokerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
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
        } = self.0.counts();
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
        let mut page = Page(&mut encoder);
        for (name, help, count) in plain {
            page.count(name, help, count)?;
        }
        let by_reason = |(reason, count): (&str, u64)| ([("reason", reason.to_owned())], count);
        let help = "Requests that the broker refused, by reason";
        page.counts(("refused", help), refused.into_iter().map(by_reason))?;
        upstream(&mut page, self.0.upstream())
    }
}

fn upstream(page: &mut Page<'_, '_>, counts: UpstreamCounts) -> Result<(), Error> {
    let UpstreamCounts { attempts, errors, took, total, circuit } = counts;
    page.count("upstream_attempts", "Requests to the user pool, repeated ones too", attempts)?;
    let by_reason = |(reason, count): (&str, u64)| ([("reason", reason.to_owned())], count);
    let help = "Calls of the user pool that gave no token, by reason";
    page.counts(("upstream_errors", help), errors.into_iter().map(by_reason))?;
    let states = [("closed", Circuit::Closed), ("half_open", Circuit::HalfOpen), ("open", Circuit::Open)];
    let states =
        states.map(|(name, state)| ([("state", name.to_owned())], if state == circuit { 1.0 } else { 0.0 }));
    page.levels(("upstream_breaker", "1 for the state that the breaker is in since the last call"), states)?;
    let bounds = UpstreamCounts::SECONDS.into_iter().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(took).collect();
    let mut described = page.0.encode_descriptor(
        "upstream_latency",
        "How long calls of the user pool took, repeated attempts and waits between them included",
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    described.encode_histogram::<NoLabelSet>(total.as_secs_f64(), took.iter().sum(), &buckets, None)
}
