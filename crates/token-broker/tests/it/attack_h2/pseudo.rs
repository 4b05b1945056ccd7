//! Pseudo-header fields: which there are, in which order, and what each may say.

use super::case::Outcome::{Bare, Closed, Ended, Granted, Heard, Refused, Reset};
use super::case::{Case, Good, PROTOCOL_ERROR, PSEUDO, case, whole};
use super::hpack::literal;
use super::wire::{HEADERS, WHOLE, frame};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [sets(good), authorities(good), paths(good), others(good)].concat()
}

fn sets(good: &Good) -> Vec<Case> {
    let mut cases: Vec<Case> = [":method", ":scheme", ":path"]
        .iter()
        .map(|name| case(format!("no {name}"), good.with(name, None), Reset(PROTOCOL_ERROR)))
        .collect();
    for (name, value) in PSEUDO {
        let twice = [literal(name, value), good.block()].concat();
        cases.push(case(format!("{name} twice"), whole(twice), Reset(PROTOCOL_ERROR)));
        let late = [good.block(), literal(name, value)].concat();
        cases.push(case(format!("{name} behind the fields"), whole(late), Reset(PROTOCOL_ERROR)));
    }
    let unknown = [literal(":smuggled", "a"), good.block()].concat();
    let of_answers = [literal(":status", "200"), good.block()].concat();
    let protocol = [literal(":protocol", "websocket"), good.block()].concat();
    cases.extend([
        case("unknown one", whole(unknown), Ended(PROTOCOL_ERROR)),
        case("one of answers", whole(of_answers), Reset(PROTOCOL_ERROR)),
        case("protocol that is asked for without a tunnel", whole(protocol), Reset(PROTOCOL_ERROR)),
        case("no fields at all", whole([]), Reset(PROTOCOL_ERROR)),
    ]);
    cases
}

fn authorities(good: &Good) -> Vec<Case> {
    let long = "a".repeat(256);
    let of = |value: &str| good.with(":authority", Some(value.as_bytes()));
    let mut cases: Vec<Case> = [
        "user@localhost",
        "user:password@localhost",
        "localhost:http",
        "localhost:65536",
        ":80",
        "[::1]a",
        "[fe80::1%25eth0]",
        "localhost,other",
        &*long,
    ]
    .iter()
    .map(|value| case(format!("authority {value:?}"), of(value), Refused(400)))
    .collect();
    for value in [
        "localhost:80:80",
        "local host",
        "localhost/dev",
        "localhost?a",
        "localhost#a",
        "http://localhost",
        "[::1",
        "::1",
        "l\u{f6}calhost",
        "\"localhost\"",
        "localhost\\a",
        "",
        " localhost",
    ] {
        cases.push(case(format!("authority {value:?}"), of(value), Reset(PROTOCOL_ERROR)));
    }
    for value in ["LOCALHOST", "localhost:443", "localhost:", "127.0.0.1", "[::1]:8080", "other.example"] {
        cases.push(case(format!("authority {value}"), of(value), Granted));
    }
    let host = |value: &str| literal("host", value);
    let beside = |hosts: &[Vec<u8>]| whole([good.block(), hosts.concat()].concat());
    let only: Vec<_> = PSEUDO.into_iter().filter(|(name, _)| *name != ":authority").collect();
    let without = |hosts: &[Vec<u8>]| {
        let rest = good.block()[pseudo_length(&PSEUDO)..].to_vec();
        let pseudo: Vec<_> = only.iter().map(|(name, value)| literal(name, value)).collect();
        whole([pseudo.concat(), rest, hosts.concat()].concat())
    };
    cases.extend([
        case("no authority", without(&[]), Refused(400)),
        case("host in place of an authority", without(&[host("localhost")]), Granted),
        case(
            "two hosts in place of an authority",
            without(&[host("localhost"), host("localhost")]),
            Refused(400),
        ),
        case("host of a user in place of an authority", without(&[host("user@localhost")]), Refused(400)),
        case("empty host in place of an authority", without(&[host("")]), Refused(400)),
        case("the same host", beside(&[host("localhost")]), Granted),
        case("the same host in capitals", beside(&[host("LOCALHOST")]), Granted),
        case("another host", beside(&[host("other")]), Refused(400)),
        case("the same host with a port", beside(&[host("localhost:443")]), Refused(400)),
        case("the same host twice", beside(&[host("localhost"), host("localhost")]), Refused(400)),
        case("an empty host beside it", beside(&[host("")]), Refused(400)),
        case(
            "authority of an unknown API",
            of("aaaaaaaaaa.execute-api.eu-central-1.localhost"),
            Refused(403),
        ),
    ]);
    cases
}

fn pseudo_length(fields: &[(&str, &str)]) -> usize {
    fields.iter().map(|(name, value)| literal(name, value).len()).sum()
}

fn paths(good: &Good) -> Vec<Case> {
    let to = |path: &[u8]| good.with(":path", Some(path));
    let mut cases: Vec<Case> = [
        "\"",
        "\\",
        "^",
        "{",
        "|",
        "}",
        "\u{e9}",
        "\u{202e}",
        "%",
        "%2",
        "%zz",
        "%u0041",
        "?a=|",
        "?a=`",
        "?a=\\",
        "?a=\u{e9}",
    ]
    .iter()
    .map(|end| {
        case(
            format!("path that ends in {end:?}"),
            to(format!("/dev/oauth2/token{end}").as_bytes()),
            Refused(400),
        )
    })
    .collect();
    for end in ["<", ">", "`", " ", "\t", "\0", "\x01", "\x1b", "\x7f", "\r\nx: y", "?a= b"] {
        let path = format!("/dev/oauth2/token{end}");
        cases.push(case(format!("path that ends in {end:?}"), to(path.as_bytes()), Reset(PROTOCOL_ERROR)));
    }
    for path in ["dev/oauth2/token", "https://localhost/dev/oauth2/token", "http://other/dev/oauth2/token"] {
        cases.push(case(format!("path {path:?}"), to(path.as_bytes()), Reset(PROTOCOL_ERROR)));
    }
    for path in ["*", "?a=b"] {
        cases.push(case(format!("path {path:?}"), to(path.as_bytes()), Refused(400)));
    }
    for path in [
        "/dev/oauth2/token/",
        "/dev/./oauth2/token",
        "/dev/x/../oauth2/token",
        "/dev/oauth2%2ftoken",
        "/dev/oauth2/%74oken",
        "/dev/oauth2/token;a=b",
        "/dev/oauth2/token%00",
        "/dev/oauth2/TOKEN",
        "/prod/oauth2/token",
        "/",
        "//",
        "/metrics",
        "/dev/oauth2//token",
    ] {
        cases.push(case(format!("path {path}"), to(path.as_bytes()), Refused(403)));
    }
    let large = |path: &[u8]| super::frames::in_pieces(&good.block_with(":path", Some(path)), 16_000);
    let of = |length: usize| format!("/dev/oauth2/token?{}", "a".repeat(length - 18)).into_bytes();
    cases.extend([
        case("path of nothing", to(b""), Reset(PROTOCOL_ERROR)),
        case("path beyond UTF-8", to(b"/dev/oauth2/token\xff"), Ended(PROTOCOL_ERROR)),
        case("path with a query", to(b"/dev/oauth2/token?a=b&a=c&%26"), Granted),
        // What stands behind it is gone before anybody can see it.
        case("path with a fragment", to(b"/dev/oauth2/token#a"), Granted),
        case("path of 10,240 bytes", to(&of(10_240)), Granted),
        case("path of 10,241 bytes", to(&of(10_241)), Refused(414)),
        case("path of 20,000 bytes", large(&of(20_000)), Refused(414)),
        case("path of 30,000 bytes", large(&of(30_000)), Bare(431)),
    ]);
    cases
}

fn others(good: &Good) -> Vec<Case> {
    let method = |value: &[u8]| good.with(":method", Some(value));
    let scheme = |value: &[u8]| good.with(":scheme", Some(value));
    let connect = [(":method", "CONNECT"), (":authority", "localhost:80")];
    let alone = |fields: &[(&str, &str)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| literal(name, value)).collect();
        frame(HEADERS, WHOLE, 1, fields.concat())
    };
    let web_socket: Vec<_> = [(":method", "CONNECT"), (":protocol", "websocket")]
        .into_iter()
        .chain(PSEUDO.into_iter().skip(1))
        .collect();
    vec![
        case("tunnel", alone(&connect), Refused(400)),
        case("tunnel with a body", good.pseudo(&connect), Closed),
        case(
            "tunnel with a path",
            good.pseudo(&[(":method", "CONNECT"), (":authority", "a:80"), (":path", "/")]),
            Reset(PROTOCOL_ERROR),
        ),
        case("web socket", alone(&web_socket), Reset(PROTOCOL_ERROR)),
        case("method in lower case", method(b"post"), Refused(403)),
        case("another method", method(b"GET"), Refused(403)),
        case("method of two words", method(b"POST /"), Ended(PROTOCOL_ERROR)),
        case("method of nothing", method(b""), Ended(PROTOCOL_ERROR)),
        case("scheme of clear text", scheme(b"http"), Granted),
        case("scheme of files", scheme(b"ftp"), Refused(400)),
        case("scheme of two words", scheme(b"ht tp"), Reset(PROTOCOL_ERROR)),
        case("scheme of nothing", scheme(b""), Refused(400)),
        case("no form", good.long("0", ""), Heard(400)),
    ]
}
