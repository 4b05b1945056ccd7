//! Plans and states for tests: the example's, with changes.

#![expect(clippy::needless_pass_by_value, reason = "`json!` is written where it is passed")]

use serde_json::{Map, Value, json};

use crate::terraform::Document;
use crate::{Finding, judge};

/// A plan or a state that a test changes. Addresses without a module are those in the example's one.
#[derive(Clone)]
pub(crate) struct Plan(pub(crate) Value);

impl Plan {
    /// A first plan, where no id is known.
    pub(crate) fn of_example() -> Self {
        Self(serde_json::from_str(include_str!("fixtures/plan.json")).unwrap())
    }

    /// The state after apply.
    pub(crate) fn state_of_example() -> Self {
        Self(serde_json::from_str(include_str!("fixtures/state.json")).unwrap())
    }

    /// The definition that both are made of.
    pub(crate) fn definition() -> config::Definition {
        config::Definition::parse(include_str!("fixtures/token-broker.yaml"), "token-broker.yaml").unwrap()
    }

    pub(crate) fn document(&self) -> Document {
        Document::parse(&self.0.to_string()).unwrap()
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        judge::terraform(&self.document(), "plan.json", None, None)
    }

    /// What is found: `ID ADDRESS`, each once.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found: Vec<_> = self.findings().iter().map(shown).collect();
        found.dedup();
        found
    }

    /// What the findings of a rule say.
    pub(crate) fn details(&self, id: &str) -> Vec<String> {
        let mut details: Vec<_> = self
            .findings()
            .into_iter()
            .filter(|finding| finding.rule.id == id)
            .map(|finding| finding.detail)
            .collect();
        details.dedup();
        details
    }

    /// The example with a broker and its user pool beside the front door.
    pub(crate) fn with_broker() -> Self {
        let mut plan = Self::of_example();
        let mut more: Value = serde_json::from_str(include_str!("fixtures/broker-plan.json")).unwrap();
        plan.modules().append(more["planned_modules"].as_array_mut().unwrap());
        plan.0["prior_state"] =
            json!({ "values": { "root_module": { "child_modules": more["prior_modules"] } } });
        let calls =
            plan.0.pointer_mut("/configuration/root_module/module_calls").unwrap().as_object_mut().unwrap();
        calls.extend(more["module_calls"].as_object().unwrap().clone());
        plan
    }

    /// The state after that is applied.
    pub(crate) fn state_with_broker() -> Self {
        let mut state = Self::state_of_example();
        let mut more: Value = serde_json::from_str(include_str!("fixtures/broker-state.json")).unwrap();
        state.modules().append(more["modules"].as_array_mut().unwrap());
        state
    }

    /// The definition that both are made of.
    pub(crate) fn definition_with_broker() -> config::Definition {
        config::Definition::parse(&Self::text_with_broker(), "token-broker.yaml").unwrap()
    }

    /// The text of that definition.
    pub(crate) fn text_with_broker() -> String {
        let scopes = "scopes: [invoices/read]\n";
        let text = include_str!("fixtures/token-broker.yaml");
        let text = text.replace(scopes, &format!("{scopes}    app_client: partner\n"));
        format!(
            "{text}\napp_clients:\n  m2m: {{ token_validity: 1h }}\n  partner: {{ token_validity: 15m }}\n"
        )
    }

    fn modules(&mut self) -> &mut Vec<Value> {
        let values = if self.0.get("values").is_some() { "values" } else { "planned_values" };
        let modules = self.0.pointer_mut(&format!("/{values}/root_module/child_modules")).unwrap();
        modules.as_array_mut().unwrap()
    }

    /// The resources of the module that the address is in.
    fn resources_of(&mut self, address: &str) -> &mut Vec<Value> {
        let module = module_of(address);
        let is_it = |candidate: &&mut Value| {
            let address = candidate["resources"][0]["address"].as_str().unwrap_or_default();
            module_of(address) == module
        };
        let found = self.modules().iter_mut().find(is_it).unwrap_or_else(|| panic!("no module {module}"));
        found.get_mut("resources").and_then(Value::as_array_mut).unwrap()
    }

    fn resources(&mut self) -> &mut Vec<Value> {
        self.resources_of(MODULE)
    }

    fn resource(&mut self, address: &str) -> &mut Value {
        let address = absolute(address);
        let is_it = |resource: &&mut Value| resource["address"] == *address;
        self.resources_of(&address).iter_mut().find(is_it).unwrap_or_else(|| panic!("no {address}"))
    }

    pub(crate) fn values(&mut self, address: &str) -> &mut Map<String, Value> {
        self.resource(address)["values"].as_object_mut().unwrap()
    }

    /// Sets a value of a resource; `path` is a JSON pointer without the first slash.
    pub(crate) fn set(mut self, address: &str, path: &str, value: Value) -> Self {
        match path.rsplit_once('/') {
            None => _ = self.values(address).insert(path.into(), value),
            Some((path, name)) => {
                let (first, rest) =
                    path.split_once('/').map_or((path, String::new()), |(a, b)| (a, format!("/{b}")));
                let block = self.values(address).get_mut(first).unwrap().pointer_mut(&rest).unwrap();
                block[name] = value;
            }
        }
        self
    }

    /// Makes a value one that only apply will show, and that is made of `references`.
    pub(crate) fn hide(mut self, address: &str, name: &str, references: &[&str]) -> Self {
        self.values(address).remove(name);
        let written = self.written(address);
        written["expressions"][name] = json!({ "references": references });
        self
    }

    /// The resource as it is written.
    fn written(&mut self, address: &str) -> &mut Value {
        let address = absolute(address);
        let address = address.split('[').next().unwrap();
        let (module, inner) = (module_of(address).to_owned(), address.splitn(3, '.').nth(2).unwrap());
        let is_it = |resource: &&mut Value| resource["address"] == *inner;
        self.all_written(&module).iter_mut().find(is_it).unwrap_or_else(|| panic!("no {address}"))
    }

    /// Everything that is written in a module.
    fn all_written(&mut self, module: &str) -> &mut Vec<Value> {
        let name = module.strip_prefix("module.").unwrap();
        let path = format!("/configuration/root_module/module_calls/{name}/module/resources");
        self.0.pointer_mut(&path).and_then(Value::as_array_mut).unwrap()
    }

    /// Has Terraform mark parts of a resource sensitive.
    pub(crate) fn mark(mut self, address: &str, marks: Value) -> Self {
        self.resource(address)["sensitive_values"] = marks;
        self
    }

    /// Adds a resource that is like `model` under the name `name`.
    pub(crate) fn add_like(mut self, model: &str, name: &str) -> Self {
        let address = format!("{MODULE}{model}");
        let model_resource =
            self.resources().iter().find(|resource| resource["address"] == *address).unwrap();
        let mut added = model_resource.clone();
        let kind = added["type"].as_str().unwrap().to_owned();
        added["address"] = format!("{MODULE}{kind}.{name}").into();
        added["name"] = name.into();
        added.as_object_mut().unwrap().remove("index");
        self.resources().push(added);
        if self.0.get("configuration").is_some() {
            let mut written = self.written(model).clone();
            written["address"] = format!("{kind}.{name}").into();
            self.all_written("module.rest_api").push(written);
        }
        self
    }

    /// Adds a resource with these values and expressions.
    pub(crate) fn add(self, kind: &str, name: &str, values: Value, expressions: Value) -> Self {
        self.add_to("module.rest_api", kind, name, values, expressions)
    }

    /// Adds a resource to a module.
    pub(crate) fn add_to(
        mut self,
        module: &str,
        kind: &str,
        name: &str,
        values: Value,
        expressions: Value,
    ) -> Self {
        let (address, inner) = (format!("{module}.{kind}.{name}"), format!("{kind}.{name}"));
        self.resources_of(&address).push(
            json!({ "address": address, "mode": "managed", "type": kind, "name": name, "values": values }),
        );
        if self.0.get("configuration").is_some() {
            self.all_written(module).push(json!({ "address": inner, "expressions": expressions }));
        }
        self
    }

    /// Adds the function `token-broker` with these values and expressions, a role without rights and a log that ends.
    pub(crate) fn add_function(self, name: &str, mut values: Value, expressions: Value) -> Self {
        let all = values.as_object_mut().unwrap();
        all.insert("function_name".into(), "token-broker".into());
        all.insert("role".into(), "arn:aws:iam::123456789012:role/nothing".into());
        let trust =
            json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" } } });
        let role = json!({ "name": "nothing", "assume_role_policy": trust.to_string() });
        let log = json!({ "name": "/aws/lambda/token-broker", "retention_in_days": 30 });
        self.add("aws_lambda_function", name, values, expressions)
            .add("aws_iam_role", "nothing", role, json!({}))
            .add("aws_cloudwatch_log_group", "broker", log, json!({}))
    }

    /// Takes away every resource whose address begins so.
    pub(crate) fn remove(mut self, address: &str) -> Self {
        let address = absolute(address);
        let resources = self.resources_of(&address);
        let before = resources.len();
        resources.retain(|resource| !resource["address"].as_str().unwrap().starts_with(&address));
        assert!(resources.len() < before, "no {address}");
        self
    }
}

/// `ID ADDRESS`.
pub(crate) fn shown(finding: &Finding) -> String {
    let address = &finding.origin.address;
    format!("{} {}", finding.rule.id, address.strip_prefix(MODULE).unwrap_or(address))
}

/// Addresses without a module are those in the example's own.
fn absolute(address: &str) -> String {
    if address.starts_with("module.") { address.to_owned() } else { format!("{MODULE}{address}") }
}

/// `module.broker` of `module.broker.aws_lambda_function.this`.
fn module_of(address: &str) -> &str {
    address.match_indices('.').nth(1).map_or(address, |(end, _)| address.get(..end).unwrap())
}

const MODULE: &str = "module.rest_api.";
