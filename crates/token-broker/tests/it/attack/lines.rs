//! The first line: versions, methods, spaces, and what is no HTTP at all.

use super::case::Outcome::{Closed, Granted, GrantedThenClosed, Kept, Refused};
use super::case::{Case, Good, LINE, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [versions(good), methods(good), spaces(good), line_ends(good), other_protocols(good)].concat()
}

fn versions(good: &Good) -> Vec<Case> {
    let wrong = [
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/1.10",
        "HTTP/1.",
        "HTTP/1",
        "HTTP/.1",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/3.0",
        "HTTP/9.9",
        "http/1.1",
        "Http/1.1",
        "HTTPS/1.1",
        "HTTP/1.1x",
        "HTTP/01.1",
        "HTTP/1.01",
        "HTTP/1,1",
        "HTTP/1:1",
        "HTTP1.1",
        "HTTP",
        "HTTP/-1.1",
        "HTTP/1.1/1.1",
        "ICY/1.1",
        "1.1",
    ];
    let mut cases: Vec<Case> = wrong
        .iter()
        .map(|version| {
            case(
                format!("version {version}"),
                good.line(format!("POST /dev/oauth2/token {version}")),
                Refused(400),
            )
        })
        .collect();
    cases.extend([
        case("no version", good.line("POST /dev/oauth2/token"), Refused(400)),
        case("no version but a space", good.line("POST /dev/oauth2/token "), Refused(400)),
        case("HTTP/0.9 alone", "GET /dev/oauth2/token\r\n\r\n", Refused(400)),
        case("two versions", good.line(format!("{LINE} HTTP/1.1")), Refused(400)),
        case("HTTP/1.0", good.line("POST /dev/oauth2/token HTTP/1.0"), GrantedThenClosed),
    ]);
    cases
}

fn methods(good: &Good) -> Vec<Case> {
    let unknown = [
        "GET",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "PROPFIND",
        "post",
        "Post",
        "POSTT",
        "POS",
        "P",
        "!#$%&'*+-.^_`|~",
    ];
    let mut cases: Vec<Case> = unknown
        .iter()
        .map(|method| {
            case(
                format!("method {method}"),
                good.line(format!("{method} /dev/oauth2/token HTTP/1.1")),
                Kept(403),
            )
        })
        .collect();
    for method in [
        "PO ST", "POST:", "POST/", "P(ST", "P\"ST", "P<ST", "P@ST", "P[ST", "P{ST", "P,ST", "P;ST", "P=ST",
        "P?ST", "P\\ST", "PÖST", "",
    ] {
        let line = format!("{method} /dev/oauth2/token HTTP/1.1");
        cases.push(case(format!("method with what no token has: {method:?}"), good.line(line), Refused(400)));
    }
    cases.extend([
        case("method of NUL", good.line("PO\0ST /dev/oauth2/token HTTP/1.1"), Refused(400)),
        case("method of bytes", good.line(b"\xff\xfe /dev/oauth2/token HTTP/1.1"), Refused(400)),
        case("method of 5,000 letters", good.line(format!("{} / HTTP/1.1", "A".repeat(5000))), Kept(403)),
        case("tunnel", good.line("CONNECT localhost:80 HTTP/1.1"), Refused(400)),
        case("tunnel to a path", good.line("CONNECT /dev/oauth2/token HTTP/1.1"), Refused(400)),
    ]);
    cases
}

fn spaces(good: &Good) -> Vec<Case> {
    [
        ("two spaces before the target", "POST  /dev/oauth2/token HTTP/1.1"),
        ("tab before the target", "POST\t/dev/oauth2/token HTTP/1.1"),
        ("tab before the version", "POST /dev/oauth2/token\tHTTP/1.1"),
        ("vertical tab before the target", "POST\x0b/dev/oauth2/token HTTP/1.1"),
        ("form feed before the target", "POST\x0c/dev/oauth2/token HTTP/1.1"),
        ("no-break space before the target", "POST\u{a0}/dev/oauth2/token HTTP/1.1"),
        ("carriage return before the target", "POST\r/dev/oauth2/token HTTP/1.1"),
        ("space before the line", " POST /dev/oauth2/token HTTP/1.1"),
        ("tab before the line", "\tPOST /dev/oauth2/token HTTP/1.1"),
        ("space after the line", "POST /dev/oauth2/token HTTP/1.1 "),
        ("tab after the line", "POST /dev/oauth2/token HTTP/1.1\t"),
        ("byte order mark", "\u{feff}POST /dev/oauth2/token HTTP/1.1"),
    ]
    .into_iter()
    .map(|(name, line)| case(name, good.line(line), Refused(400)))
    .collect()
}

fn line_ends(good: &Good) -> Vec<Case> {
    let whole = String::from_utf8(good.whole()).unwrap();
    let (first, rest) = whole.split_once("\r\n").unwrap();
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    vec![
        case("empty line first", format!("\r\n{whole}"), Granted),
        case("two empty lines first", format!("\r\n\r\n{whole}"), Refused(400)),
        case("line feed first", format!("\n{whole}"), Refused(400)),
        case("carriage return first", format!("\r{whole}"), Refused(400)),
        case("line with a space first", format!(" \r\n{whole}"), Refused(400)),
        case("first line ends in a line feed", format!("{first}\n{rest}"), Refused(400)),
        case("first line ends in a carriage return", format!("{first}\r{rest}"), Refused(400)),
        case("first line ends the wrong way round", format!("{first}\n\r{rest}"), Refused(400)),
        case("first line ends in two carriage returns", format!("{first}\r\r\n{rest}"), Refused(400)),
        case("first line ends in NUL and a line feed", format!("{first}\0\n{rest}"), Refused(400)),
        case("every line ends in a line feed", whole.replace("\r\n", "\n"), Refused(400)),
        case("every line ends in a carriage return", whole.replace("\r\n", "\r"), Refused(400)),
        case("head ends in two line feeds", format!("{head}\n\n{body}"), Refused(400)),
        case("head ends in a line feed after its last line", format!("{head}\r\n\n{body}"), Refused(400)),
        case("head ends in a carriage return", format!("{head}\r\n\r{body}"), Refused(400)),
        case("head ends in next-line characters", format!("{head}\u{85}\u{85}{body}"), Closed),
        case("head without its end", head.to_owned(), Closed),
        case("half a first line", "POST /dev/oau", Closed),
        case("half a line end", "POST /dev/oauth2/token HTTP/1.1\r", Closed),
        case("nothing", "", Closed),
        case("an empty line alone", "\r\n", Closed),
    ]
}

fn other_protocols(good: &Good) -> Vec<Case> {
    let proxied = [b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".as_slice(), &good.whole()].concat();
    let announced =
        [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02".as_slice(), &good.whole()]
            .concat();
    vec![
        case(
            "HTTP/2 by prior knowledge",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            Refused(400),
        ),
        case(
            "TLS client hello",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n".as_slice(),
            Refused(400),
        ),
        case("TLS alert", b"\x15\x03\x01\0\x02\x02\x46".as_slice(), Refused(400)),
        case("SSH", "SSH-2.0-OpenSSH_9.9\r\n\r\n", Refused(400)),
        case("SMTP", "EHLO example.com\r\n", Closed),
        case("Redis", "*1\r\n$4\r\nPING\r\n\r\n", Refused(400)),
        case("memcached", "stats\r\n\r\n", Refused(400)),
        case("RTSP", "DESCRIBE /dev/oauth2/token RTSP/1.0\r\nHost: localhost\r\n\r\n", Refused(400)),
        case("SIP", "REGISTER sip:localhost SIP/2.0\r\nHost: localhost\r\n\r\n", Refused(400)),
        case("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Refused(400)),
        case("JSON", "{\"grant_type\":\"client_credentials\"}\r\n\r\n", Refused(400)),
        case("a form", "grant_type=client_credentials\r\n\r\n", Refused(400)),
        case("PROXY protocol 1", proxied, Refused(400)),
        case("PROXY protocol 2", announced, Refused(400)),
        case("100 NULs", vec![0; 100], Refused(400)),
        case("100 bytes of 255", vec![0xff; 100], Closed),
        case("colons", ":::::::\r\n\r\n", Refused(400)),
        case("300 empty lines", "\r\n".repeat(300), Refused(400)),
    ]
}
