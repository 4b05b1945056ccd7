//! `init`: the definition and the secrets, ready to be looked at before anything runs.

use ambient::{SystemClock, SystemEntropy};
use config::UserPool;

use crate::cli::Place;
use crate::definition;
use crate::state::{ApiKeys, EmbeddedPool, State};
use crate::terminal::ACCENT;

pub(crate) fn run(place: &Place) -> anyhow::Result<()> {
    let written = definition::write_default(&place.config)?;
    let definition = definition::read(&place.config)?;
    let state = State::open_or_create(&place.state)?;
    provide(&definition, &state)?;
    let what = if written { "written" } else { "kept as it was" };
    anstream::println!("{ACCENT}{}{ACCENT:#}  {what}", place.config.display());
    anstream::println!(
        "{ACCENT}{}{ACCENT:#}  has the keys and secrets; keep it private",
        place.state.display()
    );
    anstream::println!("\nNext: token-broker up");
    Ok(())
}

/// Generates what is missing.
pub(super) fn provide(
    definition: &config::Definition,
    state: &State,
) -> anyhow::Result<Option<EmbeddedPool>> {
    ApiKeys::change(state, |keys| keys.provide(definition.clients.keys(), &SystemClock, &SystemEntropy))?;
    match &definition.local.user_pool {
        UserPool::Embedded { .. } => {
            let names = definition.app_clients.keys().map(config::AppClientName::as_str);
            EmbeddedPool::provide(state, definition.local.region.as_str(), names, &SystemEntropy).map(Some)
        }
        UserPool::External { .. } => Ok(None),
    }
}
