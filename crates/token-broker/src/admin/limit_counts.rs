//! What the store of limits has counted.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::limit_store::{Amount, LimitStore, Sample};

/// What the store of limits has counted.
#[derive(Debug)]
pub(crate) struct LimitCollector(pub(crate) Arc<dyn LimitStore>);

impl Collector for LimitCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Page(&mut encoder);
        for Sample { name, help, value } in self.0.samples() {
            match value {
                Amount::Count(count) => page.count(name, help, count)?,
                Amount::Level(level) => page.level(name, help, level)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ambient::Timestamp;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::limit_store::Keeping;

    /// A store that has counted.
    #[derive(Debug)]
    struct Counted;

    impl LimitStore for Counted {
        fn keeping(&self) -> Keeping {
            Keeping::Kept
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
    fn numbers_of_the_store_of_limits_are_metrics() {
        let mut registry = Registry::with_prefix("token_broker");
        registry.register_collector(Box::new(LimitCollector(Arc::new(Counted))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("token_broker_limit_a_total 3\n"), "{text}");
        assert!(text.contains(&format!("token_broker_limit_b {}\n", i64::MAX)), "{text}");
    }
}
