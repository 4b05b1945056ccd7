//! Step 3: what an authorizer can say, and that nobody gets around it.

use std::sync::Arc;

use restapi::{Account, AuthorizationType, AuthorizerId};
use serde_json::{Map, json};

use super::account::{GOOD, UNKNOWN, token_method};
use super::harness::{Request, Setup};
use super::stand_ins::{Hangs, Says};
use crate::{Principal, Verdict};

const EXPLICIT: &str = r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
const IMPLICIT: &str = r#"{"Message":"User is not authorized to access this resource"}"#;

fn allows() -> Verdict {
    let context = Map::from_iter([
        ("principalId".to_owned(), json!("billing")),
        ("tier".to_owned(), json!("1.5")),
        ("integrationLatency".to_owned(), json!(0)),
    ]);
    Verdict::Allow(Principal { context, usage_key: None })
}

#[tokio::test]
async fn verdict_comes_before_the_key_and_is_asked_for_without_one() {
    let table = [
        (allows(), GOOD, 200, None, r#"{"access_token":"t"}"#),
        (allows(), UNKNOWN, 403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#),
        (allows(), "", 403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#),
        (Verdict::Unauthorized, GOOD, 401, Some("UnauthorizedException"), r#"{"message":"Unauthorized"}"#),
        (Verdict::Unauthorized, "", 401, Some("UnauthorizedException"), r#"{"message":"Unauthorized"}"#),
        (Verdict::Deny { explicitly: true }, GOOD, 403, Some("AccessDeniedException"), EXPLICIT),
        (Verdict::Deny { explicitly: true }, "", 403, Some("AccessDeniedException"), EXPLICIT),
        (Verdict::Deny { explicitly: false }, GOOD, 403, Some("AccessDeniedException"), IMPLICIT),
        (Verdict::Broken, GOOD, 500, Some("AuthorizerConfigurationException"), r#"{"message":null}"#),
        (Verdict::Broken, "", 500, Some("AuthorizerConfigurationException"), r#"{"message":null}"#),
    ];
    for (verdict, key, status, error_type, body) in table {
        let authorizer = Arc::new(Says::new(verdict.clone()));
        let house = Setup::stock().authorized_by(authorizer.clone()).open().await;
        let reply = house.send(Request::token(key)).await;
        assert_eq!((reply.status, &*reply.body), (status, body), "{verdict:?}");
        assert_eq!(reply.header("x-amzn-errortype"), error_type, "{verdict:?}");
        assert_eq!(authorizer.asked(), 1, "{verdict:?}");
        assert_eq!(house.function.calls(), usize::from(status == 200), "{verdict:?}");
    }
}

#[tokio::test]
async fn function_sees_the_principal_and_what_the_authorizer_added() {
    let house = Setup::stock().authorized_by(Arc::new(Says::new(allows()))).open().await;
    house.send(Request::token(GOOD)).await;
    assert_eq!(
        house.function.last_event()["requestContext"]["authorizer"],
        json!({"principalId": "billing", "tier": "1.5", "integrationLatency": 0})
    );
    let open = Setup::stock().open().await;
    open.send(Request::token(GOOD)).await;
    assert_eq!(open.function.last_event()["requestContext"].get("authorizer"), None);
}

#[tokio::test]
async fn authorizer_that_is_not_here_lets_nobody_through() {
    let missing = |id: Option<&str>, kind| {
        let id = id.map(|id| AuthorizerId::parse(id).unwrap());
        move |account: &mut Account| {
            let method = token_method(account);
            method.authorization_type = kind;
            method.authorizer_id = id;
        }
    };
    for (id, kind) in [
        (Some("gone01"), AuthorizationType::Custom),
        (Some("gone01"), AuthorizationType::CognitoUserPools),
        (None, AuthorizationType::Custom),
        (None, AuthorizationType::AwsIam),
    ] {
        let house = Setup::stock().with(missing(id, kind)).open().await;
        let reply = house.send(Request::token(GOOD)).await;
        assert_eq!((reply.status, &*reply.body), (500, r#"{"message":null}"#), "{kind:?}");
        assert_eq!(house.function.calls(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn unknown_path_is_not_asked_about() {
    let authorizer = Arc::new(Says::new(Verdict::Unauthorized));
    let house = Setup::stock().authorized_by(authorizer.clone()).open().await;
    assert_eq!(house.send(Request::new("GET", "/dev/oauth2/token")).await.status, 403);
    assert_eq!(authorizer.asked(), 0);
}

#[tokio::test]
async fn call_that_is_shown_to_an_authorizer_prints_no_secret() {
    #[derive(Debug)]
    struct Prints(std::sync::Mutex<String>);
    impl crate::Authorizer for Prints {
        fn authorize<'a>(&'a self, call: &'a crate::Routed) -> crate::Authorizing<'a> {
            *self.0.lock().unwrap() = format!("{call:?}");
            Box::pin(std::future::ready(Verdict::Unauthorized))
        }
    }
    let printed = Arc::new(Prints(std::sync::Mutex::default()));
    let house = Setup::stock().authorized_by(printed.clone()).open().await;
    let request = Request::token(GOOD)
        .header("Authorization", "Basic c2VjcmV0OnNlY3JldA==")
        .body("grant_type=client_credentials&client_secret=sesame");
    house.send(request).await;
    let printed = printed.0.lock().unwrap().clone();
    assert!(printed.contains("Routed"), "{printed}");
    for secret in [GOOD, "c2VjcmV0", "sesame"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test(start_paused = true)]
async fn authorizer_that_does_not_come_back_lets_nobody_through() {
    let house = Setup::stock().authorized_by(Arc::new(Hangs)).open().await;
    let reply = house.send(Request::token(GOOD)).await;
    assert_eq!((reply.status, &*reply.body), (500, r#"{"message":null}"#));
    assert_eq!(house.function.calls(), 0);
}

#[tokio::test]
async fn log_names_the_principal() {
    let house = Setup::stock().authorized_by(Arc::new(Says::new(allows()))).open().await;
    house.send(Request::token(GOOD)).await;
    let log = house.log();
    assert!(log[0].contains(r#""authorizePrincipal":"billing""#), "{log:?}");
}
