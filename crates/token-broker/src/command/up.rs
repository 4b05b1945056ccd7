//! `up`: the whole chain on this machine, until it is told to stop.

mod banner;
mod endpoints;
mod serving;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use config::Definition;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::activation::Passed;
use crate::cli::{Place, Up};
use crate::command::init;
use crate::presence::Fingerprint;
use crate::state::{EmbeddedPool, State};
use crate::{control, definition, function, logs, notify, presence, terminal};

pub(crate) use endpoints::Endpoints;

pub(crate) fn run(place: &Place, options: &Up) -> anyhow::Result<ExitCode> {
    // Before there are threads.
    let passed = Passed::take()?;
    let (own_log, own_writing) = logs::own(&options.log)?;
    let ended = prepare(place, options, passed.any()).and_then(|(setup, kept)| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(serving::serve(&setup, Given { kept, passed }, own_log.clone()));
        served.and(forget_server(&setup.state))
    });
    if let Err(error) = &ended {
        // By the same way as every line: a stderr that takes nothing must not keep the program from ending.
        let _dropped = own_log.offer(terminal::error_text(error).as_bytes());
    }
    logs::finish("log", own_writing);
    Ok(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run is made of, before anything listens.
struct Setup<'a> {
    place: &'a Place,
    options: &'a Up,
    definition: Arc<Definition>,
    /// What the definition was made from.
    text: String,
    /// The definition's file before it was read.
    file: Fingerprint,
    state: State,
    first_start: bool,
    /// How many files, and so connections, may be open.
    files: u64,
    /// Held for as long as the server runs: a second one on the same state is refused.
    _held: std::fs::File,
}

/// What a run is given and uses up.
struct Given {
    /// What the embedded user pool keeps, if there is one.
    kept: Option<EmbeddedPool>,
    /// Sockets that were open before.
    passed: Passed,
}

fn prepare<'a>(
    place: &'a Place,
    options: &'a Up,
    activated: bool,
) -> anyhow::Result<(Setup<'a>, Option<EmbeddedPool>)> {
    let first_start = definition::write_default(&place.config)?;
    let mut file = Fingerprint::of_file(&place.config);
    let (mut definition, mut text) = definition::read_with_text(&place.config)?;
    let state = State::open_or_create(&place.state)?;
    // Whoever comes by a passed socket waits in its queue: the server before this one may finish what it has begun.
    let grace = Duration::from_secs(options.drain_seconds).saturating_add(AFTER_DRAIN);
    let patience = if activated { grace } else { presence::AT_ONCE };
    let mut waited = false;
    let held = presence::hold(&state, patience, || {
        waited = activated;
        if waited {
            tracing::info!(
                patience_s = patience.as_secs(),
                "waiting until the server before this one has stopped"
            );
            notify::waiting();
        }
    })?;
    let Some(held) = held else {
        bail!(
            "another token-broker runs on the state directory `{}`; stop it, or name another with --state",
            place.state.display()
        );
    };
    if waited {
        file = Fingerprint::of_file(&place.config);
        (definition, text) = definition::read_with_text(&place.config)?;
    }
    let definition = Arc::new(definition);
    // What a killed server left behind must not be taken for this one's.
    forget_server(&state)?;
    function::forget_all(&state)?;
    let pool = init::provide(&definition, &state)?;
    let files = raise_file_limit();
    Ok((Setup { place, options, definition, text, file, state, first_start, files, _held: held }, pool))
}

/// How long after its drain the server before this one may still write its logs and limits.
const AFTER_DRAIN: Duration = Duration::from_secs(30);

/// Takes away what says where a server is, and that there is one. Whoever calls holds the lock.
fn forget_server(state: &State) -> anyhow::Result<()> {
    // Each of them, whatever becomes of the others.
    let (endpoints, socket) = (Endpoints::remove(state), control::remove(state));
    endpoints.and(socket).and(Fingerprint::unpublish(state))
}

/// Every connection is a file descriptor, and the usual soft limit is below what the listeners may have open. The hard
/// limit is the administrator's, and stays. Returns the limit that holds.
fn raise_file_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised =
        current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    if !raised {
        tracing::warn!(limit = current, "the limit of open files cannot be raised");
    }
    if raised { maximum } else { current }.unwrap_or(u64::MAX)
}
