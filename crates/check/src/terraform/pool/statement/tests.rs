//! What statements ask for, each as Terraform shows it.

#![expect(clippy::needless_pass_by_value, reason = "`json!` is written where it is passed")]

use serde_json::json;

use super::*;

fn is_enough(statement: &Value) -> bool {
    Asked::by(&json!([statement]), &BTreeSet::new()).is_enough
}

fn bytes(field: Value, position: &str, searched: &str) -> Value {
    json!({ "byte_match_statement": [{ "field_to_match": [field], "positional_constraint": position,
        "search_string": searched, "text_transformation": [{ "priority": 0, "type": "NONE" }] }] })
}

fn header(name: &str) -> Value {
    bytes(json!({ "single_header": [{ "name": name }] }), "EXACTLY", "1example2secret3of4the5header6")
}

fn get() -> Value {
    bytes(json!({ "method": [{}] }), "EXACTLY", "GET")
}

fn path(position: &str, searched: &str) -> Value {
    bytes(json!({ "uri_path": [{}] }), position, searched)
}

fn regex(regex: &str) -> Value {
    json!({ "regex_match_statement": [{ "field_to_match": [{ "uri_path": [{}] }], "regex_string": regex,
        "text_transformation": [{ "priority": 0, "type": "NONE" }] }] })
}

fn both(one: Value, other: Value) -> Value {
    json!({ "and_statement": [{ "statement": [one, other] }] })
}

fn either(one: Value, other: Value) -> Value {
    json!({ "or_statement": [{ "statement": [one, other] }] })
}

const DOCUMENT: &str = r"^/[a-z0-9-]+_[A-Za-z0-9]+/\.well-known/(jwks\.json|openid-configuration)$";

#[test]
fn secret_header_is_enough() {
    assert!(is_enough(&header("x-token-broker-origin")));
    assert!(is_enough(&both(header("x-origin"), path("STARTS_WITH", "/oauth2/"))));
    assert!(is_enough(&either(header("x-origin"), header("x-origin"))));
    // A plan may not show what is searched for.
    let mut hidden = header("x-origin");
    hidden["byte_match_statement"][0].as_object_mut().unwrap().remove("search_string");
    assert!(is_enough(&hidden));
    // A state lists what is not there, too.
    let mut state = header("x-origin");
    state["and_statement"] = json!([]);
    state["byte_match_statement"][0]["field_to_match"][0]["uri_path"] = json!([]);
    assert!(is_enough(&state));
}

#[test]
fn header_that_asks_for_no_secret_is_not_enough() {
    for name in ["Host", "user-agent", "content-type", "X-Amz-Target", "accept-language", "x-forwarded-for"] {
        assert!(!is_enough(&header(name)), "{name}");
    }
    let field = || json!({ "single_header": [{ "name": "x-origin" }] });
    for position in ["CONTAINS", "STARTS_WITH", "ENDS_WITH", "CONTAINS_WORD"] {
        assert!(!is_enough(&bytes(field(), position, "1")), "{position}");
    }
    assert!(!is_enough(&bytes(field(), "EXACTLY", "")));
    let size = json!({ "size_constraint_statement": [{ "field_to_match": [field()], "comparison_operator": "GT", "size": 0 }] });
    assert!(!is_enough(&size));
    let not = json!({ "not_statement": [{ "statement": [header("x-origin")] }] });
    assert!(!is_enough(&not));
}

#[test]
fn header_must_be_the_one_that_the_broker_sends_if_that_is_known() {
    let headers = BTreeSet::from(["x-token-broker-origin".to_owned()]);
    let is_enough = |name: &str| Asked::by(&json!([header(name)]), &headers).is_enough;
    assert!(is_enough("X-Token-Broker-Origin"));
    assert!(!is_enough("x-origin"));
}

#[test]
fn documents_by_which_tokens_are_verified_may_be_read_without_the_header() {
    for document in [
        regex(DOCUMENT),
        regex(r"/\.well-known/jwks\.json$"),
        regex("^/[a-z0-9-]+_[A-Za-z0-9]+/[.]well-known/(jwks[.]json|openid-configuration)$"),
        path("ENDS_WITH", "/.well-known/jwks.json"),
        path("EXACTLY", "/eu-central-1_AbCdEfGhI/.well-known/openid-configuration"),
    ] {
        assert!(is_enough(&both(get(), document.clone())), "{document}");
        assert!(is_enough(&either(header("x-origin"), both(document.clone(), get()))), "{document}");
        assert!(!is_enough(&either(get(), document.clone())), "{document}");
        // With another method it is Cognito's API that answers.
        assert!(!is_enough(&document), "{document}");
        let post = bytes(json!({ "method": [{}] }), "EXACTLY", "POST");
        assert!(!is_enough(&both(post, document)));
    }
    assert!(!is_enough(&get()));
}

#[test]
fn path_of_something_else_is_not_enough() {
    for other in [
        path("EXACTLY", "/oauth2/token"),
        path("ENDS_WITH", "token"),
        path("ENDS_WITH", "jwks.json"),
        path("CONTAINS", "/.well-known/jwks.json"),
        path("STARTS_WITH", "/.well-known/jwks.json"),
        regex(r"^/oauth2/token$|/\.well-known/jwks\.json$"),
        regex(r"(^/oauth2/token$|)/\.well-known/jwks\.json$"),
        regex(r"/\.well-known/jwks\.json"),
        regex(r"/\.well-known/.*$"),
        json!({ "regex_pattern_set_reference_statement": [{ "field_to_match": [{ "uri_path": [{}] }] }] }),
        json!({ "ip_set_reference_statement": [{ "arn": "x" }] }),
    ] {
        assert!(!is_enough(&both(get(), other.clone())), "{other}");
    }
}

#[test]
fn what_is_no_statement_asks_for_nothing() {
    for value in
        [Value::Null, json!([]), json!({}), json!([[]]), json!([{}]), json!([{ "and_statement": [{}] }])]
    {
        assert_eq!(Asked::by(&value, &BTreeSet::new()), Asked::default(), "{value}");
    }
}
