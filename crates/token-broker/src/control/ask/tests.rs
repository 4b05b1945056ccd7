//! What is understood, and what is refused in which words.

use super::*;

fn read(method: &Method, target: &str, body: &str) -> Result<Ask, String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ask::read(method, path, query, body.as_bytes())
        .map_err(|fault| format!("{} {fault}", fault.status.as_u16()))
}

fn get(target: &str) -> Result<Ask, String> {
    read(&Method::GET, target, "")
}

fn patch(body: &str) -> Result<Ask, String> {
    read(&Method::PATCH, "/usageplans/abc123/keys/abcdefghij/usage", body)
}

fn operation(op: &str, path: &str, value: &str) -> String {
    format!(r#"{{"patchOperations":[{{"op":"{op}","path":"{path}","value":"{value}"}}]}}"#)
}

fn days(start: &str, end: &str) -> RangeInclusive<Day> {
    start.parse().unwrap()..=end.parse().unwrap()
}

#[test]
fn usage_is_asked_for_as_api_gateway_has_it() {
    let asked = get("/usageplans/abc123/usage?startDate=2026-11-01&endDate=2026-11-23&keyId=abcdefghij");
    let page = Page { position: None, limit: 25 };
    let (plan, key) = ("abc123".to_owned(), Some("abcdefghij".to_owned()));
    assert_eq!(asked, Ok(Ask::Usage { plan, key, days: days("2026-11-01", "2026-11-23"), page }));
}

#[test]
fn standings_need_no_parameters_and_may_have_any_of_them() {
    let page = Page { position: None, limit: 25 };
    assert_eq!(get("/standings"), Ok(Ask::Standings { client: None, key: None, days: None, page }));
    let all =
        "client=b%20c&keyId=k&startDate=2026-11-23&endDate=2026-11-23&limit=500&position=abcdefghij-abc123";
    let asked = get(&format!("/standings?{all}")).unwrap();
    let Ask::Standings { client, key, days, page } = asked else { panic!("{asked:?}") };
    assert_eq!((client.as_deref(), key.as_deref()), (Some("b c"), Some("k")));
    assert_eq!(days, Some(self::days("2026-11-23", "2026-11-23")));
    assert_eq!((page.limit, page.position.unwrap().to_string()), (500, "abcdefghij-abc123".to_owned()));
}

#[test]
fn update_sets_or_adds() {
    let change = |body: &str| match patch(body) {
        Ok(Ask::Update { change, .. }) => change,
        other => panic!("{other:?}"),
    };
    assert_eq!(change(&operation("replace", "/remaining", "0")), Change::Set(0));
    assert_eq!(change(&operation("add", "/remaining", "500")), Change::Add(500));
}

#[test]
fn what_is_not_understood_is_refused() {
    let usage = |query: &str| get(&format!("/usageplans/abc123/usage?{query}")).unwrap_err();
    let refused = [
        usage(""),
        usage("startDate=2026-11-23"),
        usage("startDate=2026-11-24&endDate=2026-11-23"),
        usage("startDate=23.11.2026&endDate=2026-11-23"),
        usage("startDate=2026-11-23&endDate=2026-11-23&keyid=x"),
        usage("startDate=2026-11-23&endDate=2026-11-23&startDate=2026-11-22"),
        usage("startDate=2026-11-23&endDate=2026-11-23&limit=501"),
        usage("startDate=2026-11-23&endDate=2026-11-23&limit=0"),
        usage("startDate=2026-11-23&endDate=2026-11-23&position=7"),
        get("/usageplans").unwrap_err(),
        get("/standings/").unwrap_err(),
        get("standings").unwrap_err(),
        read(&Method::POST, "/standings", "").unwrap_err(),
        get("/usageplans/abc123/keys/abcdefghij/usage").unwrap_err(),
    ];
    assert_eq!(
        refused,
        [
            "400 startDate and endDate are required",
            "400 startDate and endDate go together",
            "400 startDate 2026-11-24 is after endDate 2026-11-23",
            "400 `23.11.2026` is not a day from 1970 on, written as 2026-11-23",
            "400 there is no parameter `keyid`",
            "400 startDate stands more than once",
            "400 limit is a number from 1 to 500",
            "400 limit is a number from 1 to 500",
            "400 position is not one that was given out",
            "404 there are /usageplans/{id}/usage, /usageplans/{id}/keys/{id}/usage and /standings",
            "404 there are /usageplans/{id}/usage, /usageplans/{id}/keys/{id}/usage and /standings",
            "404 there are /usageplans/{id}/usage, /usageplans/{id}/keys/{id}/usage and /standings",
            "405 use GET",
            "405 use PATCH",
        ]
    );
}

#[test]
fn update_that_is_not_one_plain_operation_is_refused() {
    let shape =
        r#"400 the body is not {"patchOperations":[{"op":"replace","path":"/remaining","value":"NUMBER"}]}"#;
    for body in [
        "",
        "{}",
        "[]",
        "\u{0}",
        r#"{"patchOperations":[{"op":"replace","path":"/remaining","value":500}]}"#,
        r#"{"patchOperations":[{"op":"replace","path":"/remaining"}]}"#,
        r#"{"patchOperations":[],"more":1}"#,
    ] {
        assert_eq!(patch(body), Err(shape.to_owned()), "{body}");
    }
    let twice = r#"{"op":"add","path":"/remaining","value":"1"}"#;
    let refused = [
        patch(r#"{"patchOperations":[]}"#).unwrap_err(),
        patch(&format!(r#"{{"patchOperations":[{twice},{twice}]}}"#)).unwrap_err(),
        patch(&operation("remove", "/remaining", "1")).unwrap_err(),
        patch(&operation("replace", "/limit", "1")).unwrap_err(),
        patch(&operation("add", "/remaining", "0")).unwrap_err(),
    ];
    assert_eq!(
        refused,
        [
            "400 exactly one patch operation is done at a time",
            "400 exactly one patch operation is done at a time",
            "400 Invalid patch operation specified. Must be one of: [replace, add]",
            "400 Invalid patch path  '/limit' specified for op 'replace'. Must be one of: [/remaining]",
            "400 0 requests more are none",
        ]
    );
    for value in ["", "-1", "+1", "1.5", "1e3", "18446744073709551616", "many"] {
        let error = patch(&operation("replace", "/remaining", value)).unwrap_err();
        assert_eq!(error, format!("400 `{value}` is not a number of requests"));
    }
}
