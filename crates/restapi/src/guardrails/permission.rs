//! A function lets in one caller: this API's stage, method and path, by the permission on the function itself.

use std::collections::BTreeSet;

use super::walk::{at, views};
use super::{Findings, Guardrail, Severity};
use crate::{
    Account, Authorizer, FunctionName, IntegrationUri, Method, MethodArn, Permission, RestApi,
    SourceArnPattern,
};

pub(super) static ONLY_THIS_METHOD: Guardrail = Guardrail {
    id: "TB008",
    title: "no permission wider than one stage, method and path of this API",
    severity: Severity::Error,
    reason: "With a wildcard or without a source ARN any API, of any account, may invoke the broker and hand it a \
             request context of its own making.",
    mend: "Set the permission's source ARN to the one call it is for: \
           arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/POST/oauth2/token.",
    check: too_wide,
};

pub(super) static ONLY_THE_GATEWAY: Guardrail = Guardrail {
    id: "TB009",
    title: "no permission for anybody but API Gateway to invoke",
    severity: Severity::Error,
    reason: "Whoever invokes the broker writes the request context, and with it the identity that the broker believes.",
    mend: "Leave only the statement with the principal apigateway.amazonaws.com and the action lambda:InvokeFunction.",
    check: other_principal,
};

pub(super) static NO_OTHER_WAY_IN: Guardrail = Guardrail {
    id: "TB010",
    title: "no invocation past the function's permission",
    severity: Severity::Error,
    reason: "An integration with credentials invokes under a role, or under its caller's own, so that the function's \
             permission does not decide who may.",
    mend: "Remove the integration's credentials and give the function a permission.",
    check: role,
};

fn too_wide(account: &Account, findings: &mut Findings) {
    let calls = calls(account);
    for permission in &account.permissions {
        let function = permission.function_name.as_str();
        match permission.source_arn.as_ref().map(SourceArnPattern::as_str) {
            None => findings.add(place(permission), "the statement has no source ARN"),
            Some(arn) if arn.contains(['*', '?']) => {
                findings.add(place(permission), format!("the source ARN `{arn}` has a wildcard"));
            }
            Some(arn) if !calls.contains(&(function.to_owned(), arn.to_owned())) => {
                let detail = format!("no method and no authorizer that calls {function} has the ARN `{arn}`");
                findings.add(place(permission), detail);
            }
            Some(_) => {}
        }
    }
}

fn other_principal(account: &Account, findings: &mut Findings) {
    for permission in &account.permissions {
        let Permission { principal, action, .. } = permission;
        if principal != Permission::API_GATEWAY {
            findings.add(place(permission), format!("the principal is `{principal}`"));
        }
        if action != Permission::INVOKE {
            findings.add(place(permission), format!("the action is `{action}`"));
        }
    }
}

fn role(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, integration) in view.integrations() {
            if integration.credentials.is_some() {
                findings.add(format!("{place}/credentials"), "the integration has credentials");
            }
        }
    }
}

fn place(permission: &Permission) -> String {
    at(&["functions", permission.function_name.as_str(), "policy", &permission.statement_id])
}

/// Every function that is called, with the exact ARN of the call.
fn calls(account: &Account) -> BTreeSet<(String, String)> {
    let mut calls = BTreeSet::new();
    for view in views(account) {
        for (_, resource, method) in view.methods() {
            let Some(function) = function_behind(method) else { continue };
            for stage in &view.api.stages {
                let arn = MethodArn {
                    region: account.region.clone(),
                    account_id: account.account_id.clone(),
                    api_id: view.api.id.clone(),
                    stage: stage.stage_name.clone(),
                    method: method.http_method,
                    path: resource.path.clone(),
                };
                calls.insert((function.to_string(), arn.to_string()));
            }
        }
        for authorizer in view.authorizers {
            let Some(function) = function_of(authorizer) else { continue };
            calls.insert((function.to_owned(), authorizer_arn(account, view.api, authorizer)));
        }
    }
    calls
}

fn function_behind(method: &Method) -> Option<&FunctionName> {
    match &method.integration.as_ref()?.uri {
        IntegrationUri::Function { name, .. } => Some(name),
        IntegrationUri::Other(_) => None,
    }
}

fn authorizer_arn(account: &Account, api: &RestApi, authorizer: &Authorizer) -> String {
    let Account { region, account_id, .. } = account;
    format!("arn:aws:execute-api:{region}:{account_id}:{}/authorizers/{}", api.id, authorizer.id)
}

/// The function's name in `…:function:NAME/invocations`.
fn function_of(authorizer: &Authorizer) -> Option<&str> {
    let (_, rest) = authorizer.authorizer_uri.as_deref()?.split_once(":function:")?;
    rest.split(['/', ':']).next()
}
