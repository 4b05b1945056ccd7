//! What was found, and where.

use config::Definition;

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
        Definition::working_place(&self.place)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn finding(id: &str, address: &str, place: &str) -> Finding {
        let rule = rules().into_iter().find(|rule| rule.id == id).unwrap();
        let origin = Origin { file: "x".into(), line: None, address: address.into(), place: place.into() };
        Finding { rule, origin, detail: "something".into() }
    }

    fn sorted(mut findings: Vec<Finding>) -> Vec<(&'static str, String, String)> {
        sort(&mut findings);
        findings.into_iter().map(|found| (found.rule.id, found.origin.address, found.origin.place)).collect()
    }

    #[test]
    fn what_is_deployed_is_told_once_with_the_working_copy() {
        let found = sorted(vec![
            finding("TB003", "a", "restApis/door/deployments/abc123/resources/~1other"),
            finding("TB003", "a", "restApis/door/resources/~1other"),
            finding("TB003", "a", "restApis/door/deployments/abc123/resources/~1third"),
        ]);
        assert_eq!(found.len(), 2);
        assert!(found[1].2.ends_with("~1third"));
    }

    #[test]
    fn deployment_itself_keeps_its_place() {
        let place = "restApis/door/deployments/abc123";
        assert_eq!(finding("TB001", "a", place).origin.working_place(), place);
    }

    #[test]
    fn order_is_by_rule_and_then_by_address_and_other_things_are_kept_apart() {
        let found = sorted(vec![
            finding("TB003", "b", "p"),
            finding("TB003", "a", "p"),
            finding("TB001", "c", "p"),
            finding("TB003", "a", "q"),
            finding("TB003", "a", "p"),
        ]);
        let told: Vec<_> =
            found.iter().map(|(id, address, place)| format!("{id} {address} {place}")).collect();
        assert_eq!(told, ["TB001 c p", "TB003 a p", "TB003 a q", "TB003 b p"]);
    }
}
