//! Refusals are either all stock or all such as OAuth clients read them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::walk::{View, at, views};
use super::{Findings, Guardrail, Severity};
use crate::{GatewayResponse, ResponseType};

pub(super) static NO_STOCK_BESIDE_OAUTH: Guardrail = Guardrail {
    id: "TB022",
    title: "no stock refusal beside OAuth ones",
    severity: Severity::Error,
    reason: "Clients of an API that answers in OAuth JSON are written for it; a stock {\"message\": …} breaks them, and one \
             popular library takes it for a token.",
    mend: "Give the response type, or DEFAULT_4XX and DEFAULT_5XX for all the others, a body with a string `error`.",
    check: mixed,
};

fn mixed(account: &crate::Account, findings: &mut Findings) {
    for view in views(account) {
        let is_oauth_api = view.gateway_responses.iter().any(|response| bodies(response).any(is_oauth));
        if is_oauth_api {
            stock(&view, findings);
        }
    }
}

/// Every refusal of the view that is not OAuth's.
fn stock(view: &View<'_>, findings: &mut Findings) {
    let own: BTreeMap<ResponseType, bool> = view
        .gateway_responses
        .iter()
        .map(|response| (response.response_type, is_answered(response)))
        .collect();
    let responses = format!("{}/gatewayResponses", view.place);
    for kind in own.iter().filter(|(_, answers)| !**answers).map(|(kind, _)| kind) {
        let place = format!("{responses}/{}", at(&[kind.as_str()]));
        findings.add(place, "the body is stock, or has no string `error`");
    }
    let is_left = |kind: &ResponseType| !own.contains_key(kind) && own.get(&kind.catch_all()) != Some(&true);
    let left: Vec<&str> = ResponseType::ALL.into_iter().filter(is_left).map(ResponseType::as_str).collect();
    if !left.is_empty() {
        findings.add(responses, format!("answered in stock: {}", left.join(", ")));
    }
}

/// Whether an OAuth client can read the answer, whichever of its bodies it gets.
fn is_answered(response: &GatewayResponse) -> bool {
    // Without a template of its own it sends the stock body, whatever status and headers it has.
    bodies(response).next().is_some() && bodies(response).all(is_oauth)
}

fn bodies(response: &GatewayResponse) -> impl Iterator<Item = &str> {
    response.response_templates.values().map(String::as_str)
}

/// RFC 6749 §5.2: a JSON object with a string `error`.
fn is_oauth(template: &str) -> bool {
    // The one variable that comes with its own quotation marks.
    let body = template.replace("$context.error.messageString", "\"\"");
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    body.get("error").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_body_is_known_by_its_error() {
        for (template, is) in [
            ("{\"error\":\"invalid_client\"}", true),
            ("{\"error\":\"$context.error.responseType\",\"error_description\":\"x\"}", true),
            ("{\"error\":\"invalid_request\",\"error_description\":$context.error.messageString}", true),
            ("{\"message\":$context.error.messageString}", false),
            ("{\"error\":{\"code\":1}}", false),
            ("\"error\"", false),
            ("error", false),
            ("", false),
        ] {
            assert_eq!(is_oauth(template), is, "{template}");
        }
    }
}
