//! `reload`: the running server reads its definition again.

use serde_json::Value;

use crate::cli::{Output, Place};
use crate::control::{Refused, Server};
use crate::state::State;
use crate::terminal::{self, ACCENT};

pub(crate) fn run(place: &Place, output: Output) -> anyhow::Result<()> {
    let state = State::open(&place.state)?;
    let server = Server::find(&state, "a reload is the running server's to do")?;
    let reloaded = server.reload().map_err(|error| match error.downcast::<Refused>() {
        // What is wrong with the definition is said as `config check` says it.
        Ok(refused) => refused.into_original(),
        Err(other) => other,
    })?;
    if output.json {
        return terminal::print_line(&reloaded.to_string());
    }
    let changes = reloaded.get("changes").and_then(Value::as_array).map_or(0, Vec::len);
    let generation = reloaded.get("generation").and_then(Value::as_u64).unwrap_or_default();
    terminal::print_line(&format!(
        "{ACCENT}in force{ACCENT:#}  {changes} change(s); definition {generation} since the server started"
    ))
}
