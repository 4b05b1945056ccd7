//! What the front door must not do: each *must not* is one [`Guardrail`], a function over the objects of an [`Account`].
//!
//! API Gateway allows all of it, so none of it is hidden inside the types. The same functions run on what the
//! configuration compiles to (the program refuses to start on an error), and on objects read from a plan, a state or a
//! live account. The account is taken for token-broker's own: when it holds other APIs too, leave them out before
//! checking.
//!
//! Promises: a guardrail's id never changes its meaning and is never given to another; a finding names the object it
//! is about and repeats none of its texts in which it sees a secret; checking has no effect. A guardrail does not repair, and does
//! not judge what API Gateway itself refuses, such as a stage that shows a deployment which does not exist.

mod access_log;
mod container;
mod gateway_responses;
mod integration;
mod keys;
mod method;
mod permission;
mod resources;
mod secret;
mod stage;
mod throttling;
mod walk;

use std::fmt;

use serde::Serialize;

use crate::Account;

pub use secret::KnownSecrets;

/// Something that the front door must not do, and how to see it.
pub struct Guardrail {
    /// Its id, such as `TB001`: stable, for searching and for exceptions.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What must not be, in one line.
    pub title: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What to do about it.
    pub mend: &'static str,
    check: fn(&Account, &mut Findings),
}

/// How much it matters that a guardrail is broken.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What breaks it must not run.
    Error,
    /// What breaks it may run; somebody should know.
    Warning,
}

impl Severity {
    /// The word for it: `error`, `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Debug for Guardrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guardrail({})", self.id)
    }
}

/// A place where a guardrail is broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which one.
    pub guardrail: &'static Guardrail,
    /// Where: a path of object kinds and names, such as `restApis/token-broker-api/stages/dev/methodSettings/*~1*`. A
    /// slash inside a name is written `~1`.
    pub place: String,
    /// What is there.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.guardrail.id, self.place, self.detail)
    }
}

/// Every guardrail, by id. A new one is added at the end.
pub static ALL: &[&Guardrail] = &[
    &container::NO_SECRET,
    &container::NO_COGNITO,
    &resources::NO_OTHER_ENDPOINT,
    &resources::NO_OTHER_METHOD,
    &method::FUNCTION_DECIDES,
    &method::CALLER_IS_IDENTIFIED,
    &integration::NO_TRANSFORMATION,
    &permission::ONLY_THIS_METHOD,
    &permission::ONLY_THE_GATEWAY,
    &permission::NO_OTHER_WAY_IN,
    &stage::NO_BODIES_LOGGED,
    &stage::NO_CREDENTIAL_LOGGED,
    &stage::REQUEST_ID_LOGGED,
    &stage::NO_RESPONSE_CACHE,
    &throttling::STAGE_IS_THROTTLED,
    &throttling::STAGE_DEFAULT_IS_A_NET,
    &throttling::PLAN_IS_THROTTLED,
    &throttling::KEY_LEAVES_ROOM,
    &keys::ONE_PLAN_PER_STAGE,
    &keys::VALUES_DIFFER,
    &keys::KEY_HAS_AN_OWNER,
    &gateway_responses::NO_STOCK_BESIDE_OAUTH,
    &keys::PLAN_HAS_KEYS,
];

/// Every place where `account` breaks a guardrail, in the order of their ids.
pub fn check(account: &Account) -> Vec<Finding> {
    ALL.iter().flat_map(|guardrail| guardrail.check(account)).collect()
}

/// Whether the variable `$context.{name}` shows a credential, or a part of the request that may hold one.
pub fn shows_credential(name: &str) -> bool {
    access_log::shows_credential(&format!("$context.{name}"))
}

/// What kind of secret `text` looks like, for texts that are not in an account: a variable, an output. It never repeats
/// the text.
pub fn secret_kind(text: &str) -> Option<&'static str> {
    secret::pattern_in(text)
}

impl Guardrail {
    /// Every place where `account` breaks this one.
    pub fn check(&'static self, account: &Account) -> Vec<Finding> {
        let mut findings = Findings { guardrail: self, found: Vec::new() };
        (self.check)(account, &mut findings);
        findings.found
    }
}

/// What one guardrail has found so far.
struct Findings {
    guardrail: &'static Guardrail,
    found: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, place: impl Into<String>, detail: impl Into<String>) {
        self.found.push(Finding { guardrail: self.guardrail, place: place.into(), detail: detail.into() });
    }
}

#[cfg(test)]
mod tests;
