//! A method hands the request to a function that decides, and knows its caller without reading the body.

use super::walk::{View, views};
use super::{Findings, Guardrail, Severity};
use crate::{Account, AuthorizationType, IntegrationType, Method};

pub(super) static FUNCTION_DECIDES: Guardrail = Guardrail {
    id: "TB005",
    title: "no request is answered without the broker",
    severity: Severity::Error,
    reason: "The list of allowed grant types and scopes is in the broker; an integration that is not a Lambda proxy \
             answers without asking it, or does not show it the whole request.",
    mend: "Integrate the method with the broker function as AWS_PROXY.",
    check: undecided,
};

pub(super) static CALLER_IS_IDENTIFIED: Guardrail = Guardrail {
    id: "TB006",
    title: "no caller without an identity in the request context",
    severity: Severity::Error,
    reason: "Without an API key and without an authorizer only the body could say who calls, and everybody can write \
             any `client_id` into a body.",
    mend: "Require an API key on the method, or give it an authorizer.",
    check: unidentified,
};

fn undecided(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, _, method) in view.methods() {
            match &method.integration {
                None => findings.add(place, "the method has no integration"),
                Some(integration) if integration.kind != IntegrationType::AwsProxy => {
                    findings
                        .add(format!("{place}/integration"), "the integration is not of the type AWS_PROXY");
                }
                Some(integration) if integration.uri.function_arn().is_none() => {
                    findings
                        .add(format!("{place}/integration/uri"), "the URI names no single Lambda function");
                }
                Some(_) => {}
            }
        }
    }
}

fn unidentified(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, _, method) in view.methods() {
            if !method.api_key_required && !is_authorized(&view, method) {
                findings.add(place, "the method requires no API key and no authorization");
            }
        }
    }
}

/// Whether the method's callers are authorized. An authorizer that the API does not have authorizes nobody.
fn is_authorized(view: &View<'_>, method: &Method) -> bool {
    match method.authorization_type {
        AuthorizationType::None => false,
        AuthorizationType::AwsIam => true,
        AuthorizationType::Custom | AuthorizationType::CognitoUserPools => {
            view.authorizers.iter().any(|authorizer| Some(&authorizer.id) == method.authorizer_id.as_ref())
        }
    }
}
