//! What is looked for: the guardrails, and what only Terraform can get wrong.

use restapi::guardrails::{self, Guardrail, Severity};

pub(crate) mod broker;

/// Something that must not be. Ids go on where the guardrails' end, and are as stable.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its id, such as `TB008`.
    pub id: &'static str,
    /// What must not be, in one line.
    pub title: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What to do about it.
    pub mend: &'static str,
    /// How bad it is.
    pub severity: Severity,
}

impl From<&'static Guardrail> for Rule {
    fn from(guardrail: &'static Guardrail) -> Self {
        let Guardrail { id, title, reason, mend, severity, .. } = guardrail;
        Self { id, title, reason, mend, severity: *severity }
    }
}

/// The API differs from what the definition says.
pub(crate) static SAME_AS_DEFINED: Rule = Rule {
    id: "TB024",
    title: "no difference from the definition",
    reason: "One definition has the same answers in every home only if what is deployed is what it says.",
    mend: "Make it of the definition (the module reads token-broker.yaml), or change the definition.",
    severity: Severity::Error,
};

/// An output shows a secret.
pub(crate) static NO_SECRET_IN_OUTPUT: Rule = Rule {
    id: "TB025",
    title: "no secret in an output that is not sensitive",
    reason: "Terraform prints such an output after every apply, and CI keeps what is printed.",
    mend: "Set sensitive = true on the output, or hand on the id and let its reader fetch the value.",
    severity: Severity::Error,
};

/// A variable holds a secret and is not sensitive.
pub(crate) static NO_SECRET_IN_VARIABLE: Rule = Rule {
    id: "TB026",
    title: "no secret in a plain variable or in the configuration",
    reason: "Its value stands in plans, in logs and mostly in a file that is committed.",
    mend: "Keep the secret in a secret store that only the broker reads; where Terraform must have it, declare the \
           variable with sensitive = true and give it by the environment.",
    severity: Severity::Error,
};

/// A part that decides is not shown.
pub(crate) static NOTHING_UNSEEN: Rule = Rule {
    id: "TB027",
    title: "no part of the API that this check cannot see",
    reason: "What is not seen is not checked, and a pass would say that it was.",
    mend: "Describe the part with resources of its own, or check the state after apply.",
    severity: Severity::Error,
};

/// All rules, by id.
pub fn rules() -> Vec<Rule> {
    let own = [&SAME_AS_DEFINED, &NO_SECRET_IN_OUTPUT, &NO_SECRET_IN_VARIABLE, &NOTHING_UNSEEN];
    let guardrails = guardrails::ALL.iter().map(|guardrail| Rule::from(*guardrail));
    let own = own.into_iter().chain(broker::ALL).copied();
    let mut rules: Vec<_> = guardrails.chain(own).collect();
    // Guardrails that come later have ids behind those here.
    rules.sort_by_key(|rule| rule.id);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up_without_a_gap_and_every_rule_says_why_and_how_to_mend() {
        for (index, rule) in rules().iter().enumerate() {
            assert_eq!(rule.id, format!("TB{:03}", index + 1));
            assert!(
                !rule.title.is_empty() && rule.reason.ends_with('.') && rule.mend.ends_with('.'),
                "{rule:?}"
            );
        }
    }
}
