//! Requests by client, for as many clients as the definition asks for.
//!
//! The first of them by name have series of their own, all others share one, so that no number of clients makes a page
//! long. Who a client is, the API key says; a request whose key nobody knows is no client's. Series go with the definition
//! that named their client; those of clients that stay go on.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwapOption;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::admit::{Binding, Limited};

/// What is counted by client; nothing unless the definition asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients(Arc<ArcSwapOption<Shown>>);

/// Who has series of their own.
#[derive(Debug, Default)]
struct Shown {
    by_name: HashMap<Arc<str>, Arc<Series>>,
    /// Of everybody else.
    others: Arc<Series>,
    /// How many those are.
    without: u64,
}

/// The numbers of one client.
#[derive(Debug, Default)]
struct Series {
    outcomes: [AtomicU64; OUTCOMES.len()],
    throttled: [AtomicU64; Binding::ALL.len()],
}

impl Clients {
    /// Gives the first `most` of `names` series of their own from now on; nobody has any without it.
    pub(crate) fn show<'a>(&self, names: impl IntoIterator<Item = &'a str>, most: Option<NonZeroU32>) {
        let Some(most) = most.and_then(|most| usize::try_from(most.get()).ok()) else {
            return self.0.store(None);
        };
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let without = u64::try_from(names.len().saturating_sub(most)).unwrap_or(u64::MAX);
        let before = self.0.load_full();
        let before = before.as_deref();
        let kept = |name: &str| before.and_then(|shown| shown.by_name.get(name).cloned()).unwrap_or_default();
        let by_name = names.into_iter().take(most).map(|name| (name.into(), kept(name))).collect();
        let others = before.map(|shown| Arc::clone(&shown.others)).unwrap_or_default();
        self.0.store(Some(Arc::new(Shown { by_name, others, without })));
    }

    /// Whether a client has series of its own.
    pub(crate) fn shows(&self, client: &str) -> bool {
        self.0.load().as_ref().is_some_and(|shown| shown.by_name.contains_key(client))
    }

    /// Whether any has.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load().is_some()
    }

    pub(crate) fn observe(&self, client: &str, status: Option<u16>, limited: Option<Limited>) {
        let shown = self.0.load();
        let Some(shown) = shown.as_ref() else { return };
        let series = shown.by_name.get(client).unwrap_or(&shown.others);
        let outcome = match status {
            Some(..400) => 0,
            Some(400..500) => 1,
            Some(500..) => 2,
            None => 3,
        };
        count(&series.outcomes, outcome);
        if let Some(Limited::Refused(binding)) = limited
            && let Some(place) = Binding::ALL.iter().position(|known| *known == binding)
        {
            count(&series.throttled, place);
        }
    }
}

fn count(counters: &[AtomicU64], place: usize) {
    if let Some(counter) = counters.get(place) {
        counter.fetch_add(1, Relaxed);
    }
}

impl Collector for Clients {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(shown) = self.0.load_full() else { return Ok(()) };
        let named: BTreeMap<&str, &Arc<Series>> =
            shown.by_name.iter().map(|(name, series)| (&**name, series)).collect();
        let all = || named.iter().map(|(name, series)| (*name, &***series)).chain([(OTHERS, &*shown.others)]);
        let help = "Requests by the client whose key came with them, and by what became of them";
        let mut described = encoder.encode_descriptor("client_requests", help, None, MetricType::Counter)?;
        for (client, series) in all() {
            for (outcome, counter) in OUTCOMES.into_iter().zip(&series.outcomes) {
                let labels = [("client", client), ("outcome", outcome)];
                ConstCounter::new(counter.load(Relaxed)).encode(described.encode_family(&labels)?)?;
            }
        }
        let help = "Requests refused with 429 by client and by the limit that refused";
        let mut described = encoder.encode_descriptor("client_throttled", help, None, MetricType::Counter)?;
        for (client, series) in all() {
            for (limit, counter) in Binding::ALL.into_iter().zip(&series.throttled) {
                let labels = [("client", client), ("limit", limit.as_str())];
                ConstCounter::new(counter.load(Relaxed)).encode(described.encode_family(&labels)?)?;
            }
        }
        let help = "Clients that have no series of their own and are counted together";
        let described = encoder.encode_descriptor("clients_without_series", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(shown.without).unwrap_or(i64::MAX)).encode(described)
    }
}

/// By the status of the answer; the last for a client that was gone before there was one.
const OUTCOMES: [&str; 4] = ["answered", "refused", "failed", "abandoned"];
/// No client can have this name.
const OTHERS: &str = "(other)";

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;

    fn page(clients: &Clients) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(clients.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect()
    }

    fn answered(page: &[String], client: &str) -> Option<u64> {
        let series = format!("client_requests_total{{client=\"{client}\",outcome=\"answered\"}} ");
        page.iter().find_map(|line| line.strip_prefix(&series)).map(|count| count.parse().unwrap())
    }

    #[test]
    fn ten_thousand_clients_do_not_make_ten_thousand_series() {
        let clients = Clients::default();
        let names: Vec<String> = (0..10_000).map(|number| format!("client-{number:05}")).collect();
        clients.show(names.iter().map(String::as_str), NonZeroU32::new(50));
        for name in &names {
            clients.observe(name, Some(200), None);
        }
        let page = page(&clients);
        assert_eq!(page.len(), 51 * (OUTCOMES.len() + Binding::ALL.len()) + 1);
        assert_eq!(answered(&page, "client-00049"), Some(1));
        assert_eq!(answered(&page, "client-00050"), None);
        assert_eq!(answered(&page, OTHERS), Some(9_950));
        assert!(page.contains(&"clients_without_series 9950".to_owned()));
    }

    #[test]
    fn series_of_a_client_that_is_gone_go_and_those_of_the_others_go_on() {
        let clients = Clients::default();
        let two = NonZeroU32::new(2);
        clients.show(["a", "b", "c"], two);
        for name in ["a", "b", "c"] {
            clients.observe(name, Some(200), None);
        }
        clients.show(["b", "c"], two);
        clients.observe("b", Some(200), None);
        clients.observe("c", Some(200), None);
        let page = page(&clients);
        assert_eq!(
            ["a", "b", "c", OTHERS].map(|name| answered(&page, name)),
            [None, Some(2), Some(1), Some(1)]
        );
    }

    #[test]
    fn nothing_is_shown_unless_it_is_asked_for() {
        let clients = Clients::default();
        clients.observe("a", Some(200), None);
        assert!(page(&clients).is_empty());
        clients.show(["a"], NonZeroU32::new(1));
        clients.show(["a"], None);
        clients.observe("a", Some(200), None);
        assert!(page(&clients).is_empty() && !clients.is_on());
    }

    #[test]
    fn what_becomes_of_requests_is_told_apart() {
        let clients = Clients::default();
        clients.show(["a"], NonZeroU32::new(1));
        clients.observe("a", Some(429), Some(Limited::Refused(Binding::Quota)));
        clients.observe("a", Some(503), Some(Limited::Unready(Some(Binding::Plan))));
        clients.observe("a", None, None);
        let page = page(&clients);
        let counted: Vec<_> =
            page.iter().filter(|line| line.contains("client=\"a\"") && line.ends_with(" 1")).collect();
        assert_eq!(
            counted,
            [
                "client_requests_total{client=\"a\",outcome=\"refused\"} 1",
                "client_requests_total{client=\"a\",outcome=\"failed\"} 1",
                "client_requests_total{client=\"a\",outcome=\"abandoned\"} 1",
                "client_throttled_total{client=\"a\",limit=\"quota\"} 1",
            ]
        );
    }
}
