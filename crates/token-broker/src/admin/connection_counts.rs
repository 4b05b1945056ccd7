//! What became of the front door's connections.

use std::sync::Arc;

use listen::Counts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::front_listener::Introductions;

/// What became of the front door's connections.
#[derive(Debug)]
pub(crate) struct ConnectionCollector {
    /// Of the listener.
    pub(crate) counts: Arc<Counts>,
    /// Of those that proxies bring, if they say whom for.
    pub(crate) introductions: Option<Arc<Introductions>>,
}

impl Collector for ConnectionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Page(&mut encoder);
        page.level("connections_open", "Connections of the front door", self.counts.open())?;
        let introduced = |count: fn(&Introductions) -> u64| self.introductions.as_deref().map_or(0, count);
        let totals = [
            (
                "connections_refused",
                "Connections closed because their address had too many",
                self.counts.refused() + introduced(Introductions::crowded),
            ),
            (
                "connections_unintroduced",
                "Connections closed because they did not begin with a PROXY header of a trusted proxy",
                introduced(Introductions::refused),
            ),
            (
                "connections_cut",
                "Connections ended because their peer took nothing, or too long",
                self.counts.cut(),
            ),
            (
                "connections_displaced",
                "Connections closed while they waited for their peer, to make room for others",
                self.counts.displaced(),
            ),
        ];
        for (name, help, count) in totals {
            page.count(name, help, count)?;
        }
        Ok(())
    }
}
