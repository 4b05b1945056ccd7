//! Questions in process, without a socket: a limiter in memory, three clients, a clock that stands still.

use std::time::Duration;

use config::{Definition, KeyRecord};
use http::Method;
use limits::{Charge, Charges, Limit, Memory, Period, QuotaSpec, Subject};
use restapi::{ApiKeyId, ApiKeyValue, UsagePlanId};
use serde_json::{Value, json};
use testkit::ManualClock;

use super::*;

const DEFINITION: &str = "
plans:
  metered: { throttle: { rate: 5, burst: 5 }, quota: { limit: 10, period: day } }
  wide: { throttle: { rate: 5, burst: 5 } }
clients:
  billing: { plan: metered, scopes: [a/b] }
  free: { plan: wide, scopes: [a/b] }
  reports: { plan: metered, scopes: [a/b] }
";

/// A server's quotas, as it keeps them.
struct Place {
    control: Control,
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
    account: restapi::Account,
}

fn id(client: &str) -> ApiKeyId {
    ApiKeyId::derived(&[client])
}

impl Place {
    fn new() -> Self {
        let definition = Definition::parse(DEFINITION, "token-broker.yaml").unwrap();
        let keys = definition.clients.keys().map(|client| KeyRecord {
            id: id(client.as_str()),
            client: client.clone(),
            value: ApiKeyValue::new(format!("{:0>40}", client.as_str())).unwrap(),
            enabled: true,
            name: format!("{client}.1"),
        });
        let account = config::compile(&definition, keys.collect()).unwrap().account;
        let (memory, clock) = (Arc::new(Memory::new()), Arc::new(ManualClock::default()));
        let quota = Limit::Quota(QuotaSpec::new(10, Period::Day, 0).unwrap());
        let metered = account.usage_plans.iter().find(|plan| plan.name == "metered").unwrap();
        memory.define(gateway::quota_name(&metered.id).unwrap(), quota, clock.now()).unwrap();
        let roster = Roster::of(&account).unwrap();
        let control = Control::new(roster, memory.clone(), clock.clone());
        Self { control, memory, clock, account }
    }

    fn plan(&self, name: &str) -> &UsagePlanId {
        &self.account.usage_plans.iter().find(|plan| plan.name == name).unwrap().id
    }

    /// Spends `count` requests of a client's quota, as the front door does; says how many were admitted.
    fn spend(&self, client: &str, count: usize) -> usize {
        let limit = self.memory.id(&gateway::quota_name(self.plan("metered")).unwrap()).unwrap();
        let charge = Charge { limit, subject: Subject::new(id(client).as_number()) };
        let charges = Charges::try_from([charge].as_slice()).unwrap();
        (0..count).filter(|_| self.memory.spend_now(self.clock.now(), &charges).is_admitted()).count()
    }

    fn ask(&self, method: &Method, target: &str, body: &str) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let reply = self.control.answer(Question { method, path, query, body: body.as_bytes() });
        assert_eq!(reply.error_type.is_none(), reply.status.is_success());
        (reply.status.as_u16(), serde_json::from_slice(&reply.json).unwrap())
    }

    fn get(&self, target: &str) -> (u16, Value) {
        self.ask(&Method::GET, target, "")
    }

    fn usage(&self, plan: &str, query: &str) -> (u16, Value) {
        self.get(&format!("/usageplans/{}/usage?{query}", self.plan(plan)))
    }

    fn patch(&self, client: &str, op: &str, value: u64) -> (u16, Value) {
        let operation = json!({ "op": op, "path": "/remaining", "value": value.to_string() });
        let target = format!("/usageplans/{}/keys/{}/usage", self.plan("metered"), id(client));
        self.ask(&Method::PATCH, &target, &json!({ "patchOperations": [operation] }).to_string())
    }
}

const TODAY: &str = "startDate=2026-09-24&endDate=2026-09-24";

fn message(answer: &(u16, Value)) -> (u16, String) {
    (answer.0, answer.1["message"].as_str().unwrap().to_owned())
}

#[test]
fn usage_has_a_pair_for_each_day_and_key() {
    let place = Place::new();
    assert_eq!(place.spend("billing", 3), 3);
    place.clock.advance(Duration::from_hours(24));
    assert_eq!(place.spend("billing", 1), 1);
    let (status, usage) = place.usage("metered", "startDate=2026-09-25&endDate=2026-09-25");
    assert_eq!(status, 200);
    let values = json!({ id("billing").as_str(): [[1, 9]], id("reports").as_str(): [[0, 10]] });
    let plan = place.plan("metered").as_str();
    let expected = json!({
        "usagePlanId": plan, "startDate": "2026-09-25", "endDate": "2026-09-25", "values": values,
    });
    assert_eq!(usage, expected);
    let both = format!("startDate=2026-09-24&endDate=2026-09-25&keyId={}", id("reports"));
    let (_, usage) = place.usage("metered", &both);
    assert_eq!(usage["values"], json!({ id("reports").as_str(): [[0, 10], [0, 10]] }));
}

#[test]
fn extension_admits_so_many_more_and_no_more() {
    let place = Place::new();
    assert_eq!(place.spend("billing", 12), 10);
    let (status, usage) = place.patch("billing", "add", 3);
    assert_eq!((status, &usage["values"]), (200, &json!({ id("billing").as_str(): [[10, 3]] })));
    let quota = &usage["standing"]["quota"];
    assert_eq!((&quota["limit"], &quota["extra"], &quota["left"]), (&json!(10), &json!(3), &json!(3)));
    assert_eq!(place.spend("billing", 5), 3);
    assert_eq!(place.spend("reports", 12), 10, "nobody else has more");
    place.clock.advance(Duration::from_hours(24));
    assert_eq!(place.spend("billing", 12), 10, "the next day is as it was");
}

#[test]
fn remaining_is_set_by_giving_the_difference() {
    let place = Place::new();
    place.spend("billing", 4);
    assert_eq!(place.patch("billing", "replace", 9).1["standing"]["quota"]["extra"], 3);
    assert_eq!(place.patch("billing", "replace", 9).1["standing"]["quota"]["extra"], 3, "it is so already");
    assert_eq!(place.spend("billing", 20), 9);
}

#[test]
fn quota_is_not_cut() {
    let place = Place::new();
    place.spend("billing", 4);
    let refused = message(&place.patch("billing", "replace", 5));
    assert_eq!(refused, (400, "a quota can be extended and not cut: 6 are left, more than 5".to_owned()));
    assert_eq!(place.spend("billing", 20), 6);
}

#[test]
fn what_is_not_there_is_refused() {
    let place = Place::new();
    let ghost = id("ghost");
    let update = |plan: &str, key: &ApiKeyId| {
        let body = r#"{"patchOperations":[{"op":"add","path":"/remaining","value":"1"}]}"#;
        message(&place.ask(&Method::PATCH, &format!("/usageplans/{plan}/keys/{key}/usage"), body))
    };
    let (metered, wide) = (place.plan("metered").as_str(), place.plan("wide").as_str());
    let no_plan = (404, "Invalid Usage Plan ID specified".to_owned());
    let no_key = (404, "Invalid API Key identifier specified".to_owned());
    let no_quota = (400, format!("Usage Plan {wide} has no quota, and usage is counted by quotas"));
    assert_eq!(message(&place.get(&format!("/usageplans/ghost1/usage?{TODAY}"))), no_plan);
    assert_eq!(message(&place.usage("metered", &format!("{TODAY}&keyId={ghost}"))), no_key);
    assert_eq!(message(&place.usage("metered", &format!("{TODAY}&keyId={}", id("free")))), no_key);
    assert_eq!(message(&place.usage("wide", TODAY)), no_quota);
    assert_eq!(update("ghost1", &id("billing")), no_plan);
    assert_eq!(update(metered, &ghost), no_key);
    assert_eq!(update(metered, &id("free")), no_key);
    assert_eq!(update(wide, &id("free")), no_quota);
    let tomorrow = "endDate 2026-09-25 has not begun; it is 2026-09-24 (UTC)";
    let range = "startDate=2026-09-24&endDate=2026-09-25";
    assert_eq!(message(&place.usage("metered", range)), (400, tomorrow.to_owned()));
    assert_eq!(message(&place.get(&format!("/standings?{range}"))), (400, tomorrow.to_owned()));
}

#[test]
fn day_whose_usage_is_not_kept_is_refused() {
    let place = Place::new();
    let answers = |start: &str| {
        let range = format!("startDate={start}&endDate=2026-09-24");
        [place.usage("metered", &range), place.get(&format!("/standings?client=billing&{range}"))]
    };
    let [usage, standings] = answers("2026-06-26");
    assert_eq!(usage.1["values"][id("billing").as_str()].as_array().map(Vec::len), Some(91));
    assert_eq!(standings.1["items"][0]["days"].as_array().map(Vec::len), Some(91));
    let refused = "startDate 2026-06-25 is too long ago: usage is kept for 90 days, and the first day that can be asked \
                   for is 2026-06-26";
    assert_eq!(
        answers("2026-06-25").map(|answer| message(&answer)),
        [(); 2].map(|()| (400, refused.to_owned()))
    );
    assert_eq!(answers("1970-01-01").map(|(status, _)| status), [400; 2]);
}

#[test]
fn more_than_can_be_counted_is_refused() {
    let place = Place::new();
    let (status, said) = message(&place.patch("billing", "add", u64::MAX));
    assert!(status == 400 && said.contains(&u64::MAX.to_string()), "{said}");
    assert_eq!(place.spend("billing", 20), 10);
}

#[test]
fn standings_name_client_key_and_plan() {
    let place = Place::new();
    place.spend("billing", 4);
    let (status, said) = place.get(&format!("/standings?client=billing&{TODAY}"));
    assert_eq!((status, &said["at"]), (200, &json!("2026-09-24T20:16:32Z")));
    let expected = json!([{
        "client": "billing", "key": "billing.1", "keyId": id("billing").as_str(),
        "plan": "metered", "usagePlanId": place.plan("metered").as_str(),
        "quota": {
            "limit": 10, "period": "DAY", "offset": 0, "extra": 0, "used": 4, "lost": 0, "left": 6,
            "windowStart": "2026-09-24T00:00:00Z", "windowEnd": "2026-09-25T00:00:00Z",
        },
        "days": [{ "day": "2026-09-24", "used": 4, "remaining": 6 }],
    }]);
    assert_eq!(said["items"], expected);
    let (_, free) = place.get(&format!("/standings?keyId={}", id("free")));
    assert_eq!((&free["items"][0]["client"], &free["items"][0]["quota"]), (&json!("free"), &Value::Null));
    assert_eq!(place.get("/standings?client=ghost").1["items"], json!([]));
}

#[test]
fn pages_together_have_every_key_once() {
    let place = Place::new();
    let (mut seen, mut position) = (Vec::new(), String::new());
    loop {
        let (status, page) = place.get(&format!("/standings?limit=1{position}"));
        assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1));
        seen.push(page["items"][0]["client"].as_str().unwrap().to_owned());
        let Some(next) = page["position"].as_str() else { break };
        position = format!("&position={next}");
    }
    seen.sort();
    assert_eq!(seen, ["billing", "free", "reports"]);
    let (_, page) = place.usage("metered", &format!("{TODAY}&limit=1"));
    let next = page["position"].as_str().unwrap();
    let (_, last) = place.usage("metered", &format!("{TODAY}&limit=1&position={next}"));
    assert_ne!(page["values"], last["values"]);
    assert_eq!((last["values"].as_object().unwrap().len(), last.get("position")), (1, None));
}

#[test]
fn key_that_is_taken_out_of_force_is_not_told_of() {
    let place = Place::new();
    let kept = id("billing");
    place.control.keep_only(&HashSet::from([kept.as_str()]));
    let (_, said) = place.get("/standings");
    assert_eq!(
        (said["items"].as_array().unwrap().len(), &said["items"][0]["client"]),
        (1, &json!("billing"))
    );
    assert_eq!(place.patch("reports", "add", 1).0, 404);
    place.control.replace(Roster::of(&place.account).unwrap());
    assert_eq!(place.patch("reports", "add", 1).0, 200);
}
