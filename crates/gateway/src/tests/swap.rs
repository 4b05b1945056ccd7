//! What is live and what is deployed: which changes hold from the next request on, and which wait for a deployment.

use std::collections::BTreeMap;

use restapi::{
    Account, ApiKey, ApiKeySource, ApiKeyValue, GatewayResponse, HttpMethod, ResponseType, UsagePlanKey,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::account::{
    GOOD, OTHER, UNASSIGNED, UNKNOWN, add_method, daily, deploy, dev, key_id, standard, throttle,
    throttle_method, token_method,
};
use super::harness::{House, Request, Setup};

async fn status(house: &House, key: &str) -> u16 {
    house.send(Request::token(key)).await.status
}

fn named<'a>(account: &'a mut Account, name: &str) -> &'a mut ApiKey {
    account.api_keys.iter_mut().find(|key| key.name == name).unwrap()
}

#[tokio::test]
async fn key_that_is_revoked_does_not_admit_the_next_request() {
    type Revoke = fn(&mut Account);
    let revocations: [(&str, Revoke); 3] = [
        ("disabled", |account| named(account, "good").enabled = false),
        ("taken off its plan", |account| account.usage_plan_keys.retain(|on| on.key_id != key_id("good"))),
        ("deleted", |account| account.api_keys.retain(|key| key.name != "good")),
    ];
    for (how, revoke) in revocations {
        let mut house = Setup::stock().open().await;
        assert_eq!(status(&house, GOOD).await, 200, "{how}");
        revoke(&mut house.account);
        assert_eq!(status(&house, GOOD).await, 200, "{how}: not shown yet");
        house.show();
        assert_eq!(status(&house, GOOD).await, 403, "{how}");
        assert_eq!(status(&house, OTHER).await, 200, "{how}");
    }
}

#[tokio::test]
async fn keys_that_are_not_kept_are_out_of_force_and_the_others_stay_as_they_were() {
    let house = Setup::stock().with(|account| standard(account).quota = Some(daily(2))).open().await;
    assert_eq!(status(&house, OTHER).await, 200);
    let good = key_id("good");
    house.door.keep_only(&|key| *key != good);
    assert_eq!(status(&house, GOOD).await, 403);
    assert_eq!(status(&house, OTHER).await, 200);
    assert_eq!(status(&house, OTHER).await, 429, "what was used stays used");
}

#[tokio::test]
async fn key_that_is_made_enabled_or_put_on_a_plan_admits_the_next_request() {
    let mut house = Setup::stock().open().await;
    let plan = standard(&mut house.account).id.clone();
    house
        .account
        .usage_plan_keys
        .push(UsagePlanKey { usage_plan_id: plan.clone(), key_id: key_id("unassigned") });
    house.account.api_keys.push(ApiKey {
        id: key_id("new"),
        name: "new".into(),
        value: Some(ApiKeyValue::new(UNKNOWN.into()).unwrap()),
        enabled: true,
        customer_id: None,
    });
    house.account.usage_plan_keys.push(UsagePlanKey { usage_plan_id: plan, key_id: key_id("new") });
    named(&mut house.account, "disabled").enabled = true;
    house.show();
    for key in [UNASSIGNED, UNKNOWN, super::account::DISABLED] {
        assert_eq!(status(&house, key).await, 200);
    }
}

#[tokio::test]
async fn stage_settings_and_plans_are_live_and_what_was_used_stays_used() {
    let mut house = Setup::stock().with(|account| standard(account).quota = Some(daily(2))).open().await;
    assert_eq!(status(&house, GOOD).await, 200);
    house.show();
    assert_eq!(status(&house, GOOD).await, 200);
    house.show();
    assert_eq!(status(&house, GOOD).await, 429, "showing the same again gives nothing back");
    standard(&mut house.account).quota = Some(daily(3));
    house.show();
    assert_eq!([status(&house, GOOD).await, status(&house, GOOD).await], [200, 429]);
    standard(&mut house.account).quota = None;
    house.show();
    assert_eq!(status(&house, GOOD).await, 200);
    throttle_method(&mut house.account, throttle(0, 1));
    house.show();
    assert_eq!([status(&house, OTHER).await, status(&house, OTHER).await], [200, 429]);
}

#[tokio::test]
async fn working_copy_is_nobodys_business_until_it_is_deployed() {
    let mut house = Setup::stock().open().await;
    add_method(&mut house.account, "/other", HttpMethod::Get);
    let method = token_method(&mut house.account);
    method.api_key_required = false;
    method.operation_name = Some("IssueToken".into());
    let api = &mut house.account.rest_apis[0];
    api.binary_media_types = vec!["*/*".to_owned()];
    api.gateway_responses.push(GatewayResponse {
        response_type: ResponseType::InvalidApiKey,
        status_code: Some(401),
        response_parameters: BTreeMap::new(),
        response_templates: BTreeMap::new(),
    });
    house.show();
    let other = || Request::new("GET", "/dev/other");
    assert_eq!(house.send(Request::anonymous_token()).await.status, 403);
    assert_eq!(house.send(other()).await.status, 403);
    assert_eq!(status(&house, GOOD).await, 200);
    let event = house.function.last_event();
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["requestContext"].get("operationName"), None);

    deploy(&mut house.account);
    house.show();
    assert_eq!(house.send(Request::anonymous_token()).await.status, 200);
    assert_eq!(house.function.last_event()["isBase64Encoded"], true);
    assert_eq!(house.send(other()).await.status, 200);
    token_method(&mut house.account).api_key_required = true;
    deploy(&mut house.account);
    house.show();
    assert_eq!(house.send(Request::anonymous_token()).await.status, 401);
}

#[tokio::test]
async fn key_source_waits_for_a_deployment() {
    let mut house = Setup::stock().open().await;
    house.account.rest_apis[0].api_key_source = ApiKeySource::Authorizer;
    house.show();
    assert_eq!(status(&house, GOOD).await, 200);
    deploy(&mut house.account);
    house.show();
    assert_eq!(status(&house, GOOD).await, 403);
}

#[tokio::test]
async fn stage_can_go_back_to_an_older_deployment() {
    let mut house = Setup::stock().open().await;
    let before = dev(&mut house.account).deployment_id.clone();
    token_method(&mut house.account).api_key_required = false;
    deploy(&mut house.account);
    house.show();
    assert_eq!(house.send(Request::anonymous_token()).await.status, 200);
    let after = house.function.last_event()["requestContext"]["deploymentId"].take();
    dev(&mut house.account).deployment_id = before.clone();
    house.show();
    assert_eq!(house.send(Request::anonymous_token()).await.status, 403);
    assert_eq!(status(&house, GOOD).await, 200);
    assert_eq!(house.function.last_event()["requestContext"]["deploymentId"], before.as_str());
    assert_ne!(after, before.as_str());
}

#[tokio::test]
async fn request_under_way_ends_on_the_state_it_began_with() {
    let mut house = Setup::stock().open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    house.account.rest_apis[0].stages.clear();
    house.account.api_keys.clear();
    house.show();
    assert_eq!(status(&house, GOOD).await, 403);
    house.function.go_on.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"access_token":"late"}"#), "{answer}");
    let log = house.log();
    assert!(
        log[1].contains(r#""stage":"dev","httpMethod":"POST","resourcePath":"/oauth2/token""#),
        "{log:?}"
    );
}

#[tokio::test]
async fn account_without_an_api_answers_forbidden() {
    let setup = Setup::stock();
    let mut house = setup.open().await;
    house.account.rest_apis.clear();
    house.show();
    let reply = house.send(Request::token(GOOD)).await;
    assert_eq!((reply.status, &*reply.body), (403, r#"{"message":"Forbidden"}"#));
}
