//! PROXY protocol headers byte by byte, on connections of one's own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::{GRANT, front_door, key, logs, place};
use crate::harness::{Place, Server, get};

/// From 192.0.2.7 and port 4660.
const HEADER: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x12\x34\x1f\x90";

/// A proxy that speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

const REQUIRED: &str = "trusted_proxies: [127.0.0.1/32], proxy_protocol: required,";

fn request(key: &str, further: &str) -> Vec<u8> {
    format!(
        "POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n{further}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{GRANT}",
        GRANT.len()
    )
    .into_bytes()
}

const LAST: &str = "Connection: close\r\n";

/// Everything that comes back to these pieces, each of which is sent by itself.
fn answer<'a>(server: &Server, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut stream = TcpStream::connect(front_door(server)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // It may be closed by then.
        let _sent = stream.write_all(piece);
    }
    let mut text = Vec::new();
    // A connection that is closed on unread bytes is reset.
    if let Err(error) = stream.read_to_end(&mut text) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(text).unwrap()
}

fn unintroduced(server: &Server) -> String {
    let (_, text) = get(&format!("{}/metrics", server.url("admin")));
    let line =
        text.lines().find_map(|line| line.strip_prefix("token_broker_connections_unintroduced_total "));
    line.unwrap().to_owned()
}

fn up(local: &str) -> (Place, Server) {
    let place = place(local);
    let server = place.up(&[]);
    (place, server)
}

#[test]
fn connection_is_whose_the_header_says_for_all_its_requests() {
    let (place, server) = up(REQUIRED);
    let inside = key(&place, "inside");
    let two = [
        HEADER,
        &request(&inside, ""),
        &request(&inside, "X-Forwarded-For: 203.0.113.5\r\nConnection: close\r\n"),
    ]
    .concat();
    assert_eq!(answer(&server, [&*two]).matches("HTTP/1.1 200 OK").count(), 2);
    // A byte at a time, the header and the request behind it.
    let one = [HEADER, &request(&inside, LAST)].concat();
    assert!(answer(&server, one.chunks(1)).starts_with("HTTP/1.1 200 OK"));
    // Who speaks for itself comes from where it is.
    let own = [LOCAL, &request(&inside, LAST)].concat();
    assert!(answer(&server, [&*own]).starts_with("HTTP/1.1 400 "));
    assert_eq!(unintroduced(&server), "0");
    let (access, _, _) = logs(&place, server);
    let sources: Vec<_> = access.iter().map(|line| line["sourceIp"].as_str().unwrap()).collect();
    assert_eq!(sources, ["192.0.2.7", "192.0.2.7", "192.0.2.7", "127.0.0.1"]);
}

#[test]
fn proxy_that_names_nobody_passes_on_nobodys_word() {
    let (place, server) = up(&format!("{REQUIRED} client_address: x_forwarded_for,"));
    let inside = key(&place, "inside");
    let said = request(&inside, &format!("X-Forwarded-For: 192.0.2.7\r\n{LAST}"));
    assert!(answer(&server, [&*[LOCAL, &said].concat()]).starts_with("HTTP/1.1 400 "));
    assert!(answer(&server, [&*[HEADER, &said].concat()]).starts_with("HTTP/1.1 200 OK"));
    let (access, _, _) = logs(&place, server);
    let sources: Vec<_> = access.iter().map(|line| line["sourceIp"].as_str().unwrap()).collect();
    assert_eq!(sources, ["127.0.0.1", "192.0.2.7"]);
}

#[test]
fn other_beginnings_are_closed_counted_and_logged_and_never_answered() {
    let (place, server) = up(REQUIRED);
    let good = request(&key(&place, "billing"), LAST);
    let mut unix = HEADER.to_vec();
    unix[13] = 0x31;
    let beginnings: [&[u8]; 5] = [
        b"",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n",
        &HEADER[..15],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01\xc0",
        &unix,
    ];
    for beginning in beginnings {
        assert_eq!(answer(&server, [&*[beginning, &good].concat()]), "", "{beginning:?}");
    }
    assert_eq!(unintroduced(&server), "5");
    // The next good one is let in.
    assert!(answer(&server, [&*[HEADER, &good].concat()]).starts_with("HTTP/1.1 200 OK"));
    let (access, _, said) = logs(&place, server);
    assert_eq!(access.len(), 1);
    assert_eq!(said.matches("closed without a word").count(), 1, "once in ten seconds: {said}");
    assert!(said.contains("the connection does not begin with a PROXY protocol header"), "{said}");
    assert!(said.contains("127.0.0.1:"), "{said}");
}

#[test]
fn who_is_not_trusted_is_not_let_in_by_a_header() {
    let (place, server) = up("trusted_proxies: [127.0.0.2/32], proxy_protocol: required,");
    let good = request(&key(&place, "billing"), LAST);
    assert_eq!(answer(&server, [&*[HEADER, &good].concat()]), "");
    assert_eq!(answer(&server, [&*good]), "");
    assert_eq!(unintroduced(&server), "2");
    let (access, _, said) = logs(&place, server);
    assert_eq!(access.len(), 0);
    assert!(said.contains("the peer is none of `trusted_proxies`"), "{said}");
}

#[test]
fn header_of_the_connection_and_header_of_the_request_lead_to_the_client_together() {
    let local = "trusted_proxies: [127.0.0.1/32, 203.0.113.0/24], proxy_protocol: required, client_address: forwarded,";
    let (place, server) = up(local);
    let inside = key(&place, "inside");
    let mut by_proxy = HEADER.to_vec();
    by_proxy[16..20].copy_from_slice(&[203, 0, 113, 5]);
    let forwarded = "Forwarded: for=198.51.100.1, for=192.0.2.9;proto=https\r\nConnection: close\r\n";
    let one = [&*by_proxy, &request(&inside, forwarded)].concat();
    assert!(answer(&server, [&*one]).starts_with("HTTP/1.1 200 OK"));
    // The same from a client that the first proxy names: it is not trusted.
    let one = [HEADER, &request(&inside, "Forwarded: for=203.0.113.9\r\nConnection: close\r\n")].concat();
    assert!(answer(&server, [&*one]).starts_with("HTTP/1.1 200 OK"));
    let (access, _, _) = logs(&place, server);
    let sources: Vec<_> = access.iter().map(|line| line["sourceIp"].as_str().unwrap()).collect();
    assert_eq!(sources, ["192.0.2.9", "192.0.2.7"]);
}

/// A connection that stays open, on which a request for the client at 192.0.2.`last` was sent; whether it was granted.
fn held(server: &Server, last: u8, request: &[u8]) -> (TcpStream, bool) {
    let mut stream = TcpStream::connect(front_door(server)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut header = HEADER.to_vec();
    header[19] = last;
    let _sent = stream.write_all(&[&header, request].concat());
    let mut start = [0; 12];
    let is_granted = stream.read_exact(&mut start).is_ok() && start == *b"HTTP/1.1 200";
    (stream, is_granted)
}

#[test]
fn proxy_may_have_many_connections_and_each_of_its_clients_half() {
    let place = place(REQUIRED);
    // With so few files there are 100 connections.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -n 200; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_token-broker"),
        "up",
        "--json",
    ]);
    let server = place.up_by(command);
    let request = request(&key(&place, "billing"), "");
    let first: Vec<_> = (0..50).map(|_| held(&server, 1, &request)).collect();
    assert!(first.iter().all(|(_, is_granted)| *is_granted));
    assert!(!held(&server, 1, &request).1);
    let second: Vec<_> = (0..40).map(|_| held(&server, 2, &request)).collect();
    assert!(second.iter().all(|(_, is_granted)| *is_granted));
    let (_, text) = get(&format!("{}/metrics", server.url("admin")));
    assert!(text.contains("token_broker_connections_refused_total 1\n"), "{text}");
    // A place is free again when its connection is.
    drop(first);
    while !held(&server, 1, &request).1 {
        std::thread::yield_now();
    }
}
