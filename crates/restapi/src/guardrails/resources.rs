//! The resource tree is `/`, `/oauth2` and `/oauth2/token`, and only the last has a method: POST.

use super::walk::views;
use super::{Findings, Guardrail, Severity};
use crate::{Account, HttpMethod};

pub(super) static NO_OTHER_ENDPOINT: Guardrail = Guardrail {
    id: "TB003",
    title: "no endpoint but /oauth2/token",
    severity: Severity::Error,
    reason: "Every further path is a way in that no limit, policy or test of this API was made for.",
    mend: "Remove the resource or its methods and deploy again; another purpose gets another API.",
    check: other_endpoints,
};

pub(super) static NO_OTHER_METHOD: Guardrail = Guardrail {
    id: "TB004",
    title: "no method but POST on /oauth2/token",
    severity: Severity::Error,
    reason: "A token request is a POST (RFC 6749 §3.2); with any other method the parameters stand in the URL, and so \
             in logs.",
    mend: "Remove the method and deploy again.",
    check: other_methods,
};

fn other_endpoints(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for resource in view.resources {
            let place = view.resource_place(resource);
            match resource.path.as_str() {
                TOKEN_ENDPOINT => {}
                "/" | "/oauth2" if resource.methods.is_empty() => {}
                "/" | "/oauth2" => findings.add(place, "the resource has methods"),
                _ => findings.add(place, "the resource is none of /, /oauth2 and /oauth2/token"),
            }
        }
    }
}

fn other_methods(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, resource, method) in view.methods() {
            if resource.path.as_str() == TOKEN_ENDPOINT && method.http_method != HttpMethod::Post {
                findings.add(place, format!("the endpoint answers {}", method.http_method));
            }
        }
    }
}

const TOKEN_ENDPOINT: &str = "/oauth2/token";
