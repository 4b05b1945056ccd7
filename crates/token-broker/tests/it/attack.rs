//! Bytes that are no request, or nearly one, against the whole program: over raw sockets, with a key that would be let in.
//!
//! Each input stands in a table with what must come of it. After every one the program is asked what it counted: a second
//! request hidden in the first would show as an answer too many. Then a good request on a fresh connection is granted.

mod case;
mod chunks;
mod crowd;
mod fields;
mod framing;
mod hosts;
mod lines;
mod slow;
mod smuggling;
mod targets;
pub(crate) mod wire;

use std::collections::BTreeMap;

use serde_json::Value;

use self::case::{Case, Good, Outcome};
use self::wire::{Answer, Connection};
use crate::harness::{Place, Server, get};

/// How many answers of each status.
pub(crate) type Tally = BTreeMap<u16, u64>;

/// The program under attack, and everything that it answered.
struct Target {
    place: Place,
    server: Server,
    good: Good,
    counted: Tally,
    /// Requests that the broker may have heard of.
    heard: usize,
    request_ids: Vec<String>,
}

impl Target {
    fn up() -> Self {
        Self::up_by(|place| place.up(&[]))
    }

    fn up_by(start: impl FnOnce(&Place) -> Server) -> Self {
        let place = Place::new();
        let server = start(&place);
        let good = Good::new(&place.read(".token-broker/keys/billing"));
        Self { place, server, good, counted: Tally::new(), heard: 0, request_ids: Vec::new() }
    }

    fn connect(&self) -> Connection {
        Connection::open(&self.server.url("invoke_url"))
    }

    /// What was answered since the last look, as the program counts it.
    fn counted(&mut self) -> Tally {
        let (_, text) = get(&format!("{}/metrics", self.server.url("admin")));
        further(&text, &mut self.counted)
    }

    /// Tries one input; what came of it that should not have.
    fn try_case(&mut self, case: &Case) -> Result<(), String> {
        let mut connection = self.connect();
        connection.send(&case.bytes);
        let mut expected: Vec<u16> = Vec::new();
        let mut answers = Vec::new();
        match case.outcome {
            Outcome::Refused(status) => {
                expected.push(status);
                answers = connection.answers_until_closed()?;
            }
            Outcome::GrantedThenRefused(status) => {
                expected.extend([200, status]);
                answers = connection.answers_until_closed()?;
            }
            Outcome::GrantedThenClosed => {
                expected.push(200);
                answers = connection.answers_until_closed()?;
            }
            Outcome::Closed => {
                connection.say_no_more();
                answers.extend(connection.answers_until_closed()?);
            }
            Outcome::Kept(status) | Outcome::Heard(status) => {
                expected.extend([status, 200]);
                answers.push(connection.answer()?);
                connection.send(&self.good.whole());
                answers.push(connection.answer()?);
            }
            Outcome::Granted => {
                expected.push(200);
                answers.push(connection.answer()?);
            }
        }
        self.heard += expected.iter().filter(|status| **status == 200).count();
        self.heard += usize::from(matches!(case.outcome, Outcome::Heard(_)));
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        if statuses != expected {
            return Err(format!("answered {statuses:?}, not {expected:?}"));
        }
        for answer in &answers {
            holds(answer, self.good.key())?;
            self.request_ids
                .push(answer.header("x-amzn-requestid").ok_or("an answer without an id")?.to_owned());
        }
        let tally = expected.iter().fold(Tally::new(), |mut tally, status| {
            *tally.entry(*status).or_default() += 1;
            tally
        });
        let counted = self.counted();
        if counted != tally {
            return Err(format!("counted {counted:?}, not {tally:?}"));
        }
        self.next_is_granted()
    }

    fn next_is_granted(&mut self) -> Result<(), String> {
        self.heard += 1;
        let mut connection = self.connect();
        connection.send(&self.good.whole());
        let answer = connection.answer()?;
        self.request_ids.push(answer.header("x-amzn-requestid").unwrap().to_owned());
        let counted = self.counted();
        if answer.status == 200 && counted == Tally::from([(200, 1)]) {
            return Ok(());
        }
        Err(format!("the next good request: {}, counted {counted:?}", answer.status))
    }

    /// Stops the program, and holds what it wrote against what it answered.
    fn finish(self) {
        let Self { place, server, good, heard, request_ids, .. } = self;
        let (code, said) = server.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
        let (access, audit) =
            (place.read(".token-broker/logs/access.log"), place.read(".token-broker/logs/audit.log"));
        let lines: Vec<Value> = access.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: Vec<&str> = lines.iter().map(|line| line["requestId"].as_str().unwrap()).collect();
        for id in &request_ids {
            assert_eq!(ids.iter().filter(|own| *own == id).count(), 1, "{id} has its line");
        }
        assert_eq!(lines.len(), request_ids.len(), "and nothing else has one");
        assert_eq!(audit.lines().count(), heard, "the broker heard of nothing else");
        for written in [said, access, audit] {
            assert!(!written.contains(good.key()), "the key was written");
        }
    }
}

#[test]
fn no_input_of_the_tables_reaches_the_broker_but_those_that_may() {
    let mut target = Target::up();
    let cases = all(&target.good);
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two inputs have one name");
    for (at, case) in cases.iter().enumerate() {
        let same = cases[..at].iter().find(|other| other.bytes == case.bytes);
        assert!(same.is_none(), "{} is {}", case.name, same.unwrap().name);
    }
    assert!(cases.len() >= 500, "{} inputs", cases.len());
    target.next_is_granted().unwrap();
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, target.try_case(case).err()?)))
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
    target.finish();
}

fn all(good: &Good) -> Vec<Case> {
    [
        lines::cases(good),
        targets::cases(good),
        hosts::cases(good),
        fields::cases(good),
        framing::cases(good),
        chunks::cases(good),
        smuggling::cases(good),
    ]
    .concat()
}

/// What the program has answered beyond what `counted` says, by its own count; and `counted` says it from then on.
pub(crate) fn further(metrics: &str, counted: &mut Tally) -> Tally {
    let total: Tally = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("token_broker_requests_total{status=\"")?.split_once("\"} "))
        .map(|(status, count)| (status.parse().unwrap(), count.parse().unwrap()))
        .collect();
    let since = |(status, count): (&u16, &u64)| {
        let further = count - counted.get(status).copied().unwrap_or_default();
        (further > 0).then_some((*status, further))
    };
    let further = total.iter().filter_map(since).collect();
    *counted = total;
    further
}

/// Memory of the program that is in use, in KiB.
pub(crate) fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.endpoints["pid"])).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// An answer holds to this: OAuth's JSON, and nothing of what we are made of or what was sent.
pub(crate) fn holds(answer: &Answer, key: &str) -> Result<(), String> {
    let body: Value = serde_json::from_str(&answer.body).map_err(|_| format!("no JSON: {}", answer.body))?;
    // Of random letters anything can be made.
    let token = body["access_token"].as_str().unwrap_or("no token");
    let whole = answer.text.replace(token, "").to_lowercase();
    for inside in
        ["hyper", "httparse", "panic", ".rs", "rust", "tokio", "lambda", "smuggled", "\nserver:", "violation"]
    {
        if whole.contains(inside) {
            return Err(format!("the answer says `{inside}`: {}", answer.text));
        }
    }
    if answer.text.contains(key) {
        return Err("the answer has the key".to_owned());
    }
    for (name, value) in
        [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")]
    {
        if !answer.header(name).is_some_and(|own| own.starts_with(value)) {
            return Err(format!("`{name}` is not `{value}`: {}", answer.text));
        }
    }
    let members: Vec<&String> = body.as_object().ok_or("no object")?.keys().collect();
    match answer.status {
        200 => body["access_token"].is_string().then_some(()).ok_or_else(|| "no token".to_owned()),
        _ if members == ["error", "error_description"] => Ok(()),
        _ => Err(format!("not OAuth's: {}", answer.body)),
    }
}
