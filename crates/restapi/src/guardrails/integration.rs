//! An integration passes the request on as it is.

use super::walk::views;
use super::{Findings, Guardrail, Severity};
use crate::Account;

pub(super) static NO_TRANSFORMATION: Guardrail = Guardrail {
    id: "TB007",
    title: "no payload is transformed on its way to the broker",
    severity: Severity::Error,
    reason: "A mapping can put credentials where they are logged or put an identity where the broker trusts it, and it \
             becomes active as soon as somebody changes the integration's type.",
    mend: "Remove the integration's request templates and request parameters.",
    check: transformed,
};

fn transformed(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, integration) in view.integrations() {
            if !integration.request_templates.is_empty() {
                findings.add(format!("{place}/requestTemplates"), "the body goes through a mapping template");
            }
            if !integration.request_parameters.is_empty() {
                findings.add(format!("{place}/requestParameters"), "request parameters are mapped");
            }
        }
    }
}
