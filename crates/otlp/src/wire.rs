//! Protobuf's wire format, as far as it takes to write messages.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

/// A message that is being written. What is empty or zero is left out, as proto3 has it.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.varint(value);
        }
    }

    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, I64);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.tag(field, I32);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.delimited(field, value);
        }
    }

    /// A message within this one. It is there even if it is empty.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.delimited(field, &inner.0);
    }

    /// A text that is one of several things a field may be, and so is there even if it is empty.
    pub(crate) fn one_of_text(&mut self, field: u32, value: &str) {
        self.delimited(field, value.as_bytes());
    }

    /// The same for a number.
    pub(crate) fn one_of_number(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    fn delimited(&mut self, field: u32, value: &[u8]) {
        self.tag(field, LEN);
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(value);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(low_byte(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low_byte(value));
    }
}

/// The number in field `wanted` of `message`, at the end of the path of messages in front of it; none if it is not there or
/// the bytes are no message.
pub(crate) fn find_number(message: &[u8], path: &[u32]) -> Option<u64> {
    let (wanted, deeper) = path.split_first()?;
    let mut rest = message;
    while !rest.is_empty() {
        let tag = read_varint(&mut rest)?;
        let is_wanted = tag >> 3 == u64::from(*wanted);
        match u32::try_from(tag & 7).ok()? {
            VARINT => {
                let value = read_varint(&mut rest)?;
                if is_wanted && deeper.is_empty() {
                    return Some(value);
                }
            }
            LEN => {
                let length = usize::try_from(read_varint(&mut rest)?).ok()?;
                let (inner, behind) = rest.split_at_checked(length)?;
                rest = behind;
                if is_wanted && !deeper.is_empty() {
                    return find_number(inner, deeper);
                }
            }
            I64 => rest = rest.get(8..)?,
            I32 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    None
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low & 0x7f
}

const VARINT: u32 = 0;
const I64: u32 = 1;
const LEN: u32 = 2;
const I32: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_specification_shows_them() {
        let mut message = Message::default();
        message.number(1, 150);
        message.bytes(2, b"testing");
        message.message(3, |inner| inner.number(1, 150));
        let shown =
            [0x08, 0x96, 0x01, 0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g', 0x1a, 3, 8, 0x96, 1];
        assert_eq!(message.into_bytes(), shown);
    }

    #[test]
    fn fixed_numbers_are_little_endian_and_zero_is_left_out() {
        let mut message = Message::default();
        message.fixed64(7, 1);
        message.fixed32(16, 0x0102_0304);
        message.fixed64(8, 0);
        message.fixed32(9, 0);
        message.number(10, 0);
        message.bytes(11, b"");
        assert_eq!(message.into_bytes(), [0x39, 1, 0, 0, 0, 0, 0, 0, 0, 0x85, 0x01, 4, 3, 2, 1]);
    }

    #[test]
    fn number_within_a_message_is_found_behind_everything_else() {
        let mut message = Message::default();
        message.fixed64(7, 1);
        message.fixed32(8, 1);
        message.number(9, u64::MAX);
        message.bytes(2, b"not this");
        message.message(1, |inner| {
            inner.bytes(2, b"why");
            inner.number(1, 300);
        });
        let bytes = message.into_bytes();
        assert_eq!(find_number(&bytes, &[1, 1]), Some(300));
        assert_eq!(find_number(&bytes, &[9]), Some(u64::MAX));
        assert_eq!(find_number(&bytes, &[1, 3]), None);
        assert_eq!(find_number(b"", &[1, 1]), None);
    }

    #[test]
    fn bytes_that_are_no_message_have_no_number() {
        for broken in [
            &b"\x0a\xff"[..],
            b"\x0b",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x39\x01",
            b"<html>",
        ] {
            assert_eq!(find_number(broken, &[1, 1]), None, "{broken:?}");
        }
    }
}
