//! Writes numbers that are counted elsewhere, as metrics.

use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The page that is being written.
pub(crate) struct Page<'a, 'e>(pub(crate) &'a mut DescriptorEncoder<'e>);

impl Page<'_, '_> {
    /// A number that only grows.
    pub(crate) fn count(&mut self, name: &str, help: &str, count: u64) -> Result<(), Error> {
        let described = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(count).encode(described)
    }

    /// A number that goes both ways.
    pub(crate) fn level(&mut self, name: &str, help: &str, level: u64) -> Result<(), Error> {
        let described = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(level).unwrap_or(i64::MAX)).encode(described)
    }

    /// A part of a whole, if it is known.
    pub(crate) fn ratio(&mut self, name: &str, help: &str, ratio: Option<f64>) -> Result<(), Error> {
        let described = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ratio.map_or(Ok(()), |ratio| ConstGauge::new(ratio).encode(described))
    }

    /// Numbers that only grow, each with its labels.
    pub(crate) fn counts<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        counts: impl IntoIterator<Item = ([(&'static str, String); N], u64)>,
    ) -> Result<(), Error> {
        let mut described = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, count) in counts {
            ConstCounter::new(count).encode(described.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Numbers that go both ways, each with its labels.
    pub(crate) fn levels<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        levels: impl IntoIterator<Item = ([(&'static str, String); N], f64)>,
    ) -> Result<(), Error> {
        let mut described = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, level) in levels {
            ConstGauge::new(level).encode(described.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
