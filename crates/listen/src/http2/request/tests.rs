use http::request::Builder;

use super::*;

fn post(uri: &str) -> Builder {
    Request::builder().method("POST").uri(uri).version(Version::HTTP_2)
}

fn checked(builder: Builder) -> Result<Request<()>, Violation> {
    check(builder.body(()).unwrap(), 10).map_err(|fault| fault.violation)
}

const GOOD: &str = "https://localhost:8080/a?b=c";

#[test]
fn request_is_put_as_another_protocol_would_have_it() {
    for (builder, host) in [
        (post(GOOD), "localhost:8080"),
        (post(GOOD).header("host", "LOCALHOST:8080"), "localhost:8080"),
        (post("/a?b=c").header("host", "other"), "other"),
    ] {
        let request = checked(builder).unwrap();
        assert_eq!(request.uri(), "/a?b=c");
        let hosts: Vec<_> = request.headers().get_all("host").iter().collect();
        assert_eq!(hosts, [host]);
    }
}

#[test]
fn cookies_become_one_field() {
    let request =
        checked(post(GOOD).header("cookie", "a=b").header("cookie", "c=d").header("x", "y")).unwrap();
    let cookies: Vec<_> = request.headers().get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=b; c=d"]);
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (builder, violation) in [
        (post("/a"), Violation::Host),
        (post(GOOD).header("host", "other"), Violation::Host),
        (post(GOOD).header("host", "localhost:8080").header("host", "localhost:8080"), Violation::Host),
        (post("/a").header("host", "a").header("host", "a"), Violation::Host),
        (post("/a").header("host", "a/b"), Violation::Host),
        (post("https://user@localhost/a"), Violation::Host),
        (post("https://user@localhost/a").header("host", "localhost"), Violation::Host),
        (post("ftp://localhost/a"), Violation::Target),
        (post("https://localhost/a|b"), Violation::Target),
        (post("https://localhost/a%"), Violation::Target),
        (post("*").header("host", "a"), Violation::Target),
        (Request::builder().method("CONNECT").uri("localhost:80"), Violation::Tunnel),
        (post(GOOD).header("http2-settings", "AAMAAABk"), Violation::Upgrade),
        (post(GOOD).header("content-length", "1").header("content-length", "1"), Violation::Length),
        (post(GOOD).header("content-length", ""), Violation::Length),
        (post(GOOD).header("expect", "200-ok"), Violation::Expectation),
        (post(GOOD).header("expect", "100-continue").header("expect", ""), Violation::Expectation),
        (post(GOOD).header("a", " b"), Violation::Field),
        (post(GOOD).header("a", "b\t"), Violation::Field),
        ((0..11).fold(post(GOOD), |builder, _| builder.header("a", "b")), Violation::TooManyFields),
    ] {
        assert_eq!(checked(builder).map(drop), Err(violation));
    }
    assert!(checked(post(GOOD).header("expect", "100-Continue").header("a", "").header("b", "c d")).is_ok());
    assert!(checked((0..10).fold(post(GOOD), |builder, _| builder.header("a", "b"))).is_ok());
}

#[test]
fn what_is_refused_is_named_by_its_line() {
    let fault = check(post("https://u@localhost/a/b?c=d").body(()).unwrap(), 10).unwrap_err();
    let line = fault.line.unwrap();
    assert_eq!((line.method, &*line.path, line.version), (Method::POST, "/a/b", Version::HTTP_2));
}

#[test]
fn head_weighs_what_it_holds() {
    let request = post("/abc").header("ab", "cde").body(()).unwrap();
    assert_eq!(weight(&request), 4 + 2 + 3 + 32);
}
