//! Compressed fields: numbers, texts and tables that are wrong, or that stand for far more than was sent.

use super::case::Outcome::{Bare, Ended, Granted};
use super::case::{Case, ENHANCE_YOUR_CALM, Good, PROTOCOL_ERROR, case, whole};
use super::hpack::{integer, kept};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    let behind = |bytes: &[u8]| whole([&good.block(), bytes].concat());
    let mut cases: Vec<Case> = [
        ("field of no number", b"\x80".as_slice()),
        ("field that nobody kept", b"\xbe"),
        ("field beyond every table", b"\xff\xff\x7f"),
        ("name that nobody kept", b"\x7e\x01a"),
        ("number without an end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("number that overflows", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("name that ends too early", b"\x00\x09abc"),
        ("value that ends too early", b"\x00\x01a\x09b"),
        ("length that is larger than anything", b"\x00\x7f\xff\xff\xff\xff\x0f"),
        ("coded text of the end of texts", b"\x00\x01a\x84\xff\xff\xff\xff"),
        ("coded text with a byte of padding", b"\x00\x01a\x82\x1f\xff"),
        ("coded text with zeros for padding", b"\x00\x01a\x81\x18"),
        ("coded name in capitals", b"\x00\x83\xbc\xf1\xff\x01b"),
        ("table larger than agreed", b"\x3f\xe2\x1f"),
        ("size of the table among fields", b"\x20"),
    ]
    .iter()
    .map(|(name, bytes)| case(*name, behind(bytes), Ended(PROTOCOL_ERROR)))
    .collect();
    let resized = [b"\x20\x3f\xe1\x1f".as_slice(), &good.block()].concat();
    let often = [b"\x20".repeat(1_000), good.block()].concat();
    // One field of nearly four kilobytes, and one byte for each time it is meant again.
    let again =
        |times: usize| behind(&[kept("a", "b".repeat(3_900)), integer(0x80, 7, 62).repeat(times)].concat());
    cases.extend([
        case("size of the table before fields", whole(resized), Granted),
        case("size of the table a thousand times", whole(often), Granted),
        case("field that is kept", behind(&kept("a", "b")), Granted),
        case("field that is meant twice", again(1), Granted),
        case("field that is meant seven times", again(6), Bare(431)),
        case("field that is meant 10,000 times", again(10_000), Ended(ENHANCE_YOUR_CALM)),
    ]);
    cases
}
