//! Frames that are no request, or nearly one, against the whole program: over HTTP/2, with a key that would be let in.
//!
//! As over HTTP/1.1, each input stands in a table with what must come of it, and after every one the program is asked what
//! it counted. Where an input ends its own stream alone, the next good request on the same connection is granted; on a
//! fresh connection it always is.

mod bodies;
mod carrier;
mod case;
mod compression;
mod fields;
mod floods;
mod frames;
mod hpack;
mod pseudo;
mod side_by_side;
mod slow;
mod tools;
mod wire;

use std::collections::BTreeSet;

use serde_json::Value;

use self::case::{Beginning, Case, Good, Outcome};
use self::wire::{Connection, Heard};
use crate::attack::{self, Tally};
use crate::harness::{Place, Server, get};

/// The program under attack, and everything that it answered.
struct Target {
    place: Place,
    server: Server,
    good: Good,
    counted: Tally,
    /// Requests that the broker may have heard of.
    heard: usize,
    request_ids: Vec<String>,
    /// Lines of the log beyond those of answers: of requests that their clients gave up, or could not be told about.
    unanswered: usize,
}

/// The stream of the good request that follows an input.
const NEXT: u32 = 101;

/// How often the program is asked for a count that is to come.
const LOOKS: usize = 200;

impl Target {
    fn up() -> Self {
        let (place, server) = carrier::up();
        let good = Good::new(&place.read(".token-broker/keys/billing"));
        Self { place, server, good, counted: Tally::new(), heard: 0, request_ids: Vec::new(), unanswered: 0 }
    }

    fn connect(&self) -> Connection {
        Connection::open(&self.server)
    }

    fn greeted(&self) -> Connection {
        let mut connection = self.connect();
        connection.greet().unwrap();
        connection
    }

    /// What was answered since the last look, as the program counts it.
    fn counted(&mut self) -> Tally {
        let (_, text) = get(&format!("{}/metrics", self.server.url("admin")));
        attack::further(&text, &mut self.counted)
    }

    /// Tries one input; what came of it that should not have.
    fn try_case(&mut self, case: &Case) -> Result<(), String> {
        let mut connection = self.connect();
        if case.beginning == Beginning::Greeting {
            connection.greet()?;
        }
        connection.send(&case.bytes);
        let mut tally = Tally::new();
        if let Some(status) = self.hold(&mut connection, case.outcome)? {
            *tally.entry(status).or_default() += 1;
        }
        if !connection.heard.is_closed {
            self.heard += 1;
            *tally.entry(200).or_default() += 1;
            connection.send(&self.good.on(NEXT));
            connection.hear(|heard| heard.is_over(NEXT))?;
            self.answered(&connection.heard, NEXT, 200)?;
        }
        let mut counted = self.counted();
        // What nobody is told may be counted a little later than the connection ends.
        for _look in 0..LOOKS {
            if counted != tally && case.outcome.is_within() {
                for (status, count) in self.counted() {
                    *counted.entry(status).or_default() += count;
                }
            }
        }
        if counted != tally {
            return Err(format!("counted {counted:?}, not {tally:?}: {:?}", connection.heard));
        }
        self.next_is_granted()
    }

    /// Waits for what must come. The status that is counted.
    fn hold(&mut self, connection: &mut Connection, outcome: Outcome) -> Result<Option<u16>, String> {
        let ends_connection =
            matches!(outcome, Outcome::Ended(_) | Outcome::EndedWithin(..) | Outcome::Closed);
        if let Outcome::GivenUp(status) = outcome {
            self.unanswered += 1;
            return Ok(Some(status));
        }
        connection.hear(|heard| !ends_connection && heard.is_over(1))?;
        let heard = &connection.heard;
        let fails = || Err(format!("{heard:?}"));
        match outcome {
            Outcome::Granted | Outcome::Refused(_) | Outcome::Heard(_) => {
                let status = match outcome {
                    Outcome::Refused(status) | Outcome::Heard(status) => status,
                    _ => 200,
                };
                self.heard += usize::from(!matches!(outcome, Outcome::Refused(_)));
                self.answered(heard, 1, status)?;
                Ok(Some(status))
            }
            Outcome::Bare(status) => match heard.answers.get(&1) {
                Some(answer) if (answer.status, &*answer.body) == (status, "") => Ok(None),
                _ => fails(),
            },
            Outcome::Reset(code) if heard.resets.get(&1) == Some(&code) && heard.answers.is_empty() => {
                Ok(None)
            }
            Outcome::ResetWithin(code, status) if heard.resets.get(&1) == Some(&code) => {
                self.unanswered += 1;
                Ok(Some(status))
            }
            Outcome::Ended(code) if heard.farewell == Some(code) && heard.answers.is_empty() => Ok(None),
            Outcome::EndedWithin(code, status) if heard.farewell == Some(code) => {
                self.unanswered += 1;
                Ok(Some(status))
            }
            Outcome::Closed if heard.farewell.is_none() && heard.answers.is_empty() => Ok(None),
            _ => fails(),
        }
    }

    /// Holds the answer on a stream against the rules of all answers.
    fn answered(&mut self, heard: &Heard, stream: u32, status: u16) -> Result<(), String> {
        let answer = heard.answers.get(&stream).ok_or_else(|| format!("no answer: {heard:?}"))?;
        if answer.status != status {
            return Err(format!("answered {}, not {status}: {}", answer.status, answer.text));
        }
        attack::holds(answer, self.good.key())?;
        let id = answer.header("x-amzn-requestid").ok_or("an answer without an id")?;
        self.request_ids.push(id.to_owned());
        Ok(())
    }

    fn next_is_granted(&mut self) -> Result<(), String> {
        self.heard += 1;
        let mut connection = self.connect();
        connection.greet()?;
        connection.send(&self.good.on(1));
        connection.hear(|heard| heard.is_over(1))?;
        self.answered(&connection.heard, 1, 200)
            .map_err(|error| format!("the next good request: {error}"))?;
        let counted = self.counted();
        if counted == Tally::from([(200, 1)]) { Ok(()) } else { Err(format!("then counted {counted:?}")) }
    }

    /// Memory of the program that is in use, in KiB.
    fn resident(&self) -> u64 {
        attack::resident(&self.server)
    }

    /// Stops the program, and holds what it wrote against what it answered.
    fn finish(self) {
        let Self { place, server, good, heard, request_ids, unanswered, .. } = self;
        let (code, said) = server.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
        let (access, audit) =
            (place.read(".token-broker/logs/access.log"), place.read(".token-broker/logs/audit.log"));
        let lines: Vec<Value> = access.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: Vec<&str> = lines.iter().map(|line| line["requestId"].as_str().unwrap()).collect();
        for id in &request_ids {
            assert_eq!(ids.iter().filter(|own| *own == id).count(), 1, "{id} has its line");
        }
        assert!(lines.iter().all(|line| line["protocol"] == "HTTP/2.0"), "{access}");
        assert_eq!(lines.len(), request_ids.len() + unanswered, "and nothing else has one");
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
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two inputs have one name");
    for (at, case) in cases.iter().enumerate() {
        let same =
            cases[..at].iter().find(|other| other.bytes == case.bytes && other.beginning == case.beginning);
        assert!(same.is_none(), "{} is {}", case.name, same.unwrap().name);
    }
    assert!(cases.len() >= 250, "{} inputs", cases.len());
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
        pseudo::cases(good),
        fields::cases(good),
        bodies::cases(good),
        frames::cases(good),
        compression::cases(good),
    ]
    .concat()
}
