//! Bodies: what their length says, where they end, how they are cut up, and what follows them.

use super::case::Outcome::{EndedWithin, GivenUp, Granted, Heard, Refused, Reset, ResetWithin};
use super::case::{Case, ENHANCE_YOUR_CALM, FORM, Good, PROTOCOL_ERROR, case};
use super::hpack::literal;
use super::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, RESET, WHOLE, frame};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [lengths(good), cuts(good), ends(good)].concat()
}

fn lengths(good: &Good) -> Vec<Case> {
    let open = |body: &[u8], most: usize| {
        let pieces: Vec<_> = body.chunks(most).map(|piece| frame(DATA, 0, 1, piece)).collect();
        [frame(HEADERS, END_HEADERS, 1, good.open_block()), pieces.concat(), frame(DATA, END_STREAM, 1, [])]
            .concat()
    };
    vec![
        case("length that is too small", good.long("28", FORM), ResetWithin(PROTOCOL_ERROR, 400)),
        case("length that is too large", good.long("30", FORM), ResetWithin(PROTOCOL_ERROR, 400)),
        case("length without a body", frame(HEADERS, WHOLE, 1, good.block()), Reset(PROTOCOL_ERROR)),
        case("length over the limit", good.endless("70000"), Refused(413)),
        case("length over every limit", good.endless("999999999999999999"), Refused(413)),
        case("no length", open(FORM.as_bytes(), 100), Granted),
        case("no length, and too much", open(&[b'a'; 65_536], 16_000), Heard(413)),
        case("no length, and over the limit", open(&[b'a'; 65_537], 16_000), Refused(413)),
    ]
}

fn cuts(good: &Good) -> Vec<Case> {
    let head = frame(HEADERS, END_HEADERS, 1, good.block());
    let with = |frames: Vec<Vec<u8>>| [head.clone(), frames.concat()].concat();
    let letters: Vec<_> = FORM.as_bytes().iter().map(|byte| frame(DATA, 0, 1, [*byte])).collect();
    let nothing = |count: usize| frame(DATA, 0, 1, []).repeat(count);
    let padded = [&[9], FORM.as_bytes(), &[0; 9]].concat();
    vec![
        case("letter by letter", with([letters, vec![frame(DATA, END_STREAM, 1, [])]].concat()), Granted),
        case("padding", with(vec![frame(DATA, END_STREAM | PADDED, 1, padded)]), Granted),
        case(
            "padding without an end",
            with(vec![frame(DATA, END_STREAM | PADDED, 1, b"\xffabc")]),
            EndedWithin(PROTOCOL_ERROR, 400),
        ),
        case(
            "padding that is all",
            with(vec![frame(DATA, PADDED, 1, [1, 0]), frame(DATA, END_STREAM, 1, FORM)]),
            Granted,
        ),
        case("100 times nothing", with(vec![nothing(100), frame(DATA, END_STREAM, 1, FORM)]), Granted),
        case(
            "101 times nothing",
            with(vec![nothing(101), frame(DATA, END_STREAM, 1, FORM)]),
            EndedWithin(ENHANCE_YOUR_CALM, 400),
        ),
    ]
}

fn ends(good: &Good) -> Vec<Case> {
    let head = frame(HEADERS, END_HEADERS, 1, good.block());
    let form = frame(DATA, 0, 1, FORM);
    let last = frame(DATA, END_STREAM, 1, FORM);
    let with = |frames: &[&Vec<u8>]| {
        let all: Vec<u8> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
        [head.clone(), all].concat()
    };
    let trailers = |flags: u8, name: &str| frame(HEADERS, flags, 1, literal(name, "smuggled"));
    vec![
        case("trailers", with(&[&form, &trailers(WHOLE, "a")]), Refused(400)),
        case("key in trailers", with(&[&form, &trailers(WHOLE, "x-api-key")]), Refused(400)),
        case("empty trailers", with(&[&form, &frame(HEADERS, WHOLE, 1, [])]), Refused(400)),
        case(
            "trailers without an end",
            with(&[&form, &trailers(END_HEADERS, "a")]),
            ResetWithin(PROTOCOL_ERROR, 400),
        ),
        case("path in trailers", with(&[&form, &trailers(WHOLE, ":path")]), Refused(400)),
        case("second head", with(&[&head]), ResetWithin(PROTOCOL_ERROR, 400)),
        case("body after its end", with(&[&last, &form]), EndedWithin(PROTOCOL_ERROR, 400)),
        case("head after its end", with(&[&last, &head]), ResetWithin(PROTOCOL_ERROR, 400)),
        case(
            "given up",
            with(&[&frame(DATA, 0, 1, "grant"), &frame(RESET, 0, 1, [0, 0, 0, 8])]),
            GivenUp(400),
        ),
        case("given up with a code of nobody", with(&[&frame(RESET, 0, 1, [0xff; 4])]), GivenUp(400)),
        case(
            "request inside a body",
            {
                let hidden = good.on(3);
                let body = [b"grant_type=client_credentials&a=".as_slice(), &hidden].concat();
                [frame(HEADERS, END_HEADERS, 1, good.open_block()), frame(DATA, END_STREAM, 1, body)].concat()
            },
            Heard(400),
        ),
    ]
}
