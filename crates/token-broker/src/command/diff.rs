//! `config diff`: what a reload would change on the running server.

use std::process::ExitCode;

use config::{Change, Meaning};
use serde_json::json;

use crate::cli::{Diff, DiffFormat, Place};
use crate::control::Server;
use crate::state::State;
use crate::{definition, terminal};

/// Nothing differs, something does, or nobody knows: each has its exit code.
pub(crate) fn run(place: &Place, options: &Diff) -> ExitCode {
    match compare(place, options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(2)
        }
    }
}

fn compare(place: &Place, options: &Diff) -> anyhow::Result<bool> {
    let file = options.file.as_ref().unwrap_or(&place.config);
    let definition = definition::read(file)?;
    let state = State::open(&place.state)?;
    let what = "there is nothing in force to compare with";
    let in_force = Server::find(&state, what)?.definition()?;
    let changes = config::diff(&in_force.definition, &Meaning::from(&definition));
    match options.format {
        DiffFormat::Text => terminal::print(&for_people(&changes))?,
        DiffFormat::Json => {
            let file = file.display().to_string();
            let said = json!({ "file": file, "generation": in_force.generation, "changes": changes });
            terminal::print_line(&said.to_string())?;
        }
    }
    Ok(changes.is_empty())
}

fn for_people(changes: &[Change]) -> String {
    let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    if changes.iter().any(|change| change.needs_restart) {
        lines.push(String::new());
        lines.push(
            "A reload would be refused: what needs a restart is not taken over, and neither is the rest."
                .to_owned(),
        );
    }
    lines.into_iter().map(|line| line + "\n").collect()
}
