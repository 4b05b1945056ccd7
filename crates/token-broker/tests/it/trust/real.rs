//! nginx and `HAProxy` in front of the server, as people configure them.

use serde_json::Value;

use super::front::Proxy;
use super::{front_door, key, logs, place};
use crate::harness::{Place, Server};

const NGINX: &str = "/usr/sbin/nginx";
const HAPROXY: &str = "/usr/sbin/haproxy";

fn nginx(place: &Place, server: &Server) -> Proxy {
    let root = place.root().display().to_string();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|of| format!("{of}_temp_path {root}/{of};"));
    let temporary = temporary.join(" ");
    let upstream = front_door(server);
    Proxy::start(place, NGINX, &["-e", "stderr", "-c"], |address| {
        format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr; events {{}}
            http {{ access_log off; {temporary}
              server {{
                listen {address};
                location / {{
                  proxy_pass http://{upstream};
                  proxy_set_header Host $host;
                  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                }}
              }}
            }}\n"
        )
    })
}

fn haproxy(place: &Place, server: &Server, sends: &str) -> Proxy {
    let upstream = front_door(server);
    Proxy::start(place, HAPROXY, &["-db", "-f"], |address| {
        format!(
            "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n\
             frontend front\n  bind {address}\n  unique-id-format %pid\n  default_backend door\n\
             backend door\n  server door {upstream} {sends}\n"
        )
    })
}

fn sources(access: &[Value]) -> Vec<&str> {
    access.iter().map(|line| line["sourceIp"].as_str().unwrap()).collect()
}

#[test]
fn nginx_names_the_client_and_the_client_does_not() {
    let place = place("trusted_proxies: [127.0.0.1/32], client_address: x_forwarded_for,");
    let server = place.up(&[]);
    let nginx = nginx(&place, &server);
    let billing = format!("x-api-key: {}", key(&place, "billing"));
    let inside = format!("x-api-key: {}", key(&place, "inside"));
    assert_eq!(nginx.token("127.0.0.9", &[&billing]), "200");
    assert_eq!(nginx.token("127.0.0.9", &[&billing, "X-Forwarded-For: 192.0.2.7"]), "200");
    assert_eq!(nginx.token("127.0.0.9", &[&inside, "X-Forwarded-For: 192.0.2.7"]), "400");
    assert_eq!(
        nginx.token("127.0.0.9", &[&inside, "Forwarded: for=192.0.2.7", "X-Real-IP: 192.0.2.7"]),
        "400"
    );
    // One who comes from a proxy's own address is a hop like any other.
    assert_eq!(nginx.token("127.0.0.1", &[&inside, "X-Forwarded-For: 192.0.2.7"]), "200");
    drop(nginx);
    let (access, _, _) = logs(&place, server);
    assert_eq!(sources(&access), ["127.0.0.9", "127.0.0.9", "127.0.0.9", "127.0.0.9", "192.0.2.7"]);
}

#[test]
fn haproxy_says_whom_its_connections_are_for() {
    for sends in [
        "send-proxy-v2",
        "send-proxy-v2 proxy-v2-options crc32c",
        "send-proxy-v2 proxy-v2-options ssl,unique-id,crc32c check inter 100ms check-send-proxy",
    ] {
        let place = place("trusted_proxies: [127.0.0.1/32], proxy_protocol: required,");
        let server = place.up(&[]);
        let haproxy = haproxy(&place, &server, sends);
        let billing = format!("x-api-key: {}", key(&place, "billing"));
        let inside = format!("x-api-key: {}", key(&place, "inside"));
        assert_eq!(haproxy.token("127.0.0.9", &[&billing]), "200", "{sends}");
        assert_eq!(haproxy.token("127.0.0.9", &[&inside, "X-Forwarded-For: 192.0.2.7"]), "400", "{sends}");
        drop(haproxy);
        let (access, _, said) = logs(&place, server);
        assert_eq!(sources(&access), ["127.0.0.9", "127.0.0.9"], "{sends}");
        assert!(!said.contains("closed without a word"), "{said}");
    }
}

#[test]
fn haproxy_says_it_before_the_handshake_that_it_knows_nothing_of() {
    let place = place("trusted_proxies: [127.0.0.1/32], proxy_protocol: required,");
    let server = place.up(&["--tls"]);
    let haproxy = haproxy(&place, &server, "send-proxy-v2");
    let billing = format!("x-api-key: {}", key(&place, "billing"));
    let inside = format!("x-api-key: {}", key(&place, "inside"));
    assert_eq!(haproxy.token_by("https", "127.0.0.9", &[&billing]), "200");
    assert_eq!(haproxy.token_by("https", "127.0.0.9", &[&inside, "X-Forwarded-For: 192.0.2.7"]), "400");
    drop(haproxy);
    let (access, _, _) = logs(&place, server);
    assert_eq!(sources(&access), ["127.0.0.9", "127.0.0.9"]);
}

#[test]
fn haproxy_that_sends_version_1_is_told_in_the_log_what_to_change() {
    let place = place("trusted_proxies: [127.0.0.1/32], proxy_protocol: required,");
    let server = place.up(&[]);
    let haproxy = haproxy(&place, &server, "send-proxy");
    let billing = format!("x-api-key: {}", key(&place, "billing"));
    assert_eq!(haproxy.token("127.0.0.9", &[&billing]), "000");
    drop(haproxy);
    let (access, _, said) = logs(&place, server);
    assert_eq!(sources(&access), <[&str; 0]>::default());
    assert!(said.contains("is of version 1, a text: configure the proxy to send version 2"), "{said}");
}
