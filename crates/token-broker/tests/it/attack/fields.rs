//! Header lines: names, values, folding, repetition, number and size; and protocols that are asked for by them.

use super::case::Outcome::{Granted, GrantedThenClosed, Refused};
use super::case::{Case, Good, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [names(good), values(good), repeated(good), sizes(good), asking(good)].concat()
}

fn names(good: &Good) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("space before the colon", "a : b\r\n"),
        ("tab before the colon", "a\t: b\r\n"),
        ("space before the name", " a: b\r\n"),
        ("tab before the name", "\ta: b\r\n"),
        ("value that goes on after a space", "a: b\r\n c\r\n"),
        ("value that goes on after a tab", "a: b\r\n\tc\r\n"),
        ("value that goes on with nothing", "a: b\r\n \r\n"),
        ("line without a colon", "a\r\n"),
        ("line without a colon but a value", "a b\r\n"),
        ("line without a name", ": b\r\n"),
        ("line of a colon", ":\r\n"),
        ("name of two words", "a b: c\r\n"),
        ("name beyond ASCII", "\u{e9}: b\r\n"),
    ]
    .iter()
    .map(|(name, lines)| case(*name, good.fields(lines), Refused(400)))
    .collect();
    for character in "()<>@,;\\\"/[]?={}".chars().chain(['\0', '\x01', '\x0b', '\x7f']) {
        cases.push(case(
            format!("name with {character:?}"),
            good.fields(format!("a{character}b: c\r\n")),
            Refused(400),
        ));
    }
    cases
}

fn values(good: &Good) -> Vec<Case> {
    let mut cases: Vec<Case> = ['\0', '\x01', '\x07', '\x08', '\x0b', '\x0c', '\x1b', '\x1f', '\x7f']
        .iter()
        .map(|character| {
            case(
                format!("value with {character:?}"),
                good.fields(format!("a: b{character}c\r\n")),
                Refused(400),
            )
        })
        .collect();
    cases.extend([
        case("value with a carriage return", good.fields("a: b\rc\r\n"), Refused(400)),
        case("value with a line feed", good.fields("a: b\nc: d\r\n"), Refused(400)),
        case("line that ends in a line feed", good.fields("a: b\n"), Refused(400)),
        case("line that ends in two carriage returns", good.fields("a: b\r\r\n"), Refused(400)),
        case("line that ends the wrong way round", good.fields("a: b\n\r"), Refused(400)),
        case(
            "value that forges a line of a log",
            good.fields("User-Agent: a\n{\"status\":\"200\"}\r\n"),
            Refused(400),
        ),
        case("values beyond ASCII", good.fields(b"a: \xff\xfe\x80\r\n"), Granted),
        case("value with a tab", good.fields("a: b\tc\r\n"), Granted),
        case("values that are empty", good.fields("a:\r\nb: \r\n"), Granted),
        case("names with every letter that may be", good.fields("!#$%&'*+-.^_`|~09azAZ: b\r\n"), Granted),
        case(
            "names that only look like framing",
            good.fields("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"),
            Granted,
        ),
        case(
            "names of ours",
            good.fields("x-amzn-requestid: smuggled\r\nX-Forwarded-For: 192.0.2.1\r\n"),
            Granted,
        ),
    ]);
    cases
}

fn repeated(good: &Good) -> Vec<Case> {
    let key = good.key();
    vec![
        case("the key twice", good.fields(format!("x-api-key: {key}\r\n")), Refused(400)),
        case("another key beside it", good.fields("X-Api-Key: smuggled\r\n"), Refused(400)),
        case("an empty key beside it", good.fields("x-api-key:\r\n"), Refused(400)),
        case(
            "two media types",
            good.fields("Content-Type: application/x-www-form-urlencoded\r\n"),
            Refused(400),
        ),
        case("two other media types", good.fields("content-type: application/json\r\n"), Refused(400)),
        case(
            "two authorizations",
            good.fields("Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n"),
            Refused(400),
        ),
        case("two expectations", good.fields("Expect: 100-continue\r\nExpect: 200-ok\r\n"), Refused(417)),
        case("anything else twice", good.fields("Accept: a\r\nAccept: b\r\n"), Granted),
    ]
}

fn sizes(good: &Good) -> Vec<Case> {
    let lines = |count: usize| "a: b\r\n".repeat(count);
    // Name, colon, space, value and line end of what the good request has.
    let own = "Host: localhost\r\nx-api-key: \r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n".len()
        + good.key().len();
    let of = |size: usize| format!("a: {}\r\n", "b".repeat(size - own - "a: \r\n".len()));
    vec![
        case("100 lines", good.fields(lines(96)), Granted),
        case("101 lines", good.fields(lines(97)), Refused(431)),
        case("3,000 lines", good.fields(lines(3_000)), Refused(431)),
        case("100,000 lines", good.fields(lines(100_000)), Refused(431)),
        case("10,240 bytes", good.fields(of(10_240)), Granted),
        case("10,241 bytes", good.fields(of(10_241)), Refused(431)),
        case("16,384 bytes", good.fields(of(16_384)), Refused(431)),
        case("65,536 bytes", good.fields(of(65_536)), Refused(431)),
        case("1,000,000 bytes", good.fields(of(1_000_000)), Refused(431)),
        case("name of 20,000 bytes", good.fields(format!("{}: b\r\n", "a".repeat(20_000))), Refused(431)),
    ]
}

fn asking(good: &Good) -> Vec<Case> {
    vec![
        case(
            "offer of HTTP/2",
            good.fields(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
            ),
            GrantedThenClosed,
        ),
        case(
            "settings without an offer",
            good.fields("Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"),
            Refused(400),
        ),
        case("web socket", good.fields("Connection: Upgrade\r\nUpgrade: websocket\r\n"), Refused(400)),
        case("TLS by upgrade", good.fields("Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"), Refused(400)),
        case(
            "HTTP/2 over TLS by upgrade",
            good.fields("Connection: Upgrade\r\nUpgrade: h2\r\n"),
            Refused(400),
        ),
        case(
            "two protocols",
            good.fields("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"),
            Refused(400),
        ),
        case("two offers", good.fields("Upgrade: h2c\r\nUpgrade: h2c\r\n"), Refused(400)),
        case("upgrade to nothing", good.fields("Upgrade:\r\n"), Refused(400)),
        case("leave to go on", good.fields("Expect: 100-continue\r\n"), Granted),
        case("leave to go on in capitals", good.fields("EXPECT: 100-CONTINUE\r\n"), Granted),
        case("another expectation", good.fields("Expect: 200-ok\r\n"), Refused(417)),
        case("expectations in a list", good.fields("Expect: 100-continue, 100-continue\r\n"), Refused(417)),
        case("expectation of nothing", good.fields("Expect:\r\n"), Refused(417)),
        case("end of the connection", good.fields("Connection: close\r\n"), GrantedThenClosed),
        case(
            "framing named hop by hop",
            good.fields("Connection: content-length, host, x-api-key\r\n"),
            Granted,
        ),
    ]
}
