//! Headers by which other systems select an identity, a stage, a method, a path or an address, each with hostile values.
//! None of them selects anything here; where a proxy is trusted, the one that is chosen names the client.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{GRANT, key, logs, place, status};
use crate::harness::{Place, Server, exchange};

const HEADERS: [&str; 60] = [
    "CF-Connecting-IP",
    "Client-Cert",
    "Client-IP",
    "Fastly-Client-IP",
    "Forwarded",
    "Forwarded-For",
    "Front-End-Https",
    "True-Client-IP",
    "Via",
    "X-Amz-Cf-Id",
    "X-Amz-Client-Context",
    "X-Amz-Date",
    "X-Amz-Invocation-Type",
    "X-Amz-Security-Token",
    "X-Amzn-ApiGateway-Api-Id",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "X-Amzn-Mtls-Clientcert-Subject",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-RequestId",
    "X-Amzn-Stage",
    "X-Amzn-Trace-Id",
    "X-Amzn-Vpce-Id",
    "X-Amzn-Vpce-Policy-Url",
    "X-Api-Id",
    "X-Api-Key-Id",
    "X-ApiGateway-Api-Id",
    "X-ApiGateway-Context",
    "X-ApiGateway-Event",
    "X-Authenticated-User",
    "X-Client-Cert",
    "X-Client-Id",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Consumer-Username",
    "X-Forwarded",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Forwarded-User",
    "X-Host",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Original-Forwarded-For",
    "X-Original-Host",
    "X-Original-URL",
    "X-Plan",
    "X-ProxyUser-Ip",
    "X-RateLimit-Limit",
    "X-Real-IP",
    "X-Remote-Addr",
    "X-Rewrite-URL",
    "X-SSL-Client-Verify",
    "X-Tenant",
];

/// Values that would select something: another client, its key, an address it may come from, what exists.
fn values(place: &Place) -> [String; 7] {
    let of = |text: &str| text.to_owned();
    let other = key(place, "slow");
    [
        of("slow"),
        other,
        of("192.0.2.7"),
        of("for=192.0.2.7;proto=https"),
        of("POST"),
        of("/dev/oauth2/token"),
        of("dev"),
    ]
}

/// A server on which the client `exact` may make so many requests.
fn place_for(requests: usize, local: &str) -> Place {
    let place = place(local);
    let definition = place.read("token-broker.yaml");
    let definition = definition
        .replace(
            "clients:\n",
            &format!("  exact: {{ throttle: {{ rate: 0.001, burst: {requests} }} }}\nclients:\n"),
        )
        .replace(
            "  slow:",
            "  exact: { plan: exact, scopes: [orders/read], default_scopes: [orders/read] }\n  slow:",
        );
    std::fs::write(place.path("token-broker.yaml"), definition).unwrap();
    place
}

/// Every header with every value.
fn lines(place: &Place) -> Vec<String> {
    let values = values(place);
    HEADERS.iter().flat_map(|name| values.iter().map(move |value| format!("{name}: {value}\r\n"))).collect()
}

fn status_of(server: &Server, method: &str, path: &str, head: &str) -> u16 {
    let url = server.url("invoke_url").replace("/dev/oauth2/token", path);
    exchange(method, &url, head, if method == "GET" { "" } else { GRANT }).0
}

#[test]
fn no_header_selects_identity_stage_plan_limit_method_path_or_address() {
    let place = place_for(HEADERS.len() * 7, "");
    let server = place.up(&[]);
    let lines = lines(&place);
    let (exact, inside) = (
        format!("x-api-key: {}\r\n", key(&place, "exact")),
        format!("x-api-key: {}\r\n", key(&place, "inside")),
    );
    for line in &lines {
        assert_eq!(status(&server, line), 401, "without a key: {line}");
        assert_eq!(status(&server, &format!("{inside}{line}")), 400, "from elsewhere: {line}");
        assert_eq!(status_of(&server, "GET", "/dev/oauth2/token", &format!("{exact}{line}")), 403, "{line}");
        assert_eq!(status_of(&server, "POST", "/dev/oauth2", &format!("{exact}{line}")), 403, "{line}");
        assert_eq!(
            status_of(&server, "POST", "/prod/oauth2/token", &format!("{exact}{line}")),
            403,
            "{line}"
        );
        assert_eq!(status(&server, &format!("{exact}{line}")), 200, "{line}");
    }
    // As many as the bucket holds have been granted, and all of them came out of it.
    for line in &lines {
        assert_eq!(status(&server, &format!("{exact}{line}")), 429, "{line}");
    }
    assert_eq!(server.token(&key(&place, "slow"), GRANT).0, 200, "and nothing came out of another");
    let (access, audit, _) = logs(&place, server);
    assert_eq!(access.len(), lines.len() * 7 + 1);
    assert_eq!(members(&access, "sourceIp"), ["127.0.0.1"]);
    assert_eq!(members(&access, "stage"), ["-", "dev"]);
    let granted = |clients: &str| audit.iter().filter(|line| line["client"] == clients).count();
    assert_eq!([granted("exact"), granted("inside"), granted("slow")], [lines.len(), lines.len(), 1]);
    assert_eq!(audit.len(), lines.len() * 2 + 1);
    for (line, client) in audit.iter().zip(["inside", "exact"].into_iter().cycle()).take(lines.len() * 2) {
        assert_eq!((&line["client"], &line["decision"]), (&client.into(), &decision(client)), "{line}");
    }
}

fn decision(client: &str) -> Value {
    if client == "inside" { "deny".into() } else { "allow".into() }
}

/// The values that a member has in all lines, each once.
fn members(lines: &[Value], name: &str) -> Vec<String> {
    let values: BTreeSet<String> = lines.iter().map(|line| line[name].as_str().unwrap().to_owned()).collect();
    values.into_iter().collect()
}

#[test]
fn trusted_proxy_names_the_client_in_the_chosen_header_and_in_no_other() {
    for (word, chosen, address) in
        [("x_forwarded_for", "X-Forwarded-For", "192.0.2.7"), ("forwarded", "Forwarded", "for=192.0.2.7")]
    {
        let place = place(&format!("trusted_proxies: [127.0.0.1/32], client_address: {word},"));
        let server = place.up(&[]);
        let inside = format!("x-api-key: {}\r\n", key(&place, "inside"));
        let others: Vec<String> =
            lines(&place).into_iter().filter(|line| !line.starts_with(&format!("{chosen}:"))).collect();
        for line in &others {
            assert_eq!(status(&server, &format!("{inside}{line}{chosen}: {address}\r\n")), 200, "{line}");
            assert_eq!(status(&server, &format!("{inside}{line}")), 400, "{line}");
        }
        // In front of what the proxy wrote anything may stand.
        let said = address.replace("192.0.2.7", "203.0.113.5");
        let told = |value: &str| status(&server, &format!("{inside}{chosen}: {value}\r\n"));
        assert_eq!(told(&format!("{address}, {said}")), 400);
        assert_eq!(told(&format!("\"{said}, ;=\t, {address}")), 200);
        assert_eq!(told(&format!("{address}, unknown")), 400);
        let (access, _, _) = logs(&place, server);
        let addresses: Vec<&str> = access.iter().map(|line| line["sourceIp"].as_str().unwrap()).collect();
        let mut expected = ["192.0.2.7", "127.0.0.1"].repeat(others.len());
        expected.extend(["203.0.113.5", "192.0.2.7", "127.0.0.1"]);
        assert_eq!(addresses, expected);
    }
}

#[test]
fn header_of_a_peer_that_is_not_trusted_changes_nothing() {
    let place = place("trusted_proxies: [127.0.0.2/32, 192.0.2.0/24], client_address: x_forwarded_for,");
    let server = place.up(&[]);
    let inside = format!("x-api-key: {}\r\n", key(&place, "inside"));
    for line in lines(&place) {
        assert_eq!(status(&server, &format!("{inside}{line}")), 400, "{line}");
    }
    let (access, _, _) = logs(&place, server);
    assert_eq!(members(&access, "sourceIp"), ["127.0.0.1"]);
}

#[test]
fn nobody_can_trust_everybody() {
    let place = place("trusted_proxies: [0.0.0.0/0], client_address: x_forwarded_for,");
    let said = place.run(&["up", "--json"]).failed();
    assert!(
        said.contains("homes.local.trusted_proxies: together the networks hold every IPv4 address"),
        "{said}"
    );
}
