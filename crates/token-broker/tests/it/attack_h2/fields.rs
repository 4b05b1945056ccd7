//! Header fields: names, values, repetition, number and size, and those that belong to another protocol.

use super::case::Outcome::{Bare, Ended, Granted, Refused, Reset};
use super::case::{Case, ENHANCE_YOUR_CALM, Good, PROTOCOL_ERROR, case, whole};
use super::hpack::literal;

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [names(good), values(good), repeated(good), sizes(good), of_connections(good)].concat()
}

fn names(good: &Good) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "A",
        "X-Api-Key",
        "",
        " a",
        "a ",
        "a b",
        "a:",
        "a\0",
        "a\r\nx",
        "a\x7f",
        "\u{e9}",
        "a(",
        "a,b",
        "a/b",
    ]
    .iter()
    .map(|name| case(format!("name {name:?}"), good.and(&[(name.as_bytes(), b"b")]), Ended(PROTOCOL_ERROR)))
    .collect();
    let every = b"!#$%&'*+-.^_`|~09az";
    cases.push(case("name with every letter that may be", good.and(&[(every, b"b")]), Granted));
    cases
}

fn values(good: &Good) -> Vec<Case> {
    let with = |value: &[u8]| good.and(&[(b"a", value)]);
    let mut cases: Vec<Case> =
        ["b\0c", "b\rc", "b\nc", "b\x01", "b\x0b", "b\x1b[0m", "b\x7f", "b\r\nx-api-key: smuggled"]
            .iter()
            .map(|value| case(format!("value {value:?}"), with(value.as_bytes()), Ended(PROTOCOL_ERROR)))
            .collect();
    for value in [" b", "b ", "\tb", "b\t", " ", "\t"] {
        cases.push(case(format!("value {value:?}"), with(value.as_bytes()), Refused(400)));
    }
    cases.extend([
        case("values beyond ASCII", with(b"\xff\xfe\x80"), Granted),
        case("value of nothing", with(b""), Granted),
        case("value with a tab", with(b"b\tc"), Granted),
        case(
            "names of ours",
            good.and(&[(b"x-amzn-requestid", b"smuggled"), (b"x-forwarded-for", b"192.0.2.1")]),
            Granted,
        ),
    ]);
    cases
}

fn repeated(good: &Good) -> Vec<Case> {
    let form: &[u8] = b"application/x-www-form-urlencoded";
    let mut cases = vec![
        case("the key twice", good.and(&[(b"x-api-key", good.key().as_bytes())]), Refused(400)),
        case("another key beside it", good.and(&[(b"x-api-key", b"smuggled")]), Refused(400)),
        case("an empty key beside it", good.and(&[(b"x-api-key", b"")]), Refused(400)),
        case("two media types", good.and(&[(b"content-type", form)]), Refused(400)),
        case(
            "two authorizations",
            good.and(&[(b"authorization", b"Basic YTpi"), (b"authorization", b"Basic YTpi")]),
            Refused(400),
        ),
        case("the same length twice", good.and(&[(b"content-length", b"29")]), Refused(400)),
        case("two lengths", good.and(&[(b"content-length", b"30")]), Reset(PROTOCOL_ERROR)),
        case("anything else twice", good.and(&[(b"accept", b"a"), (b"accept", b"b")]), Granted),
        case("cookies one by one", good.and(&[(b"cookie", b"a=b"), (b"cookie", b"c=d")]), Granted),
        case("another expectation", good.and(&[(b"expect", b"200-ok")]), Refused(417)),
        case(
            "two expectations",
            good.and(&[(b"expect", b"100-continue"), (b"expect", b"200-ok")]),
            Refused(417),
        ),
        case("leave to go on", good.and(&[(b"expect", b"100-continue")]), Granted),
    ];
    cases.push(case("length of nothing", good.bodiless(""), Refused(400)));
    for length in ["x", "+29", "-1", "29, 29", "0x1d", "29 ", "99999999999999999999"] {
        cases.push(case(
            format!("length {length:?}"),
            good.long(length, super::case::FORM),
            Reset(PROTOCOL_ERROR),
        ));
    }
    cases
}

fn sizes(good: &Good) -> Vec<Case> {
    let lines = |count: usize| whole([good.block(), literal("a", "b").repeat(count)].concat());
    // Name, value and four more of each field of the good request, its authority among them.
    let own = "hostlocalhost".len() + 4 + "x-api-key".len() + good.key().len() + 4;
    let own = own + "content-typeapplication/x-www-form-urlencoded".len() + 4 + "content-length29".len() + 4;
    let of = |size: usize| good.and(&[(b"a", "b".repeat(size - own - 5).as_bytes())]);
    vec![
        case("100 fields", lines(97), Granted),
        case("101 fields", lines(98), Refused(431)),
        case("400 fields", lines(400), Refused(431)),
        case("1,000 fields", lines(1_000), Bare(431)),
        case("10,240 bytes", of(10_240), Granted),
        case("10,241 bytes", of(10_241), Refused(431)),
        case("16,000 bytes", of(16_000), Refused(431)),
    ]
    .into_iter()
    .chain([case("4,000 fields", fragmented(good, 4_000), Ended(ENHANCE_YOUR_CALM))])
    .collect()
}

/// So many fields, in as many frames as they need.
fn fragmented(good: &Good, count: usize) -> Vec<u8> {
    let block = [good.block(), literal("a", "b").repeat(count)].concat();
    super::frames::in_pieces(&block, 16_000)
}

fn of_connections(good: &Good) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("connection", "close"),
        ("connection", "x-api-key"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
    ]
    .iter()
    .map(|(name, value)| {
        case(
            format!("{name}: {value}"),
            good.and(&[(name.as_bytes(), value.as_bytes())]),
            Reset(PROTOCOL_ERROR),
        )
    })
    .collect();
    cases.push(case(
        "settings of another protocol",
        good.and(&[(b"http2-settings", b"AAMAAABk")]),
        Refused(400),
    ));
    cases.push(case("te: trailers", good.and(&[(b"te", b"trailers")]), Granted));
    cases
}
