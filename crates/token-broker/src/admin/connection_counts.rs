//! What became of the front door's connections.

use std::sync::Arc;

use listen::Counts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;

/// What became of the front door's connections.
#[derive(Debug)]
pub(crate) struct ConnectionCollector(pub(crate) Arc<Counts>);

impl Collector for ConnectionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Page(&mut encoder);
        page.level("connections_open", "Connections of the front door", self.0.open())?;
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
            (
                "connections_displaced",
                "Connections closed while they waited for their peer, to make room for others",
                self.0.displaced(),
            ),
        ];
        for (name, help, count) in totals {
            page.count(name, help, count)?;
        }
        Ok(())
    }
}
