//! Spans of requests on their way to a collector, in a build that can send them.
//!
//! Only the definition switches them on: an environment that was made for other programs makes nothing leave this machine.

use std::fmt::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy};
use anyhow::{Context as _, ensure};
use config::{Definition, Parents, TracesSettings};
use otlp::{
    CollectorHeaders, CollectorUrl, Counts, Dropped, Exporter, Exporting, HttpTransport, Origin, Settings,
};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use spans::{Senders, Tracer};

use crate::admin::Page;
use crate::secret_file::Exposed;
use crate::{definition, secret_file};

/// Everything can be run by this build.
#[expect(clippy::unnecessary_wraps, reason = "a build that sends no spans refuses")]
pub(crate) fn refuse_unbuilt(_settings: Option<&TracesSettings>) -> anyhow::Result<()> {
    Ok(())
}

/// Reads and checks the files of the way to the collector that `definition` names, if it does, as a start would.
pub(crate) fn check(
    definition: &Definition,
    config: &Path,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Exposed>> {
    let settings = definition.local.traces.as_ref();
    settings.map_or(Ok(None), |settings| way(settings, config, None, clock).map(|way| way.exposed))
}

/// What runs for spans.
#[derive(Debug)]
pub(crate) struct Traces {
    exporting: Option<Exporting>,
}

impl Traces {
    /// Starts what the definition, which is in the file `config`, asks for, and says who makes spans, if somebody does. `elsewhere`
    /// is a collector that stands above the definition's.
    pub(crate) fn start(
        (definition, config): (&Definition, &Path),
        elsewhere: Option<&str>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> anyhow::Result<(Option<Arc<Tracer>>, Self)> {
        let Some(settings) = &definition.local.traces else {
            return Ok((None, Self { exporting: None }));
        };
        let Way { collector, transport, exposed } = way(settings, config, elsewhere, clock)?;
        secret_file::warn(exposed.as_slice());
        let TracesSettings { one_in, parents, .. } = settings;
        tracing::info!(%collector, one_in, "spans go to the collector");
        let instance = ambient::Uuid::v4(&**entropy).as_str().to_owned();
        let origin = Origin { service: "token-broker", version: env!("CARGO_PKG_VERSION"), instance };
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

/// The way to a collector.
struct Way {
    collector: CollectorUrl,
    transport: HttpTransport,
    /// The file of headers, if it is open to everybody.
    exposed: Option<Exposed>,
}

/// The way to the collector, with what its files say. Paths count from the directory of `config`.
fn way(
    settings: &TracesSettings,
    config: &Path,
    elsewhere: Option<&str>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Way> {
    let TracesSettings { endpoint, ca, headers_file, .. } = settings;
    let directory = definition::directory(config);
    let written = CollectorUrl::below(endpoint.as_str());
    let collector = match elsewhere.filter(|url| !url.is_empty()) {
        Some(url) => CollectorUrl::below(url),
        None => written.clone(),
    };
    let collector = collector.context("the collector's address cannot be used")?;
    let trusted = ca.as_ref().map(|ca| tls::trusting_client(&directory.join(ca), Arc::clone(clock)));
    let trusted = trusted.transpose().context("who signs the collector's certificate is not known")?;
    let mut transport = HttpTransport::new(collector.clone(), trusted);
    let mut exposed = None;
    if let Some(file) = headers_file {
        // What was written for one collector is not shown to another.
        ensure!(Ok(&collector) == written.as_ref(), OTHER_COLLECTOR);
        let file = directory.join(file);
        let (text, open) = secret_file::read(&file, COLLECTOR_HEADERS)?;
        exposed = open;
        let headers = CollectorHeaders::parse(&text)
            .with_context(|| format!("{COLLECTOR_HEADERS} cannot be taken from `{}`", file.display()))?;
        transport = transport.with_headers(headers);
    }
    Ok(Way { collector, transport, exposed })
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

const COLLECTOR_HEADERS: &str = "the collector's headers";

const OTHER_COLLECTOR: &str = "`homes.local.traces.headers_file` is for the collector at `endpoint`, and \
                               `OTEL_EXPORTER_OTLP_ENDPOINT` or `--otlp-endpoint` names another; \
                               take that away, or write the other address into `endpoint`";

/// How long the last spans may take once the program has drained. Whoever takes its place waits as long.
const LAST_SPANS: Duration = Duration::from_secs(1);
