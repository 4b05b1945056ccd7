//! Whatever is sent, nothing panics, and only the spellings that are allowed lead to the function.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tokio::runtime::Runtime;

use super::account::GOOD;
use super::harness::{House, Request, Setup};

/// A front door for many cases, and the runtime it runs on.
fn opened() -> (Runtime, House) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = runtime.block_on(Setup::stock().open());
    (runtime, house)
}

fn config() -> Config {
    Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(20_260_924),
        failure_persistence: None,
        ..Config::default()
    }
}

/// The spellings of the token method's path, said once more and in another way than the router says it: slashes, the
/// stage, slashes, the path.
fn is_allowed(target: &str) -> bool {
    // A target with a character that must be encoded there is none.
    if !target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?[]%".contains(&byte)) {
        return false;
    }
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !target.split('%').skip(1).all(is_escape) {
        return false;
    }
    let path = target.split('?').next().unwrap();
    let segments: Vec<&str> = path.split('/').collect();
    let Some(stage) = segments.iter().position(|segment| !segment.is_empty()) else { return false };
    let rest: Vec<&str> =
        segments[stage + 1..].iter().copied().skip_while(|segment| segment.is_empty()).collect();
    stage > 0 && segments[stage] == "dev" && rest == ["oauth2", "token"]
}

/// Targets near the right one, and some far from it.
fn target() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        6 => Just("dev".to_owned()),
        6 => Just("oauth2".to_owned()),
        6 => Just("token".to_owned()),
        4 => Just(String::new()),
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => Just("%2e".to_owned()),
        1 => Just("tok%65n".to_owned()),
        1 => Just("Token".to_owned()),
        1 => Just("prod".to_owned()),
        1 => Just("token;a".to_owned()),
        1 => Just("{proxy+}".to_owned()),
        1 => "[!-~]{0,6}",
    ];
    let near = prop::collection::vec(segment, 1..7).prop_map(|segments| format!("/{}", segments.join("/")));
    let right = "/{1,3}dev/{1,3}oauth2/token";
    let tail = prop_oneof![4 => Just(String::new()), 1 => "[?#/%;][!-~]{0,8}"];
    (prop_oneof![3 => near, 1 => right], tail).prop_map(|(path, tail)| path + &tail)
}

#[test]
fn only_allowed_spellings_reach_the_function() {
    let (runtime, house) = opened();
    let tally = std::cell::Cell::new((0, 0));
    let method = prop_oneof![5 => Just("POST".to_owned()), 1 => Just("GET".to_owned()), 1 => "[A-Z]{1,5}"];
    proptest!(config(), |(target in target(), method in method)| {
        let before = house.function.calls();
        let request = Request::new(&method, &target).header("x-api-key", GOOD);
        let answer = runtime.block_on(house.exchange(&request.wire()));
        let calls = house.function.calls() - before;
        prop_assert!(answer.is_some(), "no answer to {method} {target}");
        prop_assert_eq!(calls, usize::from(method == "POST" && is_allowed(&target)), "{} {}", method, target);
        let (yes, no) = tally.get();
        tally.set((yes + calls, no + 1 - calls));
    });
    let (yes, no) = tally.get();
    assert!(yes > 40 && no > 40, "the cases say little: {yes} reached the function, {no} did not");
}

#[test]
fn key_never_admits_by_another_spelling() {
    let (runtime, house) = opened();
    let near = (0..GOOD.len(), "[!-~]").prop_map(|(at, other)| {
        let mut key = GOOD.to_owned();
        key.replace_range(at..=at, &other);
        key.into_bytes()
    });
    let cut = (0..GOOD.len()).prop_map(|length| GOOD.as_bytes()[..length].to_vec());
    let longer =
        prop::collection::vec(0x21_u8..=0xff, 1..20).prop_map(|more| [GOOD.as_bytes(), &more].concat());
    let any = prop::collection::vec(0x20_u8..=0xff, 0..60);
    proptest!(config(), |(key in prop_oneof![near, cut, longer, any].prop_filter("DEL", |key| !key.contains(&0x7f)))| {
        let request = Request::anonymous_token().header("x-api-key", &key);
        let status = runtime.block_on(house.send(request)).status;
        prop_assert_eq!(status, if key == GOOD.as_bytes() { 200 } else { 403 });
    });
}

#[test]
fn bytes_that_are_no_request_do_no_harm() {
    let (runtime, house) = opened();
    let good = Request::token(GOOD).wire();
    let changed = (0..good.len(), any::<u8>(), 0..3_usize).prop_map(move |(at, byte, kind)| {
        let mut bytes = good.clone();
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        bytes
    });
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    proptest!(config(), |(mut bytes in prop_oneof![3 => changed, 1 => noise])| {
        // Whatever the bytes said of a body, the connection ends here.
        bytes.extend_from_slice(b"\r\n\r\n");
        runtime.block_on(house.exchange_and_leave(&bytes));
        let after = runtime.block_on(house.send(Request::anonymous_token()));
        prop_assert_eq!(after.status, 403);
    });
}
