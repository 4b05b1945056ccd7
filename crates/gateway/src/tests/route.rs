//! Step 2: which spellings of a path lead to a method, and which do not.

use restapi::{Account, HttpMethod};
use serde_json::json;

use super::account::{API, GOOD, add_method, deploy, oauth_responses};
use super::harness::{House, Reply, Request, Setup};

async fn at(house: &House, method: &str, target: &str) -> Reply {
    house.send(Request::new(method, target).header("x-api-key", GOOD)).await
}

const MISSING_TOKEN: &str = r#"{"message":"Missing Authentication Token"}"#;
const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;

#[tokio::test]
async fn only_these_spellings_reach_the_token_method() {
    let house = Setup::stock().open().await;
    for (target, path) in [
        ("/dev/oauth2/token", "/dev/oauth2/token"),
        ("//dev/oauth2/token", "//dev/oauth2/token"),
        ("/dev//oauth2/token", "/dev//oauth2/token"),
        ("///dev///oauth2/token", "///dev///oauth2/token"),
        ("/dev/oauth2/token?a=b", "/dev/oauth2/token"),
        ("/dev/oauth2/token?", "/dev/oauth2/token"),
    ] {
        assert_eq!(at(&house, "POST", target).await.status, 200, "{target}");
        let event = house.function.last_event();
        assert_eq!(event["path"], "/oauth2/token", "{target}");
        assert_eq!(event["requestContext"]["path"], path, "{target}");
    }
    let calls = house.function.calls();
    for target in [
        "/dev/oauth2/token/",
        "/dev/oauth2//token",
        "/dev/oauth2/token//",
        "/dev/oauth2/token/x",
        "/dev/oauth2",
        "/dev/oauth2/",
        "/dev/",
        "/dev",
        "/dev/OAuth2/token",
        "/dev/oauth2/Token",
        "/dev/oauth2%2Ftoken",
        "/dev/oauth2/%74oken",
        "/dev/./oauth2/token",
        "/dev/x/../oauth2/token",
        "/dev/oauth2/token;v=1",
        "/dev/oauth2/token%00",
        "/dev/oauth2/token%20",
    ] {
        let reply = at(&house, "POST", target).await;
        assert_eq!((reply.status, &*reply.body), (403, MISSING_TOKEN), "{target}");
    }
    for target in
        ["/dev/oauth2\\token", "/dev/oauth2/token#", "/dev/oauth2/token%", "/dev/oauth2/token\"", "*"]
    {
        assert_eq!(at(&house, "POST", target).await.status, 400, "{target}");
    }
    assert_eq!(house.function.calls(), calls);
}

#[tokio::test]
async fn unknown_stage_is_forbidden() {
    let house = Setup::stock().open().await;
    for target in
        ["/", "//", "/test/oauth2/token", "/DEV/oauth2/token", "/%64ev/oauth2/token", "/oauth2/token"]
    {
        let reply = at(&house, "POST", target).await;
        assert_eq!((reply.status, &*reply.body), (403, FORBIDDEN), "{target}");
        assert_eq!(reply.header("x-amzn-errortype"), Some("ForbiddenException"));
    }
}

#[tokio::test]
async fn other_methods_do_not_exist() {
    let house = Setup::stock().open().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "ANY", "post", "PROPFIND"] {
        let reply = at(&house, method, "/dev/oauth2/token").await;
        assert_eq!((reply.status, &*reply.body), (403, MISSING_TOKEN), "{method}");
    }
    let head = at(&house, "HEAD", "/dev/oauth2/token").await;
    assert_eq!((head.status, &*head.body), (403, ""), "an answer to HEAD has no body");
    let overridden = Request::new("GET", "/dev/oauth2/token")
        .header("x-api-key", GOOD)
        .header("X-HTTP-Method-Override", "POST");
    assert_eq!(house.send(overridden).await.status, 403);
    assert_eq!(house.function.calls(), 0);
}

#[tokio::test]
async fn host_of_the_second_shape_names_the_api() {
    let house = Setup::stock().open().await;
    let own = format!("{API}.execute-api.eu-central-1.localhost");
    for (host, status) in [
        (own.clone(), 200),
        (format!("{own}:8080"), 200),
        (own.to_uppercase(), 200),
        (format!("{API}.execute-api.eu-central-1.amazonaws.com"), 200),
        ("localhost".to_owned(), 200),
        ("127.0.0.1:8080".to_owned(), 200),
        ("[::1]:8080".to_owned(), 200),
        ("aaaaaaaaaa.execute-api.eu-central-1.localhost".to_owned(), 403),
        ("AAAAAAAAAA.Execute-API.eu-central-1.localhost".to_owned(), 403),
        ("x.execute-api.eu-central-1.localhost".to_owned(), 403),
        (".execute-api.eu-central-1.localhost".to_owned(), 403),
    ] {
        let request = Request::token(GOOD).header("Host", &host);
        let reply = house.send(request).await;
        assert_eq!(reply.status, status, "{host}");
        if status == 403 {
            assert_eq!(reply.body, FORBIDDEN, "{host}");
        }
    }
}

#[tokio::test]
async fn authorization_header_on_an_unknown_path_is_read_as_a_signature() {
    let house = Setup::stock().open().await;
    let request = |target: &str| Request::new("POST", target).header("Authorization", "Basic YWJjOmRlZg==");
    for target in ["/dev/oauth2/tokens", "/dev/oauth2/token/"] {
        let reply = house.send(request(target)).await;
        assert_eq!(reply.status, 403);
        assert_eq!(reply.header("x-amzn-errortype"), Some("IncompleteSignatureException"));
        // printf 'Basic YWJjOmRlZg==' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            reply.body,
            "{\"message\":\"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 \
             and encoded with Base64): 'owlvuq37Mw9hPlHxYNJbovd7UE/vUf3CXsU9HhzURwE='.\"}"
        );
    }
    // On a path that exists the header is the function's to read.
    let token = Request::token(GOOD).header("Authorization", "Basic YWJjOmRlZg==");
    assert_eq!(house.send(token).await.status, 200);
    assert_eq!(house.function.last_event()["headers"]["Authorization"], "Basic YWJjOmRlZg==");
    assert_eq!(house.send(request("/test/oauth2/token")).await.body, FORBIDDEN);
}

fn pets(account: &mut Account) {
    add_method(account, "/pets/list", HttpMethod::Get);
    add_method(account, "/pets/{id}", HttpMethod::Get);
    add_method(account, "/pets/{id}", HttpMethod::Any);
    add_method(account, "/pets/{id}/toys/{toy}", HttpMethod::Get);
    add_method(account, "/{proxy+}", HttpMethod::Delete);
    add_method(account, "/files/{path+}", HttpMethod::Any);
}

#[tokio::test]
async fn most_specific_resource_that_has_the_method_answers() {
    let house = Setup::stock().with(pets).open().await;
    let table = [
        ("GET", "/dev/pets/list", "/pets/list", json!(null)),
        ("GET", "/dev/pets/7", "/pets/{id}", json!({"id": "7"})),
        ("POST", "/dev/pets/7", "/pets/{id}", json!({"id": "7"})),
        ("POST", "/dev/pets/list", "/pets/{id}", json!({"id": "list"})),
        ("GET", "/dev/pets/a%2Fb", "/pets/{id}", json!({"id": "a%2Fb"})),
        ("GET", "/dev/pets/7/toys/ball", "/pets/{id}/toys/{toy}", json!({"id": "7", "toy": "ball"})),
        ("DELETE", "/dev/pets/7/toys/ball", "/{proxy+}", json!({"proxy": "pets/7/toys/ball"})),
        ("DELETE", "/dev/oauth2/token", "/{proxy+}", json!({"proxy": "oauth2/token"})),
        ("PUT", "/dev/files/a/b//c", "/files/{path+}", json!({"path": "a/b//c"})),
        ("PUT", "/dev/files/a/", "/files/{path+}", json!({"path": "a"})),
        ("PUT", "/dev/files/test%2Balias", "/files/{path+}", json!({"path": "test%2Balias"})),
    ];
    for (method, target, resource, parameters) in table {
        assert_eq!(at(&house, method, target).await.status, 200, "{method} {target}");
        let event = house.function.last_event();
        assert_eq!(event["resource"], resource, "{method} {target}");
        assert_eq!(event["pathParameters"], parameters, "{method} {target}");
        assert_eq!(event["path"], target.strip_prefix("/dev").unwrap(), "{method} {target}");
        assert_eq!(event["httpMethod"], method, "{method} {target}");
    }
    let calls = house.function.calls();
    for (method, target) in [
        ("GET", "/dev/pets/7/"),
        ("GET", "/dev/pets/"),
        ("GET", "/dev/pets//toys/ball"),
        ("GET", "/dev/pets/7/toys"),
        ("GET", "/dev/pets/7/toys/"),
        ("PUT", "/dev/files"),
        ("PUT", "/dev/files/"),
        ("PUT", "/dev/files//"),
        ("DELETE", "/dev"),
        ("DELETE", "/dev/"),
        ("ANY", "/dev/files/a"),
        ("PROPFIND", "/dev/files/a"),
        ("put", "/dev/files/a"),
    ] {
        assert_eq!(at(&house, method, target).await.status, 403, "{method} {target}");
    }
    assert_eq!(house.function.calls(), calls);
}

#[tokio::test]
async fn method_that_is_named_beats_any() {
    let house = Setup::stock()
        .with(|account| {
            add_method(account, "/pets", HttpMethod::Any).operation_name = Some("Others".into());
            add_method(account, "/pets", HttpMethod::Get).operation_name = Some("Named".into());
        })
        .open()
        .await;
    for (method, operation) in [("GET", "Named"), ("PUT", "Others"), ("HEAD", "Others")] {
        at(&house, method, "/dev/pets").await;
        assert_eq!(house.function.last_event()["requestContext"]["operationName"], operation, "{method}");
    }
}

#[tokio::test]
async fn stage_answers_for_itself_and_the_first_one_for_what_belongs_to_none() {
    let mut house = Setup::stock().open().await;
    let api = &mut house.account.rest_apis[0];
    let stock = api.stages[0].deployment_id.clone();
    api.gateway_responses = oauth_responses();
    deploy(&mut house.account);
    house.account.rest_apis[0].stages[0].deployment_id = stock;
    house.show();
    assert_eq!(at(&house, "POST", "/dev/lost").await.body, MISSING_TOKEN);
    assert_eq!(at(&house, "POST", "/prod/lost").await.json()["error"], "invalid_request");
    assert_eq!(at(&house, "POST", "/prod/oauth2/token").await.json()["error"], "invalid_client");
    assert_eq!(at(&house, "POST", "/lost").await.body, FORBIDDEN);
}

#[tokio::test]
async fn root_can_have_a_method() {
    let house = Setup::stock()
        .with(|account| {
            add_method(account, "/", HttpMethod::Get);
        })
        .open()
        .await;
    for target in ["/dev", "/dev/", "/dev//"] {
        assert_eq!(at(&house, "GET", target).await.status, 200, "{target}");
        assert_eq!(house.function.last_event()["path"], "/", "{target}");
    }
}
