//! The API container holds names and structure: no secrets, and no way to Cognito past the broker.

use super::secret::Secrets;
use super::walk::{View, api_place, at, plan_place, views};
use super::{Findings, Guardrail, Severity};
use crate::{Account, RestApi, Stage};

pub(super) static NO_SECRET: Guardrail = Guardrail {
    id: "TB001",
    title: "no secret or credential in the API",
    severity: Severity::Error,
    reason: "Everybody who may read the API's definition, its exports or a Terraform state would have it, and it \
             cannot be rotated without a deployment.",
    mend: "Take it out, replace it where it is valid, and keep the new one in a secret store that only the broker \
           reads.",
    check: secrets,
};

pub(super) static NO_COGNITO: Guardrail = Guardrail {
    id: "TB002",
    title: "no method integrates with Cognito directly",
    severity: Severity::Error,
    reason: "The gateway would have to hold the app client's secret, and callers would get tokens that no policy has \
             allowed.",
    mend: "Integrate the method with the broker function by Lambda proxy; the broker asks Cognito.",
    check: cognito,
};

fn secrets(account: &Account, findings: &mut Findings) {
    let secrets = Secrets::new(&account.api_keys);
    let mut report = |place: String, text: &str| {
        if let Some(kind) = secrets.kind_in(text) {
            findings.add(place, format!("holds {kind}"));
        }
    };
    for api in &account.rest_apis {
        container_texts(api, &mut report);
    }
    for view in views(account) {
        view_texts(&view, &mut report);
    }
    for plan in &account.usage_plans {
        report(at(&["usagePlans", plan.id.as_str(), "name"]), &plan.name);
        report(format!("{}/description", plan_place(plan)), plan.description.as_deref().unwrap_or_default());
    }
    for key in &account.api_keys {
        let place = |member| at(&["apiKeys", key.id.as_str(), member]);
        report(place("name"), &key.name);
        report(place("customerId"), key.customer_id.as_deref().unwrap_or_default());
    }
}

fn container_texts(api: &RestApi, report: &mut impl FnMut(String, &str)) {
    // A place made of the name would repeat the secret in it.
    report(at(&["restApis", api.id.as_str(), "name"]), &api.name);
    report(format!("{}/description", api_place(api)), api.description.as_deref().unwrap_or_default());
    for deployment in &api.deployments {
        let place = at(&["restApis", &api.name, "deployments", deployment.id.as_str(), "description"]);
        report(place, deployment.description.as_deref().unwrap_or_default());
    }
    for stage in &api.stages {
        stage_texts(api, stage, report);
    }
}

fn stage_texts(api: &RestApi, stage: &Stage, report: &mut impl FnMut(String, &str)) {
    let place = at(&["restApis", &api.name, "stages", stage.stage_name.as_str()]);
    report(format!("{place}/description"), stage.description.as_deref().unwrap_or_default());
    for (name, value) in &stage.variables {
        report(format!("{place}/{}", at(&["variables", name])), &format!("{name}={value}"));
    }
    if let Some(log) = &stage.access_log_settings {
        report(format!("{place}/accessLogSettings"), &log.format);
    }
}

fn view_texts(view: &View<'_>, report: &mut impl FnMut(String, &str)) {
    for response in view.gateway_responses {
        let place = format!("{}/{}", view.place, at(&["gatewayResponses", response.response_type.as_str()]));
        for (name, text) in response.response_parameters.iter().chain(&response.response_templates) {
            report(format!("{place}/{}", at(&[name])), &format!("{name}={text}"));
        }
    }
    for authorizer in view.authorizers {
        let place = format!("{}/{}", view.place, at(&["authorizers", &authorizer.name, "authorizerUri"]));
        report(place, authorizer.authorizer_uri.as_deref().unwrap_or_default());
    }
    for (place, integration) in view.integrations() {
        report(format!("{place}/uri"), &integration.uri.to_string());
        report(format!("{place}/credentials"), integration.credentials.as_deref().unwrap_or_default());
        for (name, text) in integration.request_parameters.iter().chain(&integration.request_templates) {
            report(format!("{place}/{}", at(&[name])), &format!("{name}={text}"));
        }
    }
}

fn cognito(account: &Account, findings: &mut Findings) {
    for view in views(account) {
        for (place, integration) in view.integrations() {
            // A custom domain does not show in its URI; TB005 refuses whatever is not a function.
            let uri = integration.uri.to_string().to_ascii_lowercase();
            if integration.uri.function_arn().is_none() && COGNITO.iter().any(|name| uri.contains(name)) {
                findings.add(format!("{place}/uri"), "the integration is an endpoint of Cognito");
            }
        }
    }
}

/// What the hosted endpoints, the service endpoints and the service's ARNs have in them.
const COGNITO: [&str; 4] = ["amazoncognito.", "cognito-idp", "cognito-identity", ":cognito"];
