//! Step 5: who pays for a request, who does not, and what a refusal leaves behind.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::account::{
    DISABLED, GOOD, OTHER, UNKNOWN, daily, dev, standard, throttle, throttle_method, throttle_plan_method,
};
use super::harness::{House, Reply, Request, Setup};
use super::stand_ins::{Lost, Unready};

async fn token(house: &House, key: &str) -> Reply {
    house.send(Request::token(key)).await
}

/// The statuses of `count` requests in a row.
async fn statuses(house: &House, key: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(token(house, key).await.status);
    }
    statuses
}

/// What each line of the access log says the binding limit was.
fn binding_limits(house: House) -> Vec<String> {
    let limit =
        |line: &String| serde_json::from_str::<Value>(line).unwrap()["limit"].as_str().unwrap().to_owned();
    house.log().iter().map(limit).collect()
}

/// Two requests, then one every two and a half seconds.
fn two_then_slowly() -> restapi::ThrottleSettings {
    throttle(400, 2)
}

#[tokio::test]
async fn request_over_the_burst_is_told_how_long_to_wait_and_passes_then() {
    let house =
        Setup::oauth().with(|account| standard(account).throttle = Some(two_then_slowly())).open().await;
    assert_eq!(statuses(&house, GOOD, 2).await, [200, 200]);
    let refused = token(&house, GOOD).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-amzn-errortype"), Some("TooManyRequestsException"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), Some("3"), "2.5 s rounded up");

    house.clock.advance(Duration::from_micros(2_499_999));
    assert_eq!(token(&house, GOOD).await.header("retry-after"), Some("1"), "a microsecond rounded up");
    house.clock.advance(Duration::from_micros(1));
    assert_eq!(statuses(&house, GOOD, 2).await, [200, 429]);
    assert_eq!(house.function.calls(), 3);
}

#[tokio::test]
async fn stock_answer_names_no_wait() {
    let house =
        Setup::stock().with(|account| standard(account).throttle = Some(two_then_slowly())).open().await;
    statuses(&house, GOOD, 2).await;
    let refused = token(&house, GOOD).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    assert_eq!(refused.body, r#"{"message":"Too Many Requests"}"#);
}

#[tokio::test]
async fn limit_that_never_refills_promises_no_end() {
    let house = Setup::oauth().with(|account| standard(account).quota = Some(daily(0))).open().await;
    let refused = token(&house, GOOD).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    let house = Setup::oauth().with(|account| standard(account).throttle = Some(throttle(0, 1))).open().await;
    assert_eq!(token(&house, GOOD).await.status, 200);
    let refused = token(&house, GOOD).await;
    assert_eq!(refused.header("retry-after"), None, "not even the constant that the API declares");
}

#[tokio::test]
async fn refused_requests_change_no_bucket_and_never_reach_the_function() {
    let house =
        Setup::oauth().with(|account| standard(account).throttle = Some(two_then_slowly())).open().await;
    statuses(&house, GOOD, 2).await;
    for _ in 0..20 {
        assert_eq!(token(&house, GOOD).await.status, 429);
    }
    assert_eq!(house.function.calls(), 2);
    // Had a refusal cost anything, or moved the time from which the bucket refills, this one would not pass.
    house.clock.advance(Duration::from_millis(2_500));
    assert_eq!(token(&house, GOOD).await.status, 200);
}

#[tokio::test]
async fn throttled_request_uses_no_quota() {
    let house = Setup::oauth()
        .with(|account| {
            standard(account).throttle = Some(two_then_slowly());
            standard(account).quota = Some(daily(3));
        })
        .open()
        .await;
    assert_eq!(statuses(&house, GOOD, 7).await, [200, 200, 429, 429, 429, 429, 429]);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(statuses(&house, GOOD, 2).await, [200, 429]);
    assert_eq!(house.function.calls(), 3);
    let mut expected = vec!["-", "-"];
    expected.extend(["plan"; 5]);
    expected.extend(["-", "quota"]);
    assert_eq!(binding_limits(house), expected);
}

#[tokio::test]
async fn request_over_the_quota_uses_no_bucket() {
    let house = Setup::oauth()
        .with(|account| {
            throttle_method(account, two_then_slowly());
            standard(account).quota = Some(daily(1));
        })
        .open()
        .await;
    assert_eq!(statuses(&house, GOOD, 5).await, [200, 429, 429, 429, 429]);
    // The method's bucket has one left, and somebody else may have it.
    assert_eq!(statuses(&house, OTHER, 1).await, [200]);
    assert_eq!(binding_limits(house), ["-", "quota", "quota", "quota", "quota", "-"]);
}

#[tokio::test]
async fn refusal_before_the_limits_costs_nothing() {
    let house = Setup::stock().with(|account| throttle_method(account, two_then_slowly())).open().await;
    for key in [UNKNOWN, DISABLED, UNKNOWN, DISABLED] {
        assert_eq!(token(&house, key).await.status, 403);
    }
    let elsewhere = Request::new("POST", "/dev/oauth2/tokens").header("x-api-key", GOOD);
    assert_eq!(house.send(elsewhere).await.status, 403);
    assert_eq!(statuses(&house, GOOD, 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn used_up_quota_says_so_until_the_next_day_begins() {
    let house = Setup::stock().with(|account| standard(account).quota = Some(daily(2))).open().await;
    assert_eq!(statuses(&house, GOOD, 2).await, [200, 200]);
    let refused = token(&house, GOOD).await;
    assert_eq!((refused.status, &*refused.body), (429, r#"{"message":"Limit Exceeded"}"#));
    assert_eq!(refused.header("x-amzn-errortype"), Some("LimitExceededException"));
    // The clock stands at 20:16:32 UTC.
    house.clock.advance(Duration::from_secs(3 * 3_600 + 43 * 60 + 27));
    assert_eq!(token(&house, GOOD).await.status, 429);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(token(&house, GOOD).await.status, 200);
    let log = house.log();
    assert!(log[2].contains(r#""responseType":"QUOTA_EXCEEDED","limit":"quota""#), "{}", log[2]);
}

#[tokio::test]
async fn quota_names_the_wait_until_the_next_day() {
    let house = Setup::oauth().with(|account| standard(account).quota = Some(daily(1))).open().await;
    statuses(&house, GOOD, 1).await;
    let until_midnight = (3 * 3_600 + 43 * 60 + 28).to_string();
    assert_eq!(token(&house, GOOD).await.header("retry-after"), Some(&*until_midnight));
}

#[tokio::test]
async fn throttle_binds_before_the_quota() {
    let house = Setup::stock()
        .with(|account| {
            standard(account).throttle = Some(throttle(400, 1));
            standard(account).quota = Some(daily(1));
        })
        .open()
        .await;
    assert_eq!(statuses(&house, GOOD, 1).await, [200]);
    assert_eq!(token(&house, GOOD).await.body, r#"{"message":"Too Many Requests"}"#);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(token(&house, GOOD).await.body, r#"{"message":"Limit Exceeded"}"#);
}

#[tokio::test]
async fn one_client_cannot_touch_what_another_may_use() {
    let house = Setup::stock()
        .with(|account| {
            standard(account).throttle = Some(two_then_slowly());
            throttle_plan_method(account, two_then_slowly());
            standard(account).quota = Some(daily(2));
        })
        .open()
        .await;
    assert_eq!(statuses(&house, GOOD, 10).await[..3], [200, 200, 429]);
    assert_eq!(statuses(&house, OTHER, 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn method_and_account_buckets_are_shared_by_everybody() {
    let of_method = Setup::stock().with(|account| throttle_method(account, two_then_slowly())).open().await;
    let of_account =
        Setup::stock().with(|account| account.throttle_settings = two_then_slowly()).open().await;
    for (house, name) in [(of_method, "method"), (of_account, "account")] {
        assert_eq!(token(&house, GOOD).await.status, 200);
        assert_eq!(token(&house, OTHER).await.status, 200);
        assert_eq!(token(&house, GOOD).await.status, 429);
        assert_eq!(token(&house, OTHER).await.status, 429);
        assert_eq!(house.function.calls(), 2);
        assert_eq!(binding_limits(house), ["-", "-", name, name]);
    }
}

#[tokio::test]
async fn stage_default_holds_for_a_method_without_settings_of_its_own() {
    let default = |account: &mut restapi::Account| {
        let setting = restapi::MethodSetting::throttled(two_then_slowly());
        dev(account).method_settings.insert(restapi::MethodKey::Every, setting);
    };
    let house = Setup::stock().with(default).open().await;
    assert_eq!(statuses(&house, GOOD, 3).await, [200, 200, 429]);
    let specific = |account: &mut restapi::Account| throttle_method(account, throttle(400, 1));
    let house = Setup::stock().with(default).with(specific).open().await;
    assert_eq!(statuses(&house, GOOD, 2).await, [200, 429]);
}

#[tokio::test]
async fn plan_may_be_stricter_for_one_method() {
    let house = Setup::stock().with(|account| throttle_plan_method(account, two_then_slowly())).open().await;
    assert_eq!(statuses(&house, GOOD, 3).await, [200, 200, 429]);
    assert_eq!(binding_limits(house), ["-", "-", "plan_method"]);
}

#[tokio::test]
async fn looser_bucket_for_one_method_does_not_lift_the_plan() {
    let house = Setup::stock()
        .with(|account| {
            standard(account).throttle = Some(two_then_slowly());
            throttle_plan_method(account, throttle(1_000_000, 1_000));
        })
        .open()
        .await;
    assert_eq!(statuses(&house, GOOD, 3).await, [200, 200, 429]);
    assert_eq!(binding_limits(house), ["-", "-", "plan"]);
}

#[tokio::test]
async fn failed_invocation_is_paid_for_all_the_same() {
    let house =
        Setup::stock().with(|account| standard(account).throttle = Some(two_then_slowly())).open().await;
    house.function.fails(lambda::InvokeError::Failed);
    assert_eq!(statuses(&house, GOOD, 3).await, [502, 502, 429]);
}

#[tokio::test]
async fn store_that_is_not_ready_is_no_limit_that_is_used_up() {
    for setup in [Setup::oauth(), Setup::stock()] {
        let quota = |account: &mut restapi::Account| standard(account).quota = Some(daily(2));
        let house = Setup { limiter: Arc::new(Unready::default()), ..setup.with(quota) }.open().await;
        for _ in 0..3 {
            let refused = token(&house, GOOD).await;
            assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")), "rounded up");
        }
        assert_eq!(house.function.calls(), 0);
        assert_eq!(house.counted(r#"limits_unready_total{limit="quota"}"#), Some(3));
        assert_eq!(house.counted(r#"throttled_total{limit="quota"}"#), Some(0));
        assert_eq!(binding_limits(house), ["quota"; 3]);
    }
}

#[tokio::test]
async fn store_that_is_not_ready_is_not_called_too_many_requests() {
    let declared = |text: &'static str| {
        Setup::oauth().with(move |account| {
            let responses = &mut account.rest_apis.first_mut().unwrap().gateway_responses;
            let throttled =
                responses.iter_mut().find(|it| it.response_type == restapi::ResponseType::Throttled);
            throttled.unwrap().response_templates = [("application/json".into(), text.into())].into();
        })
    };
    let described = r#"{"error":"temporarily_unavailable","error_description":"the store of limits is not ready; try again"}"#;
    let oauth = r#"{"error":"temporarily_unavailable","error_description":"too many requests"}"#;
    let throttled_once = |account: &mut restapi::Account| standard(account).quota = Some(daily(1));
    for (text, body) in [
        (oauth, described),
        // Whatever else was declared stays.
        (r#"{"problem":"busy"}"#, r#"{"problem":"busy"}"#),
        ("busy", "busy"),
        (
            r#"{"error":"a","error_description":"$context.error.message"}"#,
            r#"{"error":"a","error_description":"Service Unavailable"}"#,
        ),
    ] {
        let unready = Setup { limiter: Arc::new(Unready::default()), ..declared(text).with(throttled_once) };
        let refused = token(&unready.open().await, GOOD).await;
        assert_eq!((refused.status, refused.body.as_str()), (503, body));
    }
    let bucket = |account: &mut restapi::Account| standard(account).throttle = Some(two_then_slowly());
    let house = declared(oauth).with(bucket).open().await;
    assert_eq!(statuses(&house, GOOD, 2).await, [200; 2]);
    let throttled = token(&house, GOOD).await;
    assert_eq!((throttled.status, throttled.body.as_str()), (429, oauth), "a throttled request is told so");
}

#[tokio::test]
async fn store_that_cannot_be_asked_refuses_and_names_no_limit() {
    let house = Setup { limiter: Arc::new(Lost::default()), ..Setup::oauth() }.open().await;
    let refused = token(&house, GOOD).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(house.counted(r#"limits_unready_total{limit="-"}"#), Some(1));
    assert_eq!(binding_limits(house), ["-"]);
}
