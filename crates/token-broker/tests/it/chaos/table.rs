//! Each fault, met without a token and with one that is due to be renewed; one table for every home.

use std::fmt::Write as _;
use std::time::Duration;

use ambient::{Clock as _, SystemClock};

use super::faults::{REFUSED, faults};
use super::peer::Peer;
use super::pool::{Pool, WARM_LIFE, Way};
use super::program::{Home, Program, Setup, let_pass};

const HEAD: &str = "fault                        status error                   retry-after calls reason                   \
                    | good token due: status calls\n";

#[test]
fn broker_inside_meets_every_fault_of_a_token_endpoint() {
    insta::assert_snapshot!("token_endpoint", meet_all(Home::InProcess, Way::TokenEndpoint));
}

#[test]
fn broker_in_a_process_meets_every_fault_of_a_token_endpoint() {
    insta::assert_snapshot!("token_endpoint", meet_all(Home::Processes(1), Way::TokenEndpoint));
}

#[test]
fn broker_inside_meets_every_fault_of_get_client_token() {
    insta::assert_snapshot!("get_client_token", meet_all(Home::InProcess, Way::GetClientToken));
}

#[test]
fn broker_in_a_process_meets_every_fault_of_get_client_token() {
    insta::assert_snapshot!("get_client_token", meet_all(Home::Processes(1), Way::GetClientToken));
}

struct Bench {
    pool: Peer<Pool>,
    program: Program,
    names: Vec<&'static str>,
}

fn meet_all(home: Home, way: Way) -> String {
    let mut bench = Bench::new(home, way);
    let old: Vec<_> = bench.names.iter().map(|name| bench.grant("warm", name)).collect();
    let primed = SystemClock.uptime();
    let cold: Vec<_> = bench.names.clone().into_iter().map(|name| bench.meet_without_a_token(name)).collect();
    // Renewal is due after a tenth of a life, which is the least that can be set.
    let due = primed + Duration::from_secs(WARM_LIFE / 10) + Duration::from_millis(1);
    let_pass(due.saturating_sub(SystemClock.uptime()));
    let names = bench.names.clone().into_iter().zip(&old);
    let warm: Vec<_> = names.map(|(name, old)| bench.meet_with_a_token(name, old)).collect();
    bench.renew_all(&old);
    bench.fail_until_left_alone();
    assert_eq!(bench.pool.script.strays(), [""; 0], "somebody was asked who is no user pool");
    bench.program.stop();
    let rows = bench.names.iter().zip(cold.iter().zip(&warm));
    rows.fold(HEAD.to_owned(), |mut table, (name, (cold, warm))| {
        writeln!(table, "{name:28} {cold} | {warm}").unwrap();
        table
    })
}

impl Bench {
    fn new(home: Home, way: Way) -> Self {
        let names: Vec<_> = faults(way).iter().map(|fault| fault.name).collect();
        let pool = Pool::start(faults(way));
        let clients = ["cold", "warm", "good"].map(|client| {
            let scopes = names.iter().chain(&DOWN).map(|name| format!("{client}/{name}")).collect();
            (client.to_owned(), scopes)
        });
        let endpoint = endpoint(way, &pool);
        let setup = Setup { clients: clients.into(), timeout: "500ms", ..Setup::new(home, endpoint, &[]) };
        Self { pool, program: setup.up(), names }
    }

    /// Gets a token that the pool has not been asked for yet.
    fn grant(&self, client: &str, name: &str) -> String {
        let scope = format!("{client}/{name}");
        let calls = self.pool.script.calls(&scope);
        let granted = self.program.ask(client, &scope).token().to_owned();
        assert_eq!(self.pool.script.calls(&scope), calls + 1, "{scope}");
        granted
    }

    fn begin(&mut self, name: &str) {
        if name == REFUSED {
            self.pool.close();
        }
    }

    fn end(&mut self, name: &str) {
        if name == REFUSED {
            self.pool.open();
        }
    }

    fn meet_without_a_token(&mut self, name: &str) -> String {
        let scope = format!("cold/{name}");
        self.begin(name);
        let answer = self.program.ask("cold", &scope);
        self.end(name);
        let audit = self.program.audited("cold", &scope, answer.status);
        let calls = audit["upstream_attempts"].as_u64().unwrap();
        let seen = self.pool.script.calls(&scope);
        assert_eq!(u64::from(seen), if name == REFUSED { 0 } else { calls }, "{name}");
        // Nothing of the fault is left when it is over.
        self.pool.script.mend(&scope);
        if name == TAKEN {
            answer.token();
        } else {
            self.grant("cold", name);
        }
        let retry_after = answer.retry_after().map_or("-".to_owned(), |seconds| seconds.to_string());
        let (status, error, reason) =
            (answer.status, answer.error(), audit["reason"].as_str().unwrap_or("-"));
        format!("{status:6} {error:23} {retry_after:>11} {calls:5} {reason:24}")
    }

    fn meet_with_a_token(&mut self, name: &str, old: &str) -> String {
        let scope = format!("warm/{name}");
        self.begin(name);
        let answer = self.program.ask("warm", &scope);
        let calls = if name == TAKEN {
            self.pool.script.wait_for_calls_of(&scope, 2);
            1
        } else {
            assert_eq!(answer.token(), old, "{name}");
            let failed = self.program.wait_for_line(|line| {
                line["message"] == "no token was minted" && line["scopes"] == scope.as_str()
            });
            failed["attempts"].as_u64().unwrap()
        };
        self.end(name);
        // The pool is left alone about this token for a while, and the old one served on.
        self.program.ask("warm", &scope).token();
        let seen = u64::from(self.pool.script.calls(&scope)) - 1;
        assert_eq!(seen, if name == REFUSED { 0 } else { calls }, "{name}");
        self.grant("good", name);
        format!("{:22} {calls:5}", answer.status)
    }

    /// Renews what could not be renewed, now that everything works again: each with one call, whoever asks how often.
    fn renew_all(&self, old: &[String]) {
        let pool = &self.pool.script;
        let failed = self.names.iter().zip(old).filter(|(name, _)| **name != TAKEN);
        let failed: Vec<_> = failed.map(|(name, old)| (format!("warm/{name}"), old)).collect();
        let_pass(RENEWAL_PAUSE);
        for (scope, old) in failed {
            let calls = pool.calls(&scope);
            pool.mend(&scope);
            while self.program.ask("warm", &scope).token() == old {}
            assert_eq!(pool.calls(&scope), calls + 1, "{scope}");
        }
    }

    /// The pool fails until nobody asks it any more; whoever has a token has no part in it.
    fn fail_until_left_alone(&mut self) {
        self.pool.script.set_down(true);
        let mut seen = Vec::new();
        for name in DOWN {
            let scope = format!("cold/{name}");
            let answer = self.program.ask("cold", &scope);
            let audit = self.program.audited("cold", &scope, 503);
            seen.push((self.pool.script.calls(&scope), audit["reason"].as_str().unwrap().to_owned()));
            let longest = if name == DOWN[3] { 10 } else { 2 };
            assert!((longest - 1..=longest).contains(&answer.retry_after().unwrap()), "{answer:?}");
            self.program.ask("warm", &format!("warm/{}", self.names[0])).token();
        }
        let failed = |calls| (calls, "upstream_unavailable".to_owned());
        assert_eq!(seen, [failed(2), failed(2), failed(1), (0, "upstream_circuit_open".to_owned())]);
    }
}

/// The definition's word for where the pool is.
pub(super) fn endpoint(way: Way, pool: &Peer<Pool>) -> String {
    match way {
        Way::TokenEndpoint => format!("token_endpoint: \"http://{}/oauth2/token\"", pool.address),
        Way::GetClientToken => format!("cognito_idp: \"http://{}/\"", pool.address),
    }
}

/// The one that looks like a fault and is none: only the content type of the answer is wrong.
const TAKEN: &str = "token_as_html";
/// What is asked for while the pool is down.
const DOWN: [&str; 4] = ["down_1", "down_2", "down_3", "down_4"];
/// How long a token is not asked for again after its renewal failed.
const RENEWAL_PAUSE: Duration = Duration::from_secs(5);
