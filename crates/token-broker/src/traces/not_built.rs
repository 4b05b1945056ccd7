//! Spans of requests, in a build that cannot send them: a definition that asks for them is refused.

use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, Entropy};
use anyhow::bail;
use config::{Definition, TracesSettings};
use prometheus_client::registry::Registry;
use spans::Tracer;

use crate::secret_file::Exposed;

/// Refuses a definition that asks for spans.
pub(crate) fn refuse_unbuilt(settings: Option<&TracesSettings>) -> anyhow::Result<()> {
    match settings {
        Some(_) => bail!(REFUSAL),
        None => Ok(()),
    }
}

/// There is nothing to look at.
pub(crate) fn check(
    definition: &Definition,
    _config: &Path,
    _clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Exposed>> {
    refuse_unbuilt(definition.local.traces.as_ref()).map(|()| None)
}

/// Nothing runs for spans.
#[derive(Debug)]
pub(crate) struct Traces;

#[expect(clippy::unused_self, reason = "a build that sends spans has something to do here")]
impl Traces {
    pub(crate) fn start(
        (definition, _config): (&Definition, &Path),
        _elsewhere: Option<&str>,
        _clock: &Arc<dyn Clock>,
        _entropy: &Arc<dyn Entropy>,
    ) -> anyhow::Result<(Option<Arc<Tracer>>, Self)> {
        refuse_unbuilt(definition.local.traces.as_ref()).map(|()| (None, Self))
    }

    pub(crate) fn register(&self, _registry: &mut Registry) {}

    pub(crate) fn finish(self) -> Ready<()> {
        ready(())
    }
}

const REFUSAL: &str = "`homes.local.traces` needs a build that sends spans; \
                       `cargo build --release --package token-broker --features otlp` makes one";
