use ambient::Timestamp;
use policy::ClientId;
use proptest::prelude::*;
use restapi::{AccountId, FunctionName, MethodKey, ResourcePath, ResponseType, ThrottleSettings};
use serde_json::Value;

use super::*;
use crate::{Breach, DEFAULT_FILE, LocalHome, guard};

/// 2026-11-23T00:00:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);

fn key(client: &str, number: usize) -> KeyRecord {
    KeyRecord {
        id: ApiKeyId::derived(&[client, &number.to_string()]),
        client: client.parse().unwrap(),
        value: ApiKeyValue::new(format!("{client}{number:0>40}")).unwrap(),
        enabled: true,
        name: client.into(),
    }
}

fn definition(text: &str) -> Definition {
    Definition::parse(text, "token-broker.yaml").unwrap_or_else(|error| panic!("{error}"))
}

fn default_keys() -> Vec<KeyRecord> {
    vec![key("reports", 1), key("billing", 1), key("billing", 2), key("partner", 1)]
}

fn compiled(text: &str) -> Compiled {
    compile(&definition(text), default_keys()).unwrap()
}

#[test]
fn default_definition_becomes_these_objects() {
    insta::assert_json_snapshot!("default_account", compiled(DEFAULT_FILE).account);
}

fn aws_place(api_id: Option<&str>) -> AwsPlace {
    AwsPlace {
        account_id: AccountId::parse("123456789012").unwrap(),
        function: FunctionName::parse("broker-prod").unwrap(),
        api_id: api_id.map(|id| RestApiId::parse(id).unwrap()),
    }
}

fn aws_key(record: KeyRecord) -> AwsKey {
    let KeyRecord { id, client, enabled, name, .. } = record;
    AwsKey { id, name, client, enabled }
}

#[test]
fn default_definition_becomes_these_objects_on_aws() {
    let keys: Vec<AwsKey> = default_keys().into_iter().map(aws_key).collect();
    let account = compile_aws(&definition(DEFAULT_FILE), &aws_place(Some("abcde12345")), &keys).unwrap();
    insta::assert_json_snapshot!("default_account_on_aws", account);
    assert!(account.api_keys.iter().all(|key| key.value.is_none()));
    assert!(restapi::guardrails::check(&account).is_empty());
}

/// Every value of `json` by its path.
fn values(json: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match json {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| values(value, &format!("{path}/{name}"), into));
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(n, value)| values(value, &format!("{path}/{n}"), into));
        }
        value => {
            into.insert(path.into(), value.clone());
        }
    }
}

#[test]
fn homes_differ_in_what_depends_on_the_place_and_in_nothing_else() {
    // The same names in both places leave only what the homes are different by.
    let same = DEFAULT_FILE.replace("stage: prod", "stage: dev").replace("eu-central-1", "us-east-1");
    let definition = definition(&same);
    let here = compile(&definition, default_keys()).unwrap();
    let LocalHome { account_id, function, .. } = definition.local.clone();
    let place = AwsPlace { account_id, function, api_id: None };
    let keys: Vec<AwsKey> = default_keys().into_iter().map(aws_key).collect();
    let there = compile_aws(&definition, &place, &keys).unwrap();
    let (mut here_values, mut there_values) = (BTreeMap::new(), BTreeMap::new());
    values(&serde_json::to_value(&here.account).unwrap(), "", &mut here_values);
    values(&serde_json::to_value(&there).unwrap(), "", &mut there_values);
    assert_eq!(here_values.keys().collect::<Vec<_>>(), there_values.keys().collect::<Vec<_>>());
    let differing = here_values.iter().filter(|(path, value)| there_values[*path] != **value);
    let differing: Vec<&str> = differing.map(|(path, _)| path.as_str()).collect();
    let stage = "/restApis/0/stages/0";
    assert_eq!(differing, [format!("{stage}/accessLogSettings/format")]);
}

#[test]
fn account_throttle_on_aws_is_the_account_s_own() {
    let text = DEFAULT_FILE.replace("      rate: 10000\n      burst: 5000", "      rate: 7\n      burst: 7");
    assert_eq!(compiled(&text).account.throttle_settings.burst_limit, 7);
    let account = compile_aws(&definition(&text), &aws_place(None), &[]).unwrap();
    assert_eq!(account.throttle_settings, ThrottleSettings::ACCOUNT_DEFAULT);
}

#[test]
fn what_is_no_home_becomes_nothing_there() {
    assert!(compile_aws(&definition("api: {}"), &aws_place(None), &[]).is_none());
}

#[test]
fn key_of_a_client_that_is_not_defined_is_not_among_those_on_aws() {
    let account =
        compile_aws(&definition(DEFAULT_FILE), &aws_place(None), &[aws_key(key("gone", 1))]).unwrap();
    assert!(account.api_keys.is_empty() && account.usage_plan_keys.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn both_homes_break_the_same_guardrails(
        [stage_rate, method_rate, plan_rate] in [1_u32..50, 1_u32..50, 1_u32..50],
        [stage_burst, method_burst, plan_burst] in [1_u32..50, 1_u32..50, 1_u32..50],
        is_throttled in any::<bool>(),
    ) {
        let throttle = format!("throttle: {{ rate: {stage_rate}, burst: {stage_burst} }}");
        let text = format!(
            "api:\n  {}\n  token_endpoint: {{ throttle: {{ rate: {method_rate}, burst: {method_burst} }} }}\n\
             plans:\n  p: {{ throttle: {{ rate: {plan_rate}, burst: {plan_burst} }} }}\n\
             homes:\n  aws: {{ stage: dev, region: eu-west-1 }}\n",
            if is_throttled { throttle.as_str() } else { "name: token-broker-api" },
        );
        let definition = definition(&text);
        let found = |account| {
            let found = restapi::guardrails::check(account);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let here = compile(&definition, Vec::new()).unwrap().account;
        let there = compile_aws(&definition, &aws_place(None), &[]).unwrap();
        prop_assert_eq!(found(&here), found(&there));
    }
}

#[test]
fn default_definition_becomes_these_clients() {
    let Compiled { clients, app_clients, .. } = compiled(DEFAULT_FILE);
    insta::assert_debug_snapshot!("default_clients", (clients, app_clients));
}

#[test]
fn the_same_definition_becomes_the_same_objects_whatever_the_order_of_keys() {
    let json =
        |keys| serde_json::to_string(&compile(&definition(DEFAULT_FILE), keys).unwrap().account).unwrap();
    let mut reversed = default_keys();
    reversed.reverse();
    assert_eq!(json(default_keys()), json(reversed));
}

#[test]
fn what_is_deployed_gets_another_id_when_it_changes_and_what_is_live_does_not() {
    let id = |text: &str| compiled(text).account.rest_apis.pop().unwrap().deployments.pop().unwrap().id;
    let first = id(DEFAULT_FILE);
    assert_ne!(first, id(&DEFAULT_FILE.replace("gateway_responses: oauth", "gateway_responses: aws")));
    assert_eq!(first, id(&DEFAULT_FILE.replace("rate: 200", "rate: 300")));
}

#[test]
fn another_name_region_or_account_is_another_api() {
    let first = compiled(DEFAULT_FILE).api_id;
    for (from, to) in [
        ("name: token-broker-api", "name: other"),
        ("region: us-east-1", "region: eu-west-1"),
        ("account_id: \"000000000000\"", "account_id: \"000000000001\""),
    ] {
        assert_ne!(first, compiled(&DEFAULT_FILE.replace(from, to)).api_id, "{to}");
    }
    assert_eq!(first, compiled(&DEFAULT_FILE.replace("stage: dev", "stage: test")).api_id);
}

#[test]
fn every_refusal_of_the_api_is_oauth_and_is_never_stored() {
    let api = compiled(DEFAULT_FILE).account.rest_apis.pop().unwrap();
    let of = |wanted: ResponseType| api.gateway_responses.iter().find(|r| r.response_type == wanted);
    for wanted in ResponseType::ALL {
        // One that has no answer of its own keeps its status, and is said in the words of its catch-all.
        let spoken_for = of(wanted).is_none();
        let catch_all = of(wanted.catch_all()).unwrap();
        assert!(!spoken_for || catch_all.status_code.is_none(), "{wanted:?}");
    }
    assert_eq!(api.gateway_responses.len(), 19);
    for response in &api.gateway_responses {
        let header = |name: &str| response.response_parameters.get(&format!("gatewayresponse.header.{name}"));
        assert_eq!(header("Cache-Control").unwrap(), "'no-store'");
        assert_eq!(header("Pragma").unwrap(), "'no-cache'");
        let body: serde_json::Value =
            serde_json::from_str(&response.response_templates["application/json"]).unwrap();
        assert!(oauth::ErrorCode::named(body["error"].as_str().unwrap()).is_some(), "{body}");
        assert!(!body["error_description"].as_str().unwrap().is_empty());
        assert_eq!(body.as_object().unwrap().len(), 2);
        let is_throttled = response.response_type == ResponseType::Throttled;
        assert_eq!(header("Retry-After").is_some(), is_throttled, "{response:?}");
    }
}

#[test]
fn table_of_refusals() {
    let api = compiled(DEFAULT_FILE).account.rest_apis.pop().unwrap();
    let rows = api.gateway_responses.iter().map(|response| {
        let status = response.status_code.map_or_else(|| "as is".into(), |status| status.to_string());
        let body = &response.response_templates["application/json"];
        format!("{:<31} {status:<6} {body}", response.response_type.as_str())
    });
    insta::assert_snapshot!("gateway_responses", rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn stock_answers_are_no_objects_at_all() {
    let text = DEFAULT_FILE.replace("gateway_responses: oauth", "gateway_responses: aws");
    assert!(compiled(&text).account.rest_apis.pop().unwrap().gateway_responses.is_empty());
}

#[test]
fn permission_covers_the_one_method_and_nothing_else() {
    let Compiled { account, .. } = compiled(DEFAULT_FILE);
    let [permission] = account.permissions.as_slice() else { panic!("one permission") };
    let api = account.rest_apis.first().unwrap();
    let arn = format!("arn:aws:execute-api:us-east-1:000000000000:{}/dev/POST/oauth2/token", api.id);
    assert_eq!(permission.source_arn.as_ref().unwrap().as_str(), arn);
}

#[test]
fn throttle_that_is_not_written_is_not_set() {
    let text = "api: {}\nplans:\n  p: {}\nclients:\n  billing: { plan: p, scopes: [a/b] }\n";
    let Compiled { account, .. } = compile(&definition(text), Vec::new()).unwrap();
    assert!(account.rest_apis.first().unwrap().stages.first().unwrap().method_settings.is_empty());
    assert!(account.usage_plans.first().unwrap().throttle.is_none());
}

#[test]
fn method_settings_are_keyed_as_api_gateway_keys_them() {
    let Compiled { account, .. } = compiled(DEFAULT_FILE);
    let stage = account.rest_apis.first().unwrap().stages.first().unwrap();
    let names: Vec<String> = stage.method_settings.keys().map(MethodKey::to_string).collect();
    assert_eq!(names, ["*/*", "~1oauth2~1token/POST"]);
    let setting = stage.setting(&ResourcePath::of("/oauth2/token"), restapi::HttpMethod::Post);
    assert_eq!(setting.throttling_burst_limit, 200);
}

#[test]
fn keys_that_do_not_fit_the_definition_are_refused() {
    let definition = definition(DEFAULT_FILE);
    let client: ClientId = "gone".parse().unwrap();
    let unknown = compile(&definition, vec![key("gone", 1)]).unwrap_err();
    assert_eq!(unknown, CompileError::UnknownClient { key: key("gone", 1).id, client });
    let twice =
        compile(&definition, vec![key("billing", 1), key("reports", 1), key("billing", 1)]).unwrap_err();
    assert_eq!(twice, CompileError::RepeatedKeyId { key: key("billing", 1).id });
}

#[test]
fn broken_guardrails_name_their_line() {
    let text = DEFAULT_FILE
        .replace("rate: 100\n      burst: 200", "rate: 300\n      burst: 5")
        .replace("# API keys", "# x")
        .replace("    throttle:                     # C) one bucket per key; smaller than B, so that no key can use it up alone\n      rate: 10\n      burst: 20\n", "");
    let mut keys = default_keys();
    keys.push(KeyRecord { value: default_keys().remove(0).value, ..key("partner", 2) });
    let breaches = guard(&compile(&definition(&text), keys).unwrap(), NOW);
    insta::assert_snapshot!(
        "breaches",
        breaches.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
    );
}

#[test]
fn definition_without_throttles_is_stopped_by_guardrails() {
    let text = "api: {}\nplans:\n  p: {}\nclients:\n  billing: { plan: p, scopes: [a/b] }\n";
    let breaches = guard(&compile(&definition(text), Vec::new()).unwrap(), NOW);
    let found: Vec<_> =
        breaches.iter().map(|breach| (breach.finding.guardrail.id, breach.at.map(|at| at.line))).collect();
    assert_eq!(found, [("TB015", Some(1)), ("TB017", Some(3)), ("TB023", Some(3))]);
}

#[test]
fn secret_in_a_description_is_found_and_not_shown() {
    let text = "api:\n  description: try the key AKIAIOSFODNN7EXAMPLE\n  throttle: { rate: 1, burst: 1 }\n";
    let breaches = guard(&compile(&definition(text), Vec::new()).unwrap(), NOW);
    let [breach] = breaches.as_slice() else { panic!("{breaches:?}") };
    assert_eq!((breach.finding.guardrail.id, breach.at.map(|at| at.line)), ("TB001", Some(2)));
    assert!(!breach.to_string().contains("AKIA"));
}

/// A plan whose keys may take all that the method has, with these waivers.
fn waived(waivers: &str) -> Vec<Breach> {
    let text =
        DEFAULT_FILE.replace("      rate: 100\n      burst: 200\n", "      rate: 100\n      burst: 5\n");
    let definition = definition(&format!("{text}waivers:\n{waivers}"));
    guard(&compile(&definition, default_keys()).unwrap(), NOW)
}

const FOR_PARTNER: &str =
    "  - { guardrail: TB018, at: usagePlans/partner, reason: until it is split off, expires: 2026-11-23 }\n";

#[test]
fn waived_breach_is_shown_and_stops_nothing() {
    let breaches = waived(FOR_PARTNER);
    let stops: Vec<_> =
        breaches.iter().map(|breach| (breach.finding.place.as_str(), breach.stops())).collect();
    assert_eq!(stops, [("usagePlans/partner/throttle", false), ("usagePlans/standard/throttle", true)]);
    let [partner, standard] = breaches.as_slice() else { panic!("{breaches:?}") };
    assert_eq!(partner.waiver.as_ref().map(|waiver| waiver.at.as_str()), Some("usagePlans/partner"));
    assert_eq!((&partner.expired, &standard.waiver, &standard.expired), (&None, &None, &None));
    assert!(partner.to_string().contains("waived: until 2026-11-23 by line "), "{partner}");
    assert!(partner.to_string().ends_with(": until it is split off"), "{partner}");
}

#[test]
fn expired_waiver_holds_nothing_back_and_is_named() {
    let breaches = waived(&FOR_PARTNER.replace("2026-11-23", "2026-11-22"));
    let partner = breaches.first().unwrap();
    assert!(partner.stops() && partner.waiver.is_none());
    let line = partner.expired.as_ref().unwrap().position.line;
    assert!(line > DEFAULT_FILE.lines().count(), "{line}");
    let end = format!("waived: no longer; the waiver of line {line} expired on 2026-11-22");
    assert!(partner.to_string().ends_with(&end), "{partner}");
}

#[test]
fn waiver_that_ends_last_counts() {
    let expired = FOR_PARTNER.replace("2026-11-23", "2026-11-22");
    // Its path in the file is a name of the plan, too.
    let by_path = FOR_PARTNER.replace("at: usagePlans/partner,", "at: plans.partner,");
    for order in [format!("{expired}{by_path}"), format!("{by_path}{expired}")] {
        let breaches = waived(&order);
        assert!(!breaches[0].stops() && breaches[1].stops(), "{breaches:?}");
    }
}

#[test]
fn object_has_three_names() {
    assert_eq!(
        Definition::names_of("restApis/a/deployments/abc123/gatewayResponses/THROTTLED"),
        [
            "restApis/a/deployments/abc123/gatewayResponses/THROTTLED",
            "restApis/a/gatewayResponses/THROTTLED",
            "api.gateway_responses"
        ]
    );
}

#[test]
fn warning_stops_nothing() {
    let breaches = guard(&compile(&definition(DEFAULT_FILE), Vec::new()).unwrap(), NOW);
    let found: Vec<_> = breaches.iter().map(|breach| (breach.finding.to_string(), breach.stops())).collect();
    assert_eq!(
        found,
        [
            ("TB023 at usagePlans/partner: no key is on the plan".into(), false),
            ("TB023 at usagePlans/standard: no key is on the plan".into(), false),
        ]
    );
}

#[test]
fn objects_are_followed_back_to_their_lines() {
    let definition = definition(DEFAULT_FILE);
    let line = |text: &str| DEFAULT_FILE.lines().position(|line| line.starts_with(text)).map(|line| line + 1);
    for (place, path, of) in [
        ("restApis/token-broker-api", "api", line("  name: token-broker-api")),
        ("restApis/token-broker-api/name", "api.name", line("  name: token-broker-api")),
        ("restApis/x/gatewayResponses/THROTTLED", "api.gateway_responses", line("  gateway_responses:")),
        ("restApis/x/stages/dev/methodSettings/*~1*", "api.throttle", line("    rate: 200")),
        ("usagePlans/partner", "plans.partner", line("  partner:")),
        ("usagePlans/partner/quota/limit", "plans.partner.quota", line("      limit: 20000")),
        ("usagePlans/partner/apiStages/x", "plans.partner.token_endpoint", line("  partner:")),
    ] {
        assert_eq!(Definition::path_of(place).as_deref(), Some(path), "{place}");
        assert_eq!(definition.line_of(place).map(|at| at.line), of, "{place}");
    }
    assert_eq!(Definition::path_of("apiKeys/abcdefghij"), None);
}

#[test]
fn access_log_and_execution_log_are_the_same_in_both_homes() {
    let stage = |account: &restapi::Account| {
        let stage = account.rest_apis[0].stages[0].clone();
        let levels: Vec<_> = stage.method_settings.values().map(|setting| setting.logging_level).collect();
        (stage.access_log_settings.unwrap().format, levels)
    };
    for (written, format) in [
        ("clf", restapi::AccessLogFormat::Clf.here()),
        ("csv", restapi::AccessLogFormat::Csv.here()),
        ("xml", restapi::AccessLogFormat::Xml.here()),
        ("{ format: '$context.requestId $context.status' }", "$context.requestId $context.status"),
    ] {
        let api = format!("api:\n  access_log: {written}\n  logging_level: info\n");
        let text = DEFAULT_FILE.replacen("api:\n", &api, 1);
        let here = stage(&compiled(&text).account);
        let there = stage(&compile_aws(&definition(&text), &aws_place(None), &[]).unwrap());
        assert_eq!((&*here.0, &here.1), (format, &vec![restapi::LoggingLevel::Info; 2]), "{written}");
        assert_eq!(here, there, "{written}");
    }
}
