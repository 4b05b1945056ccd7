//! Another certificate takes the place of the one in force: by a change of its files, by the command, and under load.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::authority::Authority;
use super::wire::Wire;
use super::{definition, metric, place};
use crate::harness::{Place, Server};

/// Puts `name` in the place of the server's certificate, each file whole.
fn put(place: &Place, name: &str) {
    for kind in ["key", "pem"] {
        fs::rename(place.path(&format!("tls/{name}.{kind}")), place.path(&format!("tls/server.{kind}")))
            .unwrap();
    }
}

fn wait_for_serial(server: &mut Server, serial: &str) {
    server.wait_for_log(&format!("\"serial\":\"{serial}\""));
}

#[test]
fn pair_that_is_broken_changes_nothing_and_the_reload_says_which_file() {
    let (place, authority) = place(&definition(""));
    let mut server = place.up(&[]);
    let wire = Wire::to(&place, &server);
    authority.sign("other", "/CN=another", 0x2002);
    let good = place.read("tls/server.key");
    fs::write(place.path("tls/server.key"), place.read("tls/other.key")).unwrap();
    server.wait_for_log("the certificate was read again and is not taken over");
    assert_eq!(metric(&server, "token_broker_last_certificate_reload_refused"), "1");
    let refused = place.run(&["reload"]).failed();
    assert!(refused.contains("is not that of the certificate `tls/server.pem`"), "{refused}");
    assert_eq!(metric(&server, "token_broker_definition_generation"), "1", "nothing is half in force");
    assert_eq!(wire.connect().serial(), "10:01");
    server.signal("-HUP");
    server.wait_for_log("SIGHUP");
    assert_eq!(wire.connect().serial(), "10:01");
    fs::write(place.path("tls/server.key"), good).unwrap();
    place.run(&["reload"]).ok();
    assert_eq!(metric(&server, "token_broker_last_certificate_reload_refused"), "0");
    assert_eq!(wire.connect().serial(), "10:01");
}

#[test]
fn key_that_everybody_could_read_is_taken_over_once_its_mode_is_mended() {
    let (place, authority) = place(&definition(""));
    let mut server = place.up(&[]);
    authority.sign("other", "/CN=another", 0x2002);
    let mode =
        |name: &str, mode| fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
    mode("tls/other.key", 0o644);
    put(&place, "other");
    server.wait_for_log("is open to everybody");
    // As a hook does it behind a tool that renews certificates: nothing is written.
    mode("tls/server.key", 0o600);
    wait_for_serial(&mut server, "20:02");
    assert_eq!(metric(&server, "token_broker_last_certificate_reload_refused"), "0");
}

#[test]
fn reload_takes_over_another_certificate_and_who_is_asked_for_theirs() {
    let (place, authority) = place(&definition(""));
    let server = place.up(&[]);
    let wire = Wire::to(&place, &server);
    let mut before = wire.connect();
    let key = place.read(".token-broker/keys/billing");
    authority.sign("other", "/CN=another", 0x2002);
    let text = definition("").replace("tls/server.", "tls/other.");
    fs::write(place.path("new.yaml"), text).unwrap();
    fs::rename(place.path("new.yaml"), place.path("token-broker.yaml")).unwrap();
    place.run(&["reload"]).ok();
    assert_eq!(wire.connect().serial(), "20:02");
    assert!(place.run(&["token", "billing"]).ok().contains("orders/read"), "it goes by the file in force");
    Authority::new(&place, "clients");
    let text = definition(", client_auth: required, client_ca: tls/clients.pem");
    fs::write(place.path("new.yaml"), text.replace("tls/server.", "tls/other.")).unwrap();
    fs::rename(place.path("new.yaml"), place.path("token-broker.yaml")).unwrap();
    place.run(&["reload"]).ok();
    assert!(before.token(key.trim()).starts_with("HTTP/1.1 200 "), "it was there before");
    assert_eq!(wire.connect().serial(), "20:02");
    assert_eq!(wire.token(key.trim()), "", "nobody is let in without a certificate now");
    let refused = place.run(&["token", "billing"]).failed();
    assert!(refused.contains("`--cert` and `--key` name, or none"), "{refused}");
    let plain = definition("").replace("tls: { certificate: tls/server.pem, key: tls/server.key }, ", "");
    fs::write(place.path("token-broker.yaml"), plain).unwrap();
    let refused = place.run(&["reload"]).failed();
    assert!(refused.contains("- homes.local.tls  (needs a restart)"), "{refused}");
}

#[test]
fn no_request_fails_while_certificates_change() {
    let generous = definition("").replace("rate: 1000, burst: 1000", "rate: 9990, burst: 4990");
    let generous = generous.replace("rate: 500, burst: 500", "rate: 9900, burst: 4900");
    let (place, authority) = place(&generous);
    let mut server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    let (wire, key) = (Wire::to(&place, &server), key.trim());
    let serials: Vec<u32> = (0x3001..0x3006).collect();
    for serial in &serials {
        authority.sign(&format!("next{serial}"), "/CN=the next", *serial);
    }
    let (stop, answered) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; 4]);
    thread::scope(|scope| {
        for (number, answered) in answered.iter().enumerate() {
            let (wire, stop) = (&wire, &stop);
            scope.spawn(move || {
                // Half of them keep the connection that they began with, the others open one for each request.
                let mut kept = wire.connect();
                while !stop.load(Ordering::Relaxed) {
                    let answer = if number % 2 == 0 { kept.token(key) } else { wire.token(key) };
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                if number % 2 == 0 {
                    assert_eq!(kept.serial(), "10:01", "the certificate that it was greeted with");
                }
            });
        }
        // Each of them gets on, or has failed.
        let reached = |count: u64| {
            for answered in &answered {
                let goal = answered.load(Ordering::Relaxed) + count;
                while answered.load(Ordering::Relaxed) < goal && !stop.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            }
        };
        let changes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for serial in &serials {
                reached(5);
                put(&place, &format!("next{serial}"));
                let shown = format!("{:02x}:{:02x}", serial >> 8, serial & 0xff);
                wait_for_serial(&mut server, &shown);
                assert_eq!(wire.connect().serial(), shown);
            }
            reached(5);
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = changes {
            std::panic::resume_unwind(panic);
        }
    });
    assert_eq!(metric(&server, "token_broker_certificate_reloads_total{outcome=\"taken_over\"}"), "5");
    assert_eq!(metric(&server, "token_broker_certificate_reloads_total{outcome=\"refused\"}"), "0");
    assert_eq!(metric(&server, "token_broker_connections_cut_total"), "0");
    let answered: u64 = answered.into_iter().map(AtomicU64::into_inner).sum();
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert_eq!(place.read(".token-broker/logs/audit.log").lines().count() as u64, answered);
}
