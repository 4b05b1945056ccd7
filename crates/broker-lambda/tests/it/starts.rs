//! What keeps a function from starting, and where that is said.

use crate::harness::{Ended, Place};

/// Starts a function that cannot start, and gives what Lambda is told of it.
async fn failed(place: Place) -> (String, Ended) {
    let function = place.start();
    let told = function.place.api.handler.posted().await;
    assert_eq!(told.path, "/2018-06-01/runtime/init/error");
    assert_eq!(told.body["errorType"], "TokenBroker.Configuration");
    let ended = function.ended().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let said = told.body["errorMessage"].as_str().unwrap().to_owned();
    assert_eq!(ended.log().last().unwrap()["error"], said.as_str());
    (said, ended)
}

#[tokio::test]
async fn environment_that_is_wrong_is_said_to_lambda_and_in_the_log() {
    let mut place = Place::new().await;
    place.set("TOKEN_BROKER_BINDINGS", "hunter2");
    place.set("TOKEN_BROKER_SECRET", "hunter2");
    let (said, _ended) = failed(place).await;
    assert!(said.contains("`TOKEN_BROKER_BINDINGS` names no place"), "{said}");
    assert!(said.contains("`TOKEN_BROKER_SECRET` is not known"), "{said}");
}

#[tokio::test]
async fn definition_that_is_not_there_or_makes_no_sense_is_said_with_its_place() {
    let place = Place::new().await;
    std::fs::remove_file(place.path("token-broker.yaml")).unwrap();
    let (said, _ended) = failed(place).await;
    assert!(said.contains("token-broker.yaml` cannot be read"), "{said}");

    let mut place = Place::new().await;
    place.write("other.yaml", "clients: { billing: { plan: none, scopes: [a] } }\n");
    place.set("TOKEN_BROKER_DEFINITION", &place.path("other.yaml"));
    let (said, _ended) = failed(place).await;
    assert!(said.contains("other.yaml:1:"), "{said}");
}

#[tokio::test]
async fn nothing_is_asked_before_the_first_invocation() {
    let place = Place::new().await;
    place.extension.handler.fail(Some(400));
    let function = place.start();
    function.place.api.handler.asked_for(1).await;
    let ended = function.stop().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
}
