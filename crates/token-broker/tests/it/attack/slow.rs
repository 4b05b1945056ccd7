//! What never ends is cut off, each by its own deadline.
//!
//! The deadlines are the program's own, 15 s for a head and 10 s for a body; so all of them are waited for at once.

use std::thread;

use super::case::{FORM, Good};
use super::wire::Connection;
use super::{Tally, Target};

/// What a peer sends at first, what it goes on to send a byte at a time, and what it is told before it is cut off.
struct Slow {
    name: &'static str,
    first: Vec<u8>,
    drip: Option<&'static [u8]>,
    told: &'static [u16],
}

fn slow(good: &Good) -> Vec<Slow> {
    let row = |name, first: Vec<u8>, drip, told| Slow { name, first, drip, told };
    let head = String::from_utf8(good.framed("Content-Length: 5000\r\n", "")).unwrap();
    let half = head.as_bytes()[..60].to_vec();
    let expecting = head.replace("Content-Length", "Expect: 100-continue\r\nContent-Length");
    vec![
        row("silent", Vec::new(), None, &[]),
        row("half a head", half.clone(), None, &[]),
        row("head a byte at a time", half, Some(b"x"), &[]),
        row("first line a byte at a time", b"POST /".to_vec(), Some(b"x"), &[]),
        row("empty line and no more", b"\r\n".to_vec(), None, &[]),
        row("no body", head.clone().into_bytes(), None, &[400]),
        row("half a body", [head.as_bytes(), FORM.as_bytes()].concat(), None, &[400]),
        row("body a byte at a time", head.clone().into_bytes(), Some(b"x"), &[400]),
        row("no body after leave to go on", expecting.into_bytes(), None, &[400]),
        row("chunks a byte at a time", good.chunked(""), Some(b"1\r\na\r\n"), &[400]),
        row("half a chunk", good.chunked("1d\r\ngrant"), None, &[400]),
        row("no request after one", good.whole(), None, &[200]),
        row("half a request after one", [good.whole(), b"POST /dev".to_vec()].concat(), None, &[200]),
        row(
            "request a byte at a time after one",
            [good.whole(), b"POST /".to_vec()].concat(),
            Some(b"x"),
            &[200],
        ),
    ]
}

#[test]
fn what_never_ends_is_cut_off_in_time() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let mut expected = Tally::new();
    let trying: Vec<_> = slow(&target.good)
        .into_iter()
        .map(|slow| {
            for status in slow.told {
                *expected.entry(*status).or_default() += 1;
            }
            let mut connection = target.connect();
            thread::spawn(move || {
                connection.send(&slow.first);
                let answers = match slow.drip {
                    Some(drip) => connection.answers_while_dripping(drip),
                    None => connection.answers_until_closed(),
                };
                let told: Vec<u16> = answers
                    .unwrap_or_else(|error| panic!("{}: {error}", slow.name))
                    .iter()
                    .map(|answer| answer.status)
                    .collect();
                assert_eq!(told, slow.told, "{}", slow.name);
            })
        })
        .collect();
    for trying in trying {
        trying.join().unwrap();
    }
    assert_eq!(target.counted(), expected);
    target.next_is_granted().unwrap();
}

impl Connection {
    /// Sends `drip` byte by byte, around and around, until the connection is closed.
    fn answers_while_dripping(&mut self, drip: &[u8]) -> Result<Vec<super::Answer>, String> {
        // Ten bytes a second: none of the deadlines is as long as the rounds.
        for byte in drip.iter().cycle().take(200) {
            self.send(&[*byte]);
            if self.is_closed_within_a_tenth_of_a_second() {
                break;
            }
        }
        self.answers_until_closed()
    }
}
