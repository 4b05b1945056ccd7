//! The program's own log: JSON lines on stderr, of which Lambda makes log events.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts the log.
pub(crate) fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // Nobody has started another one in this process, and if so, lines go there.
    let _started = tracing_subscriber::registry().with(lines).with(targets(level)).try_init();
    // The usual hook writes text that is no JSON.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

/// What is logged: of our own crates what is asked for, of others no more than warnings. The runtime's client would log
/// whole payloads, with the keys and tokens in them.
fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OWN.map(|name| (name, level)))
}

const OWN: [&str; 4] = ["broker", "broker_lambda", "cognito", "config"];

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn crates_that_see_payloads_are_never_verbose() {
        let all = targets(LevelFilter::TRACE);
        assert!(all.would_enable("broker::fetch", &Level::TRACE));
        for other in ["lambda_runtime", "lambda_runtime::layers::api_response", "hyper", "hyper_util"] {
            assert!(!all.would_enable(other, &Level::INFO) && all.would_enable(other, &Level::WARN));
        }
        assert!(!targets(LevelFilter::ERROR).would_enable("hyper", &Level::WARN));
        assert!(!targets(LevelFilter::OFF).would_enable("broker", &Level::ERROR));
    }
}
