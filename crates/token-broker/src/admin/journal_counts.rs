//! How many lines journals could not take.

use journal::Journal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;

/// How many lines journals refused, by name.
#[derive(Debug)]
pub(crate) struct JournalCollector(pub(crate) Vec<(&'static str, Journal)>);

impl Collector for JournalCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.iter().map(|(name, journal)| ([("log", (*name).to_owned())], journal.refused()));
        Page(&mut encoder).counts(("log_lines_refused", "Lines that a log could not take"), counts)
    }
}
