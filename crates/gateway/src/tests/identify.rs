//! Step 4: which keys admit, what the function learns of them, and who is metered.

use std::sync::Arc;

use restapi::{Account, ApiKeySource};
use serde_json::{Map, Value, json};

use super::account::{
    DISABLED, ELSEWHERE, GOOD, OTHER, UNASSIGNED, UNKNOWN, add_method, daily, key_id, standard, token_method,
};
use super::harness::{Reply, Request, Setup};
use super::stand_ins::Says;
use crate::call::UsageKey;
use crate::{Principal, Verdict};

fn key_is_optional(account: &mut Account) {
    token_method(account).api_key_required = false;
}

/// What the event says of the key.
fn shown(event: &Value) -> (Option<&str>, Option<&str>) {
    let identity = &event["requestContext"]["identity"];
    let member = |name: &str| identity.get(name).map(|value| value.as_str().unwrap());
    (member("apiKey"), member("apiKeyId"))
}

#[tokio::test]
async fn nobody_can_tell_why_a_key_does_not_admit() {
    let refusals: [(&str, Request); 9] = [
        ("missing", Request::anonymous_token()),
        ("empty", Request::token("")),
        ("unknown", Request::token(UNKNOWN)),
        ("disabled", Request::token(DISABLED)),
        ("on no plan", Request::token(UNASSIGNED)),
        ("on a plan of another stage", Request::token(ELSEWHERE)),
        ("almost right", Request::token(GOOD.trim_end_matches('5'))),
        ("of other case", Request::token(&GOOD.to_uppercase())),
        ("in the query", Request::new("POST", &format!("/dev/oauth2/token?x-api-key={GOOD}"))),
    ];
    for (setup, status) in [(Setup::stock(), 403), (Setup::oauth(), 401)] {
        let house = setup.open().await;
        let mut answers = Vec::<Reply>::new();
        for (why, request) in &refusals {
            let reply = house.send(request.clone()).await.without_ids();
            assert_eq!(reply.status, status, "{why}");
            answers.push(reply);
        }
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
        assert_eq!(house.function.calls(), 0);
    }
}

#[tokio::test]
async fn key_whose_value_is_not_known_admits_nobody() {
    let good = key_id("good");
    let forget = move |account: &mut Account| {
        account.api_keys.iter_mut().find(|key| key.id == good).unwrap().value = None;
    };
    let house = Setup::stock().with(forget).open().await;
    let status = async |key| house.send(Request::token(key)).await.status;
    assert_eq!((status(GOOD).await, status("").await, status(OTHER).await), (403, 403, 200));
}

#[tokio::test]
async fn key_admits_to_the_stages_of_its_plan_only() {
    let house = Setup::stock().open().await;
    let at = |stage: &str, key: &str| {
        Request::new("POST", &format!("/{stage}/oauth2/token")).header("x-api-key", key)
    };
    for (stage, key, status) in
        [("dev", GOOD, 200), ("prod", GOOD, 403), ("dev", ELSEWHERE, 403), ("prod", ELSEWHERE, 200)]
    {
        assert_eq!(house.send(at(stage, key)).await.status, status, "{stage}");
    }
}

#[tokio::test]
async fn header_name_is_read_in_any_case() {
    let house = Setup::stock().open().await;
    assert_eq!(house.send(Request::anonymous_token().header("X-API-Key", GOOD)).await.status, 200);
}

#[tokio::test]
async fn optional_key_is_shown_as_far_as_it_is_known() {
    let house = Setup::stock().with(key_is_optional).open().await;
    let id_of = |name: &str| Some(key_id(name).to_string());
    let table = [
        ("missing", Request::anonymous_token(), (None, None)),
        ("unknown", Request::token(UNKNOWN), (Some(UNKNOWN), None)),
        ("on no plan", Request::token(UNASSIGNED), (Some(UNASSIGNED), id_of("unassigned"))),
        ("on a plan of another stage", Request::token(ELSEWHERE), (Some(ELSEWHERE), id_of("elsewhere"))),
        ("disabled", Request::token(DISABLED), (Some(DISABLED), id_of("disabled"))),
        ("good", Request::token(GOOD), (Some(GOOD), id_of("good"))),
    ];
    for (which, request, (key, id)) in table {
        assert_eq!(house.send(request).await.status, 200, "{which}");
        assert_eq!(shown(&house.function.last_event()), (key, id.as_deref()), "{which}");
    }
}

#[tokio::test]
async fn key_on_a_plan_is_metered_even_where_none_is_asked_for_and_even_when_disabled() {
    let house = Setup::stock()
        .with(|account| {
            key_is_optional(account);
            standard(account).quota = Some(daily(1));
        })
        .open()
        .await;
    for key in [GOOD, DISABLED] {
        assert_eq!(house.send(Request::token(key)).await.status, 200);
        let refused = house.send(Request::token(key)).await;
        assert_eq!((refused.status, &*refused.body), (429, r#"{"message":"Limit Exceeded"}"#));
    }
    for _ in 0..3 {
        assert_eq!(house.send(Request::anonymous_token()).await.status, 200);
        assert_eq!(house.send(Request::token(UNASSIGNED)).await.status, 200);
        assert_eq!(house.send(Request::token(ELSEWHERE)).await.status, 200, "not metered on this stage");
    }
}

#[tokio::test]
async fn methods_of_one_plan_are_metered_together() {
    let house = Setup::stock()
        .with(|account| {
            add_method(account, "/other", restapi::HttpMethod::Get);
            standard(account).quota = Some(daily(2));
        })
        .open()
        .await;
    let other = || Request::new("GET", "/dev/other").header("x-api-key", GOOD);
    assert_eq!(house.send(other()).await.status, 200);
    assert_eq!(house.send(Request::token(GOOD)).await.status, 200);
    assert_eq!(house.send(other()).await.status, 429);
}

fn chooses(usage_key: Option<&str>) -> Arc<Says> {
    let context = Map::from_iter([("principalId".to_owned(), json!("billing"))]);
    let usage_key = usage_key.map(|key| UsageKey::new(key.to_owned()));
    Arc::new(Says::new(Verdict::Allow(Principal { context, usage_key })))
}

fn key_from_authorizer(account: &mut Account) {
    account.rest_apis[0].api_key_source = ApiKeySource::Authorizer;
}

#[tokio::test]
async fn key_of_an_authorizer_counts_and_the_header_does_not() {
    let table = [
        (Some(GOOD), None, 200),
        (Some(GOOD), Some(UNKNOWN), 200),
        (None, Some(GOOD), 403),
        (Some(""), Some(GOOD), 403),
        (Some(UNKNOWN), Some(GOOD), 403),
        (Some(DISABLED), Some(GOOD), 403),
        (Some(UNASSIGNED), Some(GOOD), 403),
        (Some(ELSEWHERE), Some(GOOD), 403),
    ];
    for (chosen, header, status) in table {
        let house = Setup::stock().authorized_by(chooses(chosen)).with(key_from_authorizer).open().await;
        let request = Request::anonymous_token();
        let request = header.map_or(request.clone(), |key| request.header("x-api-key", key));
        assert_eq!(house.send(request).await.status, status);
        assert_eq!(house.function.calls(), usize::from(status == 200));
        if status == 200 {
            assert_eq!(shown(&house.function.last_event()), (None, None));
            assert!(!house.function.last_event_json().contains(GOOD), "it is a secret");
        }
    }
}

#[tokio::test]
async fn key_of_an_authorizer_is_the_one_that_is_metered() {
    let house = Setup::stock()
        .authorized_by(chooses(Some(GOOD)))
        .with(|account| {
            key_from_authorizer(account);
            standard(account).quota = Some(daily(1));
        })
        .open()
        .await;
    assert_eq!(house.send(Request::token(OTHER)).await.status, 200);
    assert_eq!(house.send(Request::token(OTHER)).await.status, 429);
    let log = house.log();
    assert!(log.iter().all(|line| line.contains(&format!(r#""apiKeyId":"{}""#, key_id("good")))), "{log:?}");
}

#[tokio::test]
async fn header_is_not_read_where_authorizers_choose_keys_and_there_is_none() {
    let required = Setup::stock().with(key_from_authorizer).open().await;
    assert_eq!(required.send(Request::token(GOOD)).await.status, 403);
    let optional = Setup::stock().with(key_from_authorizer).with(key_is_optional).open().await;
    assert_eq!(optional.send(Request::token(GOOD)).await.status, 200);
    assert_eq!(shown(&optional.function.last_event()), (None, None));
}

#[tokio::test]
async fn authorizer_key_counts_for_nothing_where_the_header_is_the_source() {
    let house = Setup::stock().authorized_by(chooses(Some(GOOD))).open().await;
    assert_eq!(house.send(Request::anonymous_token()).await.status, 403);
    assert_eq!(house.send(Request::token(GOOD)).await.status, 200);
}
