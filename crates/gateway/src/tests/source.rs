//! Where a request comes from: what the function, the access log and nobody else's headers say.

use proxied::{AddressHeader, SourceRule, TrustedProxies};
use serde_json::Value;

use super::account::GOOD;
use super::harness::{Request, Setup};

/// A front door that is reached from loopback, and believes `trusted`.
fn behind(trusted: &str, header: AddressHeader) -> Setup {
    let proxies = TrustedProxies::new([trusted.parse().unwrap()]).unwrap();
    Setup { source: SourceRule { proxies, header: Some(header) }, ..Setup::stock() }
}

/// The source address in the event, that in the access log, and the event's `X-Forwarded-For`.
async fn seen(setup: Setup, headers: &[(&str, &str)]) -> [String; 3] {
    let house = setup.open().await;
    let request =
        headers.iter().fold(Request::token(GOOD), |request, (name, value)| request.header(name, value));
    assert_eq!(house.send(request).await.status, 200);
    let event = house.function.last_event();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let source = text(&event["requestContext"]["identity"]["sourceIp"]);
    let forwarded = text(&event["headers"]["X-Forwarded-For"]);
    let log = house.log();
    let line: Value = serde_json::from_str(&log[0]).unwrap();
    [source, text(&line["sourceIp"]), forwarded]
}

#[tokio::test]
async fn trusted_proxy_names_the_client_in_the_one_header() {
    let headers = [
        ("X-Forwarded-For", "6.6.6.6, 192.0.2.7"),
        ("Forwarded", "for=198.51.100.1"),
        ("X-Forwarded-For", "127.0.0.9"),
        ("X-Real-IP", "198.51.100.2"),
    ];
    let chain = "6.6.6.6, 192.0.2.7, 127.0.0.9, 127.0.0.1";
    let [event, log, forwarded] = seen(behind("127.0.0.0/8", AddressHeader::XForwardedFor), &headers).await;
    assert_eq!([&*event, &*log, &*forwarded], ["192.0.2.7", "192.0.2.7", chain]);
    let [event, log, forwarded] = seen(behind("127.0.0.0/8", AddressHeader::Forwarded), &headers).await;
    assert_eq!([&*event, &*log, &*forwarded], ["198.51.100.1", "198.51.100.1", chain]);
}

#[tokio::test]
async fn peer_that_is_not_trusted_speaks_for_itself() {
    let headers = [("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7")];
    for header in AddressHeader::ALL {
        let [event, log, forwarded] = seen(behind("127.0.0.2/32", header), &headers).await;
        assert_eq!([&*event, &*log, &*forwarded], ["127.0.0.1", "127.0.0.1", "192.0.2.7, 127.0.0.1"]);
    }
}

#[tokio::test]
async fn proxy_that_names_nobody_is_where_the_request_comes_from() {
    let rows: [&[(&str, &str)]; 3] =
        [&[], &[("Forwarded", "for=192.0.2.7")], &[("X-Forwarded-For", "192.0.2.7, unknown")]];
    for headers in rows {
        let [event, log, _] = seen(behind("127.0.0.0/8", AddressHeader::XForwardedFor), headers).await;
        assert_eq!([&*event, &*log], ["127.0.0.1", "127.0.0.1"], "{headers:?}");
    }
}

#[tokio::test]
async fn what_is_no_request_comes_from_its_connection() {
    let house = behind("127.0.0.0/8", AddressHeader::XForwardedFor).open().await;
    let sent = b"POST /dev/oauth2/token HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    assert_eq!(house.exchange(sent).await.unwrap().status, 400);
    let log = house.log();
    let line: Value = serde_json::from_str(&log[0]).unwrap();
    assert_eq!(line["sourceIp"], "127.0.0.1");
}

#[tokio::test]
async fn refused_request_is_logged_with_where_it_comes_from() {
    let house = behind("127.0.0.0/8", AddressHeader::XForwardedFor).open().await;
    let request = Request::new("POST", "/dev/oauth2/token").header("X-Forwarded-For", "192.0.2.7");
    assert_eq!(house.send(request).await.status, 403);
    let log = house.log();
    let line: Value = serde_json::from_str(&log[0]).unwrap();
    assert_eq!(line["sourceIp"], "192.0.2.7");
}
