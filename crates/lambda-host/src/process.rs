//! One process of a function, from its start to its end.
//!
//! A task of its own watches it: it starts the process in a process group of its own, serves its Runtime API, empties its
//! pipes, looks at its time and its memory about four times a second, and ends the whole group when it is due.
//!
//! Times are exact all the same: whatever bounds a process is longer than the pause between two looks, and each look
//! waits no longer than until the next bound.

use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::RuntimeApi;
use crate::dispatch::{Dispatch, GivenUp, Looked};
use crate::ending::Ending;
use crate::environment::{self, Initialization};
use crate::memory;
use crate::pipes;
use crate::pool::ProcessId;
use crate::serve;
use crate::spec::FunctionSpec;

/// How a process is told to end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Farewell {
    /// Not at all.
    Stay,
    /// In its own time, for a little while.
    Terminate,
    /// At once.
    Kill,
}

/// By what others reach a process.
pub(crate) struct Handle {
    group: Pid,
    farewell: watch::Sender<Farewell>,
}

impl Handle {
    /// Tells the task that watches the process.
    pub(crate) fn say(&self, farewell: Farewell) {
        self.farewell.send_if_modified(|said| {
            let is_more = farewell > *said;
            *said = farewell.max(*said);
            is_more
        });
    }

    /// Ends the process and its children now, whether anybody watches or not.
    pub(crate) fn kill(&self) {
        signal(self.group, Signal::KILL);
    }
}

/// Starts a process as a task of its own.
pub(crate) fn start(dispatch: Arc<Dispatch>, id: ProcessId, initialization: Initialization) {
    dispatch.watched.send_modify(|watched| *watched += 1);
    let watched = Watched(Arc::clone(&dispatch), id);
    tokio::spawn(async move {
        match Process::launch(&dispatch, id, initialization).await {
            Ok(process) => process.watch().await,
            Err(error) => {
                let (function, process) = (dispatch.name(), id.0);
                tracing::error!(function, process, %error, "a process of a function could not be started");
                if let Some(given_up) = dispatch.give_up(id, Ending::NotStarted) {
                    dispatch.follow(given_up);
                }
            }
        }
        drop(watched);
    });
}

/// Counts a process as watched while it lives. However its task ends, the process does too.
struct Watched(Arc<Dispatch>, ProcessId);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.unregister(self.1);
        self.0.watched.send_modify(|watched| *watched -= 1);
    }
}

struct Process {
    dispatch: Arc<Dispatch>,
    id: ProcessId,
    child: Child,
    group: Pid,
    farewell: watch::Receiver<Farewell>,
    /// When it was told to end in its own time.
    told: Option<Duration>,
    api: JoinHandle<()>,
    pipes: Vec<JoinHandle<()>>,
}

enum Happened {
    Exited(io::Result<ExitStatus>),
    Told(Farewell),
    Nothing,
}

impl Process {
    async fn launch(
        dispatch: &Arc<Dispatch>,
        id: ProcessId,
        initialization: Initialization,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let stream = environment::log_stream(&*dispatch.clock, &*dispatch.entropy);
        let variables = environment::of(&dispatch.spec, listener.local_addr()?, initialization, stream);
        let mut child = command(&dispatch.spec)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Signals reach its children as well, and a Ctrl-C at the host's terminal reaches none of them.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let (said, farewell) = watch::channel(Farewell::Stay);
        dispatch.register(id, Handle { group, farewell: said });
        let pipes = pipes::empty(dispatch, id, &mut child);
        let api = Arc::new(RuntimeApi { dispatch: Arc::clone(dispatch), id });
        let api = tokio::spawn(serve::serve(listener, api, group));
        Ok(Self { dispatch: Arc::clone(dispatch), id, child, group, farewell, told: None, api, pipes })
    }

    /// Watches the process until it has ended, and what belongs to it with it.
    async fn watch(mut self) {
        let ended = loop {
            let pause = self.look();
            match self.happens_within(pause).await {
                Happened::Exited(status) => break status,
                Happened::Told(Farewell::Terminate) => self.terminate(),
                Happened::Told(Farewell::Kill) => signal(self.group, Signal::KILL),
                Happened::Told(Farewell::Stay) | Happened::Nothing => {}
            }
        };
        // The group's number cannot be anybody else's yet unless all numbers were used up in this very moment.
        self.dispatch.unregister(self.id);
        if let Some(ending) = self.dispatch.exited(self.id) {
            let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            let (function, process) = (self.dispatch.name(), self.id.0);
            tracing::warn!(
                function,
                process,
                reason = ending.as_str(),
                status,
                "a process of a function ended"
            );
        }
        self.api.abort();
        // A child that left the group may hold the pipes open for ever.
        let emptied = async {
            for pipe in &mut self.pipes {
                let _aborted = pipe.await;
            }
        };
        if tokio::time::timeout(PIPES, emptied).await.is_err() {
            self.pipes.iter().for_each(JoinHandle::abort);
        }
    }

    async fn happens_within(&mut self, pause: Duration) -> Happened {
        let Self { child, farewell, .. } = self;
        let happens = async {
            tokio::select! {
                biased;
                exited = child.wait() => Happened::Exited(exited),
                Ok(()) = farewell.changed() => Happened::Told(*farewell.borrow_and_update()),
            }
        };
        tokio::time::timeout(pause, happens).await.unwrap_or(Happened::Nothing)
    }

    /// Looks at the process's time and memory, and says how long until the next look.
    fn look(&mut self) -> Duration {
        let now = self.dispatch.uptime();
        if let Some(told) = self.told {
            let left = (told + TERMINATES_WITHIN).saturating_sub(now);
            if left.is_zero() {
                signal(self.group, Signal::KILL);
                return LOOKS;
            }
            return left;
        }
        let spec = &self.dispatch.spec;
        let looks = LOOKS.min(spec.timeout).min(spec.init_timeout);
        match self.dispatch.look(self.id) {
            Looked::StaysUntil(_) if self.exceeds_memory() => {
                if let Some(given_up) = self.dispatch.give_up(self.id, Ending::OutOfMemory) {
                    self.end(Ending::OutOfMemory, given_up);
                }
            }
            Looked::StaysUntil(until) => return looks.min(until.saturating_sub(now)),
            Looked::Ends(ending, given_up) => self.end(ending, given_up),
            Looked::GivenUp => {}
        }
        looks
    }

    fn exceeds_memory(&self) -> bool {
        memory::exceeds(self.group, self.dispatch.spec.memory_mib.get().saturating_mul(1024 * 1024))
    }

    fn end(&mut self, ending: Ending, given_up: GivenUp) {
        let (function, process, reason) = (self.dispatch.name(), self.id.0, ending.as_str());
        if ending.is_wanted() {
            tracing::debug!(function, process, reason, "a process of a function is told to end");
            self.terminate();
        } else {
            tracing::warn!(function, process, reason, "a process of a function is killed");
            signal(self.group, Signal::KILL);
        }
        // Last: whoever is told that an invocation failed finds its process gone.
        self.dispatch.follow(given_up);
    }

    fn terminate(&mut self) {
        signal(self.group, Signal::TERM);
        self.told.get_or_insert(self.dispatch.uptime());
    }
}

fn command(spec: &FunctionSpec) -> Command {
    let (program, arguments) = spec
        .command
        .split_first()
        .map_or(("", [].as_slice()), |(program, arguments)| (program.as_str(), arguments));
    let mut command = if program.contains('/') {
        // Joined here, since what a relative path starts at after a change of directory differs between systems.
        Command::new(spec.directory.join(program))
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(&spec.directory);
    command
}

/// Signals a whole process group; one that is gone already has got its wish.
fn signal(group: Pid, signal: Signal) {
    let _gone = kill_process_group(group, signal);
}

/// How long until a process's time and memory are looked at again.
const LOOKS: Duration = Duration::from_millis(250);

/// How long a process that was told to end may take: the longest that Lambda gives.
const TERMINATES_WITHIN: Duration = Duration::from_secs(2);

/// How long the pipes of a process that has ended may take to run empty.
const PIPES: Duration = Duration::from_secs(1);
