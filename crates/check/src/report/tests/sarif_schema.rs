//! The JSON Schema of SARIF 2.1.0 as OASIS publishes it, and as much of a checker as that schema needs here. It fails on
//! what it does not know, so that nothing is passed unseen.

use serde_json::Value;

/// Everything in `log` that the schema does not allow.
pub(super) fn faults(log: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(include_str!("../sarif/sarif-2.1.0.schema.json")).unwrap();
    let mut faults = Vec::new();
    check(&root, &root, log, "", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let fault = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "default" | "definitions" => None,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                check(root, target, value, at, faults);
                None
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(root, schema, member, &format!("{at}/{name}"), faults);
                    }
                }
                None
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, member) in value.as_object().into_iter().flatten() {
                    match rule {
                        _ if known.is_some_and(|known| known.contains_key(name)) => {}
                        Value::Bool(false) => faults.push(format!("{at}/{name}: unknown")),
                        Value::Bool(true) => {}
                        schema => check(root, schema, member, &format!("{at}/{name}"), faults),
                    }
                }
                None
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}/{index}"), faults);
                }
                None
            }
            "anyOf" | "oneOf" => {
                let allows = |schema: &&Value| {
                    let mut faults = Vec::new();
                    check(root, schema, value, at, &mut faults);
                    faults.is_empty()
                };
                let count = rule.as_array().unwrap().iter().filter(allows).count();
                let allowed = if keyword == "oneOf" { count == 1 } else { count > 0 };
                (!allowed).then(|| format!("{count} alternatives of {keyword} fit"))
            }
            _ => simple_fault(keyword, rule, value),
        };
        faults.extend(fault.map(|fault| format!("{at}: {fault}")));
    }
}

/// What is wrong with `value` by a keyword that looks at nothing inside it.
fn simple_fault(keyword: &str, rule: &Value, value: &Value) -> Option<String> {
    let items = || value.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_kept = match keyword {
        "type" => is_of(rule.as_str().unwrap(), value),
        "enum" => rule.as_array().unwrap().contains(value),
        "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "minItems" => !value.is_array() || items().len() as u64 >= rule.as_u64().unwrap(),
        "uniqueItems" => items().iter().enumerate().all(|(at, item)| !items()[..at].contains(item)),
        "format" if rule == "uri" => {
            is_uri_reference(value.as_str().unwrap()) && value.as_str().unwrap().contains(':')
        }
        "format" if rule == "uri-reference" => is_uri_reference(value.as_str().unwrap()),
        _ => panic!("the checker knows no `{keyword}: {rule}`"),
    };
    (!is_kept).then(|| format!("{value} breaks {keyword} {rule}"))
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => panic!("the checker knows no type `{kind}`"),
    }
}

/// Whether only characters of RFC 3986 stand there, with each percent sign before two hexadecimal digits.
fn is_uri_reference(text: &str) -> bool {
    let mut escapes = text.split('%').skip(1);
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte))
        && escapes
            .all(|escape| escape.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

#[test]
fn checker_sees_what_is_wrong() {
    let wrong = serde_json::json!({ "version": "2.0", "runs": [{ "tool": {}, "extra": 1, "results": [{ "level": "bad" }] }] });
    let found = faults(&wrong).join("\n");
    for at in [
        "/version: ",
        "/runs/0/tool: ",
        "/runs/0/extra: unknown",
        "/runs/0/results/0: ",
        "/runs/0/results/0/level: ",
    ] {
        assert!(found.contains(at), "{at}: {found}");
    }
}
