//! Random bytes, and who gives them.

use std::fmt;
use std::time::Duration;

use rand::Rng as _;

/// Gives random bytes that nobody outside can predict.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// Eight random bytes as a number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_ne_bytes(bytes)
    }
}

/// The operating system's randomness, stretched by a generator per thread that is reseeded from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for system randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// `length` characters drawn evenly from `alphabet`.
///
/// An alphabet of 62 gives 5.95 bits a character: 40 of them carry 238 bits. An empty alphabet gives an empty string.
pub fn alphanumeric(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    let Ok(size) = u8::try_from(alphabet.len()) else { return String::new() };
    if size == 0 {
        return String::new();
    }
    // Bytes past the last whole multiple of the alphabet would favour its first characters: they are thrown away.
    let even = u8::MAX - u8::MAX % size;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        entropy.fill(&mut bytes);
        let drawn = bytes
            .iter()
            .filter(|byte| **byte < even)
            .filter_map(|byte| alphabet.get(usize::from(byte % size)));
        text.extend(drawn.take(length - text.len()).map(|character| char::from(*character)));
    }
    text
}

/// A duration drawn evenly from zero up to `most`, so that those who wait do not come back together.
pub fn jitter(entropy: &dyn Entropy, most: Duration) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(entropy.next_u64() % most.saturating_add(1).max(1))
}
