//! Random UUIDs, as ids of requests and tokens.

use std::fmt;

use crate::Entropy;

/// A random UUID (version 4, RFC 9562 §5.4) as its text, without an allocation.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Uuid([u8; 36]);

impl Uuid {
    /// A new one.
    pub fn v4(entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 16];
        entropy.fill(&mut random);
        let nibbles = random.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).enumerate();
        let nibbles = nibbles.map(|(at, nibble)| match at {
            12 => 4,
            16 => nibble & 0x3 | 0x8,
            _ => nibble,
        });
        let mut text = [b'-'; 36];
        let places = text.iter_mut().enumerate().filter(|(at, _)| ![8, 13, 18, 23].contains(at));
        for ((_, place), nibble) in places.zip(nibbles) {
            *place = hex(nibble);
        }
        Self(text)
    }

    /// `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`.
    pub fn as_str(&self) -> &str {
        // INVARIANT: only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn hex(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn version_and_variant_are_set_and_the_rest_is_random() {
        assert_eq!(Uuid::v4(&Same(0x00)).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(Uuid::v4(&Same(0xff)).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(Uuid::v4(&Same(0x5a)).as_str(), "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a");
        assert_ne!(Uuid::v4(&crate::SystemEntropy), Uuid::v4(&crate::SystemEntropy));
    }
}
