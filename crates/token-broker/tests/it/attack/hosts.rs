//! `Host`: exactly one, and a name.

use super::case::Outcome::{Granted, Kept, Refused};
use super::case::{Case, Good, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    let long = format!("Host: {}\r\n", "a".repeat(256));
    let wrong = [
        ("no host", ""),
        ("two hosts", "Host: localhost\r\nHost: localhost\r\n"),
        ("two different hosts", "Host: localhost\r\nhost: other\r\n"),
        ("an empty host beside a host", "Host: localhost\r\nHost:\r\n"),
        ("host without a value", "Host:\r\n"),
        ("host of spaces", "Host:    \r\n"),
        ("host of two words", "Host: local host\r\n"),
        ("hosts in a list", "Host: localhost, other\r\n"),
        ("host with a path", "Host: localhost/dev\r\n"),
        ("host with a query", "Host: localhost?a\r\n"),
        ("host with a fragment", "Host: localhost#a\r\n"),
        ("host with a scheme", "Host: http://localhost\r\n"),
        ("host with a user", "Host: user@localhost\r\n"),
        ("host that is a port", "Host: :80\r\n"),
        ("host with a word for a port", "Host: localhost:http\r\n"),
        ("host with a negative port", "Host: localhost:-1\r\n"),
        ("host with a signed port", "Host: localhost:+80\r\n"),
        ("host with a port too large", "Host: localhost:65536\r\n"),
        ("host with two ports", "Host: localhost:80:80\r\n"),
        ("host that is half an address", "Host: [::1\r\n"),
        ("host that is an address without brackets", "Host: ::1\r\n"),
        ("host that is no address in brackets", "Host: [localhost]\r\n"),
        ("host with text after an address", "Host: [::1]a\r\n"),
        ("host with a zone", "Host: [fe80::1%25eth0]\r\n"),
        ("host beyond ASCII", "Host: l\u{f6}calhost\r\n"),
        ("host with a quote", "Host: \"localhost\"\r\n"),
        ("host with a backslash", "Host: localhost\\a\r\n"),
        ("host with a semicolon", "Host: localhost;a\r\n"),
        ("host with a space before its colon", "Host : localhost\r\n"),
        ("host on two lines", "Host: local\r\n host\r\n"),
        ("host that is too long", &*long),
    ];
    let mut cases: Vec<Case> =
        wrong.iter().map(|(name, lines)| case(*name, good.host(lines), Refused(400))).collect();
    for (name, lines) in [
        ("host in capitals", "HOST: LOCALHOST\r\n"),
        ("host with tabs around it", "Host:\t localhost \t\r\n"),
        ("host that is an address", "Host: [::1]:8080\r\n"),
        ("host with an empty port", "Host: localhost:\r\n"),
        ("another host", "Host: other.example\r\n"),
    ] {
        cases.push(case(name, good.host(lines), Granted));
    }
    let unknown = "Host: aaaaaaaaaa.execute-api.eu-central-1.localhost\r\n";
    cases.push(case("host of an unknown API", good.host(unknown), Kept(403)));
    cases
}
