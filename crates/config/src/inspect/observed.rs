//! `homes.local.metrics` and `homes.local.traces`: what is shown of requests besides what always is.

use std::num::NonZeroU32;

use oauth::TokenEndpointUrl;

use super::{Inspector, values};
use crate::Position;
use crate::definition::{MetricsSettings, Parents, TracesSettings};
use crate::document::{MetricsDocument, TracesDocument};
use crate::error::{DefinitionError, Shown};
use crate::written::{Optional, Written};

pub(super) fn metrics(
    written: Optional<Written<MetricsDocument>>,
    inspector: &mut Inspector,
) -> MetricsSettings {
    let Some(Written { value: MetricsDocument { per_client }, at }) = written.0 else {
        return MetricsSettings::default();
    };
    inspector.note("homes.local.metrics", at);
    let mend = "write a whole number from 1 to 1000, such as `50`, or remove the field";
    let per_client = inspector.optional(&per_client, "homes.local.metrics.per_client", mend, |clients| {
        up_to(MOST_CLIENTS, *clients).ok_or("so many clients cannot have series of their own")
    });
    MetricsSettings { per_client }
}

/// None if there are none, or if they are wrong.
pub(super) fn traces(
    written: Optional<Written<TracesDocument>>,
    inspector: &mut Inspector,
) -> Option<TracesSettings> {
    let Written { value: TracesDocument { endpoint, ca, headers_file, one_in, parents }, at } = written.0?;
    inspector.note(TRACES, at);
    let default = || Written { value: COLLECTOR.to_owned(), at: Position::START };
    let endpoint = self::endpoint(&endpoint.0.unwrap_or_else(default), inspector);
    let mend = "write the path of a PEM file, from the directory of the definition, or remove the field";
    let ca = inspector.optional(&ca, &format!("{TRACES}.ca"), mend, |file| values::path(file));
    let mend = "write the path of a file with lines `name: value`, from the directory of the definition, or remove the field";
    let headers =
        inspector.optional(&headers_file, &format!("{TRACES}.headers_file"), mend, |file| values::path(file));
    let mend = "write a whole number from 1 (every request) to 1000000, such as `10`";
    let one_in = inspector.optional(&one_in, &format!("{TRACES}.one_in"), mend, |number| {
        up_to(RAREST, *number).ok_or("this is no part of all requests")
    });
    let mend = "write `follow` or `ignore`";
    let parents =
        inspector.optional(&parents, &format!("{TRACES}.parents"), mend, |word| match word.as_str() {
            "follow" => Ok(Parents::Follow),
            "ignore" => Ok(Parents::Ignore),
            other => Err(format!("{} is nothing to do with what senders say", Shown(other))),
        });
    let endpoint = endpoint?;
    if let Some(file) = headers_file.0.filter(|_| endpoint.as_str().starts_with("http:")) {
        let problem = "the headers would go in clear to whoever listens there";
        let mend = "write an `endpoint` with `https`, or remove the field";
        inspector.report(file.at, &format!("{TRACES}.headers_file"), problem, mend);
    }
    Some(TracesSettings {
        endpoint,
        ca,
        headers_file: headers,
        one_in: one_in.unwrap_or(NonZeroU32::MIN.saturating_add(9)),
        parents: parents.unwrap_or_default(),
    })
}

fn endpoint(written: &Written<String>, inspector: &mut Inspector) -> Option<TokenEndpointUrl> {
    let url = values::endpoint(&written.value).map_err(|problem| {
        let mend = "write where the collector takes OTLP over HTTP, such as `http://127.0.0.1:4318`";
        // The line may have a password in it.
        let path = format!("{TRACES}.endpoint");
        let error = DefinitionError::new(written.at, &path, problem, mend.into());
        inspector.errors.push(error.unshown());
    });
    url.ok()
}

fn up_to(most: u32, number: u64) -> Option<NonZeroU32> {
    u32::try_from(number).ok().filter(|number| *number <= most).and_then(NonZeroU32::new)
}

const TRACES: &str = "homes.local.traces";
/// Where collectors listen unless they are told otherwise.
const COLLECTOR: &str = "http://127.0.0.1:4318";
/// Each has ten series.
const MOST_CLIENTS: u32 = 1_000;
const RAREST: u32 = 1_000_000;
