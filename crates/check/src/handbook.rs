//! Every rule with its reason and its mend, for people: what `token-broker check --list` prints, and docs/guardrails.md.

mod exception;

use std::fmt::Write as _;

use restapi::guardrails::Severity;

use crate::{Rule, rules};

/// The rules as Markdown, a section each, in the order of their ids.
pub fn handbook() -> String {
    let mut text = rules().iter().fold(String::from(INTRODUCTION), |mut text, rule| {
        let Rule { id, title, reason, mend, severity } = rule;
        let kind = match severity {
            Severity::Error => "",
            Severity::Warning => " *Warning: `up` starts all the same.*",
        };
        // Writing to a string does not fail.
        let _ = write!(text, "\n## {id}: {title}\n\n**Why.** {reason}{kind}\n\n**Mend.** {mend}\n");
        let _ = write!(text, "\n**Checked.** {}\n", exception::checked(id));
        let _ = write!(text, "\n**Waive.** {}\n", exception::waive(id));
        text
    });
    text.push_str(BELIEVED);
    text
}

const INTRODUCTION: &str = "\
# Guardrails

What the front door, the broker behind it and the user pool behind that must not do. AWS allows all of it, so it is checked:
`token-broker up` refuses to start on an error, the Terraform modules refuse it by validation where a variable could ask for
it, and `token-broker check` finds it in the definition, in a Terraform plan and in a state. TB024 to TB038 are about plans
and states alone; TB028 to TB038 about a broker and a user pool that the plan or state makes itself.

An id never changes its meaning and is never given to another guardrail.

An exception is a waiver in `token-broker.yaml`, as each section shows one: the guardrail, the object or Terraform address that
a finding names (it covers what is below it, too), a reason of ten characters or more, and the last day (UTC). What it covers
is reported as waived and stops nothing. After that day it counts again, and says that its waiver has ended: nothing starts
or is reloaded with it. `up`, every reload, `config check` and `check` tell of waivers that end within 30 days and of those that nothing
needs; a waiver for an id that is none is told too, and `check` refuses it.
[operations.md](operations.md#an-exception-from-a-guardrail) says more.

Each can be waived where `token-broker` checks it. None can be waived where somebody else refuses it: Terraform judges the
variables of a module before it could read a waiver, and API Gateway knows none. A waiver lets nothing happen that this program has no
code for: on this machine no request or answer is written to a log, and no key, whatever is waived.

This page is what `token-broker check --list` prints.
";

/// What a pass does not say.
const BELIEVED: &str = "
## What is believed

A plan shows what an expression refers to, not how it is put together, so that these pass in the plan of a first apply and are
looked at in the next plan and in the state: check it as well.

- **TB029.** A policy that is known only after apply. `jsonencode` with a single ARN that is not known yet hides all of it, actions
  and wildcards included; that it names nothing but entries, keys and logs by their ARNs is looked at. Of an
  `aws_iam_policy_document` everything is shown but those ARNs. Which entries the bindings name is known after apply.
- **TB034.** Bindings that are known only after apply: what is in them, and where they send.

And these a state does not show either:

- **TB029.** That the key of `kms:Decrypt` is the entries' own. Conditions and refusals are not weighed.
- **TB032.** That AWS's layers are by the accounts that AWS [lists](https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html),
  as of 28 July 2026. A region that was not listed then is found; compare the account with the list, and waive it.
- **TB034.** Where a user pool answers that is made elsewhere; of a pool whose domain alone is made elsewhere, whose domain it is.
- **TB038.** That what a rule looks for in a header is a secret. Which header it must be is known with the bindings; without them
  it is any that is not a usual one. Groups of rules that AWS manages let nobody in unless they are told to.
";

#[cfg(test)]
mod tests {
    #[test]
    fn page_in_the_documents_is_the_handbook() {
        let page = include_str!("../../../docs/guardrails.md");
        assert!(page == super::handbook(), "write it anew: token-broker check --list > docs/guardrails.md");
    }
}
