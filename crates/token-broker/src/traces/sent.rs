//! Spans of requests on their way to a collector, in a build that can send them.
//!
//! Only the definition switches them on: an environment that was made for other programs makes nothing leave this machine.

use std::fmt::Error;
use std::sync::Arc;
use std::time::Duration;

use ambient::Entropy;
use anyhow::Context as _;
use config::{Parents, TracesSettings};
use otlp::{CollectorUrl, Counts, Dropped, Exporter, Exporting, HttpTransport, Origin, Settings};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use spans::{Senders, Tracer};

use crate::admin::Page;

/// Everything can be run by this build.
#[expect(clippy::unnecessary_wraps, reason = "a build that sends no spans refuses")]
pub(crate) fn refuse_unbuilt(_settings: Option<&TracesSettings>) -> anyhow::Result<()> {
    Ok(())
}

/// What runs for spans.
#[derive(Debug)]
pub(crate) struct Traces {
    exporting: Option<Exporting>,
}

impl Traces {
    /// Starts what `settings` ask for, and says who makes spans, if somebody does. `collector` stands above the definition's.
    pub(crate) fn start(
        settings: Option<&TracesSettings>,
        collector: Option<&str>,
        entropy: &Arc<dyn Entropy>,
    ) -> anyhow::Result<(Option<Arc<Tracer>>, Self)> {
        let Some(TracesSettings { endpoint, one_in, parents }) = settings else {
            return Ok((None, Self { exporting: None }));
        };
        let collector =
            CollectorUrl::below(collector.filter(|url| !url.is_empty()).unwrap_or(endpoint.as_str()))
                .context("the collector's address cannot be used")?;
        tracing::info!(%collector, one_in, "spans go to the collector");
        let instance = ambient::Uuid::v4(&**entropy).as_str().to_owned();
        let origin = Origin { service: "token-broker", version: env!("CARGO_PKG_VERSION"), instance };
        let transport = HttpTransport::new(collector);
        let (exporter, exporting) =
            Exporter::start(transport, origin, Settings::default(), Arc::clone(entropy));
        let senders = match parents {
            Parents::Follow => Senders::Decide,
            Parents::Ignore => Senders::AreNotAsked,
        };
        let tracer = Tracer::new(Arc::new(exporter), Arc::clone(entropy), *one_in, senders);
        Ok((Some(Arc::new(tracer)), Self { exporting: Some(exporting) }))
    }

    /// Shows what becomes of spans.
    pub(crate) fn register(&self, registry: &mut Registry) {
        if let Some(exporting) = &self.exporting {
            registry.register_collector(Box::new(SpanCollector(exporting.counts())));
        }
    }

    /// Sends what is queued. What is not sent by then is dropped, and the log says how much.
    pub(crate) async fn finish(self) {
        let Some(exporting) = self.exporting else { return };
        let counts = exporting.counts();
        exporting.finish(LAST_SPANS).await;
        let dropped: u64 = counts.dropped().iter().map(|(_, count)| count).sum();
        if dropped > 0 {
            tracing::warn!(dropped, exported = counts.exported(), "spans were dropped");
        }
    }
}

#[derive(Debug)]
struct SpanCollector(Arc<Counts>);

impl Collector for SpanCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(&mut encoder);
        page.count("spans_exported", "Spans that the collector has taken", self.0.exported())?;
        let by_reason = |(why, count): (Dropped, u64)| ([("reason", why.as_str().to_owned())], count);
        let help = "Spans that were dropped, by reason";
        page.counts(("spans_dropped", help), self.0.dropped().into_iter().map(by_reason))
    }
}

/// How long the last spans may take once the program has drained. Whoever takes its place waits as long.
const LAST_SPANS: Duration = Duration::from_secs(1);
