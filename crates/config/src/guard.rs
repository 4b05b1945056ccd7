//! Guardrails over what a definition compiles to, told in terms of the file.
//!
//! The guardrails know objects and not where they came from; here the place of a finding is followed back to the line
//! that made the object. What comes from no line (an API key) has none.

use std::fmt;

use restapi::guardrails::{self, Finding, Severity};

use crate::{Compiled, Position};

/// A guardrail that a definition breaks.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Which one, and at which object.
    pub finding: Finding,
    /// Where in the file the object is described, if it is.
    pub at: Option<Position>,
}

impl Breach {
    /// Whether a program must not start on it.
    pub fn stops(&self) -> bool {
        self.finding.guardrail.severity == Severity::Error
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { guardrail, place, detail } = &self.finding;
        write!(f, "{}: {}", guardrail.id, guardrail.title)?;
        if let Some(at) = self.at {
            write!(f, " (line {})", at.line)?;
        }
        write!(f, "\n  {place}: {detail}\n  why: {}\n  mend: {}", guardrail.reason, guardrail.mend)
    }
}

/// Every guardrail that `compiled` breaks. A program must not start on any that [stops](Breach::stops).
pub fn guard(compiled: &Compiled) -> Vec<Breach> {
    let breach = |finding: Finding| {
        let at = path(&finding.place).and_then(|path| compiled.positions.nearest(&path));
        Breach { finding, at }
    };
    guardrails::check(&compiled.account).into_iter().map(breach).collect()
}

/// The path in the file that describes the object at `place`.
fn path(place: &str) -> Option<String> {
    let names: Vec<&str> = place.split('/').collect();
    match names.as_slice() {
        ["restApis", _, "stages", _, "methodSettings", "*~1*", ..] => Some("api.throttle".into()),
        ["restApis", _, "stages", _, "methodSettings", ..] => Some("api.token_endpoint.throttle".into()),
        ["restApis", _, member @ ("name" | "description")] => Some(format!("api.{member}")),
        ["restApis", ..] => Some("api".into()),
        ["usagePlans", name, ..] => Some(format!("plans.{name}.throttle")),
        _ => None,
    }
}
