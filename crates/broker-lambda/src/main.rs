//! The program that Lambda starts. All of it is in the library, so that tests reach it.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    broker_lambda::run(std::env::vars_os()).await
}
