//! Every rule with its reason and its mend, for people: what `token-broker check --list` prints, and docs/guardrails.md.

use std::fmt::Write as _;

use restapi::guardrails::Severity;

use crate::{Rule, rules};

/// The rules as Markdown, a section each, in the order of their ids.
pub fn handbook() -> String {
    rules().iter().fold(String::from(INTRODUCTION), |mut text, rule| {
        let Rule { id, title, reason, mend, severity } = rule;
        let kind = match severity {
            Severity::Error => "",
            Severity::Warning => " *Warning: `up` starts all the same.*",
        };
        // Writing to a string does not fail.
        let _ = write!(text, "\n## {id}: {title}\n\n**Why.** {reason}{kind}\n\n**Mend.** {mend}\n");
        text
    })
}

const INTRODUCTION: &str = "\
# Guardrails

What the front door, the broker behind it and the user pool behind that must not do. AWS allows all of it, so it is checked:
`token-broker up` refuses to start on an error, the Terraform modules refuse it by validation where a variable could ask for
it, and `token-broker check` finds it in the definition, in a Terraform plan and in a state. TB024 to TB038 are about plans
and states alone; TB028 to TB038 about a broker and a user pool that the plan or state makes itself.

An id never changes its meaning and is never given to another guardrail. An exception is a waiver in `token-broker.yaml`:
[operations.md](operations.md#an-exception-from-a-guardrail).

This page is what `token-broker check --list` prints.
";

#[cfg(test)]
mod tests {
    #[test]
    fn page_in_the_documents_is_the_handbook() {
        let page = include_str!("../../../docs/guardrails.md");
        assert!(page == super::handbook(), "write it anew: token-broker check --list > docs/guardrails.md");
    }
}
