use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;

const BOUNDS: HeadBounds = HeadBounds { bytes: 200, fields: 8 };

/// What goes on of `bytes` when they come in pieces of these lengths, each repeated in turn; and what ends it.
fn in_pieces(bytes: &[u8], pieces: &[usize]) -> (Vec<u8>, Option<Stop>, u32, u32) {
    let mut follow = Follow::begin(BOUNDS);
    let (mut passed, mut held, mut rest) = (Vec::new(), Vec::new(), bytes);
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(rest.len().min(*piece));
        held.extend_from_slice(now);
        rest = later;
        let (further, stop) = follow.pass(&held);
        passed.extend(held.drain(..further));
        if stop.is_some() {
            return (passed, stop, follow.heads(), follow.whole());
        }
    }
    (passed, None, follow.heads(), follow.whole())
}

#[test]
fn requests_follow_each_other_until_one_is_wrong() {
    let good = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let sent = format!("{good}{chunked}{good}GET / HTTP/1.1\r\n\r\n{good}");
    let (passed, stop, heads, whole) = in_pieces(sent.as_bytes(), &[1000]);
    assert_eq!(passed, format!("{good}{chunked}{good}").as_bytes());
    assert!(matches!(stop, Some(Stop::Refuse(fault)) if fault.violation == Violation::Host));
    assert_eq!((heads, whole), (4, 4));
}

#[test]
fn body_that_is_coded_wrongly_breaks_there() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (passed, stop, heads, whole) = in_pieces(format!("{head}1\r\nab\r\n").as_bytes(), &[1000]);
    assert_eq!(passed, format!("{head}1\r\na").as_bytes());
    assert_eq!((stop, heads, whole), (Some(Stop::Break(Violation::ChunkEnd)), 1, 0));
}

#[test]
fn nothing_follows_a_request_that_offers_another_protocol() {
    let offer = "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab";
    let (passed, stop, heads, whole) =
        in_pieces(format!("{offer}PRI * HTTP/2.0\r\n\r\n").as_bytes(), &[1000]);
    assert_eq!((passed.as_slice(), stop, heads, whole), (offer.as_bytes(), Some(Stop::Last), 1, 1));
}

#[test]
fn beginning_of_a_head_is_kept_back() {
    assert_eq!(in_pieces(b"POST / HTTP/1.1\r\nHost: a\r\n", &[1000]), (Vec::new(), None, 0, 0));
}

/// One request as a reader sees it who has all the bytes and all the time.
fn reference(bytes: &[u8]) -> (usize, bool) {
    let (mut at, mut ended) = (0, false);
    while !ended && at < bytes.len() {
        let Some(end) =
            bytes[at..].windows(4).position(|four| four == b"\r\n\r\n").map(|found| at + found + 4)
        else {
            break;
        };
        match length_after(&String::from_utf8_lossy(&bytes[at..end])) {
            Some(Ok(length)) => {
                let available = bytes.len() - end;
                at = end + length.min(available);
                ended = available < length;
            }
            Some(Err(())) => {
                let (right, over) = chunked_length(&bytes[end..]);
                at = end + right;
                ended = !over;
            }
            None => return (at, true),
        }
    }
    (at, ended)
}

/// The length of the body, or that it is chunked; nothing if the head is wrong. Split by lines, not scanned.
fn length_after(head: &str) -> Option<Result<usize, ()>> {
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let first: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, version @ ("HTTP/1.1" | "HTTP/1.0")] = first.as_slice() else { return None };
    let is_token = |text: &str| {
        !text.is_empty()
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter))
    };
    if !is_token(method) || *method == "CONNECT" || !target.starts_with('/') {
        return None;
    }
    let mut fields = std::collections::BTreeMap::<String, Vec<&str>>::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if !is_token(name) || value.chars().any(|letter| letter.is_control() && letter != '\t') {
            return None;
        }
        fields.entry(name.to_ascii_lowercase()).or_default().push(value.trim_matches([' ', '\t']));
    }
    let [host] = fields.get("host")?.as_slice() else { return None };
    if host.is_empty()
        || !host.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._~%:".contains(letter))
    {
        return None;
    }
    match (
        fields.get("content-length").map(Vec::as_slice),
        fields.get("transfer-encoding").map(Vec::as_slice),
    ) {
        (None, None) => Some(Ok(0)),
        (Some([length]), None) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().ok().map(Ok)
        }
        (None, Some([coding])) if *version == "HTTP/1.1" && coding.to_lowercase() == "chunked" => {
            Some(Err(()))
        }
        _ => None,
    }
}

/// How much of a chunked body is right, and whether it is all of it.
fn chunked_length(body: &[u8]) -> (usize, bool) {
    let mut at = 0;
    loop {
        let digits = body[at..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count().min(8);
        let size = std::str::from_utf8(&body[at..at + digits]).unwrap();
        at += digits;
        if digits == 0 {
            return (at, false);
        }
        let size = usize::from_str_radix(size, 16).unwrap();
        let data = [b"\r\n".as_slice(), &vec![0; size], b"\r\n"].concat();
        for (offset, expected) in data.iter().enumerate() {
            let is_data = (2..2 + size).contains(&offset);
            match body.get(at) {
                Some(byte) if is_data || byte == expected => at += 1,
                _ => return (at, false),
            }
        }
        if size == 0 {
            return (at, true);
        }
    }
}

/// Requests that are nearly right, one after the other.
pub(crate) fn stream() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![6 => Just("POST"), 1 => Just("GET"), 1 => Just("CONNECT"), 1 => Just("P OST")];
    let host = prop_oneof![8 => Just("Host: a\r\n"), 1 => Just(""), 1 => Just("Host: a\r\nhost: a\r\n"), 1 => Just("Host : a\r\n")];
    let framing = prop_oneof![
        3 => Just(""),
        4 => Just("Content-Length: 7\r\n"),
        4 => Just("Transfer-Encoding: chunked\r\n"),
        1 => Just("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"),
        1 => Just("Content-Length: 3, 3\r\n"),
        1 => Just("Content-Length: 3\r\nContent-Length: 3\r\n"),
        1 => Just("Transfer-Encoding: chunked, chunked\r\n"),
        1 => Just("x: a\r\n b\r\n"),
        1 => Just("x: a\n"),
    ];
    let body = prop_oneof![
        3 => Just(""),
        4 => Just("0123456"),
        4 => Just("3\r\nabc\r\n0\r\n\r\n"),
        1 => Just("3\r\nabcd\r\n0\r\n\r\n"),
        1 => Just("3;x\r\nabc\r\n0\r\n\r\n"),
        1 => Just("0\r\nx: y\r\n\r\n"),
        1 => Just("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ];
    let request = (method, host, framing, body).prop_map(|(method, host, framing, body)| {
        format!("{method} /x HTTP/1.1\r\n{host}{framing}\r\n{body}").into_bytes()
    });
    let change =
        prop_oneof![4 => Just(None), 1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(Some)];
    (prop::collection::vec(request, 1..4), change).prop_map(|(requests, change)| {
        let mut bytes = requests.concat();
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_261_123), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn pieces_do_not_matter(bytes in stream(), pieces in prop::collection::vec(1_usize..40, 1..6)) {
        prop_assert_eq!(in_pieces(&bytes, &pieces), in_pieces(&bytes, &[usize::MAX]));
    }

    #[test]
    fn no_more_goes_on_than_a_plain_reader_reads_without_doubt(bytes in stream()) {
        let (passed, stop, ..) = in_pieces(&bytes, &[usize::MAX]);
        let (expected, _) = reference(&bytes);
        // The plain reader does not know every rule: what it refuses is refused, and nothing after it goes on.
        prop_assert!(bytes.starts_with(&passed));
        prop_assert!(passed.len() <= expected, "{} over {}: {}", passed.len(), expected, String::from_utf8_lossy(&bytes));
        if stop.is_none() {
            prop_assert_eq!(passed.len(), expected, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn every_split_in_two_comes_to_the_same() {
    let requests = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nx: \0\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    ];
    for bytes in requests.map(str::as_bytes) {
        let whole = in_pieces(bytes, &[usize::MAX]);
        for at in 1..bytes.len() {
            assert_eq!(
                in_pieces(bytes, &[at, usize::MAX]),
                whole,
                "{} at {at}",
                String::from_utf8_lossy(bytes)
            );
        }
        assert_eq!(in_pieces(bytes, &[1]), whole);
    }
}
