//! Who is believed about where a request comes from, and that no header says anything else about it.

mod front;
mod headers;
mod proxy_protocol;
mod real;

use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::{DEFINITION, Place, Server, exchange};

/// The definition with a client that may come from 192.0.2.0/24 alone, and with `local` for the local home.
fn place(local: &str) -> Place {
    let inside = "inside: { plan: inside, scopes: [orders/read], default_scopes: [orders/read], allow_from: [192.0.2.0/24] }";
    let definition = DEFINITION
        .replace("rate: 1000, burst: 1000", "rate: 4000, burst: 4000")
        .replace("clients:\n", "  inside: { throttle: { rate: 2000, burst: 2000 } }\nclients:\n")
        .replace("  slow:", &format!("  {inside}\n  slow:"));
    Place::with(&definition.replace("front_door:", &format!("{local} front_door:")))
}

fn key(place: &Place, client: &str) -> String {
    place.read(&format!(".token-broker/keys/{client}")).trim().to_owned()
}

/// Where the front door listens.
fn front_door(server: &Server) -> SocketAddr {
    let url = server.url("invoke_url");
    url.split('/').nth(2).unwrap().parse().unwrap()
}

/// The status of a request for a token with these header lines.
fn status(server: &Server, head: &str) -> u16 {
    let head = format!("Content-Type: application/x-www-form-urlencoded\r\n{head}");
    exchange("POST", &server.url("invoke_url"), &head, GRANT).0
}

/// Stops the server; the lines of its access log and of its audit log, and everything that it printed.
fn logs(place: &Place, server: Server) -> (Vec<Value>, Vec<Value>, String) {
    let (code, said) = server.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    let lines = |name: &str| {
        let text = place.read(&format!(".token-broker/logs/{name}.log"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    (lines("access"), lines("audit"), said)
}

const GRANT: &str = "grant_type=client_credentials";
