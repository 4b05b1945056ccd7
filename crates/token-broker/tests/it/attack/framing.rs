//! Where a body ends: lengths, codings, and both.

use super::case::Outcome::{Granted, GrantedThenRefused, Kept, Refused};
use super::case::{Case, FORM, Good, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [lengths(good), codings(good), both(good)].concat()
}

fn lengths(good: &Good) -> Vec<Case> {
    let wrong = [
        "+29", "-29", "-0", "+0", "29.0", "2 9", "29,", ",29", "29, 29", "29;29", "0x1d", "1d", "1e1",
        "twenty", "", " ", "29a", "\"29\"", "२९", "2\u{a0}9", "29 bytes", "29\t29", "NaN", "null",
    ];
    let mut cases: Vec<Case> = wrong
        .iter()
        .map(|length| {
            case(
                format!("length {length:?}"),
                good.framed(&format!("Content-Length: {length}\r\n"), FORM),
                Refused(400),
            )
        })
        .collect();
    for huge in [
        "65537",
        "1000000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999",
    ] {
        let bytes = good.framed(&format!("Content-Length: {huge}\r\n"), FORM);
        cases.push(case(format!("length {huge}"), bytes, Refused(413)));
    }
    let large = format!("{FORM}&a={}", "b".repeat(70_000));
    cases.extend([
        case("two lengths", good.framed("Content-Length: 29\r\nContent-Length: 29\r\n", FORM), Refused(400)),
        case(
            "two different lengths",
            good.framed("Content-Length: 29\r\nContent-Length: 5\r\n", FORM),
            Refused(400),
        ),
        case(
            "length and no length",
            good.framed("Content-Length: 29\r\nContent-Length:\r\n", FORM),
            Refused(400),
        ),
        case(
            "length with a space before its colon",
            good.framed("Content-Length : 29\r\n", FORM),
            Refused(400),
        ),
        case("length on two lines", good.framed("Content-Length:\r\n 29\r\n", FORM), Refused(400)),
        case("length with zeros before it", good.framed("Content-Length: 0000000029\r\n", FORM), Granted),
        case("length with spaces around it", good.framed("Content-Length: \t 29 \t\r\n", FORM), Granted),
        case(
            "body larger than may be",
            good.framed(&format!("Content-Length: {}\r\n", large.len()), &large),
            Refused(413),
        ),
        case(
            "length less than the body",
            good.framed("Content-Length: 29\r\n", format!("{FORM}\0")),
            GrantedThenRefused(400),
        ),
        case(
            "body without a length to a path that is none",
            String::from_utf8(good.framed("", "")).unwrap().replace("token", "t"),
            Kept(403),
        ),
    ]);
    cases
}

fn codings(good: &Good) -> Vec<Case> {
    let body = format!("1d\r\n{FORM}\r\n0\r\n\r\n");
    let wrong = [
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked;a=b",
        "\"chunked\"",
        "xchunked",
        "chunkedx",
        "chunk",
        "identity",
        "gzip",
        "identity, chunked",
        "chunked, identity",
        "",
        " ",
        "cow",
        "chunked\tgzip",
        "chunked chunked",
        "\u{b}chunked",
        "chun\u{212a}ed",
        "x-chunked",
        "chunked\u{a0}",
    ];
    let mut cases: Vec<Case> = wrong
        .iter()
        .map(|coding| {
            case(
                format!("coding {coding:?}"),
                good.framed(&format!("Transfer-Encoding: {coding}\r\n"), &body),
                Refused(400),
            )
        })
        .collect();
    cases.extend([
        case(
            "two codings",
            good.framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &body),
            Refused(400),
        ),
        case(
            "two different codings",
            good.framed("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", &body),
            Refused(400),
        ),
        case(
            "coding and no coding",
            good.framed("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", &body),
            Refused(400),
        ),
        case(
            "coding with a space before its colon",
            good.framed("Transfer-Encoding : chunked\r\n", &body),
            Refused(400),
        ),
        case(
            "coding with a space before its name",
            good.framed("a: b\r\n Transfer-Encoding: chunked\r\n", &body),
            Refused(400),
        ),
        case("coding on two lines", good.framed("Transfer-Encoding:\r\n chunked\r\n", &body), Refused(400)),
        case(
            "coding after a line feed",
            good.framed("a: b\nTransfer-Encoding: chunked\r\n", &body),
            Refused(400),
        ),
        case(
            "coding after a carriage return",
            good.framed("a: b\rTransfer-Encoding: chunked\r\n", &body),
            Refused(400),
        ),
        case("coding in any case", good.framed("transfer-ENCODING:\tChunked \r\n", &body), Granted),
    ]);
    let old = String::from_utf8(good.chunked(&body)).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    cases.push(case("coding in HTTP/1.0", old, Refused(400)));
    cases
}

fn both(good: &Good) -> Vec<Case> {
    let body = format!("1d\r\n{FORM}\r\n0\r\n\r\n");
    [
        ("length, then coding", format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len())),
        ("coding, then length", format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", body.len())),
        ("coding and a length of zero", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n".to_owned()),
        (
            "coding that is none and a length",
            "Transfer-Encoding: identity\r\nContent-Length: 29\r\n".to_owned(),
        ),
        ("coding without a value and a length", "Transfer-Encoding:\r\nContent-Length: 29\r\n".to_owned()),
        (
            "coding and a length that is none",
            "Transfer-Encoding: chunked\r\nContent-Length: x\r\n".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(name, lines)| case(name, good.framed(&lines, &body), Refused(400)))
    .collect()
}
