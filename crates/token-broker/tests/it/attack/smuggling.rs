//! One request hidden in another: whatever the first is taken for, the second is never run.
//!
//! The hidden request is a good one. If anybody read it, a token too many would be counted.

use super::case::Outcome::{GrantedThenClosed, GrantedThenRefused, Heard, Refused};
use super::case::{Case, FORM, Good, LINE, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [disagreements(good), refusals(good), bodies(good)].concat()
}

/// Two readers would end the first request at different bytes.
fn disagreements(good: &Good) -> Vec<Case> {
    let hidden = String::from_utf8(good.whole()).unwrap();
    let all = 5 + hidden.len();
    let chunked_all = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    [
        (
            "length over coding",
            format!("Content-Length: {all}\r\nTransfer-Encoding: chunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "coding over length",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n".to_owned(),
            chunked_all.clone(),
        ),
        ("coding that one does not know", "Transfer-Encoding: xchunked\r\n".to_owned(), chunked_all.clone()),
        (
            "coding behind a tab",
            "Transfer-Encoding:\tchunked\r\nTransfer-Encoding: x\r\n".to_owned(),
            chunked_all.clone(),
        ),
        (
            "coding behind a fold",
            format!("Content-Length: {all}\r\nTransfer-Encoding:\r\n\tchunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "coding behind a line feed",
            format!("Content-Length: {all}\r\na: b\nTransfer-Encoding: chunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "coding behind a carriage return",
            format!("Content-Length: {all}\r\na: b\rTransfer-Encoding: chunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "coding behind a NUL",
            format!("Content-Length: {all}\r\nTransfer-Encoding\0: chunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "coding before a space",
            format!("Content-Length: {all}\r\nTransfer-Encoding : chunked\r\n"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "two lengths of one request",
            format!("Content-Length: 0\r\nContent-Length: {}\r\n", hidden.len()),
            hidden.clone(),
        ),
        (
            "two lengths the other way round",
            format!("Content-Length: {}\r\nContent-Length: 0\r\n", hidden.len()),
            hidden.clone(),
        ),
        ("lengths in a list", format!("Content-Length: 0, {}\r\n", hidden.len()), hidden.clone()),
        ("length with a sign before a request", "Content-Length: +0\r\n".to_owned(), hidden.clone()),
        (
            "size that overflows before a request",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("100000000\r\n{hidden}"),
        ),
        (
            "extension that hides a line end",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("2;\nxx\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "chunk end that hides a size",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("1\r\naXX0\r\n\r\n{hidden}"),
        ),
        (
            "trailer that hides a request",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("0\r\nX: {hidden}"),
        ),
    ]
    .into_iter()
    .map(|(name, lines, body)| case(format!("hidden by {name}"), good.framed(&lines, body), Refused(400)))
    .collect()
}

/// The first request is refused before its body is read.
fn refusals(good: &Good) -> Vec<Case> {
    let hidden = String::from_utf8(good.whole()).unwrap();
    let length = format!("Content-Length: {}\r\n", hidden.len());
    let behind = |bytes: Vec<u8>| [bytes, hidden.clone().into_bytes()].concat();
    let swallowing = |fields: &str| good.framed(&format!("{fields}{length}"), &hidden);
    let no_host = format!("{LINE}\r\nx-api-key: {}\r\n{length}\r\n{hidden}", good.key());
    let too_large = "Content-Length: 70000\r\n";
    vec![
        case("hidden behind a refused host", no_host, Refused(400)),
        case("hidden behind a refused key", swallowing("x-api-key: smuggled\r\n"), Refused(400)),
        case("hidden behind a refused expectation", swallowing("Expect: smuggled\r\n"), Refused(417)),
        case("hidden behind a refused upgrade", swallowing("Upgrade: smuggled\r\n"), Refused(400)),
        case("hidden behind a tunnel", behind(good.line("CONNECT localhost:80 HTTP/1.1")), Refused(400)),
        case("hidden behind a body too large", good.framed(too_large, &hidden), Refused(413)),
        case("hidden behind a version", behind(good.line("POST / HTTP/3.0")), Refused(400)),
        case(
            "hidden behind HTTP/1.0",
            behind(good.line("POST /dev/oauth2/token HTTP/1.0")),
            GrantedThenClosed,
        ),
        case(
            "hidden behind the end of the connection",
            behind(good.fields("Connection: close\r\n")),
            GrantedThenClosed,
        ),
        case("hidden behind an offer of HTTP/2", behind(good.fields("Upgrade: h2c\r\n")), GrantedThenClosed),
        case("hidden behind a wrong chunk", behind(good.chunked("zz\r\n")), Refused(400)),
        case(
            "hidden behind a long target",
            behind(good.line(format!("POST /{} HTTP/1.1", "a".repeat(11_000)))),
            Refused(414),
        ),
        case(
            "hidden behind long headers",
            behind(good.fields(format!("a: {}\r\n", "a".repeat(11_000)))),
            Refused(431),
        ),
        case("hidden behind many headers", behind(good.fields("a: b\r\n".repeat(200))), Refused(431)),
    ]
}

/// The hidden request is part of a body and of nothing else. A form with line ends in it is refused by the broker.
fn bodies(good: &Good) -> Vec<Case> {
    let hidden = String::from_utf8(good.whole()).unwrap();
    let form = format!("{FORM}&a={hidden}");
    let lines = format!("Content-Length: {}\r\n", form.len());
    let chunked = format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len());
    vec![
        case("request inside a body", good.framed(&lines, &form), Heard(400)),
        case("request inside a chunk", good.chunked(chunked), Heard(400)),
        case(
            "wrong request behind a good one",
            [good.whole(), good.host("")].concat(),
            GrantedThenRefused(400),
        ),
        case(
            "noise behind a good one",
            [good.whole(), b"\x01\x02".to_vec()].concat(),
            GrantedThenRefused(400),
        ),
        case("nothing runs behind a wrong one", [good.host(""), good.whole()].concat(), Refused(400)),
        case(
            "nothing runs behind a wrong one behind a good one",
            [good.whole(), good.host(""), good.whole()].concat(),
            GrantedThenRefused(400),
        ),
    ]
}
