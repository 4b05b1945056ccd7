//! From [`Document`] to [`Definition`]: does what is written make sense.
//!
//! One file per part of the definition. Every part is judged even when another is wrong, so that one run shows all that
//! is to be mended; a value that is wrong counts as left out from there on.

mod access_log;
mod api;
mod app_clients;
mod broker;
mod clients;
mod function;
mod homes;
mod limits;
mod observed;
mod plans;
mod proxies;
mod tls;
mod values;
mod waivers;

use std::fmt::Display;

use crate::document::Document;
use crate::error::DefinitionError;
use crate::position::Positions;
use crate::written::{Optional, Written};
use crate::{Definition, Position};

/// The definition that `document` is, or everything that is wrong with it.
pub(crate) fn inspect(document: Document) -> Result<Definition, Vec<DefinitionError>> {
    let mut inspector = Inspector::default();
    let Document { api, plans, clients, app_clients, broker, homes, waivers } = document;
    let api = api::inspect(api, &mut inspector);
    let plans = plans::inspect(plans, &mut inspector);
    let clients = clients::inspect(clients, &plans, &mut inspector);
    let app_clients = app_clients::inspect(app_clients, &clients, &mut inspector);
    let broker = broker::inspect(broker, &app_clients, &mut inspector);
    let (local, aws) = homes::inspect(homes, &app_clients, &mut inspector);
    access_log::refuse_own_on_aws(&api.access_log, aws.as_ref(), &mut inspector);
    let waivers = waivers::inspect(waivers, &mut inspector);
    let Inspector { errors, positions } = inspector;
    // A home that is wrong has left an error.
    let Some(local) = local.filter(|_| errors.is_empty()) else { return Err(errors) };
    let plans = plans.into_values().flatten().collect();
    Ok(Definition { api, plans, clients, app_clients, broker, local, aws, waivers, positions })
}

/// Collects what is wrong, and where everything stands.
#[derive(Default)]
struct Inspector {
    errors: Vec<DefinitionError>,
    positions: Positions,
}

impl Inspector {
    /// Reports a problem.
    fn report(&mut self, at: Position, path: &str, problem: impl Into<String>, mend: impl Into<String>) {
        self.errors.push(DefinitionError::new(at, path, problem.into(), mend.into()));
    }

    /// Remembers where a part stands.
    fn note(&mut self, path: &str, at: Position) {
        self.positions.insert(path, at);
    }

    /// What `read` makes of a value; the mend is for when it fails.
    fn value<T, R, E: Display>(
        &mut self,
        written: &Written<T>,
        path: &str,
        mend: &str,
        read: impl FnOnce(&T) -> Result<R, E>,
    ) -> Option<R> {
        read(&written.value).map_err(|problem| self.report(written.at, path, problem.to_string(), mend)).ok()
    }

    /// The same for a field that may be left out.
    fn optional<T, R, E: Display>(
        &mut self,
        written: &Optional<Written<T>>,
        path: &str,
        mend: &str,
        read: impl FnOnce(&T) -> Result<R, E>,
    ) -> Option<R> {
        written.0.as_ref().and_then(|written| self.value(written, path, mend, read))
    }
}
