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

impl Origin {
    /// The place as the API's working copy has it: what is deployed is made of the same lines and resources.
    pub(crate) fn working_place(&self) -> String {
        let mut names: Vec<&str> = self.place.split('/').collect();
        if let ["restApis", _, "deployments", _, _, ..] = names.as_slice() {
            names.drain(2..4);
        }
        names.join("/")
    }
}

/// Sorts by rule, file, address and place, and leaves of findings that say the same of the same thing the first: the
/// guardrails look at an API's working copy and at what each stage shows, and Terraform knows only the one.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    let key = |finding: &Finding| {
        let Origin { file, line, address, .. } = &finding.origin;
        let place = finding.origin.working_place();
        (finding.rule.id, address.clone(), place, finding.detail.clone(), file.clone(), *line)
    };
    findings.sort_by_cached_key(key);
    findings.dedup_by_key(|finding| key(finding));
}
