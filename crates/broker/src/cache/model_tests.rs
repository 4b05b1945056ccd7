//! Random programs against a small reference: one map, plain seconds that nobody sets back, no bounds, no locks.

use std::collections::HashMap;

use ambient::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{issued, name, scopes};
use crate::flight::FetchError;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u8, u8),
    /// Lands the n-th flight with a token of this life.
    Token(usize, u64),
    /// Ends the n-th flight without a token.
    Fail(usize),
    /// Drops the n-th flight, as a panic does.
    Lose(usize),
    Wait(u64),
    /// Sets the time of day back.
    SetBack(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_u8, 0..2_u8).prop_map(|(client, scope)| Step::Ask(client, scope)),
        3 => (0..4_usize, 60..600_u64).prop_map(|(flight, life)| Step::Token(flight, life)),
        1 => (0..4_usize).prop_map(Step::Fail),
        1 => (0..4_usize).prop_map(Step::Lose),
        4 => (0..200_u64).prop_map(Step::Wait),
        1 => (0..5_000_u64).prop_map(Step::SetBack),
    ]
}

/// What the reference knows of one token.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Its text, when it dies, how long it lives.
    token: Option<(String, u64, u64)>,
    /// When the call under way was started.
    flying: Option<u64>,
    /// When to renew again after a failure.
    again: Option<u64>,
}

/// What the reference expects of a look.
#[derive(Debug, PartialEq)]
enum Expected {
    Token(String, u64, CacheOutcome),
    Underway,
    Absent,
}

impl Known {
    fn ask(&mut self, now: u64) -> Expected {
        if let Some((text, dies, life)) = self.token.clone().filter(|(_, dies, _)| *dies >= now + 60) {
            let left = dies - now;
            let due = left * 4 < life && self.flying.is_none() && self.again.is_none_or(|again| now >= again);
            let outcome = if due {
                self.flying = Some(now);
                CacheOutcome::Refresh
            } else if self.again.is_some() {
                CacheOutcome::Stale
            } else {
                CacheOutcome::Hit
            };
            return Expected::Token(text, left, outcome);
        }
        self.token = None;
        if self.flying.is_some() {
            return Expected::Underway;
        }
        self.flying = Some(now);
        Expected::Absent
    }

    fn fail(&mut self, at: u64) {
        self.flying = None;
        self.again = self.token.is_some().then_some(at + 5);
    }
}

#[derive(Default)]
struct Programme {
    now: u64,
    set_back: u64,
    known: HashMap<CacheKey, Known>,
    flights: Vec<Ticket>,
    minted: usize,
}

impl Programme {
    fn at(&self) -> Moment {
        let time = Timestamp::from_secs(1_790_000_000 + self.now - self.set_back);
        Moment { time, uptime: Duration::from_secs(self.now) }
    }

    fn run(&mut self, cache: &Arc<Cache>, step: Step) {
        match step {
            Step::Wait(seconds) => self.now += seconds,
            Step::SetBack(seconds) => self.set_back += seconds,
            Step::Ask(client, scope) => self.ask(cache, client, scope),
            Step::Token(..) | Step::Fail(_) | Step::Lose(_) if self.flights.is_empty() => {}
            Step::Token(flight, life) => {
                let ticket = self.flights.swap_remove(flight % self.flights.len());
                self.minted += 1;
                let text = format!("t{}", self.minted);
                let known = self.known.get_mut(ticket.key()).unwrap();
                *known = Known { token: Some((text.clone(), self.now + life, life)), ..Known::default() };
                let issued = issued(&text, self.at(), Duration::from_secs(life));
                ticket.land(Landing { attempts: 1, token: Ok(issued.into()) }, self.at());
            }
            Step::Fail(flight) => {
                let ticket = self.flights.swap_remove(flight % self.flights.len());
                self.known.get_mut(ticket.key()).unwrap().fail(self.now);
                ticket.land(Landing { attempts: 1, token: Err(FetchError::TimedOut) }, self.at());
            }
            Step::Lose(flight) => {
                let ticket = self.flights.swap_remove(flight % self.flights.len());
                let known = self.known.get_mut(ticket.key()).unwrap();
                // A flight that is lost has no time of its own: it failed when it took off.
                known.fail(known.flying.unwrap());
            }
        }
    }

    fn ask(&mut self, cache: &Arc<Cache>, client: u8, scope: u8) {
        let (client, scopes) = (name(&format!("c{client}")), scopes(&format!("s{scope}")));
        let key = CacheKey { client, app_client: "m2m".parse().unwrap(), scopes };
        let expected = self.known.entry(key.clone()).or_default().ask(self.now);
        let found = match cache.look_up(&key, self.at()) {
            Found::Token { held, outcome, renewal } => {
                assert_eq!(renewal.is_some(), outcome == CacheOutcome::Refresh);
                self.flights.extend(renewal.map(|(ticket, _)| ticket));
                let left = held.left(self.at()).as_secs();
                Expected::Token(held.token.expose().to_owned(), left, outcome)
            }
            Found::Underway(_) => Expected::Underway,
            Found::Absent(ticket, _) => {
                self.flights.push(ticket);
                Expected::Absent
            }
            Found::Crowded => panic!("there is room for all"),
        };
        assert_eq!(found, expected, "{key:?} at {}", self.now);
    }
}

proptest! {
    #[test]
    fn cache_does_what_the_reference_does(steps in proptest::collection::vec(step(), 1..200)) {
        let cache = Arc::new(Cache::new(BrokerSettings::default()));
        let mut programme = Programme::default();
        for step in steps {
            programme.run(&cache, step);
        }
    }
}
