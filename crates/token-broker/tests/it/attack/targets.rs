//! The target: what must be encoded, other forms, other spellings, and lengths.

use super::case::Outcome::{Closed, Granted, Kept, Refused};
use super::case::{Case, Good, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [characters(good), forms(good), spellings(good), lengths(good)].concat()
}

fn to(good: &Good, target: &str) -> Vec<u8> {
    good.line(format!("POST {target} HTTP/1.1"))
}

fn characters(good: &Good) -> Vec<Case> {
    let mut cases = Vec::new();
    for character in [
        "\"", "<", ">", "\\", "^", "`", "{", "|", "}", "#", "é", "\u{202e}", "\0", "\x01", "\x1b", "\x7f",
        "\t", " ", "%", "%2", "%zz", "%u0041",
    ] {
        cases.push(case(
            format!("{character:?} in the path"),
            to(good, &format!("/dev/oauth2/token{character}")),
            Refused(400),
        ));
        cases.push(case(
            format!("{character:?} in the query"),
            to(good, &format!("/dev/oauth2/token?a={character}")),
            Refused(400),
        ));
    }
    cases.push(case("byte 255 in the path", good.line(b"POST /dev/oauth2/token\xff HTTP/1.1"), Refused(400)));
    cases.push(case(
        "overlong slash in the path",
        good.line(b"POST /dev\xc0\xafoauth2/token HTTP/1.1"),
        Refused(400),
    ));
    cases
}

fn forms(good: &Good) -> Vec<Case> {
    let wrong = [
        "*",
        "dev/oauth2/token",
        "localhost",
        "localhost:80",
        "?a=b",
        "http:",
        "http:/",
        "http://",
        "http:///dev/oauth2/token",
        "http:/dev/oauth2/token",
        "http://other/dev/oauth2/token",
        "http://localhost:80/dev/oauth2/token",
        "http://localhost.other/dev/oauth2/token",
        "http://user@localhost/dev/oauth2/token",
        "http://user:password@localhost/dev/oauth2/token",
        "ftp://localhost/dev/oauth2/token",
        "ws://localhost/dev/oauth2/token",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://localhost/dev/oauth2/token#a",
        "http://[::1/dev/oauth2/token",
        "http://localhost:99999/dev/oauth2/token",
        "urn:dev:oauth2:token",
        "http://localhost@other/dev/oauth2/token",
    ];
    let mut cases: Vec<Case> =
        wrong.iter().map(|target| case(format!("target {target}"), to(good, target), Refused(400))).collect();
    for target in [
        "http://localhost/dev/oauth2/token",
        "HTTP://LOCALHOST/dev/oauth2/token",
        "https://localhost/dev/oauth2/token",
    ] {
        cases.push(case(format!("target {target}"), to(good, target), Granted));
    }
    cases
}

fn spellings(good: &Good) -> Vec<Case> {
    let others = [
        "/dev/oauth2/token/",
        "/dev/oauth2//token",
        "/dev/./oauth2/token",
        "/dev/x/../oauth2/token",
        "/dev/oauth2/token/..",
        "/../dev/oauth2/token",
        "/dev/oauth2%2ftoken",
        "/dev%2foauth2/token",
        "/dev/oauth2/%74oken",
        "/dev/oauth2/token;a=b",
        "/dev/oauth2/token%00",
        "/dev/oauth2/token%20",
        "/dev/oauth2/token%0d%0aHost:%20other",
        "/dev/oauth2/token.",
        "/dev/oauth2/TOKEN",
        "/DEV/oauth2/token",
        "/dev/oauth2/tokens",
        "/dev/oauth2",
        "/dev",
        "/",
        "//",
        "/prod/oauth2/token",
        "/metrics",
        "/healthz",
        "/dev/oauth2/token&a=b",
        "/dev/oauth2/%2e%2e/token",
        "//localhost/dev/oauth2/token",
        "/dev/%C0%AFoauth2/token",
    ];
    let mut cases: Vec<Case> =
        others.iter().map(|target| case(format!("path {target}"), to(good, target), Kept(403))).collect();
    for target in
        ["//dev/oauth2/token", "/dev//oauth2/token", "/dev/oauth2/token?", "/dev/oauth2/token?a=b&a=c&%26"]
    {
        cases.push(case(format!("path {target}"), to(good, target), Granted));
    }
    cases
}

fn lengths(good: &Good) -> Vec<Case> {
    let of = |length: usize| format!("/dev/oauth2/token?{}", "a".repeat(length - 18));
    vec![
        case("target of 10,240 bytes", to(good, &of(10_240)), Granted),
        case("target of 10,241 bytes", to(good, &of(10_241)), Refused(414)),
        case("target of 20,000 bytes", to(good, &of(20_000)), Refused(414)),
        case("target of 30,000 bytes", to(good, &of(30_000)), Refused(414)),
        case("target of 1,000,000 bytes", to(good, &of(1_000_000)), Refused(414)),
        case("target of 30,000 bytes without an end", format!("POST {}", of(30_000)), Refused(414)),
        case("target of 20,000 bytes without an end", format!("POST {}", of(20_000)), Closed),
    ]
}
