//! Clients of others, which keep to the rules.

use std::process::Command;

use serde_json::Value;

use super::case::FORM;
use super::{Tally, Target};
use crate::harness::Run;

impl Target {
    /// What a tool printed that asked for a token. Each takes the form in its own way.
    fn asked_by(&self, tool: &str, arguments: &[&str]) -> String {
        let key = format!("x-api-key: {}", self.good.key());
        let mut command = Command::new(tool);
        command.args(["-H", &key, "-H", "content-type: application/x-www-form-urlencoded"]);
        command.args(arguments).arg(self.server.url("invoke_url"));
        let output = command.output().unwrap_or_else(|error| panic!("{tool} (tests/setup/http2): {error}"));
        Run::from(output).ok()
    }

    /// A file with the form.
    fn form(&self) -> String {
        let form = self.place.path("form");
        std::fs::write(&form, FORM).unwrap();
        form.to_str().unwrap().to_owned()
    }
}

#[test]
fn curl_gets_a_token_and_refusals() {
    let mut target = Target::up();
    let authority = target.server.url("certificate");
    let large = "a".repeat(100_000);
    for (further, form, outcome, member) in [
        ("a: b", FORM, "200 2", "access_token"),
        // Answered while the body is on its way.
        ("x-api-key: smuggled", FORM, "400 2", "error"),
        ("a: b", &large, "413 2", "error"),
    ] {
        let written = "\n%{http_code} %{http_version}";
        let arguments = ["-sS", "--http2", "--cacert", &authority, "-w", written, "-d", form, "-H", further];
        let said = target.asked_by("curl", &arguments);
        let (body, last) = said.rsplit_once('\n').unwrap();
        assert_eq!(last, outcome);
        assert!(serde_json::from_str::<Value>(body).unwrap()[member].is_string(), "{body}");
    }
    assert_eq!(target.counted(), Tally::from([(200, 1), (400, 1), (413, 1)]));
}

#[test]
fn nghttp_is_told_the_bounds_and_gets_a_token() {
    let mut target = Target::up();
    let said = target.asked_by("nghttp", &["--verbose", "--no-dep", "-d", &target.form()]);
    for expected in [
        "The negotiated protocol: h2",
        "[SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100]",
        "[SETTINGS_MAX_HEADER_LIST_SIZE(0x06):24576]",
        ":status: 200",
        "cache-control: no-store",
        "\"access_token\":\"",
    ] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
    assert!(!said.contains("recv RST_STREAM"), "{said}");
    assert_eq!(target.counted(), Tally::from([(200, 1)]));
}

#[test]
fn h2load_gets_every_token_that_it_asks_for_side_by_side() {
    let mut target = Target::up();
    // More at once than a connection may have: a client that reads the settings waits for its turn.
    let said = target.asked_by("h2load", &["-n", "400", "-c", "2", "-m", "150", "-d", &target.form()]);
    assert!(
        said.contains("400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout"),
        "{said}"
    );
    assert!(said.contains("status codes: 400 2xx, 0 3xx, 0 4xx, 0 5xx"), "{said}");
    assert!(said.contains("Application protocol: h2"), "{said}");
    assert_eq!(target.counted(), Tally::from([(200, 400)]));
}
