//! Secrets in parameters that are not kept as such.

use restapi::guardrails;
use serde_json::Value;

use super::super::block::Block;
use super::super::front::Reader;
use super::super::{names, outputs};
use crate::rule::broker::NO_PLAIN_PARAMETER;

impl<'a> Reader<'a> {
    /// Finds secrets in parameters that are no `SecureString`.
    pub(super) fn check_parameters(&mut self) {
        for block in self.all(PARAMETER) {
            if block.text("type").known() == Some("SecureString") {
                continue;
            }
            if let Some(kind) = VALUES.iter().find_map(|attribute| self.kind_of_parameter(&block, attribute))
            {
                let detail = format!("the parameter holds {kind}");
                self.notes.add(NO_PLAIN_PARAMETER, &block.instance.address, "", detail);
            }
        }
    }

    fn kind_of_parameter(&self, block: &Block<'a>, attribute: &str) -> Option<String> {
        let name = block.text("name").known().unwrap_or_default();
        let own_name = name.rsplit('/').next().unwrap_or_default();
        let written = block.value(attribute).known().and_then(Value::as_str);
        let kind =
            written.and_then(|text| self.secrets.known_in(text).or_else(|| looks_like(own_name, text)));
        kind.or_else(|| {
            let targets = self.graph.targets(block, attribute);
            targets.iter().find_map(|target| outputs::secret_of(target, self.secrets))
        })
    }
}

/// What kind of secret a parameter's text looks like. A document is looked at member by member: one that says where secrets
/// lie has their names in it.
fn looks_like(name: &str, text: &str) -> Option<String> {
    let value = match serde_json::from_str(text) {
        Ok(document @ (Value::Object(_) | Value::Array(_))) => document,
        _ => Value::from(text),
    };
    names::secret_in(name, &value).or_else(|| pattern_inside(&value)).map(Into::into)
}

fn pattern_inside(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) => guardrails::secret_kind(text),
        Value::Array(list) => list.iter().find_map(pattern_inside),
        Value::Object(members) => members.values().find_map(pattern_inside),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

pub(super) const PARAMETER: &str = "aws_ssm_parameter";

/// Where a parameter's value is written. One that is write-only stands in no plan, and is known by what it is made of.
const VALUES: [&str; 3] = ["value", "insecure_value", "value_wo"];
