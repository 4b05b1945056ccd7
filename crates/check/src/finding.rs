//! What was found, and where.

use crate::Rule;

/// A place where a rule is broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Where.
    pub origin: Origin,
    /// What is there. It never repeats a secret.
    pub detail: String,
}

/// Where something comes from: the address by which people find it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Origin {
    /// The file that was read.
    pub file: String,
    /// The line in it, where lines mean something: in a definition.
    pub line: Option<u64>,
    /// The address in it: of a Terraform resource, output or variable (`module.rest_api.aws_lambda_permission.front_door`),
    /// or the path in a definition (`plans.standard.throttle`).
    pub address: String,
    /// The object and member that the guardrail named, such as `restApis/token-broker-api/stages/dev`; empty for rules
    /// that are not about objects.
    pub place: String,
}
