//! What the reader itself finds, and where objects come from.

use restapi::guardrails;

use super::document::Instance;
use super::origins::Origins;
use crate::rule::NOTHING_UNSEEN;
use crate::{Finding, Origin, Rule};

/// What the reader writes down on its way.
pub(super) struct Notes {
    pub(super) findings: Vec<Finding>,
    pub(super) origins: Origins,
}

impl Notes {
    pub(super) fn of(file: &str) -> Self {
        Self { findings: Vec::new(), origins: Origins::of(file) }
    }

    /// `rule` is broken by `address`.
    pub(super) fn add(&mut self, rule: Rule, address: &str, place: &str, detail: impl Into<String>) {
        let (address, place) = (address.to_owned(), place.to_owned());
        let origin = Origin { file: self.origins.file().to_owned(), line: None, address, place };
        self.findings.push(Finding { rule, origin, detail: detail.into() });
    }

    /// The guardrail `id` is broken by `address`.
    pub(super) fn add_guardrail(&mut self, id: &str, address: &str, place: &str, detail: impl Into<String>) {
        if let Some(guardrail) = guardrails::ALL.iter().find(|guardrail| guardrail.id == id) {
            self.add(Rule::from(*guardrail), address, place, detail);
        }
    }

    /// What decides at `place` cannot be seen in `instance`: `part` says what it is, such as "the stage's name".
    pub(super) fn unseen(&mut self, instance: &Instance, place: &str, part: &str) {
        self.hidden(instance, place, format!("{part} cannot be seen"));
    }

    /// What decides at `place` cannot be seen, because of what `detail` says.
    pub(super) fn hidden(&mut self, instance: &Instance, place: &str, detail: impl Into<String>) {
        self.add(NOTHING_UNSEEN, &instance.address, place, detail);
        self.origins.hide(place);
    }
}

/// The names joined to a place, as the guardrails do it; a slash inside a name is written `~1`.
pub(crate) fn at(names: &[&str]) -> String {
    names.iter().map(|name| name.replace('/', "~1")).collect::<Vec<_>>().join("/")
}
