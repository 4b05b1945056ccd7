//! What never ends is cut off, each by its own deadline.
//!
//! The deadlines are the program's own, 15 s for what has begun and 10 s for a body; so all of them are waited for at once.

use std::thread;
use std::time::Duration;

use super::Target;
use super::case::{ENHANCE_YOUR_CALM, FORM, Good, NO_ERROR};
use super::hpack::literal;
use super::wire::{CONTINUATION, DATA, END_HEADERS, HEADERS, PING, PREFACE, SETTINGS, WHOLE, frame, setting};

/// What a peer sends at first, what it goes on to send, and what it is told: statuses, and the code of the farewell.
struct Slow {
    name: &'static str,
    is_greeting: bool,
    first: Vec<u8>,
    drip: Vec<u8>,
    told: &'static [u16],
    farewell: Option<u32>,
}

fn slow(good: &Good) -> Vec<Slow> {
    let row = |name, first: Vec<u8>, drip: Vec<u8>, told, farewell| Slow {
        name,
        is_greeting: true,
        first,
        drip,
        told,
        farewell: Some(farewell),
    };
    let beginning = |name, first: Vec<u8>, farewell| Slow {
        is_greeting: false,
        farewell,
        ..row(name, first, Vec::new(), &[], NO_ERROR)
    };
    let open = frame(HEADERS, END_HEADERS, 1, good.block());
    let half = frame(DATA, 0, 1, FORM)[..20].to_vec();
    let no_window = [frame(SETTINGS, 0, 0, setting(4, 0)), good.on(1)].concat();
    vec![
        beginning("silent", Vec::new(), None),
        beginning("half a beginning", PREFACE[..12].to_vec(), None),
        beginning("no settings", PREFACE.to_vec(), Some(ENHANCE_YOUR_CALM)),
        beginning(
            "half the settings",
            [PREFACE, &frame(SETTINGS, 0, 0, [])[..5]].concat(),
            Some(ENHANCE_YOUR_CALM),
        ),
        row("nothing to ask", Vec::new(), Vec::new(), &[], NO_ERROR),
        row("nothing but pings", Vec::new(), frame(PING, 0, 0, [0; 8]), &[], NO_ERROR),
        row("half a frame", frame(PING, 0, 0, [0; 8])[..12].to_vec(), Vec::new(), &[], ENHANCE_YOUR_CALM),
        row(
            "frame a byte at a time",
            frame(99, 0, 0, [0; 5_000])[..12].to_vec(),
            vec![0],
            &[],
            ENHANCE_YOUR_CALM,
        ),
        row("half a block", frame(HEADERS, 0, 1, good.block()), Vec::new(), &[], ENHANCE_YOUR_CALM),
        row("body that never comes", open.clone(), Vec::new(), &[400], NO_ERROR),
        row("half a body", [open.clone(), frame(DATA, 0, 1, "grant")].concat(), Vec::new(), &[400], NO_ERROR),
        row("half a frame of a body", [open.clone(), half].concat(), Vec::new(), &[400], ENHANCE_YOUR_CALM),
        row("no request after one", good.on(1), Vec::new(), &[200], NO_ERROR),
        Slow { farewell: None, ..row("answer that finds no window", no_window, Vec::new(), &[], NO_ERROR) },
        row(
            "block a field at a time",
            frame(HEADERS, 0, 1, good.block()),
            frame(CONTINUATION, 0, 1, literal("a", "b")),
            &[],
            ENHANCE_YOUR_CALM,
        ),
        row(
            "head that nobody ends",
            frame(HEADERS, WHOLE, 1, good.block())[..30].to_vec(),
            Vec::new(),
            &[],
            ENHANCE_YOUR_CALM,
        ),
    ]
}

#[test]
fn what_never_ends_is_cut_off_in_time() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let trying: Vec<_> = slow(&target.good)
        .into_iter()
        .map(|slow| {
            let mut connection = target.connect();
            thread::spawn(move || {
                if slow.is_greeting {
                    connection.greet().unwrap();
                }
                connection.send(&slow.first);
                if !slow.drip.is_empty() {
                    connection.wait_for_at_most(Duration::from_millis(500));
                    for _half_second in 0..100 {
                        if connection.hear(|_| false).is_err() {
                            connection.send(&slow.drip);
                        }
                    }
                }
                connection.wait_for_at_most(Duration::from_secs(40));
                connection.hear(|_| false).unwrap_or_else(|error| panic!("{}: {error}", slow.name));
                let told: Vec<u16> = connection.heard.answers.values().map(|answer| answer.status).collect();
                assert_eq!((&*told, connection.heard.farewell), (slow.told, slow.farewell), "{}", slow.name);
            })
        })
        .collect();
    for trying in trying {
        trying.join().unwrap();
    }
    target.counted();
    target.next_is_granted().unwrap();
}
