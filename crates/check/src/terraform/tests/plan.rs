//! Plans and states for tests: the example's, with changes.

#![expect(clippy::needless_pass_by_value, reason = "`json!` is written where it is passed")]

use serde_json::{Map, Value, json};

use crate::terraform::Document;
use crate::{Finding, judge};

/// A plan or a state that a test changes. Addresses are those in the example's one module.
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

    fn module(&mut self) -> &mut Value {
        let values = if self.0.get("values").is_some() { "values" } else { "planned_values" };
        self.0.pointer_mut(&format!("/{values}/root_module/child_modules/0")).unwrap()
    }

    fn resources(&mut self) -> &mut Vec<Value> {
        self.module().get_mut("resources").and_then(Value::as_array_mut).unwrap()
    }

    pub(crate) fn values(&mut self, address: &str) -> &mut Map<String, Value> {
        let address = format!("{MODULE}{address}");
        let is_it = |resource: &&mut Value| resource["address"] == *address;
        let resource = self.resources().iter_mut().find(is_it).unwrap_or_else(|| panic!("no {address}"));
        resource["values"].as_object_mut().unwrap()
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
        let address = address.split('[').next().unwrap();
        let resources =
            self.0.pointer_mut("/configuration/root_module/module_calls/rest_api/module/resources").unwrap();
        let is_it = |resource: &&mut Value| resource["address"] == *address;
        resources.as_array_mut().unwrap().iter_mut().find(is_it).unwrap_or_else(|| panic!("no {address}"))
    }

    /// Has Terraform mark parts of a resource sensitive.
    pub(crate) fn mark(mut self, address: &str, marks: Value) -> Self {
        let address = format!("{MODULE}{address}");
        let is_it = |resource: &&mut Value| resource["address"] == *address;
        let resource = self.resources().iter_mut().find(is_it).unwrap_or_else(|| panic!("no {address}"));
        resource["sensitive_values"] = marks;
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
            let all = self
                .0
                .pointer_mut("/configuration/root_module/module_calls/rest_api/module/resources")
                .unwrap();
            all.as_array_mut().unwrap().push(written);
        }
        self
    }

    /// Adds a resource with these values and expressions.
    pub(crate) fn add(mut self, kind: &str, name: &str, values: Value, expressions: Value) -> Self {
        let (address, inner) = (format!("{MODULE}{kind}.{name}"), format!("{kind}.{name}"));
        self.resources().push(
            json!({ "address": address, "mode": "managed", "type": kind, "name": name, "values": values }),
        );
        if let Some(all) =
            self.0.pointer_mut("/configuration/root_module/module_calls/rest_api/module/resources")
        {
            all.as_array_mut().unwrap().push(json!({ "address": inner, "expressions": expressions }));
        }
        self
    }

    /// Takes away every resource whose address begins so.
    pub(crate) fn remove(mut self, address: &str) -> Self {
        let address = format!("{MODULE}{address}");
        let resources = self.resources();
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

const MODULE: &str = "module.rest_api.";
