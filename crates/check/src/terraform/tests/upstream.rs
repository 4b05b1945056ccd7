//! Where the broker sends the app clients' secrets: to the user pool beside it, and nowhere else.

use serde_json::{Value, json};

use super::plan::Plan;

const BINDINGS: &str = "module.broker.aws_ssm_parameter.bindings[0]";
const POOL: &str = "module.user_pool.aws_cognito_user_pool.this";
const DOMAIN: &str = "module.user_pool.aws_cognito_user_pool_domain.this";

/// A state whose bindings have this upstream.
fn asked_at(state: Plan, upstream: Value) -> Plan {
    let mut state = state;
    let text = state.values(BINDINGS)["insecure_value"].as_str().unwrap().to_owned();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["upstream"] = upstream;
    // Without a header there is a right too much, which is no matter here.
    state.set(BINDINGS, "insecure_value", document.to_string().into()).set(
        "module.broker.aws_iam_role_policy.this",
        "policy",
        Value::Null,
    )
}

fn token_endpoint(host: &str) -> Value {
    json!({ "token_endpoint": format!("https://{host}/oauth2/token") })
}

#[track_caller]
fn is_sent_away(state: &Plan, host: &str) {
    assert_eq!(state.found(), [format!("TB034 {BINDINGS}")]);
    let [detail] = state.details("TB034").try_into().unwrap();
    assert!(detail.starts_with(&format!("the app clients' secrets are sent to `{host}`")), "{detail}");
}

#[track_caller]
fn is_sent_to_the_pool(state: &Plan) {
    assert_eq!(state.found(), [""; 0]);
}

#[test]
fn secrets_are_sent_to_the_pools_own_domain() {
    let at = |host: &str| asked_at(Plan::state_with_broker(), token_endpoint(host));
    is_sent_to_the_pool(&at("example-tokens.auth.eu-central-1.amazoncognito.com"));
    for host in [
        "tokens.example.com",
        // Somebody else's pool.
        "other-tokens.auth.eu-central-1.amazoncognito.com",
        "example-tokens.auth.us-east-1.amazoncognito.com",
        "example-tokens.auth.eu-central-1.amazoncognito.com.example.com",
        "example-tokens.auth.eu-central-1.amazoncognito.com:8443",
    ] {
        is_sent_away(&at(host), host);
    }
}

#[test]
fn domain_with_a_name_of_its_own_is_that_name() {
    let at = |host: &str| {
        let state = Plan::state_with_broker().set(DOMAIN, "domain", json!("auth.example.com"));
        asked_at(state, token_endpoint(host))
    };
    is_sent_to_the_pool(&at("auth.example.com"));
    is_sent_away(&at("auth.example.org"), "auth.example.org");
}

#[test]
fn domain_of_another_pool_is_not_the_brokers() {
    let people = json!({ "id": "eu-central-1_People", "name": "people" });
    let domain = json!({ "domain": "people", "user_pool_id": "eu-central-1_People" });
    let state = Plan::state_with_broker().add("aws_cognito_user_pool", "people", people, json!({})).add(
        "aws_cognito_user_pool_domain",
        "people",
        domain,
        json!({}),
    );
    let host = "people.auth.eu-central-1.amazoncognito.com";
    is_sent_away(&asked_at(state, token_endpoint(host)), host);
}

#[test]
fn domain_that_is_made_elsewhere_is_one_of_cognitos_in_the_pools_region() {
    let at = |host: &str| asked_at(Plan::state_with_broker().remove(DOMAIN), token_endpoint(host));
    is_sent_to_the_pool(&at("whichever.auth.eu-central-1.amazoncognito.com"));
    for host in ["tokens.example.com", "whichever.auth.us-east-1.amazoncognito.com"] {
        is_sent_away(&at(host), host);
    }
}

#[test]
fn pool_that_is_made_elsewhere_is_believed_to_be_there() {
    let elsewhere = || {
        let clients = "module.user_pool.aws_cognito_user_pool_client.this";
        Plan::state_with_broker().remove(POOL).remove(DOMAIN).remove(clients)
    };
    is_sent_to_the_pool(&asked_at(elsewhere(), token_endpoint("auth.example.com")));
    // Cognito's own API is AWS's, wherever the pool is.
    let at = |host: &str| asked_at(elsewhere(), json!({ "cognito_idp": format!("https://{host}/") }));
    is_sent_to_the_pool(&at("cognito-idp.us-east-1.amazonaws.com"));
    is_sent_away(&at("cognito-idp.example.com"), "cognito-idp.example.com");
}

#[test]
fn secrets_are_sent_to_cognitos_api_in_the_pools_region() {
    let at = |host: &str| {
        asked_at(Plan::state_with_broker(), json!({ "cognito_idp": format!("https://{host}/") }))
    };
    is_sent_to_the_pool(&at("cognito-idp.eu-central-1.amazonaws.com"));
    for host in ["cognito-idp.us-east-1.amazonaws.com", "cognito-idp.eu-central-1.amazonaws.com.example.com"]
    {
        is_sent_away(&at(host), host);
    }
}

#[test]
fn domain_that_only_apply_will_show_is_not_compared() {
    let state = Plan::state_with_broker().set(DOMAIN, "domain", json!(1));
    is_sent_to_the_pool(&asked_at(state, token_endpoint("tokens.example.com")));
}
