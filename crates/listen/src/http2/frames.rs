//! Where the frames of an HTTP/2 connection begin and end (RFC 9113 §4.1), and nothing of what is in them.
//!
//! It goes over the bytes of one direction once, however they arrive in pieces, and keeps nothing but the nine bytes of a
//! frame's head.

/// What a frame is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// None of RFC 9113: to be ignored.
    Unknown,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    /// How many bytes follow it.
    pub(crate) length: u32,
    pub(crate) kind: Kind,
    flags: u8,
    /// Zero is the connection itself.
    pub(crate) stream: u32,
}

impl Head {
    fn read(bytes: [u8; HEAD]) -> Self {
        let [high, middle, low, kind, flags, stream @ ..] = bytes;
        Self {
            length: u32::from_be_bytes([0, high, middle, low]),
            kind: Kind::of(kind),
            flags,
            // The highest bit is reserved and is ignored.
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }

    /// Whether the sender has nothing more to say on this stream.
    pub(crate) const fn ends_stream(self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 0x1 != 0
    }

    /// Whether a block of header fields is over with this frame.
    pub(crate) const fn ends_fields(self) -> bool {
        self.flags & 0x4 != 0
    }

    /// Whether settings are acknowledged, or a ping is answered.
    pub(crate) const fn is_acknowledgement(self) -> bool {
        matches!(self.kind, Kind::Settings | Kind::Ping) && self.flags & 0x1 != 0
    }
}

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::Reset,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Unknown,
        }
    }
}

/// How far the frames of one direction have been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frames {
    head: [u8; HEAD],
    seen: usize,
    /// How much of the frame under way is still to come.
    left: u32,
}

impl Frames {
    /// Whether the last frame that began has been seen to its end.
    pub(crate) const fn is_between(&self) -> bool {
        self.seen == 0 && self.left == 0
    }

    /// Goes over `bytes` up to the end of a head or of a frame, whichever is next, or of them all: how many that are, and the
    /// head.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> (usize, Option<Head>) {
        if self.left > 0 {
            let payload = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= u32::try_from(payload).unwrap_or(self.left);
            return (payload, None);
        }
        let room = self.head.get_mut(self.seen..).unwrap_or_default();
        let further = bytes.len().min(room.len());
        for (into, byte) in room.iter_mut().zip(bytes) {
            *into = *byte;
        }
        self.seen += further;
        if self.seen < HEAD {
            return (further, None);
        }
        let head = Head::read(self.head);
        (self.seen, self.left) = (0, head.length);
        (further, Some(head))
    }
}

const HEAD: usize = 9;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame as it stands on the wire.
    pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn heads(bytes: &[u8], piece: usize) -> (Vec<Head>, bool) {
        let (mut frames, mut heads) = (Frames::default(), Vec::new());
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                let (passed, head) = frames.pass(piece);
                heads.extend(head);
                piece = &piece[passed..];
            }
        }
        (heads, frames.is_between())
    }

    #[test]
    fn frames_are_found_in_pieces_of_any_size() {
        let bytes = [
            frame(4, 0, 0, &[]),
            frame(1, 0x5, 0x8000_0001, b"fields"),
            frame(0, 0, 3, &[7; 300]),
            frame(99, 0xff, 5, b"?"),
        ]
        .concat();
        let head = |length, kind, flags, stream| Head { length, kind, flags, stream };
        let expected = vec![
            head(0, Kind::Settings, 0, 0),
            head(6, Kind::Headers, 5, 1),
            head(300, Kind::Data, 0, 3),
            head(1, Kind::Unknown, 0xff, 5),
        ];
        for piece in 1..=bytes.len() {
            assert_eq!(heads(&bytes, piece), (expected.clone(), true), "by {piece}");
        }
        assert!(!heads(&bytes[..bytes.len() - 1], 7).1 && !heads(&bytes[..3], 7).1);
    }

    #[test]
    fn flags_mean_something_on_their_own_kinds_only() {
        let only = |kind| heads(&frame(kind, 0x5, 1, &[]), 9).0[0];
        assert!(only(0).ends_stream() && only(1).ends_stream() && !only(4).ends_stream());
        assert!(
            only(4).is_acknowledgement() && only(6).is_acknowledgement() && !only(1).is_acknowledgement()
        );
        assert!(only(9).ends_fields() && !heads(&frame(9, 0x1, 1, &[]), 9).0[0].ends_fields());
    }
}
