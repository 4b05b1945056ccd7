//! The pool comes back, and everybody asks at once: each process asks it once.

use std::time::Duration;

use super::answer::Sent;
use super::peer::Peer;
use super::pool::{Pool, Way};
use super::program::{Home, Program, Setup, let_pass};
use super::table::endpoint;

const REQUESTS: u32 = 200;
const PROCESSES: u32 = 4;
/// So many failures in a row make a broker leave the pool alone.
const FAILURES: u32 = 5;

#[test]
fn token_that_everybody_waits_for_is_fetched_once() {
    recover_for_one_token(Home::InProcess);
}

#[test]
fn token_that_everybody_waits_for_is_fetched_once_by_each_process() {
    recover_for_one_token(Home::Processes(PROCESSES));
}

#[test]
fn pool_that_was_left_alone_is_probed_once() {
    recover_from_being_left_alone(Home::InProcess);
}

#[test]
fn pool_that_was_left_alone_is_probed_once_by_each_process() {
    recover_from_being_left_alone(Home::Processes(PROCESSES));
}

struct Herd {
    pool: Peer<Pool>,
    program: Program,
    home: Home,
    /// Brokers that know nothing of each other.
    brokers: u32,
}

fn recover_for_one_token(home: Home) {
    let herd = Herd::new(home);
    let pool = &herd.pool.script;
    pool.set_down(true);
    assert_eq!(herd.program.ask("a", "herd/0").status, 503);
    let calls = pool.all_calls();
    assert_eq!(calls, 2);

    pool.set_down(false);
    pool.set_gate(false);
    let sent = herd.send(1);
    pool.wait_for_calls(calls + herd.brokers);
    herd.wait_until_all_came(calls + herd.brokers);
    pool.set_gate(true);
    let granted = herd.answers(sent).into_iter().filter(|status| *status == 200).count();
    // A process that is busy takes nobody else: the others are sent away, not queued.
    let served = if home == Home::InProcess { REQUESTS } else { PROCESSES };
    assert_eq!(granted, usize::try_from(served).unwrap());
    assert_eq!(pool.all_calls(), calls + herd.brokers);
    herd.program.stop();
}

fn recover_from_being_left_alone(home: Home) {
    let herd = Herd::new(home);
    let pool = &herd.pool.script;
    pool.set_down(true);
    for round in 0..=FAILURES / 2 {
        herd.fail_in_every_broker(round);
    }
    let calls = FAILURES * herd.brokers;
    assert_eq!(pool.all_calls(), calls);

    // Nobody gets through, whatever is asked for.
    let waits = herd.send(20).into_iter().map(|sent| sent.answer().retry_after().unwrap_or(1));
    let wait = waits.max().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    assert_eq!(pool.all_calls(), calls);

    let_pass(Duration::from_secs(wait));
    pool.set_down(false);
    pool.set_gate(false);
    let left_alone = herd.left_alone();
    let sent = herd.send(20);
    pool.wait_for_calls(calls + herd.brokers);
    // Inside the program, ten of them ask for what the probe is to bring; a process is busy with its own.
    let probing = if home == Home::InProcess { 10 } else { PROCESSES };
    herd.wait_within_calls(calls + herd.brokers, |herd| {
        herd.left_alone() == left_alone + u64::from(REQUESTS - probing)
    });
    pool.set_gate(true);
    let granted = herd.answers(sent).into_iter().filter(|status| *status == 200).count();
    assert_eq!(granted, usize::try_from(probing).unwrap());
    assert_eq!(pool.all_calls(), calls + herd.brokers);

    // From then on everything works.
    for number in 0..20 {
        herd.program.ask("a", &format!("herd/{number}")).token();
    }
    herd.program.stop();
}

impl Herd {
    fn new(home: Home) -> Self {
        let pool = Pool::start(Vec::new());
        let scopes: Vec<_> = (0..20).map(|number| format!("herd/{number}")).collect();
        let program = Setup::new(home, endpoint(Way::TokenEndpoint, &pool), &scopes).up();
        let brokers = if let Home::Processes(processes) = home { processes } else { 1 };
        Self { pool, program, home, brokers }
    }

    /// Sends everybody's requests, for as many different tokens as `tokens`.
    fn send(&self, tokens: u32) -> Vec<Sent> {
        (0..REQUESTS).map(|number| self.program.send("a", &format!("herd/{}", number % tokens))).collect()
    }

    fn answers(&self, sent: Vec<Sent>) -> Vec<u16> {
        let statuses: Vec<_> = sent.into_iter().map(|sent| sent.answer().status).collect();
        let other = if self.home == Home::InProcess { 503 } else { 500 };
        assert!(statuses.iter().all(|status| [200, other].contains(status)), "{statuses:?}");
        statuses
    }

    /// Has each broker fail once: they are called at the same time, so that none of them is called twice.
    fn fail_in_every_broker(&self, round: u32) {
        let pool = &self.pool.script;
        let calls = pool.all_calls();
        pool.set_gate(false);
        let sent: Vec<_> =
            (0..self.brokers).map(|_| self.program.send("a", &format!("herd/{round}"))).collect();
        pool.wait_for_calls(calls + self.brokers);
        pool.set_gate(true);
        for sent in sent {
            assert_eq!(sent.answer().status, 503);
        }
    }

    /// Waits until everybody waits for the token, or was sent away.
    fn wait_until_all_came(&self, calls: u32) {
        let name = match self.home {
            Home::InProcess => "allowed_total",
            Home::Processes(_) => "function_throttles_total",
        };
        let expected = if self.home == Home::InProcess { REQUESTS + 1 } else { REQUESTS - PROCESSES };
        self.wait_within_calls(calls, |herd| herd.program.count(name) == u64::from(expected));
    }

    /// Waits until it is so, and sees that meanwhile nobody calls the pool more often than in all `calls` times.
    fn wait_within_calls(&self, calls: u32, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let seen = self.pool.script.all_calls();
            assert!(seen <= calls, "{seen} calls, and {calls} are enough");
            std::thread::yield_now();
        }
    }

    /// How many were told that the pool is left alone; in processes, those who were sent away from them, and as many who
    /// would be told the same.
    fn left_alone(&self) -> u64 {
        match self.home {
            Home::InProcess => self.program.count("refused_total{reason=\"upstream_circuit_open\"}"),
            Home::Processes(_) => self.program.count("function_throttles_total"),
        }
    }
}
