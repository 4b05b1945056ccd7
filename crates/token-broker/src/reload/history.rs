//! What became of reloads, for metrics, for `systemctl status` and for whoever asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Refusal;
use crate::chain::Generation;

/// What became of reloads.
#[derive(Debug)]
pub(crate) struct History(Mutex<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    generation: Generation,
    since: Timestamp,
    taken_over: u64,
    refused: u64,
    last: Option<Last>,
}

/// The last reload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Last {
    pub(crate) at: Timestamp,
    /// Why it was refused, if it was.
    pub(crate) refusal: Option<String>,
}

impl History {
    /// Nothing but the start, at `started`.
    pub(crate) const fn new(started: Timestamp) -> Self {
        let generation = Generation::FIRST;
        Self(Mutex::new(Inner { generation, since: started, taken_over: 0, refused: 0, last: None }))
    }

    /// Which definition is in force, and since when; and the last reload, if there was one.
    pub(crate) fn now(&self) -> (Generation, Timestamp, Option<Last>) {
        let Inner { generation, since, last, .. } = self.lock().clone();
        (generation, since, last)
    }

    /// In one line, for people.
    pub(crate) fn status(&self) -> String {
        let (generation, _, last) = self.now();
        let refused = last.is_some_and(|last| last.refusal.is_some());
        let but = if refused { "; the last reload was refused, see the log" } else { "" };
        format!("definition {generation} is in force{but}")
    }

    pub(super) fn take_over(&self, generation: Generation, at: Timestamp) {
        let mut inner = self.lock();
        let taken_over = inner.taken_over.saturating_add(1);
        let last = Some(Last { at, refusal: None });
        *inner = Inner { generation, since: at, taken_over, last, ..*inner };
    }

    pub(super) fn refuse(&self, refusal: &Refusal, at: Timestamp) {
        let mut inner = self.lock();
        inner.refused = inner.refused.saturating_add(1);
        inner.last = Some(Last { at, refusal: Some(refusal.message.clone()) });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same as metrics.
#[derive(Debug)]
pub(crate) struct HistoryCollector(pub(crate) std::sync::Arc<History>);

impl Collector for HistoryCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Inner { generation, since, taken_over, refused, last } = self.0.lock().clone();
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut described =
            encoder.encode_descriptor("reloads", "Times the definition was read again", None, kind)?;
        for (outcome, count) in [("taken_over", taken_over), ("refused", refused)] {
            ConstCounter::new(count).encode(described.encode_family(&[("outcome", outcome)])?)?;
        }
        let refused_last = last.as_ref().is_some_and(|last| last.refusal.is_some());
        let levels = [
            ("definition_generation", "Which definition is in force, from 1 at the start", generation.0),
            ("definition_since_seconds", "Since when it is, in seconds since 1970", since.as_secs()),
            ("last_reload_refused", "Whether the last reload was refused", refused_last.into()),
            (
                "last_reload_seconds",
                "When the last reload was, in seconds since 1970; 0 if there was none",
                last.map_or(0, |last| last.at.as_secs()),
            ),
        ];
        for (name, help, level) in levels {
            let gauge = ConstGauge::new(i64::try_from(level).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prometheus_client::registry::Registry;

    use super::*;

    fn metrics(history: &Arc<History>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(HistoryCollector(Arc::clone(history))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn refused_reload_leaves_the_generation_and_is_seen() {
        let history = Arc::new(History::new(Timestamp::from_secs(10)));
        assert_eq!(history.status(), "definition 1 is in force");
        history.take_over(Generation(2), Timestamp::from_secs(20));
        let refusal = Refusal::from(&anyhow::anyhow!("line 3 is wrong"));
        history.refuse(&refusal, Timestamp::from_secs(30));
        assert_eq!(history.status(), "definition 2 is in force; the last reload was refused, see the log");
        assert_eq!(
            metrics(&history),
            "reloads_total{outcome=\"taken_over\"} 1\nreloads_total{outcome=\"refused\"} 1\ndefinition_generation 2\n\
             definition_since_seconds 20\nlast_reload_refused 1\nlast_reload_seconds 30"
        );
        history.take_over(Generation(3), Timestamp::from_secs(40));
        assert!(metrics(&history).contains("\nlast_reload_refused 0\nlast_reload_seconds 40"));
        let last = Last { at: Timestamp::from_secs(40), refusal: None };
        assert_eq!(history.now(), (Generation(3), Timestamp::from_secs(40), Some(last)));
    }
}
