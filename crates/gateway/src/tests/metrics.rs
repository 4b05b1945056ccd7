//! What is counted of requests, in CloudWatch's dimensions.

use std::time::Duration;

use restapi::MethodKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::account::{GOOD, daily, standard, throttle, throttle_plan_method};
use super::harness::{Request, Setup};
use crate::Whose;

const DEV: &str = r#"{api_name="token-broker-api",stage="dev"}"#;
const TOKEN: &str = r#"{api_name="token-broker-api",stage="dev",method="POST",resource="/oauth2/token"}"#;

fn detailed(setup: Setup) -> Setup {
    setup.with(|account| {
        for stage in &mut account.rest_apis.first_mut().unwrap().stages {
            let every = stage.method_settings.entry(MethodKey::Every).or_default();
            every.metrics_enabled = true;
        }
    })
}

#[tokio::test]
async fn requests_are_counted_by_api_and_stage() {
    let house = Setup::stock().open().await;
    house.send(Request::token(GOOD)).await;
    house.send(Request::anonymous_token()).await;
    house.send(Request::new("POST", "/dev/elsewhere")).await;
    house.function.panics();
    house.send(Request::token(GOOD)).await;
    // On no stage, and so no stage's.
    house.send(Request::new("POST", "/nowhere/oauth2/token")).await;
    for (name, count) in [
        ("api_count_total", 4),
        ("api_4xx_error_total", 2),
        ("api_5xx_error_total", 1),
        ("api_latency_seconds_count", 4),
        ("api_integration_latency_seconds_count", 2),
    ] {
        assert_eq!(house.counted(&format!("{name}{DEV}")), Some(count), "{name}");
    }
    assert_eq!(house.counted("latency_seconds_count"), Some(5));
    assert_eq!(house.counted(&format!("method_count_total{TOKEN}")), None, "it was not asked for");
}

#[tokio::test]
async fn methods_are_counted_where_detailed_metrics_are_on() {
    let house = detailed(Setup::stock()).open().await;
    house.send(Request::token(GOOD)).await;
    house.send(Request::anonymous_token()).await;
    house.send(Request::new("POST", "/dev/elsewhere")).await;
    assert_eq!(house.counted(&format!("api_count_total{DEV}")), Some(3));
    for (name, count) in [
        ("method_count_total", 2),
        ("method_4xx_error_total", 1),
        ("method_5xx_error_total", 0),
        ("method_latency_seconds_count", 2),
        ("method_integration_latency_seconds_count", 1),
    ] {
        assert_eq!(house.counted(&format!("{name}{TOKEN}")), Some(count), "{name}");
    }
}

#[tokio::test]
async fn counters_go_on_when_the_account_changes() {
    let house = Setup::stock().open().await;
    house.send(Request::token(GOOD)).await;
    house.show();
    house.send(Request::token(GOOD)).await;
    assert_eq!(house.counted(&format!("api_count_total{DEV}")), Some(2));
}

#[tokio::test]
async fn request_that_the_client_gave_up_counts_and_is_no_error() {
    let house = Setup::stock().open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    drop(stream);
    house.function.abandoned.notified().await;
    assert_eq!(house.counted(&format!("api_count_total{DEV}")), Some(1));
    assert_eq!(house.counted(&format!("api_4xx_error_total{DEV}")), Some(0));
    assert_eq!(house.counted(&format!("api_integration_latency_seconds_count{DEV}")), Some(0));
}

#[tokio::test]
async fn latencies_are_sorted_by_the_seconds_they_took() {
    let house = Setup::stock().open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    house.clock.advance(Duration::from_millis(400));
    house.function.go_on.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let of = |le: &str| {
        let labels = DEV.trim_start_matches('{');
        house.counted(&format!("api_latency_seconds_bucket{{le=\"{le}\",{labels}"))
    };
    assert_eq!((of("0.1"), of("0.5"), of("+Inf")), (Some(0), Some(1), Some(1)));
}

#[tokio::test]
async fn every_limit_in_force_is_told_with_whose_it_is() {
    let setup = Setup::stock().with(|account| {
        throttle_plan_method(account, throttle(1_000, 5));
        standard(account).throttle = Some(throttle(2_000, 5));
        standard(account).quota = Some(daily(3));
    });
    let house = setup.open().await;
    let in_force = house.door.limits_in_force();
    let of_plan = |wanted: &Whose| in_force.iter().filter(|limit| limit.whose == *wanted).count();
    let plan = || "standard".to_owned();
    let method = |stage: &str| Whose::Method {
        api_name: "token-broker-api".into(),
        stage: stage.into(),
        method: "POST",
        resource: "/oauth2/token".into(),
    };
    for whose in [
        Whose::Account,
        method("dev"),
        method("prod"),
        Whose::Plan { plan: plan() },
        Whose::PlanMethod { plan: plan() },
        Whose::Quota { plan: plan() },
    ] {
        assert_eq!(of_plan(&whose), 1, "{whose:?} in {in_force:?}");
    }
}
