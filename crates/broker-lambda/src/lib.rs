//! The broker as a Lambda function: the program `bootstrap` on the runtime `provided.al2023`.
//!
//! Lambda starts it, and it asks the runtime API for one proxy event after the other and answers each. What it is made
//! from comes in two parts: the definition, packaged with it, read and checked at the start; and the bindings, which say
//! what exists only on AWS, read when the first request comes ([`store`]). `handler.rs` has the way of an invocation.
//!
//! Promises: state lives in the process, so that tokens and connections serve further invocations; nothing runs after an
//! answer that the answer depends on; every failure but that of the payload itself is an OAuth answer, never an error of
//! Lambda's; stdout has audit and metrics lines alone, stderr the log, and no key, secret, token or payload is in either.
//!
//! It does not know API Gateway's objects, limits or keys' values: they stay in front of it.

mod bound;
mod environment;
#[cfg(test)]
mod fixtures;
mod handler;
mod init_error;
mod keeper;
mod lines;
mod logs;
mod metrics;
mod packaged;
mod refusal;
mod secrets;
mod shutdown;
pub mod store;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use ambient::{SystemClock, SystemEntropy, Timestamp};
use broker::AuditSink;
use lambda::{EventError, ProxyReply};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use thiserror::Error;
use tracing::level_filters::LevelFilter;

pub use environment::{Environment, EnvironmentError, EnvironmentErrors, ExtensionAccess};
pub use packaged::{Fingerprint, FingerprintError};

use bound::Factory;
use handler::Handler;
use lines::Lines;
use metrics::Metrics;
use packaged::PackagedError;
use shutdown::Underway;
use store::Stores;

/// Runs the function that the environment `variables` describe, until it is told to stop.
pub async fn run(variables: impl IntoIterator<Item = (OsString, OsString)>) -> ExitCode {
    let variables: Vec<_> = variables.into_iter().collect();
    let runtime_api = environment::runtime_api(&variables);
    match start(variables) {
        Ok(handler) => serve(handler).await,
        Err(error) => {
            let message = error.to_string();
            tracing::error!(error = message, "the function cannot start");
            init_error::report(runtime_api, &message).await;
            ExitCode::FAILURE
        }
    }
}

/// Makes everything that can be made without asking anybody.
fn start(variables: Vec<(OsString, OsString)>) -> Result<Handler, StartError> {
    let environment = Environment::read(variables).inspect_err(|_| logs::start(LevelFilter::INFO))?;
    logs::start(environment.log);
    let Environment { bindings, extension, metrics_namespace, function, .. } = environment;
    let definition = packaged::read(&environment.definition, environment.definition_sha256)?;
    let lines = Lines::to(std::io::stdout());
    let factory = Factory {
        definition,
        bindings,
        store: Arc::new(Stores::new(extension)),
        audit: Arc::new(lines.clone()) as Arc<dyn AuditSink>,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    Ok(Handler::new(factory, Metrics::new(lines, metrics_namespace, function)))
}

async fn serve(handler: Handler) -> ExitCode {
    let handler = Arc::new(handler);
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let handler = Arc::clone(&handler);
        async move { invoke(&handler, event).await }
    });
    let underway = Underway::none();
    let runtime = Runtime::new(service).layer(underway.clone());
    tokio::select! {
        ended = runtime.run_concurrent() => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "the runtime api cannot be reached any more");
                ExitCode::FAILURE
            }
        },
        () = underway.ended() => ExitCode::SUCCESS,
    }
}

/// The payload is read here and not by the runtime, whose errors repeat what they did not expect.
async fn invoke(handler: &Handler, event: LambdaEvent<Box<RawValue>>) -> Result<ProxyReply, NoEvent> {
    let deadline = Timestamp::from_micros(event.context.deadline.saturating_mul(1_000));
    handler.handle(event.payload.get().as_bytes(), deadline).await.map_err(NoEvent)
}

/// Why the function does not start.
#[derive(Debug, Error)]
enum StartError {
    #[error("the environment is wrong: {0}")]
    Environment(#[from] EnvironmentErrors),
    #[error("{0}")]
    Packaged(#[from] PackagedError),
}

/// An invocation that is no request of an API.
#[derive(Debug)]
struct NoEvent(EventError);

impl From<NoEvent> for Diagnostic {
    fn from(NoEvent(error): NoEvent) -> Self {
        Self { error_type: "TokenBroker.NoProxyEvent".to_owned(), error_message: error.to_string() }
    }
}
