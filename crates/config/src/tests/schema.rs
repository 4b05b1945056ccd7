//! Parser and schema know the same fields. The checker below knows as much of JSON Schema as this schema uses, and fails
//! on what it does not know.

use std::collections::BTreeSet;

use serde_json::Value;

use super::EVERY_FIELD;
use crate::{DEFAULT_FILE, Definition, schema};

fn json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Follows `$ref`.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Everything about `value` that `schema` does not allow.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(root, schema);
    let mut faults = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            // The last two are looked at below, by member.
            "$schema"
            | "$defs"
            | "title"
            | "description"
            | "format"
            | "pattern"
            | "properties"
            | "additionalProperties" => {}
            "type" => faults.extend((!is_of(rule, value)).then(|| format!("{at}: not {rule}"))),
            "const" => faults.extend((rule != value).then(|| format!("{at}: not {rule}"))),
            "enum" => {
                faults.extend(
                    (!rule.as_array().unwrap().contains(value)).then(|| format!("{at}: none of {rule}")),
                );
            }
            "minimum" => {
                faults.extend((value.as_f64() < rule.as_f64()).then(|| format!("{at}: below {rule}")));
            }
            "maximum" => {
                faults.extend((value.as_f64() > rule.as_f64()).then(|| format!("{at}: above {rule}")));
            }
            "minItems" => {
                let length = value.as_array().map_or(0, Vec::len) as u64;
                faults.extend((length < rule.as_u64().unwrap()).then(|| format!("{at}: too short")));
            }
            "minLength" => {
                let length = value.as_str().map_or(0, |text| text.chars().count()) as u64;
                faults.extend((length < rule.as_u64().unwrap()).then(|| format!("{at}: too short")));
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let is_missing = value.get(name.as_str().unwrap()).is_none();
                    faults.extend(is_missing.then(|| format!("{at}: no {name}")));
                }
            }
            "oneOf" | "anyOf" => {
                let fits =
                    rule.as_array().unwrap().iter().any(|one| self::faults(root, one, value, at).is_empty());
                faults.extend((!fits).then(|| format!("{at}: fits none of {rule}")));
            }
            "items" => {
                for entry in value.as_array().into_iter().flatten() {
                    faults.extend(self::faults(root, rule, entry, at));
                }
            }
            other => panic!("the checker does not know `{other}`"),
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match schema.get("properties").and_then(|properties| properties.get(name)) {
            Some(rule) => faults.extend(self::faults(root, rule, member, &at)),
            None => match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => faults.push(format!("{at}: unknown")),
                Some(rule) => faults.extend(self::faults(root, rule, member, &at)),
                None => {}
            },
        }
    }
    faults
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("the checker does not know the type `{other}`"),
    }
}

/// Every field that the schema has, with `*` for names that people choose.
fn fields_of_schema(root: &Value, schema: &Value, at: &str, fields: &mut BTreeSet<String>) {
    let schema = resolved(root, schema);
    for (name, rule) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(format!("{at}.{name}"));
        fields_of_schema(root, rule, &format!("{at}.{name}"), fields);
    }
    if let Some(rule @ Value::Object(_)) = schema.get("additionalProperties") {
        fields_of_schema(root, rule, &format!("{at}.*"), fields);
    }
    if let Some(rule) = schema.get("items") {
        fields_of_schema(root, rule, &format!("{at}.*"), fields);
    }
    for rule in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        fields_of_schema(root, rule, at, fields);
    }
}

fn fields_of_value(value: &Value, at: &str, fields: &mut BTreeSet<String>) {
    let is_named_by_people =
        matches!(at, ".plans" | ".clients" | ".app_clients" | ".homes.local.user_pool.app_clients");
    for entry in value.as_array().into_iter().flatten() {
        fields_of_value(entry, &format!("{at}.*"), fields);
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let at = if is_named_by_people { format!("{at}.*") } else { format!("{at}.{name}") };
        if !is_named_by_people {
            fields.insert(at.clone());
        }
        fields_of_value(member, &at, fields);
    }
}

#[test]
fn files_that_the_parser_reads_fit_the_schema() {
    let schema = schema();
    let every_field = EVERY_FIELD.replace("account_id: 123456789012", "account_id: '123456789012'");
    let named = "api: { access_log: xml }";
    for text in [DEFAULT_FILE, &every_field, OTHER_POOL, OTHER_FUNCTION, named, "api: {}"] {
        assert_eq!(faults(&schema, &schema, &json(text), ""), Vec::<String>::new());
        assert!(Definition::parse(text, "token-broker.yaml").is_ok());
    }
}

/// A pool that is asked in the other way.
const OTHER_POOL: &str = "homes: { local: { user_pool: { cognito_idp: 'https://cognito-idp.eu-central-1.amazonaws.com', app_clients: {} } } }";

/// A function that is in the other place.
const OTHER_FUNCTION: &str = "homes: { local: { function: { aws: 'arn:aws:lambda:eu-central-1:123456789012:function:b', endpoint: 'http://127.0.0.1:4566', timeout: 5s } } }";

#[test]
fn schema_and_parser_know_the_same_fields() {
    let (schema, mut of_schema, mut of_file) = (schema(), BTreeSet::new(), BTreeSet::new());
    fields_of_schema(&schema, &schema, "", &mut of_schema);
    // Fields that exclude each other are all shown, each in a file of its own.
    fields_of_value(&json(EVERY_FIELD), "", &mut of_file);
    fields_of_value(&json(DEFAULT_FILE), "", &mut of_file);
    fields_of_value(&json(OTHER_POOL), "", &mut of_file);
    fields_of_value(&json(OTHER_FUNCTION), "", &mut of_file);
    assert_eq!(of_schema, of_file);
}

#[test]
fn what_the_schema_refuses_the_parser_refuses() {
    let schema = schema();
    for text in [
        "api: { nam: x }",
        "api: { throttle: { rate: 1 } }",
        "api: { throttle: { rate: 0, burst: 1 } }",
        "api: { throttle: { rate: 1, burst: 0 } }",
        "api: { throttle: { rate: fast, burst: 1 } }",
        "api: { gateway_responses: json }",
        "api: { access_log: combined }",
        "api: { access_log: { format: '' } }",
        "api: { logging_level: debug }",
        "api: { token_endpoint: { identity: iam } }",
        "plans: { p: { quota: { limit: 1, period: year } } }",
        "plans: { p: { quota: { limit: 1, period: month, offset: 28 } } }",
        "clients: { a: { plan: p, scopes: [] } }",
        "clients: { a: { plan: p, scopes: [a/b], budget: {} } }",
        "clients: { a: { plan: p, scopes: [a/b], grants: [password] } }",
        "broker: { refresh_at_percent: 101 }",
        "homes: { local: { user_pool: cognito } }",
        "homes: { local: { function: lambda } }",
        "homes: { local: { function: { command: [] } } }",
        "homes: { local: { function: { command: [x], concurrency: 0 } } }",
        "homes: { local: { limits: { store: redis } } }",
        "homes: { local: { limits: { quota_batch: 0 } } }",
        "homes: { local: { limits: { quota_batch: 1000001 } } }",
        "homes: { local: { limits: { when_lost: closed } } }",
        "homes: { local: { limits: { when_lost: { throttle: ajar } } } }",
        "homes: { local: { metrics: { per_client: 0 } } }",
        "homes: { local: { metrics: { per_client: 1001 } } }",
        "homes: { local: { traces: { one_in: 0 } } }",
        "homes: { local: { traces: { parents: obey } } }",
        "homes: { local: { traces: { ca: '' } } }",
        "homes: { local: { traces: { headers_file: '' } } }",
        "homes: { local: { trusted_proxies: [], client_address: forwarded } }",
        "homes: { local: { trusted_proxies: [10.0.0.0/8], client_address: x_real_ip } }",
        "homes: { local: { trusted_proxies: [10.0.0.0/8], proxy_protocol: optional } }",
        "homes: { local: { tls: { certificate: c } } }",
        "homes: { local: { tls: { certificate: c, key: k, min_version: '1.1' } } }",
        "homes: { local: { tls: { certificate: c, key: k, client_auth: always, client_ca: a } } }",
        "homes: { aws: {} }",
        "waivers: [{ guardrail: TB018, at: x, expires: 2027-01-31 }]",
        "waivers: [{ guardrail: TB018, at: x, reason: short, expires: 2027-01-31 }]",
    ] {
        assert!(!faults(&schema, &schema, &json(text), "").is_empty(), "the schema takes {text}");
        assert!(Definition::parse(text, "token-broker.yaml").is_err(), "the parser takes {text}");
    }
}

#[test]
fn schema_is_what_it_was() {
    insta::assert_json_snapshot!("schema", schema());
}
