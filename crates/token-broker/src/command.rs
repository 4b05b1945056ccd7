//! One file per command.

mod check;
mod clients;
mod diff;
mod guardrails;
mod init;
mod keys;
mod package;
mod quota;
mod reload;
mod token;
mod up;
mod usage;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command, Config};
use crate::terminal;

pub(crate) use init::provide;
pub(crate) use up::Endpoints;

/// Runs the command that was typed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let place = &cli.place;
    match cli.command {
        Command::Init(output) => init::run(place, output)?,
        Command::Up(options) => return up::run(place, &options),
        Command::Token(options) => return token::run(place, &options),
        Command::Clients(output) => clients::run(place, output)?,
        Command::Keys(keys) => keys::run(place, &keys)?,
        Command::Package(options) => package::run(place, &options)?,
        Command::Usage(options) => usage::run(place, &options)?,
        Command::Quota(quota) => quota::run(place, &quota)?,
        Command::Reload(output) => reload::run(place, output)?,
        Command::Config(Config::Check(output)) => return check::run(place, output),
        Command::Config(Config::Diff(options)) => return Ok(diff::run(place, &options)),
        Command::Config(Config::Schema) => check::schema()?,
        Command::Check(options) => return Ok(guardrails::run(place, cli.config_is_named, &options)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "token-broker", &mut script);
            terminal::print(&String::from_utf8(script)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
