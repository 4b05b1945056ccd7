//! Frames: on which streams they stand, how long they are, what they say, and in which order they come.

use super::case::Outcome::{Closed, Ended, EndedWithin, Granted, Reset, ResetWithin};
use super::case::{
    Case, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Good, PROTOCOL_ERROR, beginning, case,
};
use super::wire::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, RESET, SETTINGS, WHOLE, WINDOW_UPDATE, WITH_PRIORITY, frame, setting,
};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    [beginnings(good), places(good), contents(good), blocks(good), harmless(good)].concat()
}

/// A good request whose block of fields is cut up.
pub(super) fn in_pieces(block: &[u8], most: usize) -> Vec<u8> {
    let pieces: Vec<_> = block.chunks(most).collect();
    let last = pieces.len() - 1;
    let frames = pieces.iter().enumerate().map(|(at, piece)| {
        let flags = if at == last { END_HEADERS } else { 0 };
        frame(if at == 0 { HEADERS } else { CONTINUATION }, flags, 1, piece)
    });
    [frames.collect::<Vec<_>>().concat(), frame(DATA, END_STREAM, 1, super::case::FORM)].concat()
}

fn beginnings(good: &Good) -> Vec<Case> {
    let settings = frame(SETTINGS, 0, 0, []);
    let behind = |first: &[u8]| [first, &settings, &good.on(1)].concat();
    vec![
        beginning("another protocol", b"POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\n\r\n", Closed),
        beginning("beginning with one letter wrong", behind(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), Closed),
        beginning("beginning in lower case", behind(b"pri * http/2.0\r\n\r\nsm\r\n\r\n"), Closed),
        beginning("beginning without its end", behind(&PREFACE[..23]), Closed),
        beginning("frames without a beginning", behind(b""), Closed),
        beginning("noise", vec![0xff; 500], Closed),
        case("beginning in the midst", PREFACE, Ended(FRAME_SIZE_ERROR)),
    ]
}

fn places(good: &Good) -> Vec<Case> {
    let block = good.block();
    let update = 1_u32.to_be_bytes();
    let wrong = |name: &str, bytes: Vec<u8>| case(name, bytes, Ended(PROTOCOL_ERROR));
    vec![
        wrong("head on the connection itself", frame(HEADERS, WHOLE, 0, &block)),
        wrong("body on the connection itself", frame(DATA, 0, 0, "a")),
        wrong("head on a stream of ours", frame(HEADERS, WHOLE, 2, &block)),
        wrong("body on a stream that never was", frame(DATA, 0, 5, "a")),
        wrong("reset of a stream that never was", frame(RESET, 0, 5, [0; 4])),
        wrong("reset of the connection itself", frame(RESET, 0, 0, [0; 4])),
        wrong("window of a stream that never was", frame(WINDOW_UPDATE, 0, 5, update)),
        wrong("priority of the connection itself", frame(PRIORITY, 0, 0, [0; 5])),
        wrong("settings of a stream", frame(SETTINGS, 0, 1, [])),
        wrong("ping of a stream", frame(PING, 0, 1, [0; 8])),
        wrong("farewell of a stream", frame(GO_AWAY, 0, 1, [0; 8])),
        wrong("rest of a block that never began", frame(CONTINUATION, END_HEADERS, 1, &block)),
        wrong("promise of a client", frame(PUSH_PROMISE, END_HEADERS, 1, [&[0, 0, 0, 2], &*block].concat())),
        wrong("streams in falling order", [frame(HEADERS, WHOLE, 3, []), good.on(1)].concat()),
    ]
}

fn contents(good: &Good) -> Vec<Case> {
    let settings = |flags, payload: &[u8]| frame(SETTINGS, flags, 0, payload);
    let open = frame(HEADERS, END_HEADERS, 1, good.block());
    let within = |then: Vec<u8>| [open.clone(), then].concat();
    vec![
        case("ping of seven bytes", frame(PING, 0, 0, [0; 7]), Ended(PROTOCOL_ERROR)),
        case("settings of five bytes", settings(0, &[0; 5]), Ended(PROTOCOL_ERROR)),
        case("acknowledgement with settings", settings(ACK, &setting(1, 0)), Ended(PROTOCOL_ERROR)),
        case("acknowledgement of nothing", settings(ACK, &[]), Ended(PROTOCOL_ERROR)),
        case("promises that are twice welcome", settings(0, &setting(2, 2)), Ended(PROTOCOL_ERROR)),
        case("window larger than any", settings(0, &setting(4, 0x8000_0000)), Ended(PROTOCOL_ERROR)),
        case("frames of no size", settings(0, &setting(5, 1)), Ended(PROTOCOL_ERROR)),
        case("window of nothing", frame(WINDOW_UPDATE, 0, 0, [0; 4]), Ended(PROTOCOL_ERROR)),
        case(
            "window of a stream of nothing",
            within(frame(WINDOW_UPDATE, 0, 1, [0; 4])),
            EndedWithin(PROTOCOL_ERROR, 400),
        ),
        case(
            "window that overflows",
            frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff]),
            Ended(FLOW_CONTROL_ERROR),
        ),
        case(
            "window of a stream that overflows",
            within(frame(WINDOW_UPDATE, 0, 1, [0x7f, 0xff, 0xff, 0xff])),
            ResetWithin(FLOW_CONTROL_ERROR, 400),
        ),
        case("window of three bytes", frame(WINDOW_UPDATE, 0, 0, [0; 3]), Ended(PROTOCOL_ERROR)),
        case("reset of three bytes", within(frame(RESET, 0, 1, [0; 3])), EndedWithin(PROTOCOL_ERROR, 400)),
        case("priority of four bytes", frame(PRIORITY, 0, 1, [0; 4]), Ended(PROTOCOL_ERROR)),
        case("stream that depends on itself", frame(PRIORITY, 0, 1, [0, 0, 0, 1, 0]), Reset(PROTOCOL_ERROR)),
        case(
            "request that depends on itself",
            frame(HEADERS, WHOLE | WITH_PRIORITY, 1, [&[0, 0, 0, 1, 0], &*good.block()].concat()),
            Reset(PROTOCOL_ERROR),
        ),
        case("farewell of four bytes", frame(GO_AWAY, 0, 0, [0; 4]), Ended(PROTOCOL_ERROR)),
        case("frame larger than any may be", frame(99, 0, 0, [0; 16_385]), Ended(FRAME_SIZE_ERROR)),
        case(
            "body larger than a frame may be",
            within(frame(DATA, 0, 1, [0; 16_385])),
            EndedWithin(FRAME_SIZE_ERROR, 400),
        ),
        case(
            "padding longer than a head",
            frame(HEADERS, WHOLE | PADDED, 1, [&[255], &*good.block()].concat()),
            Ended(PROTOCOL_ERROR),
        ),
    ]
}

fn blocks(good: &Good) -> Vec<Case> {
    let block = good.block();
    let open = frame(HEADERS, 0, 1, &block[..20]);
    let within = |then: Vec<u8>| [open.clone(), then].concat();
    let rest = |stream| frame(CONTINUATION, END_HEADERS, stream, &block[20..]);
    vec![
        case(
            "body within a block",
            within([frame(DATA, 0, 1, "a"), rest(1)].concat()),
            Ended(PROTOCOL_ERROR),
        ),
        case(
            "ping within a block",
            within([frame(PING, 0, 0, [0; 8]), rest(1)].concat()),
            Ended(PROTOCOL_ERROR),
        ),
        case(
            "reset within a block",
            within([frame(RESET, 0, 1, [0; 4]), rest(1)].concat()),
            Ended(PROTOCOL_ERROR),
        ),
        case(
            "unknown frame within a block",
            within([frame(99, 0, 0, []), rest(1)].concat()),
            Ended(PROTOCOL_ERROR),
        ),
        case("head within a block", within(good.on(3)), Ended(PROTOCOL_ERROR)),
        case("block that goes on on another stream", within(rest(3)), Ended(PROTOCOL_ERROR)),
        case(
            "block that goes on after its end",
            [good.on(1), rest(1)].concat(),
            EndedWithin(PROTOCOL_ERROR, 400),
        ),
        case("block in five pieces", in_pieces(&block, block.len().div_ceil(5)), Granted),
        case("block byte by byte", in_pieces(&block, 1), Ended(ENHANCE_YOUR_CALM)),
        case(
            "block that goes on with nothing",
            within(frame(CONTINUATION, 0, 1, []).repeat(10)),
            Ended(ENHANCE_YOUR_CALM),
        ),
    ]
}

fn harmless(good: &Good) -> Vec<Case> {
    let before = |bytes: Vec<u8>| [bytes, good.on(1)].concat();
    let sent = super::case::whole(good.block());
    let (head, body) = sent.split_at(sent.len() - 9 - super::case::FORM.len());
    let with = |kind: u8, flags: u8, payload: &[u8]| [frame(kind, flags, 1, payload), body.to_vec()].concat();
    vec![
        case("unknown frame", before(frame(99, 0xff, 0, [7; 100])), Granted),
        case("unknown frame on a stream that never was", before(frame(99, 0, 9, [7; 100])), Granted),
        case("unknown settings", before(frame(SETTINGS, 0, 0, setting(0xffff, 7))), Granted),
        case("answer to a ping that never was", before(frame(PING, ACK, 0, [7; 8])), Granted),
        case("priority of a stream that never was", before(frame(PRIORITY, 0, 9, [0, 0, 0, 0, 1])), Granted),
        case("head with flags of nobody", with(HEADERS, END_HEADERS | 0xd2, &good.block()), Granted),
        case(
            "head with a reserved bit",
            [frame(HEADERS, END_HEADERS, 0x8000_0001, good.block()), body.to_vec()].concat(),
            Granted,
        ),
        case(
            "head with a priority and padding",
            with(
                HEADERS,
                END_HEADERS | PADDED | WITH_PRIORITY,
                &[&[3, 0, 0, 0, 0, 9], &*good.block(), &[0; 3]].concat(),
            ),
            Granted,
        ),
        case("unknown frame between head and body", [head, &frame(99, 0, 1, [7; 9]), body].concat(), Granted),
    ]
}
