//! `GetClientToken` over real HTTP.

use super::*;

const HEAD: &str = "POST / HTTP/1.1\r\nX-Amz-Target: AWSCognitoIdentityProviderService.GetClientToken\r\n\
                    Content-Type: application/x-amz-json-1.1";

fn question(id: &str, secret: &str, rest: &str) -> String {
    format!(r#"{{"ClientId":"{id}","Secret":"{secret}"{rest}}}"#)
}

impl Running {
    async fn client_token(&self, body: &str) -> Reply {
        self.send(HEAD, body).await
    }
}

fn token(reply: &Reply) -> String {
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    let members: Vec<_> = body["ClientAuthenticationResult"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["AccessToken", "ExpiresIn", "TokenType"]);
    assert_eq!(body["ClientAuthenticationResult"]["ExpiresIn"], 600);
    assert_eq!(body["ClientAuthenticationResult"]["TokenType"], "Bearer");
    body["ClientAuthenticationResult"]["AccessToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn token_is_the_same_in_both_ways() {
    let running = Running::start().await;
    let mut claims = Vec::new();
    let reply = running.client_token(&question(CLIENT, OLD_SECRET, r#","Scopes":["orders/read"]"#)).await;
    for token in [token(&reply), running.granted(Some("orders%2Fread")).await] {
        let mut verified = running.verified(&token).await;
        // Every token has an id of its own.
        assert!(verified.as_object_mut().unwrap().remove("jti").is_some());
        claims.push(verified);
    }
    assert_eq!(claims[0], claims[1]);
}

#[tokio::test]
async fn scopes_are_all_of_the_app_client_or_those_that_are_named() {
    let running = Running::start().await;
    for (rest, carried) in [
        ("", "orders/read orders/write"),
        (r#","Scopes":null"#, "orders/read orders/write"),
        (r#","Scopes":[]"#, "orders/read orders/write"),
        (r#","Scopes":["orders/write"]"#, "orders/write"),
        (r#","Scopes":["orders/write","orders/read","orders/read"]"#, "orders/read orders/write"),
        (r#","ClientMetadata":{"a":"b"},"Other":7"#, "orders/read orders/write"),
    ] {
        for secret in [OLD_SECRET, NEW_SECRET] {
            let reply = running.client_token(&question(CLIENT, secret, rest)).await;
            assert_eq!(running.verified(&token(&reply)).await["scope"], carried, "{rest}");
        }
    }
}

#[tokio::test]
async fn each_refusal_has_its_type_in_body_and_header() {
    let running = Running::start().await;
    let scopes = |list: &str| question(CLIENT, OLD_SECRET, &format!(r#","Scopes":{list}"#));
    let many = format!("[{}]", vec![r#""orders/read""#; 51].join(","));
    let rows: Vec<(&str, String)> = vec![
        ("no body", String::new()),
        ("a list", "[]".to_owned()),
        ("broken JSON", r#"{"ClientId":"#.to_owned()),
        ("secret twice", question(CLIENT, OLD_SECRET, r#","Secret":"x""#)),
        ("body too large", question(CLIENT, OLD_SECRET, &format!(r#","X":"{}""#, "x".repeat(40_000)))),
        ("id that is no text", r#"{"ClientId":7}"#.to_owned()),
        ("no id", format!(r#"{{"Secret":"{OLD_SECRET}"}}"#)),
        ("no secret", format!(r#"{{"ClientId":"{CLIENT}"}}"#)),
        ("empty id", question("", OLD_SECRET, "")),
        ("id of a wrong shape", question("a-b", OLD_SECRET, "")),
        ("id that is too long", question(&"a".repeat(129), OLD_SECRET, "")),
        ("secret of a wrong shape", question(CLIENT, "hunter2-hunter2-hunter2-hunter2", "")),
        ("secret that is too short", question(CLIENT, &"a".repeat(23), "")),
        ("secret that is too long", question(CLIENT, &"a".repeat(65), "")),
        ("unknown id", question("nobody", OLD_SECRET, "")),
        ("wrong secret", question(CLIENT, &"a".repeat(24), "")),
        ("wrong secret, as long as it may be", question(CLIENT, &"a".repeat(64), "")),
        ("unknown id, as long as it may be", question(&"a".repeat(128), OLD_SECRET, "")),
        ("unknown scope", scopes(r#"["orders/delete"]"#)),
        ("one scope too many", scopes(r#"["orders/read","orders/delete"]"#)),
        ("two scopes in one text", scopes(r#"["orders/read orders/write"]"#)),
        ("empty scope", scopes(r#"[""]"#)),
        ("51 scopes", scopes(&many)),
        ("scopes in a text", scopes(r#""orders/read""#)),
        ("app client without scopes", question(BARE_CLIENT, OLD_SECRET, "")),
        ("app client without scopes, one named", question(BARE_CLIENT, OLD_SECRET, r#","Scopes":["a"]"#)),
    ];
    let mut table = String::new();
    for (title, body) in rows {
        let reply = running.client_token(&body).await;
        assert!(!reply.body.contains("hunter2"), "{title}");
        let kind: Value = serde_json::from_str(&reply.body).unwrap();
        let header = format!("x-amzn-errortype: {}:", kind["__type"].as_str().unwrap());
        assert!(reply.headers.split("\r\n").any(|line| line == header), "{title}: {}", reply.headers);
        let shown = reply.line().replace(&"a".repeat(128), "[id]");
        writeln!(table, "{title}: {shown}").unwrap();
    }
    insta::assert_snapshot!("client_token_refusals", table);
}

#[tokio::test]
async fn answer_has_the_headers_of_the_api() {
    let running = Running::start().await;
    let granted = running.client_token(&question(CLIENT, OLD_SECRET, "")).await;
    let refused = running.client_token(&question(CLIENT, NEW_SECRET, r#","Scopes":["x"]"#)).await;
    insta::assert_snapshot!("client_token_headers", format!("{}\n\n{}", granted.head(), refused.head()));
}

#[tokio::test]
async fn no_other_operation_is_known() {
    let running = Running::start().await;
    let good = question(CLIENT, OLD_SECRET, "");
    let media_type = "Content-Type: application/x-amz-json-1.1";
    let target = "X-Amz-Target: AWSCognitoIdentityProviderService";
    for head in [
        "POST / HTTP/1.1".to_owned(),
        format!("POST / HTTP/1.1\r\n{media_type}"),
        format!("POST / HTTP/1.1\r\n{media_type}\r\n{target}"),
        format!("POST / HTTP/1.1\r\n{media_type}\r\n{target}.InitiateAuth"),
        format!("POST / HTTP/1.1\r\n{media_type}\r\n{target}.getclienttoken"),
        format!("POST / HTTP/1.1\r\n{media_type}\r\nX-Amz-Target: Other.GetClientToken"),
        format!("POST / HTTP/1.1\r\n{target}.GetClientToken"),
        format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\n{target}.GetClientToken"),
    ] {
        let reply = running.send(&head, &good).await;
        assert_eq!(reply.line(), r#"400 Bad Request {"__type":"UnknownOperationException"}"#, "{head}");
    }
    assert_eq!(running.pool.token_requests(), 0);
    running.client_token("").await;
    assert_eq!(running.pool.token_requests(), 1);
}
