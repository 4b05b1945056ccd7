//! The search for secrets, which every test ends with, finds what it looks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{DEFINITION, Home, Place};

const TOKEN: &str = "eyJraWQiOiJhIiwiYWxnIjoiUlMyNTYifQ.eyJzdWIiOiJhIiwiYiI6ImNkZWZnaGlqIn0.c2lnbmF0dXJl";

/// A directory as a server leaves it.
fn home() -> Home {
    let home = Home::new();
    for directory in [".token-broker/keys", ".token-broker/user-pool", ".token-broker/logs"] {
        std::fs::create_dir_all(home.root().join(directory)).unwrap();
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(home.root().join(name), bytes).unwrap();
    write(".token-broker/keys/billing", KEY.as_bytes());
    write(".token-broker/user-pool/app-client-m2m.secret", format!("{SECRET}\n").as_bytes());
    write(".token-broker/user-pool/signing-key-access.der", &der());
    std::fs::create_dir_all(home.root().join(".token-broker/tls")).unwrap();
    write_pem(&home);
    home
}

fn write_pem(home: &Home) {
    let body = STANDARD.encode(elliptic());
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    std::fs::write(home.root().join(".token-broker/tls/key.pem"), pem).unwrap();
}

/// As long as a key of 256 bits.
fn elliptic() -> Vec<u8> {
    (0..138).rev().collect()
}

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
const SECRET: &str = "zyxwvutsrqponmlkjihgfedcba9876543210";

fn der() -> Vec<u8> {
    (0..=255).collect()
}

/// What is found when `bytes` are written to the access log, and when a server prints them.
fn found(bytes: &[u8]) -> [Vec<String>; 2] {
    [true, false].map(|in_a_file| {
        let home = home();
        let log = home.root().join(".token-broker/logs/access.log");
        if in_a_file {
            std::fs::write(&log, bytes).unwrap();
        } else {
            home.hear("up", bytes);
        }
        let leaks = home.leaks();
        // It is let go of with nothing in it.
        home.forget();
        let _not_there = std::fs::remove_file(log);
        leaks
    })
}

#[test]
fn secret_is_found_in_every_spelling_wherever_it_is_written() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let basic = |id: &str| STANDARD.encode(format!("{id}:{SECRET}"));
    for (what, written) in [
        (".token-broker/keys/billing", format!("x-api-key: {KEY}\r\n").into_bytes()),
        (".token-broker/keys/billing", hex(KEY.as_bytes()).into_bytes()),
        (".token-broker/keys/billing", STANDARD.encode(KEY).into_bytes()),
        (".token-broker/user-pool/app-client-m2m.secret", format!("secret={SECRET}&").into_bytes()),
        (".token-broker/user-pool/app-client-m2m.secret", basic("a").into_bytes()),
        (".token-broker/user-pool/app-client-m2m.secret", basic("ab").into_bytes()),
        (".token-broker/user-pool/app-client-m2m.secret", basic("abc").into_bytes()),
        (".token-broker/user-pool/signing-key-access.der", der()),
        (".token-broker/user-pool/signing-key-access.der", STANDARD.encode(der()).into_bytes()),
        (".token-broker/tls/key.pem", elliptic()),
        (".token-broker/tls/key.pem", STANDARD.encode(elliptic()).into_bytes()),
        ("a signed token", format!("Bearer {TOKEN}\n").into_bytes()),
    ] {
        let [in_file, printed] = found(&written);
        assert!(
            in_file.contains(&format!("{what} is in .token-broker/logs/access.log")),
            "{what}: {in_file:?}"
        );
        assert!(printed.contains(&format!("{what} is in up")), "{what}: {printed:?}");
    }
}

#[test]
fn what_is_no_secret_is_not_found() {
    let innocent = format!("{} {} eyJhIjox.b {}", &KEY[1..], &SECRET[..35], TOKEN.replace('.', " "));
    let innocent = format!("{innocent} {}", STANDARD.encode(&elliptic()[68..]));
    assert_eq!(found(innocent.as_bytes()), [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn key_that_is_gone_by_the_end_is_looked_for_and_so_are_tokens_that_were_handed_out() {
    let place = Place::with(DEFINITION);
    let server = place.up(&[]);
    let (_, answer) =
        server.token(place.read(".token-broker/keys/billing").trim(), "grant_type=client_credentials");
    let key = place.read(".token-broker/keys/billing");
    place.run(&["keys", "revoke", "billing"]).ok();
    std::fs::remove_file(place.path(".token-broker/keys/billing")).unwrap_or_default();
    drop(server);
    assert_eq!(place.home().leaks(), Vec::<String>::new());
    let token = answer["access_token"].as_str().unwrap();
    for (what, secret) in [(".token-broker/keys/billing", key.trim()), ("a token", token)] {
        std::fs::write(place.path("written"), secret).unwrap();
        let leak = format!("{what} is in written");
        assert!(place.home().leaks().contains(&leak), "{:?}", place.home().leaks());
    }
    std::fs::remove_file(place.path("written")).unwrap();
}
