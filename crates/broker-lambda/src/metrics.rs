//! Metrics: one line in CloudWatch's embedded metric format for each invocation.
//!
//! A line per invocation needs nobody to remember to write the last one: the process may be frozen after any answer and
//! never run again. CloudWatch makes metrics of the lines, by function and by outcome; there are four outcomes, so that
//! neither clients nor keys make metrics of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Moment, Timestamp};
use broker::{BrokerCounts, BrokerStats};
use parking_lot::Mutex;
use serde::Serialize;

use crate::lines::Lines;

/// Writes metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    lines: Lines,
    namespace: String,
    function: String,
    warm: AtomicBool,
}

/// What one invocation came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoked {
    pub(crate) outcome: Outcome,
    pub(crate) began: Moment,
    pub(crate) ended: Moment,
    pub(crate) work: Work,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// With a token.
    Granted,
    /// With an error that is the caller's.
    Refused,
    /// With an error that is not.
    Failed,
    /// It was no request of an API.
    NoEvent,
}

impl Outcome {
    /// The outcome that an answer of `status` tells of.
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            0..400 => Self::Granted,
            400..500 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// What a broker did since it was looked at last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Work {
    pub(crate) cache_hits: u64,
    pub(crate) cache_misses: u64,
    pub(crate) upstream_calls: u64,
    pub(crate) upstream_failures: u64,
    pub(crate) audit_lost: u64,
}

/// What has been reported of a broker's counters. A renewal that nobody waited for is counted with the next invocation.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BrokerCounts>);

impl Tally {
    /// What came since the last time.
    pub(crate) fn since_last(&self, stats: &BrokerStats) -> Work {
        let mut last = self.0.lock();
        let now = stats.counts();
        let hits = |counts: &BrokerCounts| counts.hits + counts.refreshes + counts.stale;
        let misses = |counts: &BrokerCounts| counts.misses + counts.joined;
        let work = Work {
            cache_hits: hits(&now).saturating_sub(hits(&last)),
            cache_misses: misses(&now).saturating_sub(misses(&last)),
            upstream_calls: now.upstream_calls.saturating_sub(last.upstream_calls),
            upstream_failures: now.upstream_failures.saturating_sub(last.upstream_failures),
            audit_lost: now.audit_lost.saturating_sub(last.audit_lost),
        };
        *last = now;
        work
    }
}

impl Metrics {
    pub(crate) const fn new(lines: Lines, namespace: String, function: String) -> Self {
        Self { lines, namespace, function, warm: AtomicBool::new(false) }
    }

    /// Writes the line of an invocation.
    pub(crate) fn record(&self, invoked: Invoked) {
        let cold_start = !self.warm.swap(true, Ordering::Relaxed);
        // What cannot be written cannot be said either: the same stream takes the audit lines, and they are missed.
        let _lost = self.lines.write(&self.line(invoked, cold_start));
    }

    fn line(&self, invoked: Invoked, cold_start: bool) -> String {
        let Invoked { outcome, began, ended, work } = invoked;
        let line = Line {
            aws: Directive {
                timestamp: began.time.as_millis(),
                metrics: [
                    Group { namespace: &self.namespace, dimensions: BY_OUTCOME, metrics: OF_EACH },
                    Group { namespace: &self.namespace, dimensions: BY_FUNCTION, metrics: OF_ALL },
                ],
            },
            function: &self.function,
            outcome,
            cold_start,
            requests: 1,
            latency: Timestamp::EPOCH.plus(ended.since(began)).as_micros(),
            work,
        };
        // There is no map and no float that serde_json could fail on.
        let mut line = serde_json::to_string(&line).unwrap_or_default();
        line.push('\n');
        line
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Directive<'a>,
    function: &'a str,
    outcome: Outcome,
    cold_start: bool,
    #[serde(rename = "Requests")]
    requests: u64,
    #[serde(rename = "Latency")]
    latency: u64,
    #[serde(flatten)]
    work: Work,
}

#[derive(Serialize)]
struct Directive<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: u64,
    #[serde(rename = "CloudWatchMetrics")]
    metrics: [Group<'a>; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group<'a> {
    namespace: &'a str,
    dimensions: &'a [&'a [&'a str]],
    metrics: &'a [Metric],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const fn count(name: &'static str) -> Metric {
    Metric { name, unit: "Count" }
}

const BY_FUNCTION: &[&[&str]] = &[&["function"]];
const BY_OUTCOME: &[&[&str]] = &[&["function"], &["function", "outcome"]];
const OF_EACH: &[Metric] = &[count("Requests"), Metric { name: "Latency", unit: "Microseconds" }];
const OF_ALL: &[Metric] = &[
    count("CacheHits"),
    count("CacheMisses"),
    count("UpstreamCalls"),
    count("UpstreamFailures"),
    count("AuditLost"),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ambient::Clock as _;
    use testkit::ManualClock;

    use super::*;

    #[test]
    fn line_is_what_cloudwatch_makes_metrics_of() {
        let clock = ManualClock::default();
        let metrics = Metrics::new(Lines::to(Vec::new()), "token-broker".into(), "broker".into());
        let began = clock.moment();
        clock.advance(Duration::from_micros(1_234));
        let work = Work { cache_misses: 1, upstream_calls: 1, ..Work::default() };
        let invoked = Invoked { outcome: Outcome::of(200), began, ended: clock.moment(), work };
        insta::assert_snapshot!(metrics.line(invoked, true).trim_end());
    }

    #[test]
    fn every_name_that_is_declared_stands_in_the_line() {
        let metrics = Metrics::new(Lines::to(Vec::new()), "n".into(), "f".into());
        let at = ManualClock::default().moment();
        let invoked = Invoked { outcome: Outcome::Failed, began: at, ended: at, work: Work::default() };
        let line: serde_json::Value = serde_json::from_str(&metrics.line(invoked, false)).unwrap();
        for metric in OF_EACH.iter().chain(OF_ALL) {
            assert!(line[metric.name].is_u64(), "{}", metric.name);
        }
        for dimension in BY_FUNCTION.iter().chain(BY_OUTCOME).copied().flatten() {
            assert!(line[dimension].is_string(), "{dimension}");
        }
    }
}
