//! The environment of a process, as Lambda makes it.
//!
//! Nothing of the host's own environment is handed down: neither its secrets nor what happens to be set on this machine.
//! `_X_AMZN_TRACE_ID` belongs to a single invocation, so it is the runtime's to set. `LD_LIBRARY_PATH` and `HOME` are
//! left out: the first names directories that only exist on Lambda, the second is not set there.

use std::net::SocketAddr;

use ambient::{Clock, Entropy, alphanumeric};

use crate::spec::FunctionSpec;

/// Why a process is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Initialization {
    /// An invocation waits for it.
    OnDemand,
    /// It is to be ready before one comes.
    Provisioned,
}

/// What the log stream of a process starting now is called: the day, the version, and something of its own.
pub(crate) fn log_stream(clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let millis = i64::try_from(clock.now().as_millis()).unwrap_or_default();
    let day = jiff::Timestamp::from_millisecond(millis).unwrap_or_default().strftime("%Y/%m/%d");
    format!("{day}/[{VERSION}]{}", alphanumeric(entropy, b"0123456789abcdef", 32))
}

/// The environment of a process whose Runtime API is at `api`. The function's own variables come last and win.
pub(crate) fn of(
    spec: &FunctionSpec,
    api: SocketAddr,
    initialization: Initialization,
    log_stream: String,
) -> Vec<(String, String)> {
    let directory = spec.directory.to_string_lossy().into_owned();
    let initialization = match initialization {
        Initialization::OnDemand => "on-demand",
        Initialization::Provisioned => "provisioned-concurrency",
    };
    let set = [
        ("AWS_DEFAULT_REGION", spec.region.to_string()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mib.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", VERSION.to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("AWS_REGION", spec.region.to_string()),
        ("LAMBDA_RUNTIME_DIR", directory.clone()),
        ("LAMBDA_TASK_ROOT", directory),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", spec.handler.clone()),
    ];
    let own = spec.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    set.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
}

/// The version that runs: the one that has not been published.
const VERSION: &str = "$LATEST";
