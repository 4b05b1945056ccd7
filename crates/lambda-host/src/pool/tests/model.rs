//! Random programs against what must always be so.

use std::collections::BTreeMap;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Submit,
    Abandon(usize),
    Next(usize),
    Unpark(usize),
    Answer(usize),
    End(usize),
    Look(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Submit),
        1 => (0_usize..8).prop_map(Step::Abandon),
        6 => (0_usize..4).prop_map(Step::Next),
        1 => (0_usize..4).prop_map(Step::Unpark),
        4 => (0_usize..4).prop_map(Step::Answer),
        1 => (0_usize..4).prop_map(Step::End),
        1 => (0_usize..4).prop_map(Step::Look),
        2 => prop_oneof![0_u64..300, Just(10_000), Just(300_000)].prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..80)
}

/// A pool, the processes it has asked for, and every invocation with how often its outcome was told.
struct World {
    pool: Pool<Call, ()>,
    now: Duration,
    processes: Vec<ProcessId>,
    tokens: BTreeMap<ProcessId, u64>,
    calls: Vec<Call>,
    told: BTreeMap<String, u32>,
}

impl World {
    fn new() -> Self {
        Self {
            pool: Pool::new(Bounds { concurrency: 3, ..BOUNDS }),
            now: at(0),
            processes: Vec::new(),
            tokens: BTreeMap::new(),
            calls: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    fn tell(&mut self, call: &Call) {
        *self.told.entry(call.id.clone()).or_default() += 1;
    }

    fn follow(&mut self, aftermath: Aftermath<Call, ()>) {
        self.processes.extend(aftermath.start);
        for call in aftermath.failed.iter().chain(aftermath.refused.iter().map(|(call, _)| call)) {
            self.tell(call);
        }
    }

    fn submit(&mut self) {
        let call = call(&self.calls.len().to_string());
        self.calls.push(call.clone());
        match self.pool.submit(call, self.now) {
            Ok(Submitted::Starts(process)) => self.processes.push(process),
            Ok(Submitted::Handed(()) | Submitted::Waits) => {}
            Err((call, _)) => self.tell(&call),
        }
    }

    fn take(&mut self, step: &Step) {
        let process = |at: usize| self.processes.get(at).copied().unwrap_or(ProcessId(0));
        match *step {
            Step::Submit => self.submit(),
            Step::Abandon(at) => {
                // One of the latest: the earliest have long had their outcome.
                if let Some(call) = self.calls.iter().rev().nth(at) {
                    call.abandoned.set(true);
                }
            }
            Step::Next(at) => {
                let process = process(at);
                if let Next::Parked(token) = self.pool.next(process, (), self.now) {
                    self.tokens.insert(process, token);
                }
            }
            Step::Unpark(at) => {
                if let Some(token) = self.tokens.get(&process(at)) {
                    self.pool.unpark(process(at), *token, self.now);
                }
            }
            Step::Answer(at) => self.answer(process(at)),
            Step::End(at) => {
                let aftermath = self.pool.end(process(at), self.now);
                self.follow(aftermath);
            }
            Step::Look(at) => {
                let (_, aftermath) = self.pool.look(process(at), self.now);
                self.follow(aftermath);
            }
            Step::Pass(millis) => self.now += Duration::from_millis(millis),
        }
        let pool = &self.pool;
        self.processes.retain(|process| pool.has(*process));
    }

    fn answer(&mut self, process: ProcessId) {
        let running = match self.pool.members.get(&process).map(|member| &member.phase) {
            Some(Phase::Running { job, .. }) => job.id.clone(),
            _ => return,
        };
        let (call, _) = self.pool.answer(process, &running, self.now).unwrap();
        self.tell(&call);
    }

    fn check(&self) {
        let pool = &self.pool;
        let waiting = pool.waiting.iter().filter(|call| !call.is_abandoned()).count();
        assert!(pool.members.len() <= pool.bounds.concurrency, "never more processes than allowed");
        assert!(waiting <= pool.coming() + pool.lingering(), "somebody waits for nothing");
        assert!(waiting == 0 || pool.idle.is_empty(), "somebody waits while a process is idle");
        let listed_idle =
            pool.idle.iter().all(|id| pool.members.get(id).is_some_and(|one| one.parked.is_some()));
        let idle = pool.members.values().filter(|member| matches!(member.phase, Phase::Idle)).count();
        assert!(listed_idle && idle == pool.idle.len(), "the list of idle processes is wrong");
        assert_eq!(self.processes.len(), pool.members.len(), "a process is counted on that nobody started");
        assert!(self.told.values().all(|told| *told == 1), "an outcome was told twice");
    }
}

proptest! {
    #[test]
    fn every_invocation_has_one_outcome_and_never_waits_for_nothing(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        let (waiting, _) = world.pool.close();
        for call in &waiting {
            world.tell(call);
        }
        for process in std::mem::take(&mut world.processes) {
            let aftermath = world.pool.end(process, world.now);
            world.follow(aftermath);
        }
        let told = |call: &&Call| !call.is_abandoned() && !world.told.contains_key(&call.id);
        prop_assert_eq!(world.calls.iter().filter(told).count(), 0, "an invocation without an outcome");
        prop_assert!(world.told.values().all(|told| *told == 1));
    }
}
