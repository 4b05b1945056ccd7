//! Which process runs which invocation: the whole decision, without processes, sockets or clocks.
//!
//! A process is *starting* until it asks for an invocation for the first time, then by turns *idle*, *running* one, and
//! *returning* for the next. An invocation goes to the process that was idle most recently; without one it waits for a
//! process that is about to be idle, and starts one if all of those are spoken for. It is refused when that would be one
//! process too many, or when the function has lately failed to start.
//!
//! The pool never acts: it says what is to be started, woken or told. Time is an argument, as time since some fixed
//! moment. What an invocation and a waiting request are is the caller's affair.

mod failures;
mod said;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use crate::ending::Ending;
use failures::Failures;
pub(crate) use said::{Aftermath, Next, NotTaken, Refusal, Submitted, Verdict};

/// An invocation, as far as the pool is concerned.
pub(crate) trait Work {
    /// Whether nobody waits for its outcome any longer.
    fn is_abandoned(&self) -> bool;

    /// Whether this is its id.
    fn has_id(&self, id: &str) -> bool;
}

/// A process, counted from the first that the host started.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ProcessId(pub(crate) u64);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the function is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many processes there may be.
    pub(crate) concurrency: usize,
    /// How long one invocation may take, until the process asks for the next.
    pub(crate) timeout: Duration,
    /// How long a process may take to ask for its first invocation.
    pub(crate) init_timeout: Duration,
    /// How long a process that is not needed is kept.
    pub(crate) spare_after: Duration,
}

/// Invocations of type `J`, and processes whose waiting requests are of type `P`.
pub(crate) struct Pool<J, P> {
    bounds: Bounds,
    members: BTreeMap<ProcessId, Member<J, P>>,
    /// Most recently idle last.
    idle: Vec<ProcessId>,
    /// Oldest first.
    waiting: VecDeque<J>,
    failures: Failures,
    /// How many processes stay, however long they are idle.
    kept: usize,
    started: u64,
    parked: u64,
    closed: bool,
}

struct Member<J, P> {
    phase: Phase<J>,
    /// Since when: it has been starting or idle; or its last invocation has been running.
    since: Duration,
    /// The request that waits while it is idle, and which one that is.
    parked: Option<(u64, P)>,
}

enum Phase<J> {
    Starting,
    Idle,
    /// `seen`: the process has been sent the event. Until then another process may run it as well.
    Running {
        job: J,
        seen: bool,
    },
    /// It has answered, and will ask for the next invocation at any moment.
    Returning {
        answered: Duration,
    },
    /// It does not ask for the next invocation: nobody waits for it.
    Lingering,
}

impl<J: Work, P> Pool<J, P> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            members: BTreeMap::new(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            failures: Failures::default(),
            kept: 0,
            started: 0,
            parked: 0,
            closed: false,
        }
    }

    /// Takes a new invocation, or gives it back.
    pub(crate) fn submit(&mut self, job: J, now: Duration) -> Result<Submitted<P>, (J, Refusal)> {
        if self.closed {
            return Err((job, Refusal::Closed));
        }
        let job = match self.hand_to_idle(job, now) {
            Ok(parked) => return Ok(Submitted::Handed(parked)),
            Err(job) => job,
        };
        self.forget_abandoned();
        if self.waiting.len() < self.coming() {
            self.waiting.push_back(job);
            return Ok(Submitted::Waits);
        }
        match self.start(now) {
            Ok(id) => {
                self.waiting.push_back(job);
                Ok(Submitted::Starts(id))
            }
            Err(refusal) => Err((job, refusal)),
        }
    }

    /// The process asks for an invocation; `parked` is what to wake if it has to wait.
    pub(crate) fn next(&mut self, id: ProcessId, parked: P, now: Duration) -> Next<'_, J> {
        self.forget_abandoned();
        let Some(member) = self.members.get_mut(&id) else { return Next::Gone };
        if matches!(member.phase, Phase::Starting) {
            self.failures.succeeded();
        }
        if !matches!(member.phase, Phase::Running { .. }) {
            if self.closed {
                self.remove(id);
                return Next::Leaves;
            }
            member.since = now;
            let Some(job) = self.waiting.pop_front() else { return Next::Parked(self.park(id, parked)) };
            member.phase = Phase::Running { job, seen: false };
        }
        // Asked again while running, it gets the same event again: the connection may have broken on the way.
        match self.members.get_mut(&id).map(|member| &mut member.phase) {
            Some(Phase::Running { job, seen }) => {
                *seen = true;
                Next::Event(job)
            }
            _ => Next::Gone,
        }
    }

    /// The process no longer waits with the request that was parked as `token`: its connection is closed.
    pub(crate) fn unpark(&mut self, id: ProcessId, token: u64, now: Duration) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if matches!(member.phase, Phase::Idle) && member.parked.as_ref().is_some_and(|(own, _)| *own == token)
        {
            *member = Member { phase: Phase::Lingering, since: now, parked: None };
            self.idle.retain(|idle| *idle != id);
        }
    }

    /// The process has answered: its invocation, and how long it ran.
    pub(crate) fn answer(
        &mut self,
        id: ProcessId,
        request: &str,
        now: Duration,
    ) -> Result<(J, Duration), NotTaken> {
        let member = self.members.get_mut(&id).ok_or(NotTaken::NotRunning)?;
        match &member.phase {
            Phase::Running { job, .. } if !job.has_id(request) => return Err(NotTaken::OtherId),
            Phase::Running { .. } => {}
            _ => return Err(NotTaken::NotRunning),
        }
        match std::mem::replace(&mut member.phase, Phase::Returning { answered: now }) {
            Phase::Running { job, .. } => Ok((job, now.saturating_sub(member.since))),
            _ => Err(NotTaken::NotRunning),
        }
    }

    /// The process is no more, or is given up.
    pub(crate) fn end(&mut self, id: ProcessId, now: Duration) -> Aftermath<J, P> {
        let mut aftermath = Aftermath::default();
        let Some(member) = self.remove(id) else { return aftermath };
        match member.phase {
            Phase::Starting => {
                self.failures.failed(member.since, now);
                self.forget_abandoned();
                // It was started for one of those who wait, and is not started again for that one.
                while self.waiting.len() > self.coming() {
                    aftermath.failed.extend(self.waiting.pop_front());
                }
            }
            Phase::Running { job, seen: true } => aftermath.failed.push(job),
            Phase::Running { job, seen: false } => match self.hand_to_idle(job, now) {
                Ok(parked) => aftermath.wake.push(parked),
                Err(job) => self.waiting.push_front(job),
            },
            Phase::Idle | Phase::Returning { .. } | Phase::Lingering => {}
        }
        self.settle(now, &mut aftermath);
        aftermath
    }

    /// Looks what time says about the process.
    ///
    /// One that has not come back from its last invocation is not waited for any longer: those who counted on it count
    /// on another one. One that is to end is given up, so that nothing is handed to it any more.
    pub(crate) fn look(&mut self, id: ProcessId, now: Duration) -> (Verdict, Aftermath<J, P>) {
        match self.verdict(id, now) {
            Verdict::Ends(ending) => (Verdict::Ends(ending), self.end(id, now)),
            verdict => (verdict, self.look_for(id, now)),
        }
    }

    fn verdict(&self, id: ProcessId, now: Duration) -> Verdict {
        let Some(member) = self.members.get(&id) else { return Verdict::GivenUp };
        let (bound, ending) = match member.phase {
            Phase::Starting => (self.bounds.init_timeout, Ending::InitTimedOut),
            Phase::Idle if self.members.len() <= self.kept => (Duration::MAX, Ending::Spare),
            Phase::Idle => (self.bounds.spare_after, Ending::Spare),
            Phase::Running { .. } | Phase::Returning { .. } | Phase::Lingering => {
                (self.bounds.timeout, Ending::TimedOut)
            }
        };
        let until = member.since.saturating_add(bound);
        if until <= now { Verdict::Ends(ending) } else { Verdict::StaysUntil(until) }
    }

    fn look_for(&mut self, id: ProcessId, now: Duration) -> Aftermath<J, P> {
        let mut aftermath = Aftermath::default();
        if let Some(member) = self.members.get_mut(&id)
            && matches!(member.phase, Phase::Returning { answered } if now.saturating_sub(answered) >= BACK_WITHIN)
        {
            member.phase = Phase::Lingering;
            self.settle(now, &mut aftermath);
        }
        aftermath
    }

    /// Keeps `processes` of them from now on, and says which ones are to be started for that.
    pub(crate) fn keep(&mut self, processes: usize, now: Duration) -> Vec<ProcessId> {
        self.kept = processes.min(self.bounds.concurrency);
        let missing = self.kept.saturating_sub(self.members.len());
        (0..missing).map_while(|_| self.start(now).ok()).collect()
    }

    /// Takes no more invocations. Gives back those that wait, and the processes that are to be told to end now; the
    /// others are told when they have answered.
    pub(crate) fn close(&mut self) -> (Vec<J>, Vec<ProcessId>) {
        self.closed = true;
        let ends = |member: &Member<J, P>| matches!(member.phase, Phase::Starting | Phase::Idle);
        let leaving: Vec<_> =
            self.members.iter().filter(|(_, member)| ends(member)).map(|(id, _)| *id).collect();
        for id in &leaving {
            self.remove(*id);
        }
        (self.waiting.drain(..).collect(), leaving)
    }

    /// Whether the pool still counts on the process.
    pub(crate) fn has(&self, id: ProcessId) -> bool {
        self.members.contains_key(&id)
    }

    /// Whether it takes no more invocations.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the process has not asked for anything yet.
    pub(crate) fn is_starting(&self, id: ProcessId) -> bool {
        self.members.get(&id).is_some_and(|member| matches!(member.phase, Phase::Starting))
    }

    /// How many processes there are, how many of them are starting, and how many are idle.
    pub(crate) fn census(&self) -> (usize, usize, usize) {
        let starting = self.members.values().filter(|member| matches!(member.phase, Phase::Starting)).count();
        (self.members.len(), starting, self.idle.len())
    }

    fn hand_to_idle(&mut self, job: J, now: Duration) -> Result<P, J> {
        while let Some(id) = self.idle.pop() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            // INVARIANT: whoever is listed as idle has a parked request.
            if let Some((_token, parked)) = member.parked.take() {
                *member = Member { phase: Phase::Running { job, seen: false }, since: now, parked: None };
                return Ok(parked);
            }
        }
        Err(job)
    }

    fn park(&mut self, id: ProcessId, parked: P) -> u64 {
        self.parked += 1;
        let token = self.parked;
        if let Some(member) = self.members.get_mut(&id) {
            member.phase = Phase::Idle;
            member.parked = Some((token, parked));
            self.idle.retain(|idle| *idle != id);
            self.idle.push(id);
        }
        token
    }

    fn start(&mut self, now: Duration) -> Result<ProcessId, Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if self.members.len() >= self.bounds.concurrency {
            return Err(Refusal::Throttled);
        }
        let (_, starting, _) = self.census();
        if !self.failures.allow(starting, now) {
            return Err(Refusal::Failing);
        }
        self.started += 1;
        let id = ProcessId(self.started);
        self.members.insert(id, Member { phase: Phase::Starting, since: now, parked: None });
        Ok(id)
    }

    /// Gives each of those who wait a process to count on, or refuses the latest of them if there is none to hope for.
    fn settle(&mut self, now: Duration, aftermath: &mut Aftermath<J, P>) {
        self.forget_abandoned();
        while self.waiting.len() > self.coming() {
            match self.start(now) {
                Ok(id) => aftermath.start.push(id),
                // Better late than refused: whoever already waits goes on waiting for those that linger.
                Err(_) if self.waiting.len() <= self.coming() + self.lingering() => break,
                Err(refusal) => {
                    aftermath.refused.extend(self.waiting.pop_back().map(|job| (job, refusal)));
                }
            }
        }
    }

    /// How many processes will ask for an invocation soon.
    fn coming(&self) -> usize {
        let comes =
            |member: &&Member<J, P>| matches!(member.phase, Phase::Starting | Phase::Returning { .. });
        self.members.values().filter(comes).count()
    }

    /// How many processes may come back, but did not when they should have.
    fn lingering(&self) -> usize {
        self.members.values().filter(|member| matches!(member.phase, Phase::Lingering)).count()
    }

    fn remove(&mut self, id: ProcessId) -> Option<Member<J, P>> {
        self.idle.retain(|idle| *idle != id);
        self.members.remove(&id)
    }

    fn forget_abandoned(&mut self) {
        self.waiting.retain(|job| !job.is_abandoned());
    }
}

/// How soon after its answer a process is expected to ask for the next invocation.
const BACK_WITHIN: Duration = Duration::from_millis(100);
