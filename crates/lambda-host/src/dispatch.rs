//! Where invocations and processes meet: the pool behind its lock, and everything that follows from what it decides.
//!
//! Both sides come here: [`Host`](crate::Host) with invocations, the Runtime API with requests of a process, and the
//! task that watches a process. The lock is held for the decision alone; wakes, outcomes and log lines come after it.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Timestamp, Uuid};
use bytes::Bytes;
use http::HeaderValue;
use lambda::InvokeError;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::ending::Ending;
use crate::environment::Initialization;
use crate::job::Job;
use crate::log::FunctionLog;
use crate::pool::{Aftermath, Bounds, Next, NotTaken, Pool, ProcessId, Refusal, Submitted, Verdict};
use crate::process::{self, Farewell, Handle};
use crate::spec::FunctionSpec;
use crate::stats::Stats;

/// What a process's request waits with: dropped, nothing is ever going to come.
type Wake = oneshot::Sender<()>;

/// Where invocations and processes of one function meet.
pub(crate) struct Dispatch {
    pub(crate) spec: FunctionSpec,
    pub(crate) arn: HeaderValue,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) log: Arc<dyn FunctionLog>,
    state: Mutex<State>,
    /// Processes that run, whether the pool still counts on them or not.
    processes: Mutex<HashMap<ProcessId, Handle>>,
    /// How many processes are watched, from before their start until after their end.
    pub(crate) watched: watch::Sender<usize>,
    /// Changes when a process has got ready, or has failed to.
    pub(crate) readied: watch::Sender<()>,
}

struct State {
    pool: Pool<Job, Wake>,
    tally: Stats,
}

/// An event as a process gets it.
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) json: Bytes,
    pub(crate) trace: Option<HeaderValue>,
    pub(crate) deadline: Timestamp,
}

/// What becomes of a process that has been looked at.
pub(crate) enum Looked {
    /// Nothing until then, if it does not do anything itself.
    StaysUntil(Duration),
    /// It is to end. Those who counted on it are told afterwards.
    Ends(Ending, GivenUp),
    /// Nothing: it has been given up already.
    GivenUp,
}

/// A process that is no longer counted on, and what is to be told to whom.
#[must_use]
pub(crate) struct GivenUp(Aftermath<Job, Wake>);

/// What a process said of its invocation.
pub(crate) enum Answer {
    /// Its reply.
    Reply(Bytes),
    /// A reply larger than allowed.
    TooLarge,
    /// That it failed.
    Error,
}

impl Dispatch {
    pub(crate) fn new(
        spec: FunctionSpec,
        arn: HeaderValue,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        log: Arc<dyn FunctionLog>,
    ) -> Self {
        let pool = Pool::new(Bounds {
            concurrency: spec.concurrency.get(),
            timeout: spec.timeout,
            init_timeout: spec.init_timeout,
            spare_after: spec.spare_after,
        });
        Self {
            spec,
            arn,
            clock,
            entropy,
            log,
            state: Mutex::new(State { pool, tally: Stats::default() }),
            processes: Mutex::default(),
            watched: watch::Sender::new(0),
            readied: watch::Sender::new(()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.spec.name.as_str()
    }

    /// Takes an invocation. Its outcome goes where the job says, unless it is refused here and now.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), InvokeError> {
        let submitted = {
            let mut state = self.state.lock();
            let submitted = state.pool.submit(job, self.clock.uptime());
            match &submitted {
                Ok(Submitted::Starts(_)) => {
                    state.tally.invocations += 1;
                    state.tally.cold_starts += 1;
                }
                Ok(_) => state.tally.invocations += 1,
                Err((_job, refusal)) => state.tally.refuse(*refusal),
            }
            submitted
        };
        match submitted {
            // A request that broke off in this very moment: its process asks again, or ends.
            Ok(Submitted::Handed(wake)) => {
                let _broken_off = wake.send(());
            }
            Ok(Submitted::Waits) => {}
            Ok(Submitted::Starts(id)) => process::start(Arc::clone(self), id, Initialization::OnDemand),
            Err((_job, refusal)) => return Err(refused(refusal)),
        }
        Ok(())
    }

    /// Waits until there is an invocation for the process. Never returns if it is not going to get any.
    pub(crate) async fn next(&self, id: ProcessId) -> Event {
        loop {
            let (wake, woken) = oneshot::channel();
            let parked = match self.ask(id, wake) {
                Ok(event) => return event,
                Err(parked) => parked,
            };
            if woken.await.is_err() {
                // Asked for again on another connection, or the process is to end.
                pending::<()>().await;
            }
            drop(parked);
        }
    }

    fn ask(&self, id: ProcessId, wake: Wake) -> Result<Event, Option<Parked<'_>>> {
        let now = self.clock.uptime();
        let mut state = self.state.lock();
        let was_starting = state.pool.is_starting(id);
        let asked = match state.pool.next(id, wake, now) {
            Next::Event(job) => {
                // Kept, for whoever asks again: the time goes on as it was.
                job.deadline = job.deadline.min(self.clock.now().plus(self.spec.timeout));
                let Job { id, event, trace, deadline, .. } = &*job;
                Ok(Event { id: *id, json: event.clone(), trace: trace.clone(), deadline: *deadline })
            }
            Next::Parked(token) => Err(Some(Parked { dispatch: self, id, token })),
            Next::Gone => Err(None),
            Next::Leaves => {
                drop(state);
                self.say(id, Farewell::Terminate);
                return Err(None);
            }
        };
        drop(state);
        if was_starting {
            self.readied.send_replace(());
        }
        asked
    }

    /// Takes the answer of a process to the invocation `request`.
    pub(crate) fn answer(&self, id: ProcessId, request: &str, answer: Answer) -> Result<(), NotTaken> {
        let job = {
            let mut state = self.state.lock();
            let (job, took) = state.pool.answer(id, request, self.clock.uptime())?;
            state.tally.duration = state.tally.duration.saturating_add(took);
            match answer {
                Answer::Reply(_) => {}
                Answer::TooLarge => state.tally.errors.too_large += 1,
                Answer::Error => state.tally.errors.function += 1,
            }
            job
        };
        job.finish(match answer {
            Answer::Reply(reply) => Ok(reply),
            Answer::TooLarge | Answer::Error => Err(InvokeError::Failed),
        });
        Ok(())
    }

    /// Whether the process has not asked for anything yet.
    pub(crate) fn is_starting(&self, id: ProcessId) -> bool {
        self.state.lock().pool.is_starting(id)
    }

    /// Gives the process up, if it is still counted on.
    pub(crate) fn give_up(&self, id: ProcessId, ending: Ending) -> Option<GivenUp> {
        let aftermath = {
            let mut state = self.state.lock();
            if !state.pool.has(id) {
                return None;
            }
            let aftermath = state.pool.end(id, self.clock.uptime());
            state.tally.errors.count(ending, aftermath.failed.len());
            state.tally.settle(&aftermath);
            aftermath
        };
        self.readied.send_replace(());
        Some(GivenUp(aftermath))
    }

    /// Gives up a process that has exited. Says why it did, if it was still counted on.
    pub(crate) fn exited(self: &Arc<Self>, id: ProcessId) -> Option<Ending> {
        let ending = {
            let state = self.state.lock();
            match (state.pool.is_starting(id), state.pool.is_closed()) {
                (_, true) => Ending::Shutdown,
                (true, false) => Ending::InitExited,
                (false, false) => Ending::Exited,
            }
        };
        self.give_up(id, ending).map(|given_up| {
            self.follow(given_up);
            ending
        })
    }

    /// Looks what time says about the process.
    pub(crate) fn look(self: &Arc<Self>, id: ProcessId) -> Looked {
        let (verdict, aftermath) = {
            let mut state = self.state.lock();
            let (verdict, aftermath) = state.pool.look(id, self.clock.uptime());
            if let Verdict::Ends(ending) = verdict {
                state.tally.errors.count(ending, aftermath.failed.len());
            }
            state.tally.settle(&aftermath);
            (verdict, GivenUp(aftermath))
        };
        match verdict {
            Verdict::Ends(ending) => {
                self.readied.send_replace(());
                Looked::Ends(ending, aftermath)
            }
            Verdict::StaysUntil(until) => {
                self.follow(aftermath);
                Looked::StaysUntil(until)
            }
            Verdict::GivenUp => Looked::GivenUp,
        }
    }

    /// Tells those who counted on a process, and starts others in its place.
    pub(crate) fn follow(self: &Arc<Self>, GivenUp(aftermath): GivenUp) {
        for id in aftermath.start {
            process::start(Arc::clone(self), id, Initialization::OnDemand);
        }
        for wake in aftermath.wake {
            let _broken_off = wake.send(());
        }
        for job in aftermath.failed {
            job.finish(Err(InvokeError::Failed));
        }
        for (job, refusal) in aftermath.refused {
            job.finish(Err(refused(refusal)));
        }
    }

    /// Starts processes until there are `processes`, which stay however long they are idle.
    pub(crate) fn keep(self: &Arc<Self>, processes: usize) {
        let start = self.state.lock().pool.keep(processes, self.clock.uptime());
        for id in start {
            process::start(Arc::clone(self), id, Initialization::Provisioned);
        }
    }

    /// Takes no more invocations, and tells every process to end that is not running one.
    pub(crate) fn close(&self) {
        let (waiting, leaving) = {
            let mut state = self.state.lock();
            let (waiting, leaving) = state.pool.close();
            state.tally.errors.count(Ending::Shutdown, waiting.len());
            (waiting, leaving)
        };
        for job in waiting {
            job.finish(Err(InvokeError::Unavailable));
        }
        for id in leaving {
            self.say(id, Farewell::Terminate);
        }
        self.readied.send_replace(());
    }

    /// Ends every process at once.
    pub(crate) fn kill_all(&self) {
        for process in self.processes.lock().values() {
            process.kill();
        }
    }

    /// Tells a process to end.
    pub(crate) fn say(&self, id: ProcessId, farewell: Farewell) {
        if let Some(process) = self.processes.lock().get(&id) {
            process.say(farewell);
        }
    }

    /// A process runs. If the pool gave it up while it was being started, it is told so at once.
    pub(crate) fn register(&self, id: ProcessId, handle: Handle) {
        self.processes.lock().insert(id, handle);
        // INVARIANT: the pool gives up first and says so afterwards. Whoever did that before this process was in the
        // list is seen here, and whoever does it later finds the process in the list.
        if !self.state.lock().pool.has(id) {
            self.say(id, Farewell::Kill);
        }
    }

    /// A process runs no more.
    pub(crate) fn unregister(&self, id: ProcessId) {
        if let Some(handle) = self.processes.lock().remove(&id) {
            // Children that it left behind.
            handle.kill();
        }
    }

    pub(crate) fn count_malformed(&self) {
        self.state.lock().tally.errors.malformed += 1;
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.state.lock();
        let (processes, _starting, idle) = state.pool.census();
        Stats { processes, idle, ..state.tally }
    }

    /// How many processes are starting, and how many have got ready.
    pub(crate) fn readiness(&self) -> (usize, usize) {
        let (processes, starting, _idle) = self.state.lock().pool.census();
        (starting, processes - starting)
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// A request that waits. Dropped with its connection, it waits no longer.
struct Parked<'a> {
    dispatch: &'a Dispatch,
    id: ProcessId,
    token: u64,
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.dispatch.state.lock().pool.unpark(self.id, self.token, self.dispatch.clock.uptime());
    }
}

fn refused(refusal: Refusal) -> InvokeError {
    match refusal {
        Refusal::Throttled => InvokeError::Throttled,
        Refusal::Failing => InvokeError::Failed,
        Refusal::Closed => InvokeError::Unavailable,
    }
}
