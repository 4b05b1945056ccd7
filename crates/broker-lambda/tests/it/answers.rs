//! What invocations are answered.

use std::time::Duration;

use serde_json::json;

use crate::around::{OTHER_SECRET, SECRET};
use crate::harness::{BINDINGS, ENTRY, KEY, Place, bindings, event, member};

const FORM: &str = "grant_type=client_credentials&scope=orders%2Fread";

#[tokio::test]
async fn token_is_granted_and_kept_and_everything_else_is_refused_as_oauth_says() {
    let function = Place::new().await.start();
    let granted = function.ask(KEY, FORM).await;
    assert_eq!((granted.status, member(&granted, "token_type")), (200, "Bearer".into()));
    let again = function.ask(KEY, FORM).await;
    assert_eq!(member(&granted, "access_token"), member(&again, "access_token"));
    assert_eq!(function.place.pool.handler.token_requests(), 1);

    let stranger = function.ask("stranger00", FORM).await;
    assert_eq!((stranger.status, member(&stranger, "error")), (401, "invalid_client".into()));
    let formless = function.ask(KEY, "grant_type=client_credentials&grant_type=hunter2").await;
    assert_eq!((formless.status, member(&formless, "error")), (400, "invalid_request".into()));
    let scope = function.ask(KEY, "grant_type=client_credentials&scope=hunter2").await;
    assert_eq!((scope.status, member(&scope, "error")), (400, "invalid_scope".into()));

    let ended = function.stop().await;
    assert_eq!(ended.code, Some(0));
    let audit = ended.lines(false);
    let decisions: Vec<_> = audit.iter().map(|line| line["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "allow", "deny", "deny", "deny"]);
    assert_eq!((&audit[0]["cache"], &audit[1]["cache"]), (&json!("miss"), &json!("hit")));
    let metrics = ended.lines(true);
    let outcomes: Vec<_> = metrics.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["granted", "granted", "refused", "refused", "refused"]);
    let sum = |name: &str| metrics.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("CacheMisses"), sum("CacheHits"), sum("UpstreamCalls")), (1, 1, 1));
    assert_eq!(ended.log().last().unwrap()["message"], "told to stop");
}

#[tokio::test]
async fn payload_that_is_no_event_is_an_error_and_the_next_one_is_answered() {
    let function = Place::new().await.start();
    let payloads = ["{}", r#""hunter2""#, r#"{"httpMethod":{"hunter2":1}}"#, "hunter2", "{", "\u{1}"];
    for payload in payloads {
        function.place.api.handler.send(payload);
        let done = function.place.api.handler.posted().await;
        assert!(done.path.ends_with("/error"), "{payload}: {}", done.path);
        assert!(!done.body.to_string().contains("hunter2"), "{payload}: {}", done.body);
        assert!(done.body["errorMessage"].as_str().unwrap().contains("payload"), "{payload}: {}", done.body);
    }
    assert_eq!(function.ask(KEY, FORM).await.status, 200);
    assert_eq!(function.stop().await.lines(false).len(), 1);
}

#[tokio::test]
async fn extension_that_is_not_ready_is_asked_again_and_nobody_is_told_of_lambda() {
    let place = Place::new().await;
    place.extension.handler.fail(Some(400));
    let function = place.start();
    let refused = function.ask(KEY, FORM).await;
    assert_eq!((refused.status, member(&refused, "error")), (503, "temporarily_unavailable".into()));
    let after = refused.headers.iter().find(|(name, _)| name == "Retry-After").unwrap().1.parse().unwrap();
    function.place.extension.handler.fail(None);
    // What a client does that reads the header; the program looks at a real clock.
    let _over = tokio::time::timeout(Duration::from_secs(after), std::future::pending::<()>()).await;
    assert_eq!(function.ask(KEY, FORM).await.status, 200);
    // What is in hand needs no extension.
    function.place.extension.handler.fail(Some(500));
    assert_eq!(function.ask(KEY, FORM).await.status, 200);
    let ended = function.stop().await;
    assert_eq!(ended.lines(false)[0]["reason"], "bindings_unavailable");
    assert!(ended.stderr.contains("answered with status 400"));
}

#[tokio::test]
async fn either_of_two_secrets_works_and_a_new_one_is_read_when_the_old_is_refused() {
    for values in [
        vec!["not_a_secret_of_this_app_client\nthe_app_clients_other_secret\n"],
        vec!["not_a_secret_of_this_app_client", SECRET],
        vec!["not_a_secret_of_this_app_client\nnor_is_this_one_of_its_secrets", OTHER_SECRET],
    ] {
        let place = Place::new().await;
        place.extension.handler.keep(ENTRY, &values);
        let function = place.start();
        assert_eq!(function.ask(KEY, FORM).await.status, 200, "{values:?}");
        let ended = function.stop().await;
        assert!(!ended.stderr.contains("not_a_secret"));
    }
}

#[tokio::test]
async fn secret_that_is_refused_is_the_operators_matter_and_one_that_is_missing_is_waited_for() {
    let place = Place::new().await;
    place.extension.handler.keep(ENTRY, &["not_a_secret_of_this_app_client"]);
    let function = place.start();
    let refused = function.ask(KEY, FORM).await;
    assert_eq!((refused.status, member(&refused, "error")), (500, "server_error".into()));
    function.stop().await;

    let place = Place::new().await;
    place.extension.handler.keep(ENTRY, &[]);
    let function = place.start();
    let missing = function.ask(KEY, FORM).await;
    assert_eq!((missing.status, member(&missing, "error")), (503, "temporarily_unavailable".into()));
    assert!(function.stop().await.stderr.contains(ENTRY));
}

#[tokio::test]
async fn cognitos_own_api_is_asked_where_the_bindings_say_so() {
    let place = Place::new().await;
    let upstream = json!({ "cognito_idp": format!("http://{}/", place.pool.address) });
    place.extension.handler.keep(BINDINGS, &[&bindings(&upstream)]);
    let function = place.start();
    let granted = function.ask(KEY, FORM).await;
    assert_eq!((granted.status, member(&granted, "token_type")), (200, "Bearer".into()));
    function.stop().await;
}

#[tokio::test]
async fn bindings_in_a_file_need_no_extension() {
    let mut place = Place::new().await;
    place.extension.handler.fail(Some(500));
    let endpoint = json!({ "token_endpoint": format!("http://{}/oauth2/token", place.pool.address) });
    let (entry, secret) = (ENTRY.to_owned(), format!("file:{}", place.path("secret")));
    place.write("bindings.json", &bindings(&endpoint).replace(&entry, &secret));
    place.write("secret", &format!("{SECRET}\n"));
    place.set("TOKEN_BROKER_BINDINGS", &format!("file:{}", place.path("bindings.json")));
    let function = place.start();
    assert_eq!(function.ask(KEY, FORM).await.status, 200);
    function.stop().await;
}

#[tokio::test]
async fn several_invocations_at_once_cost_one_call_upstream() {
    let mut place = Place::new().await;
    place.set("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    place.extension.handler.close();
    let function = place.start();
    for _ in 0..8 {
        function.place.api.handler.send(event(KEY, FORM));
    }
    function.place.api.handler.asked_for(8).await;
    function.place.extension.handler.open();
    for _ in 0..8 {
        assert_eq!(function.reply().await.status, 200);
    }
    assert_eq!(function.place.pool.handler.token_requests(), 1);
    function.stop().await;
}
