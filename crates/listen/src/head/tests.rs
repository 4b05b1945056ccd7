use super::*;

const FIELDS: usize = 20;

/// A request head with these lines after its first.
fn with(lines: &str) -> Result<Head, Violation> {
    request("POST /a HTTP/1.1", lines)
}

fn request(first: &str, lines: &str) -> Result<Head, Violation> {
    check(format!("{first}\r\n{lines}\r\n").as_bytes(), FIELDS).map_err(|fault| fault.violation)
}

const fn length(bytes: u64) -> Head {
    Head { framing: Framing::Length(bytes), is_last: false }
}

#[test]
fn right_heads_say_what_follows() {
    let chunked = Head { framing: Framing::Chunked, is_last: false };
    for (lines, head) in [
        ("Host: a\r\n", length(0)),
        ("hOST:a:80\r\nContent-Length:5\r\n", length(5)),
        ("Host: \t a \t\r\nContent-Length: 005\r\n", length(5)),
        ("Host: a\r\nContent-Length: 999999999999999999\r\n", length(999_999_999_999_999_999)),
        ("Host: a\r\nTransfer-Encoding: chunked\r\n", chunked),
        ("Host: a\r\ntransfer-encoding:CHUNKED\r\n", chunked),
        ("Host: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n", length(1)),
        ("Host: a\r\nx: \r\nx: a\tb\r\nx: \u{e9}\r\n", length(0)),
        (
            "Host: a\r\nUpgrade: H2C\r\nHTTP2-Settings: a\r\n",
            Head { framing: Framing::Length(0), is_last: true },
        ),
    ] {
        assert_eq!(with(lines), Ok(head), "{lines:?}");
    }
    for first in ["GET / HTTP/1.0", "\r\nGET / HTTP/1.1", "A!#$%&'*+-.^_`|~9 http://a/ HTTP/1.1"] {
        assert_eq!(request(first, "Host: a\r\n"), Ok(length(0)), "{first:?}");
    }
}

#[test]
fn each_wrong_line_is_named() {
    use Violation as V;
    let many = "a: b\r\n".repeat(FIELDS);
    for (lines, violation) in [
        ("", V::Host),
        ("Host: a\r\nHost: a\r\n", V::Host),
        ("Host: a b\r\n", V::Host),
        ("Host:\r\n", V::Host),
        ("Host : a\r\n", V::Field),
        ("Host\t: a\r\n", V::Field),
        (" Host: a\r\n", V::Field),
        ("Host: a\r\n folded\r\n", V::Field),
        ("Host: a\r\n\tfolded\r\n", V::Field),
        ("Host: a\r\nno colon\r\n", V::Field),
        ("Host: a\r\nnocolon\r\n", V::Field),
        ("Host: a\r\n: b\r\n", V::Field),
        ("Host: a\r\na(b): c\r\n", V::Field),
        ("Host: a\r\n\u{e9}: c\r\n", V::Field),
        ("Host: a\r\nContent-Length:\r\n", V::Length),
        ("Host: a\r\nContent-Length: +1\r\n", V::Length),
        ("Host: a\r\nContent-Length: -1\r\n", V::Length),
        ("Host: a\r\nContent-Length: 1 1\r\n", V::Length),
        ("Host: a\r\nContent-Length: 1, 1\r\n", V::Length),
        ("Host: a\r\nContent-Length: 0x1\r\n", V::Length),
        ("Host: a\r\nContent-Length: 1.0\r\n", V::Length),
        ("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n", V::Length),
        ("Host: a\r\nContent-Length: 1000000000000000000\r\n", V::HugeLength),
        ("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: chunked, chunked\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: chunked;a\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: \"chunked\"\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: identity\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding:\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", V::Coding),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", V::LengthAndCoding),
        ("Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n", V::LengthAndCoding),
        ("Host: a\r\nExpect: 200-ok\r\n", V::Expectation),
        ("Host: a\r\nExpect:\r\n", V::Expectation),
        ("Host: a\r\nUpgrade: websocket\r\n", V::Upgrade),
        ("Host: a\r\nUpgrade: h2c\r\nUpgrade: h2c\r\n", V::Upgrade),
        ("Host: a\r\nHTTP2-Settings: a\r\n", V::Upgrade),
        (&*many, V::Host),
        (&*format!("Host: a\r\n{many}"), V::TooManyFields),
    ] {
        assert_eq!(with(lines), Err(violation), "{lines:?}");
    }
}

#[test]
fn each_wrong_first_line_is_named() {
    use Violation as V;
    for (first, violation) in [
        ("GET /", V::RequestLine),
        ("GET", V::RequestLine),
        ("", V::RequestLine),
        (" GET / HTTP/1.1", V::RequestLine),
        ("GE(T / HTTP/1.1", V::RequestLine),
        ("GET  / HTTP/1.1", V::RequestLine),
        ("GET\t/ HTTP/1.1", V::RequestLine),
        ("GET /  HTTP/1.1", V::Version),
        ("GET / a HTTP/1.1", V::Version),
        ("GET / HTTP/1.1 ", V::RequestLine),
        ("GET / HTTP/2.0", V::Version),
        ("GET / HTTP/1.2", V::Version),
        ("GET / HTTP/1.10", V::RequestLine),
        ("GET / HTTP/0.9", V::Version),
        ("GET / http/1.1", V::Version),
        ("GET / HTTPS/1.1", V::Version),
        ("PRI * HTTP/2.0", V::Version),
        ("CONNECT a:80 HTTP/1.1", V::Tunnel),
        ("OPTIONS * HTTP/1.1", V::Target),
        ("GET a HTTP/1.1", V::Target),
        ("GET http://b/ HTTP/1.1", V::Host),
    ] {
        assert_eq!(request(first, "Host: a\r\n"), Err(violation), "{first:?}");
    }
    assert_eq!(
        request("POST / HTTP/1.0", "Host: a\r\nTransfer-Encoding: chunked\r\n"),
        Err(V::CodingBeforeItsTime)
    );
}

#[test]
fn first_line_is_told_as_far_as_it_could_be_read() {
    let told = |head: &str| check(head.as_bytes(), FIELDS).unwrap_err().line;
    let line =
        |method: Method, path: &str, version| Some(RequestLine { method, path: path.to_owned(), version });
    assert_eq!(told("PUT /a/b?secret=1 HTTP/1.0\r\n\r\n"), line(Method::PUT, "/a/b", Version::HTTP_10));
    assert_eq!(told("GET http://a/b?c HTTP/1.1\r\n\r\n"), line(Method::GET, "/b", Version::HTTP_11));
    assert_eq!(told("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), line(Method::GET, "/a", Version::HTTP_11));
    assert_eq!(told("GET /a HTTP/1.1\r\n b\r\n\r\n"), line(Method::GET, "/a", Version::HTTP_11));
    assert_eq!(told("GET /a HTTP/3.1\r\n\r\n"), None);
    assert_eq!(told("GET\r\n\r\n"), None);
}
