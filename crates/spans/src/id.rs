//! What traces and spans are called, and where a span hangs.

use std::fmt;

/// Which trace: sixteen bytes, not all of them zero.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TraceId([u8; 16]);

/// Which span of a trace: eight bytes, not all of them zero.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SpanId([u8; 8]);

/// Where a span hangs: in a trace, below a span that somebody else made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Under {
    /// The trace.
    pub trace: TraceId,
    /// The span above.
    pub parent: SpanId,
}

impl TraceId {
    /// Reads 32 hexadecimal digits in lower case.
    ///
    /// ```
    /// let id = spans::TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
    /// assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_eq!(spans::TraceId::parse("00000000000000000000000000000000"), None);
    /// ```
    pub fn parse(digits: &str) -> Option<Self> {
        bytes(digits).map(Self)
    }

    /// The bytes themselves.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SpanId {
    /// The span that `number` stands for. Zero stands for none, and becomes one.
    pub const fn new(number: u64) -> Self {
        let number = if number == 0 { 1 } else { number };
        Self(number.to_be_bytes())
    }

    /// Reads 16 hexadecimal digits in lower case.
    pub fn parse(digits: &str) -> Option<Self> {
        bytes(digits).map(Self)
    }

    /// The bytes themselves.
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Under {
    /// Reads `X-Amzn-Trace-Id` as the front door writes it to a function. None if the request is not traced.
    ///
    /// ```
    /// # use spans::Under;
    /// let said = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    /// assert_eq!(Under::read(said).unwrap().parent.to_string(), "00f067aa0ba902b7");
    /// assert_eq!(Under::read(&said.replace("Sampled=1", "Sampled=0")), None);
    /// ```
    pub fn read(header: &str) -> Option<Self> {
        let field = |name: &str| header.split(';').find_map(|field| field.strip_prefix(name));
        if field("Sampled=") != Some("1") {
            return None;
        }
        let (time, random) = field("Root=1-")?.split_once('-')?;
        let trace = TraceId::parse(&format!("{time}{random}"))?;
        Some(Self { trace, parent: SpanId::parse(field("Parent=")?)? })
    }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn id_is_written_in_one_way() {
        for digits in ["", "0", "00f067aa0ba902b", "00F067AA0BA902B7", "+0f067aa0ba902b7", "0000000000000000"]
        {
            assert_eq!(SpanId::parse(digits), None, "{digits}");
        }
        assert_eq!(SpanId::new(0).to_string(), "0000000000000001");
    }

    #[test]
    fn request_that_is_not_traced_hangs_nowhere() {
        let root = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736";
        for header in [
            "",
            root,
            &format!("{root};Sampled=1"),
            &format!("{root};Parent=00f067aa0ba902b7"),
            &format!("{root};Parent=00f067aa0ba902b7;Sampled=?"),
            "Parent=00f067aa0ba902b7;Sampled=1",
            "Root=1-4bf92f35;Parent=00f067aa0ba902b7;Sampled=1",
            "Root=1-00000000-000000000000000000000000;Parent=00f067aa0ba902b7;Sampled=1",
        ] {
            assert_eq!(Under::read(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn number_that_is_written_is_read(number in 1..=u64::MAX) {
            let id = SpanId::new(number);
            prop_assert_eq!(SpanId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn no_header_is_too_strange(header in "\\PC{0,120}") {
            let _none = Under::read(&header);
        }
    }
}
