//! An account as it is compared: by names instead of ids, without what no definition can know.

use std::collections::BTreeMap;

use restapi::Account;
use serde_json::{Map, Value};

/// The members of `account` that a definition decides, as a tree; `api` is what its one API is called in places.
pub(super) fn of(account: &Account, api: &str) -> Value {
    let mut tree = named(account, api);
    leave_out(&mut tree, &mut Vec::new());
    tree
}

/// The whole account as a tree.
pub(super) fn named(account: &Account, api: &str) -> Value {
    let mut tree = serde_json::to_value(account).unwrap_or_default();
    put_keys_on_plans(&mut tree, account);
    name_elements(&mut tree, api);
    tree
}

/// Whether two members say the same: `5` is `5.0`.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

/// Makes membership in a plan a member of the key: `usagePlan: { standard: true }`.
fn put_keys_on_plans(tree: &mut Value, account: &Account) {
    let names: BTreeMap<_, _> = account.usage_plans.iter().map(|plan| (&plan.id, &plan.name)).collect();
    let mut on_plans: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for on in &account.usage_plan_keys {
        if let Some(name) = names.get(&on.usage_plan_id) {
            on_plans.entry(on.key_id.as_str()).or_default().insert((*name).clone(), Value::Bool(true));
        }
    }
    for key in tree.get_mut("apiKeys").and_then(Value::as_array_mut).into_iter().flatten() {
        let on = key.get("id").and_then(Value::as_str).and_then(|id| on_plans.remove(id)).unwrap_or_default();
        if let Some(key) = key.as_object_mut() {
            key.insert("usagePlan".into(), Value::Object(on));
        }
    }
}

/// Makes a map of each list of objects, by what people call them.
fn name_elements(tree: &mut Value, api: &str) {
    for api in tree.get_mut("restApis").and_then(Value::as_array_mut).into_iter().flatten() {
        by_name(api, "resources", |resource| text(resource, "path"));
        by_name(api, "authorizers", |authorizer| text(authorizer, "name"));
        by_name(api, "gatewayResponses", |response| text(response, "responseType"));
        by_name(api, "stages", |stage| text(stage, "stageName"));
        for stage in api.get_mut("stages").and_then(Value::as_object_mut).into_iter().flatten() {
            spell_out_settings(stage.1);
        }
        // A resource's methods stand right below it in places.
        for (_, resource) in api.get_mut("resources").and_then(Value::as_object_mut).into_iter().flatten() {
            lift_methods(resource);
        }
    }
    by_name(tree, "restApis", |_| api.to_owned());
    for plan in tree.get_mut("usagePlans").and_then(Value::as_array_mut).into_iter().flatten() {
        by_name(plan, "apiStages", |stage| text(stage, "stage"));
    }
    by_name(tree, "usagePlans", |plan| text(plan, "name"));
    // By id: names need not be unique, and the ids are those that were found on both sides.
    by_name(tree, "apiKeys", |key| text(key, "id"));
    by_name(tree, "permissions", |permission| text(permission, "statementId"));
    if let Some(tree) = tree.as_object_mut() {
        functions(tree);
    }
}

/// `~1oauth2~1token/POST` is `/oauth2/token/POST` in places.
fn spell_out_settings(stage: &mut Value) {
    if let Some(Value::Object(settings)) = stage.get_mut("methodSettings") {
        *settings = std::mem::take(settings)
            .into_iter()
            .map(|(key, value)| (key.replace("~1", "/"), value))
            .collect();
    }
}

fn lift_methods(resource: &mut Value) {
    let Some(resource) = resource.as_object_mut() else { return };
    if let Some(Value::Object(methods)) = resource.remove("resourceMethods") {
        for (name, mut method) in methods {
            if let Some(method) = method.as_object_mut()
                && let Some(integration) = method.remove("methodIntegration")
            {
                method.insert("integration".into(), integration);
            }
            resource.insert(name, method);
        }
    }
}

/// Statements stand below their function: `functions/NAME/policy/STATEMENT`.
fn functions(tree: &mut Map<String, Value>) {
    let Some(Value::Object(permissions)) = tree.remove("permissions") else { return };
    let mut functions = Map::new();
    for (id, permission) in permissions {
        let function =
            functions.entry(text(&permission, "functionName")).or_insert_with(|| Value::Object(Map::new()));
        if let Some(function) = function.as_object_mut() {
            let policy = function.entry("policy").or_insert_with(|| Value::Object(Map::new()));
            policy.as_object_mut().map(|policy| policy.insert(id, permission));
        }
    }
    tree.insert("functions".into(), Value::Object(functions));
}

fn by_name(tree: &mut Value, member: &str, name: impl Fn(&Value) -> String) {
    let Some(list) = tree.get_mut(member) else { return };
    let Value::Array(elements) = list.take() else { return };
    let mut named = Map::new();
    for element in elements {
        let mut name = name(&element);
        // Two of one name are two all the same.
        while named.contains_key(&name) {
            name.push('\'');
        }
        named.insert(name, element);
    }
    *list = Value::Object(named);
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Removes what is not compared, and members that are empty.
fn leave_out(value: &mut Value, path: &mut Vec<String>) {
    let Value::Object(members) = value else { return };
    members.retain(|name, value| {
        path.push(name.clone());
        let is_kept = !is_left_out(path);
        if is_kept {
            leave_out(value, path);
        }
        path.pop();
        is_kept
    });
}

fn is_left_out(path: &[String]) -> bool {
    LEFT_OUT.iter().any(|(pattern, _)| {
        let mut names = pattern.split('/');
        path.iter().all(|name| names.next().is_some_and(|wanted| wanted == "*" || wanted == name))
            && names.next().is_none()
    })
}

/// What is not compared, and why.
pub(super) const LEFT_OUT: [(&str, &str); 20] = [
    ("accountId", "a definition is of no account"),
    ("throttleSettings", "the account's own limits, which Terraform does not set"),
    ("usagePlanKeys", "compared with the keys, where plans have names"),
    ("restApis/*/id", "known only after apply; taken over"),
    ("restApis/*/disableExecuteApiEndpoint", "an input of the module, for those who have a domain"),
    ("restApis/*/endpointType", "an input of the module: from where it is reached is a matter of the place"),
    ("restApis/*/deployments", "made of what is compared already"),
    ("restApis/*/resources/*/id", "known only after apply; the path says which it is"),
    ("restApis/*/resources/*/parentId", "known only after apply; the path says where it stands"),
    ("restApis/*/resources/*/*/integration/cacheNamespace", "the resource's id; nothing is cached"),
    (
        "restApis/*/resources/*/*/integration/timeoutInMillis",
        "an input of the module: no answer depends on it",
    ),
    ("restApis/*/stages/*/deploymentId", "known only after apply"),
    ("restApis/*/stages/*/accessLogSettings/destinationArn", "the log group is the module's to choose"),
    ("restApis/*/stages/*/tracingEnabled", "an input of the module: a matter of operation, not of answers"),
    ("restApis/*/stages/*/methodSettings/*/cacheDataEncrypted", "nothing is cached, which is compared"),
    ("restApis/*/stages/*/methodSettings/*/cacheTtlInSeconds", "nothing is cached, which is compared"),
    ("restApis/*/stages/*/methodSettings/*/loggingLevel", "an input of the module: a matter of operation"),
    ("restApis/*/stages/*/methodSettings/*/metricsEnabled", "an input of the module: a matter of operation"),
    ("usagePlans/*/id", "known only after apply; the name says which it is"),
    ("usagePlans/*/apiStages/*/apiId", "known only after apply; taken over"),
];
