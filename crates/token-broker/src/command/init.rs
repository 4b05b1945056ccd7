//! `init`: the definition and the secrets, ready to be looked at before anything runs.

use ambient::{SystemClock, SystemEntropy};
use config::UserPool;
use serde_json::json;

use crate::cli::{Output, Place};
use crate::definition;
use crate::state::{ApiKeys, EmbeddedPool, State};
use crate::terminal::{self, ACCENT};

pub(crate) fn run(place: &Place, output: Output) -> anyhow::Result<()> {
    let written = definition::write_default(&place.config)?;
    let definition = definition::read(&place.config)?;
    let state = State::open_or_create(&place.state)?;
    provide(&definition, &state)?;
    let (config, directory) = (place.config.display().to_string(), place.state.display().to_string());
    if output.json {
        let said = json!({ "config": config, "config_written": written, "state": directory });
        return terminal::print_line(&said.to_string());
    }
    let what = if written { "written" } else { "kept as it was" };
    terminal::print_line(&format!(
        "{ACCENT}{config}{ACCENT:#}  {what}\n\
         {ACCENT}{directory}{ACCENT:#}  has the keys and secrets; keep it private\n\n\
         Next: token-broker up"
    ))
}

/// Generates what is missing.
pub(crate) fn provide(
    definition: &config::Definition,
    state: &State,
) -> anyhow::Result<Option<EmbeddedPool>> {
    ApiKeys::change(state, |keys| keys.provide(definition.clients.keys(), &SystemClock, &SystemEntropy))?;
    match &definition.local.user_pool {
        UserPool::Embedded { .. } => {
            let names = definition.app_clients.keys().map(config::AppClientName::as_str);
            EmbeddedPool::provide(state, definition.local.region.as_str(), names, &SystemEntropy).map(Some)
        }
        UserPool::External { .. } | UserPool::OfTheFunction => Ok(None),
    }
}
