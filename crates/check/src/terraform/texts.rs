//! Texts of the API that hold a secret of the document: people read them in exports, and API Gateway sends some to callers.
//!
//! The guardrails find what looks like a secret, and the values of the API's keys; here is looked for what only the
//! document knows to be one. What they find is not told again.

use restapi::guardrails::{self, KnownSecrets};
use restapi::{ApiKey, ApiKeyValue};
use serde_json::Value;

use super::block::{Block, Seen};
use super::front::{Owner, REST_API, Reader};

impl<'a> Reader<'a> {
    /// Finds secrets in the texts of the API, its plans and its `keys`.
    pub(super) fn check_texts(&mut self, keys: &[ApiKey]) {
        let values = keys.iter().filter_map(|key| key.value.as_ref());
        let keys = KnownSecrets::new(values.map(|value| (ApiKeyValue::expose(value), ())));
        let is_told =
            |text: &str, named: &str| keys.find(text).is_some() || guardrails::secret_kind(named).is_some();
        for (kind, attributes) in TEXTS {
            for block in self.with_texts(kind) {
                let texts = attributes.iter().flat_map(|attribute| texts(&block, attribute));
                let untold = texts.filter(|text| !is_told(text.value, &text.named()));
                let found: Vec<_> = untold.filter_map(|text| self.found(&block, &text)).collect();
                let address = &block.instance.address;
                for detail in found {
                    let place = self.notes.origins.place_of(address).unwrap_or_default().to_owned();
                    self.notes.add_guardrail("TB001", address, &place, detail);
                }
            }
        }
    }

    fn with_texts(&self, kind: &str) -> Vec<Block<'a>> {
        let all = self.graph.of_kind(kind).iter().map(|instance| self.graph.block(instance));
        let is_own = |block: &Block<'a>| match kind {
            REST_API => std::ptr::eq(block.instance, self.api),
            "aws_api_gateway_usage_plan" | "aws_api_gateway_api_key" => true,
            _ => self.owner(block, "rest_api_id") != Owner::Other,
        };
        all.filter(is_own).collect()
    }

    fn found(&self, block: &Block<'_>, text: &Text<'_>) -> Option<String> {
        let path: Vec<&str> = [text.attribute].into_iter().chain(text.name).collect();
        let kind = self.secrets.kind_at(&block.instance.address, &path, text.value)?;
        Some(format!("`{}` holds {kind}", path.join(".")))
    }
}

struct Text<'b> {
    attribute: &'b str,
    /// In an attribute of several.
    name: Option<&'b str>,
    value: &'b str,
}

impl Text<'_> {
    /// As the guardrails look at it.
    fn named(&self) -> String {
        self.name.map_or_else(|| self.value.to_owned(), |name| format!("{name}={}", self.value))
    }
}

fn texts<'b>(block: &Block<'b>, attribute: &'b str) -> Vec<Text<'b>> {
    match block.value(attribute) {
        Seen::Known(Value::String(value)) => vec![Text { attribute, name: None, value }],
        Seen::Known(Value::Object(entries)) => {
            let text = |(name, value): (&'b String, &'b Value)| {
                Some(Text { attribute, name: Some(name), value: value.as_str()? })
            };
            entries.iter().filter_map(text).collect()
        }
        _ => Vec::new(),
    }
}

/// Attributes whose texts the guardrails look at, by kind of resource.
const TEXTS: [(&str, &[&str]); 8] = [
    (REST_API, &["name", "description"]),
    ("aws_api_gateway_authorizer", &["authorizer_uri"]),
    ("aws_api_gateway_deployment", &["description"]),
    ("aws_api_gateway_gateway_response", &["response_parameters", "response_templates"]),
    ("aws_api_gateway_integration", &["uri", "credentials", "request_parameters", "request_templates"]),
    ("aws_api_gateway_stage", &["description", "variables"]),
    ("aws_api_gateway_usage_plan", &["name", "description"]),
    ("aws_api_gateway_api_key", &["name", "description", "customer_id"]),
];
