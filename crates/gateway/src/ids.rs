//! The ids of a request: `x-amzn-RequestId`, `x-amz-apigw-id`, and the trace id.

use std::fmt;

use ambient::{Entropy, Timestamp, Uuid};
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

/// The trace id that goes to the function and back to the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Trace {
    /// What the function sees.
    pub(crate) inbound: String,
    /// What the client sees in the answer.
    pub(crate) outbound: String,
}

impl Trace {
    /// The trace of a request: a complete one that the client sent is kept; one with only a root gets a parent; without
    /// a usable one, a new root is made.
    pub(crate) fn of(sent: Option<&str>, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let sent = sent.filter(|sent| is_trace(sent));
        if let Some(whole) = sent.filter(|sent| sent.contains("Parent=") && sent.contains("Sampled=")) {
            return Self { inbound: whole.to_owned(), outbound: whole.to_owned() };
        }
        let random = (entropy.next_u64(), entropy.next_u64(), entropy.next_u64());
        let root = sent.and_then(|sent| sent.split(';').find(|part| part.starts_with("Root="))).map_or_else(
            || format!("Root=1-{:08x}-{:016x}{:08x}", now.as_secs(), random.0, random.1 >> 32),
            ToOwned::to_owned,
        );
        let outbound =
            format!("{root};Parent={:016x};Sampled=0;Lineage=1:{:08x}:0", random.2, random.1 & 0xffff_ffff);
        Self { inbound: root, outbound }
    }
}

/// Whether this looks like a trace header. Anything else is ignored rather than handed on.
fn is_trace(text: &str) -> bool {
    text.len() <= 256
        && text.contains("Root=1-")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=-;:".contains(&byte))
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

    #[test]
    fn complete_trace_is_kept_and_root_gets_a_parent() {
        let trace = |sent| Trace::of(sent, Timestamp::from_secs(0x6ab5_8520), &SeededEntropy::new(1));
        let whole = "Root=1-6ab58520-70315d7939e4c191321149a9;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(trace(Some(whole)), Trace { inbound: whole.into(), outbound: whole.into() });
        let root = "Root=1-6ab58520-70315d7939e4c191321149a9";
        assert_eq!(trace(Some(root)).inbound, root);
        assert!(trace(Some(root)).outbound.starts_with("Root=1-6ab58520-70315d7939e4c191321149a9;Parent="));
        for unusable in [None, Some("hello"), Some("Root=1-\"};x")] {
            assert!(trace(unusable).inbound.starts_with("Root=1-6ab58520-"), "{unusable:?}");
            assert_eq!(trace(unusable).inbound.len(), root.len());
        }
    }
}
