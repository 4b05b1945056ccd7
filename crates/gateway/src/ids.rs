//! The ids of a request: `x-amzn-RequestId` and `x-amz-apigw-id`.

use std::fmt;

use ambient::{Entropy, Uuid};
use base64::Engine as _;

/// `x-amz-apigw-id`: sixteen characters of base64, without an allocation.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct ExtendedId([u8; 16]);

impl ExtendedId {
    fn draw(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 11];
        entropy.fill(&mut random);
        let mut text = [b'='; 16];
        // Eleven bytes are sixteen characters with padding: the slice always fits.
        let _written = base64::engine::general_purpose::STANDARD.encode_slice(random, &mut text);
        Self(text)
    }

    /// The text itself.
    pub(crate) fn as_str(&self) -> &str {
        // INVARIANT: only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for ExtendedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The two ids every request has from the moment it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// `x-amzn-RequestId`.
    pub(crate) request: Uuid,
    /// `x-amz-apigw-id`.
    pub(crate) extended: ExtendedId,
}

impl Ids {
    /// New ids. A client cannot choose them: `x-amzn-RequestId` from outside is only a header.
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self { request: Uuid::v4(entropy), extended: ExtendedId::draw(entropy) }
    }
}

#[cfg(test)]
mod tests {
    use testkit::SeededEntropy;

    use super::*;

    #[test]
    fn extended_id_is_base64_and_no_id_comes_twice() {
        let (ids, other) = (Ids::draw(&SeededEntropy::new(1)), Ids::draw(&SeededEntropy::new(2)));
        assert_eq!(ids.extended.as_str().len(), 16);
        assert!(ids.extended.as_str().ends_with('='));
        assert_ne!(ids.extended, other.extended);
        assert_ne!(ids.request, other.request);
    }
}
