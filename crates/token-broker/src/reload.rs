//! The definition and the keys of a running server change: one change after the other, each whole or not at all.
//!
//! Reloads are asked for by SIGHUP, by a change of the definition's file, and over the control socket; changes of keys are
//! seen in their register. One task does them all, so that none meets another half-way. A definition that is not taken over
//! changes nothing: what was in force stays in force, and log, metrics and whoever asked say why.
//!
//! A revocation must get through. A change of keys that cannot be taken over whole is tried again at every look; meanwhile
//! the keys that the register no longer has are taken out of what is in force. Until then the server says that it is not
//! ready.

mod history;
mod requests;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::Clock;
use listen::DrainSignal;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::task::spawn_blocking;

pub(crate) use history::{History, HistoryCollector};
pub(crate) use requests::{Refusal, Reloads, Request, Status, TakenOver};
use work::Work;

use crate::certificates::Certificates;
use crate::chain::{Chain, Generation};
use crate::notify;
use crate::presence::Fingerprint;
use crate::state::State;
use crate::watch::{DefinitionFile, EVERY, Register};

/// What changes are made to, and what by.
#[derive(Debug)]
pub(crate) struct Reloading {
    pub(crate) work: Arc<Work>,
    pub(crate) history: Arc<History>,
    /// Whether the keys in force are those of the register.
    pub(crate) in_step: Arc<AtomicBool>,
    /// The register that the server started with.
    pub(crate) register: Fingerprint,
    /// The definition's file before it was read.
    pub(crate) definition: Fingerprint,
    pub(crate) hangups: Signal,
    pub(crate) requests: Receiver<Request>,
    /// Generations that nothing needs any more.
    pub(crate) ended: UnboundedReceiver<Generation>,
}

/// The parts that a change needs.
pub(crate) fn work(
    state: State,
    config: std::path::PathBuf,
    chain: Arc<Chain>,
    certificates: Option<Arc<Certificates>>,
    clock: Arc<dyn Clock>,
) -> Arc<Work> {
    Arc::new(Work { state, config, chain, certificates, clock })
}

/// Makes changes until the drain begins.
pub(crate) async fn follow(reloading: Reloading, mut drain: DrainSignal) {
    let Reloading { work, history, in_step, register, definition, mut hangups, mut requests, mut ended } =
        reloading;
    let register = Register::in_force(register);
    let mut follower = Follower { work, history, in_step, register, file: DefinitionFile::read(definition) };
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What a reload that failed had begun is put away before another one has its number.
            biased;
            _grace = drain.begun() => return,
            Some(generation) = ended.recv() => follower.forget(generation).await,
            Some(request) = requests.recv() => {
                let outcome = follower.reload(Cause::Asked).await;
                // Whoever asked may have gone.
                let _answered = request.answer.send(outcome);
            }
            Some(()) = hangups.recv() => drop(follower.reload(Cause::Hangup).await),
            _tick = ticks.tick() => follower.look().await,
        }
    }
}

/// Why a definition is read again.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Asked,
    Hangup,
    FileChanged,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "the control socket",
            Self::Hangup => "SIGHUP",
            Self::FileChanged => "a change of the file",
        }
    }
}

struct Follower {
    work: Arc<Work>,
    history: Arc<History>,
    in_step: Arc<AtomicBool>,
    register: Register,
    file: DefinitionFile,
}

impl Follower {
    /// Looks for changes. Files are read and written and keys are hashed: not on a thread that answers requests.
    async fn look(&mut self) {
        if let Some(changed) = self.register.changed(&self.work.state) {
            self.take_over_keys(changed).await;
        }
        if self.file.look(&self.work.config) {
            // The log has said what came of it.
            let _said = self.reload(Cause::FileChanged).await;
        }
        if let Some(certificates) = self.work.certificates.as_ref().filter(|all| all.look()) {
            let certificates = Arc::clone(certificates);
            // The log has said what came of it.
            let _said = spawn_blocking(move || certificates.reload()).await;
        }
    }

    async fn take_over_keys(&mut self, changed: Fingerprint) {
        let work = Arc::clone(&self.work);
        let taken_over = spawn_blocking(move || work.take_over_keys(changed)).await;
        match taken_over.map_err(anyhow::Error::from).flatten() {
            Ok(keys) => {
                self.register = Register::in_force(changed);
                self.in_step.store(true, Ordering::Release);
                tracing::info!(keys, "API keys changed; the new ones are in force");
            }
            Err(error) => {
                self.register.fail();
                if self.in_step.swap(false, Ordering::AcqRel) {
                    let error = format!("{error:#}");
                    tracing::error!(error, "changed API keys cannot be taken over; trying again");
                }
            }
        }
    }

    async fn reload(&mut self, cause: Cause) -> Result<TakenOver, Refusal> {
        notify::reloading();
        // Before it is read, so that a change in between is noticed.
        self.file = DefinitionFile::read(Fingerprint::of_file(&self.work.config));
        let work = Arc::clone(&self.work);
        let outcome = spawn_blocking(move || work.reload()).await.map_err(anyhow::Error::from).flatten();
        let at = self.work.clock.now();
        let outcome = match outcome {
            Ok((taken_over, register)) => {
                self.register = Register::in_force(register);
                self.in_step.store(true, Ordering::Release);
                self.history.take_over(taken_over.generation, at);
                let paths: Vec<&str> = taken_over.changes.iter().map(|change| change.path.as_str()).collect();
                tracing::info!(
                    generation = taken_over.generation.0,
                    changed = paths.join(", "),
                    by = cause.as_str(),
                    "the definition was read again and is in force"
                );
                Ok(taken_over)
            }
            Err(error) => {
                let refusal = Refusal::from(&error);
                tracing::error!(
                    error = format!("{error:#}"),
                    by = cause.as_str(),
                    "the definition was read again and is not taken over; the one before stays in force"
                );
                self.history.refuse(&refusal, at);
                Err(refusal)
            }
        };
        notify::ready(&self.history.status());
        outcome
    }

    async fn forget(&mut self, generation: Generation) {
        if let Err(error) = self.work.chain.forget(generation).await {
            tracing::warn!(
                generation = generation.0,
                error = format!("{error:#}"),
                "a definition before leaves files behind"
            );
        }
    }
}
