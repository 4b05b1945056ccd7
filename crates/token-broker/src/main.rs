//! The command line and the wiring: the only crate that reads the environment, opens files and knows all the parts.
//!
//! `token-broker up` runs the whole chain on this machine: front door, broker, embedded user pool, admin listener. The
//! other commands prepare it, look at it, or use it as a client does.

mod activation;
mod admin;
mod audit;
mod certificates;
mod chain;
mod cli;
mod command;
mod control;
mod definition;
mod front_listener;
mod function;
mod http_client;
mod limit_store;
mod logs;
mod notify;
mod presence;
mod reload;
mod secret_file;
mod state;
mod terminal;
mod traces;
mod watch;

use std::process::ExitCode;

use crate::cli::Cli;

/// Answers are small and many, and so are their parts: see docs/adr/0010.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    match command::run(cli) {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&error);
            ExitCode::FAILURE
        }
    }
}
