//! Guardrails over what a definition compiles to, told in terms of the file.
//!
//! The guardrails know objects and not where they came from; here the place of a finding is followed back to the line
//! that made the object, and held against the definition's waivers. What comes from no line (an API key) has none.
//! Nothing that is found is left out: whether it stops anything is the caller's to ask.

use std::fmt;

use ambient::Timestamp;
use restapi::guardrails::{self, Finding, Severity};

use crate::{Compiled, Position, Waiver};

/// A guardrail that a definition breaks.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Which one, and at which object.
    pub finding: Finding,
    /// Where in the file the object is described, if it is.
    pub at: Option<Position>,
    /// The waiver that covers it and holds.
    pub waiver: Option<Waiver>,
    /// If none holds: the last that covered it.
    pub expired: Option<Waiver>,
}

impl Breach {
    /// Whether a program must not start on it.
    pub fn stops(&self) -> bool {
        self.finding.guardrail.severity == Severity::Error && self.waiver.is_none()
    }

    fn new(finding: Finding, compiled: &Compiled, now: Timestamp) -> Self {
        let at = path(&finding.place).and_then(|path| compiled.positions.nearest(&path));
        let names = names(&finding.place);
        let covers = |waiver: &&Waiver| names.iter().any(|name| waiver.covers(finding.guardrail.id, name));
        // One that ends later is as good as one that covers more.
        let last = compiled.waivers.iter().filter(covers).max_by_key(|waiver| waiver.expires).cloned();
        let (waiver, expired) = match last {
            Some(last) if last.holds(now) => (Some(last), None),
            last => (None, last),
        };
        Self { finding, at, waiver, expired }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { guardrail, place, detail } = &self.finding;
        write!(f, "{}: {}", guardrail.id, guardrail.title)?;
        if let Some(at) = self.at {
            write!(f, " (line {})", at.line)?;
        }
        write!(f, "\n  {place}: {detail}\n  why: {}\n  mend: {}", guardrail.reason, guardrail.mend)?;
        if let Some(Waiver { reason, expires, position, .. }) = &self.waiver {
            write!(f, "\n  waived: until {expires} by line {}: {reason}", position.line)?;
        }
        if let Some(Waiver { expires, position, .. }) = &self.expired {
            write!(f, "\n  waived: no longer; the waiver of line {} expired on {expires}", position.line)?;
        }
        Ok(())
    }
}

/// Every guardrail that `compiled` breaks, waived or not. A program must not start on any that [stops](Breach::stops).
pub fn guard(compiled: &Compiled, now: Timestamp) -> Vec<Breach> {
    let found = guardrails::check(&compiled.account);
    found.into_iter().map(|finding| Breach::new(finding, compiled, now)).collect()
}

/// What people may call the object at `place`: that, its place in the working copy if it is a deployed one, and the path in
/// the file.
pub(crate) fn names(place: &str) -> Vec<String> {
    let working = working_place(place);
    let path = path(&working);
    [place.to_owned(), working].into_iter().chain(path).collect()
}

/// The place as the API's working copy has it: what is deployed is made of the same lines.
pub(crate) fn working_place(place: &str) -> String {
    let mut names: Vec<&str> = place.split('/').collect();
    if let ["restApis", _, "deployments", _, _, ..] = names.as_slice() {
        names.drain(2..4);
    }
    names.join("/")
}

/// The path in the file that describes the object at `place`.
pub(crate) fn path(place: &str) -> Option<String> {
    let names: Vec<&str> = place.split('/').collect();
    match names.as_slice() {
        ["restApis", _, "stages", _, "methodSettings", "*~1*", ..] => Some("api.throttle".into()),
        ["restApis", _, "stages", _, "methodSettings", ..] => Some("api.token_endpoint.throttle".into()),
        ["restApis", _, member @ ("name" | "description")] => Some(format!("api.{member}")),
        ["restApis", _, "stages", _, "accessLogSettings", ..] => Some("api.access_log".into()),
        ["restApis", _, "gatewayResponses", ..] => Some("api.gateway_responses".into()),
        ["restApis", ..] => Some("api".into()),
        ["usagePlans", name] => Some(format!("plans.{name}")),
        ["usagePlans", name, "quota", ..] => Some(format!("plans.{name}.quota")),
        ["usagePlans", name, "apiStages", ..] => Some(format!("plans.{name}.token_endpoint")),
        ["usagePlans", name, ..] => Some(format!("plans.{name}.throttle")),
        _ => None,
    }
}
