//! Where each rule is checked, and what a waiver of it looks like.

use restapi::guardrails;

/// Where the rule `id` is checked.
pub(super) fn checked(id: &str) -> String {
    let here = if is_guardrail(id) {
        "In the definition, at every start and reload and by `config check` and `check`; in a plan or a state by `check`"
    } else {
        "In a plan or a state, by `check`"
    };
    let there = if is_validated(id) { "; in the variables of the Terraform module" } else { "" };
    format!("{here}{there}.")
}

/// How to except something from the rule `id`, and where that does not help.
pub(super) fn waive(id: &str) -> String {
    let note = match id {
        "TB013" => ", but not for the Terraform module, nor for API Gateway, which refuses it too",
        _ if is_validated(id) => ", but not for the Terraform module",
        _ => "",
    };
    format!("In the definition{note}:\n\n```yaml\n{}```", example(id))
}

/// A waiver of the rule `id`, as it stands in a definition.
pub(super) fn example(id: &str) -> String {
    let at = EXAMPLES.iter().find(|(known, _)| *known == id).map_or("", |(_, at)| at);
    format!(
        "waivers:\n  - guardrail: {id}\n    at: '{at}'\n    reason: why this is right for now\n    expires: 2027-01-31\n"
    )
}

fn is_guardrail(id: &str) -> bool {
    guardrails::ALL.iter().any(|guardrail| guardrail.id == id)
}

fn is_validated(id: &str) -> bool {
    VALIDATED.contains(&id)
}

/// Rules that the validations and preconditions of `terraform/modules` name.
const VALIDATED: [&str; 10] =
    ["TB005", "TB006", "TB012", "TB013", "TB015", "TB016", "TB017", "TB018", "TB021", "TB023"];

/// For each rule an object that may break it: by its place, or by its address where only Terraform has it.
const EXAMPLES: &[(&str, &str)] = &[
    ("TB001", "restApis/token-broker-api/stages/dev/variables"),
    ("TB002", "restApis/token-broker-api/resources/~1oauth2~1token/POST"),
    ("TB003", "restApis/token-broker-api/resources/~1health"),
    ("TB004", "restApis/token-broker-api/resources/~1oauth2~1token/GET"),
    ("TB005", "restApis/token-broker-api/resources/~1oauth2~1token/POST"),
    ("TB006", "restApis/token-broker-api/resources/~1oauth2~1token/POST"),
    ("TB007", "restApis/token-broker-api/resources/~1oauth2~1token/POST"),
    ("TB008", "module.front_door.aws_lambda_permission.this"),
    ("TB009", "module.front_door.aws_lambda_permission.this"),
    ("TB010", "restApis/token-broker-api/resources/~1oauth2~1token/POST"),
    ("TB011", "restApis/token-broker-api/stages/dev/methodSettings"),
    ("TB012", "api.access_log"),
    ("TB013", "api.access_log"),
    ("TB014", "restApis/token-broker-api/stages/dev"),
    ("TB015", "api.throttle"),
    ("TB016", "api.token_endpoint.throttle"),
    ("TB017", "plans.partner"),
    ("TB018", "usagePlans/partner"),
    ("TB019", "apiKeys/abcde12345"),
    ("TB020", "apiKeys/abcde12345"),
    ("TB021", "apiKeys/abcde12345"),
    ("TB022", "api.gateway_responses"),
    ("TB023", "plans.partner"),
    ("TB024", "module.front_door.aws_api_gateway_stage.this"),
    ("TB025", "output.keys"),
    ("TB026", "var.client_secret"),
    ("TB027", "module.front_door.aws_api_gateway_rest_api.this"),
    ("TB028", "module.broker.aws_lambda_function.this"),
    ("TB029", "module.broker.aws_iam_role_policy.this"),
    ("TB030", "module.broker.aws_iam_role.this"),
    ("TB031", "module.broker.aws_cloudwatch_log_group.this"),
    ("TB032", "module.broker.aws_lambda_function.this"),
    ("TB033", "aws_ssm_parameter.settings"),
    ("TB034", "module.broker.aws_ssm_parameter.bindings"),
    ("TB035", "module.user_pool.aws_cognito_user_pool_client.this[\"m2m\"]"),
    ("TB036", "module.user_pool.aws_cognito_user_pool.this"),
    ("TB037", "module.user_pool.aws_cognito_user_pool.this"),
    ("TB038", "module.user_pool.aws_wafv2_web_acl.origin[0]"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use ambient::Timestamp;
    use config::Definition;

    use super::*;
    use crate::{Finding, Origin, Subject, Waivers, rules};

    /// 2026-12-01T00:00:00Z.
    const BEFORE: Timestamp = Timestamp::from_secs(1_796_083_200);

    #[test]
    fn example_of_each_rule_is_read_and_waives_it() {
        for rule in rules() {
            let at =
                EXAMPLES.iter().find(|(id, _)| *id == rule.id).unwrap_or_else(|| panic!("{}", rule.id)).1;
            let text = format!("{}\n{}", config::DEFAULT_FILE, example(rule.id));
            let definition = Definition::parse(&text, "x.yaml").unwrap_or_else(|error| panic!("{error}"));
            let waivers = Waivers::of(&definition, "x.yaml").unwrap();
            let place = at.replace("plans.", "usagePlans/");
            let place = match place.as_str() {
                "api.access_log" => "restApis/a/stages/dev/accessLogSettings/format".to_owned(),
                "api.throttle" => "restApis/a/stages/dev/methodSettings/*~1*".to_owned(),
                "api.token_endpoint.throttle" => "restApis/a/stages/dev/methodSettings/x".to_owned(),
                "api.gateway_responses" => "restApis/a/gatewayResponses/THROTTLED".to_owned(),
                _ => place,
            };
            let origin = Origin { file: "p".into(), line: None, address: at.into(), place };
            let finding = Finding {
                rule,
                origin: Origin { address: String::new(), ..origin.clone() },
                detail: String::new(),
            };
            let by_address = Finding { origin, ..finding.clone() };
            let is_address = ["module.", "output.", "var.", "aws_"].iter().any(|kind| at.starts_with(kind));
            let finding = if is_address { by_address } else { finding };
            let report = waivers.apply(vec![finding], Subject::Terraform, BEFORE);
            assert!(report.is_clean() && report.waived.len() == 1, "{}: {report:?}", rule.id);
        }
        assert_eq!(EXAMPLES.len(), rules().len());
    }

    #[test]
    fn rules_that_modules_validate_are_those_that_they_name() {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform/modules");
        let mut named = BTreeSet::new();
        for module in std::fs::read_dir(modules).unwrap() {
            for file in std::fs::read_dir(module.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "tf") {
                    let text = std::fs::read_to_string(path).unwrap();
                    let messages = text.split("error_message").skip(1);
                    let starts = messages.filter_map(|message| message.split_once('"'));
                    named.extend(starts.filter_map(|(_, said)| Some(said.get(..5)?.to_owned())));
                }
            }
        }
        named.retain(|id| id.starts_with("TB"));
        assert_eq!(named.into_iter().collect::<Vec<_>>(), VALIDATED);
    }
}
