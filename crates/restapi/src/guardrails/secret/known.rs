//! Secrets whose values are known, found in other texts.
//!
//! However many there are, a text is gone through once. A secret is found as it is, as part of a JSON text, and in base64;
//! not when it was cut, turned round or encrypted.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::base64::decoded;

/// Secrets that are known, each with what is said where it is found. Texts of fewer than eight bytes are none: they stand
/// in other texts by chance.
///
/// ```
/// use restapi::guardrails::KnownSecrets;
/// let secrets = KnownSecrets::new([("correct-horse", "the password")]);
/// assert_eq!(secrets.find("ask with correct-horse, please"), Some(&"the password"));
/// assert_eq!(secrets.find("Basic Y29ycmVjdC1ob3JzZQ=="), Some(&"the password"));
/// assert_eq!(secrets.find("a horse"), None);
/// ```
#[derive(Clone)]
pub struct KnownSecrets<T> {
    // By the first bytes, then by length, then by value: where a text does not begin like a secret, one look is enough.
    by_start: HashMap<[u8; SHORTEST], ByLength<T>>,
}

type ByLength<T> = BTreeMap<usize, HashMap<Vec<u8>, T>>;

impl<T: Clone> KnownSecrets<T> {
    /// `secrets`, each with what is said of it; of two that are equal the first.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = (S, T)>) -> Self {
        let mut known = Self::default();
        for (secret, said) in secrets {
            // White space around it may be cut off where it stands.
            let secret = secret.as_ref().trim();
            known.add(secret.as_bytes(), &said);
            let in_json = serde_json::Value::from(secret).to_string();
            let in_json = in_json.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            known.add(in_json.unwrap_or_default().as_bytes(), &said);
        }
        known
    }

    fn add(&mut self, secret: &[u8], said: &T) {
        let Some(start) = secret.first_chunk() else { return };
        let of_length = self.by_start.entry(*start).or_default().entry(secret.len()).or_default();
        of_length.entry(secret.to_vec()).or_insert_with(|| said.clone());
    }
}

impl<T> KnownSecrets<T> {
    /// What is said of a secret that `text` holds.
    pub fn find(&self, text: &str) -> Option<&T> {
        if self.by_start.is_empty() {
            return None;
        }
        self.find_in(text.as_bytes()).or_else(|| decoded(text).find_map(|bytes| self.find_in(&bytes)))
    }

    fn find_in(&self, text: &[u8]) -> Option<&T> {
        text.windows(SHORTEST).enumerate().find_map(|(at, start)| {
            let by_length = self.by_start.get(start)?;
            by_length.iter().find_map(|(length, secrets)| secrets.get(text.get(at..at + length)?))
        })
    }
}

impl<T> Default for KnownSecrets<T> {
    fn default() -> Self {
        Self { by_start: HashMap::new() }
    }
}

impl<T> fmt::Debug for KnownSecrets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_start = |by_length: &ByLength<T>| by_length.values().map(HashMap::len).sum::<usize>();
        write!(f, "KnownSecrets({})", self.by_start.values().map(of_start).sum::<usize>())
    }
}

const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_are_no_secrets() {
        assert!(KnownSecrets::new([("1234567", ()), ("", ()), (" 1234567\n", ())]).find("1234567").is_none());
        assert!(KnownSecrets::new([("12345678", ())]).find("x12345678x").is_some());
    }

    #[test]
    fn secret_of_several_lines_is_found_in_json_and_without_its_end() {
        let secrets = KnownSecrets::new([("first line\nsecond \"line\"\n", ())]);
        assert!(secrets.find(r#"{"a":"first line\nsecond \"line\"\n"}"#).is_some());
        assert!(secrets.find("first line\nsecond \"line\"").is_some());
        assert!(secrets.find("first line second line").is_none());
    }

    #[test]
    fn the_longer_one_of_two_that_begin_alike_is_found_where_the_shorter_is_not() {
        let secrets = KnownSecrets::new([("12345678-long", 1), ("12345678-short", 2)]);
        assert_eq!(secrets.find("12345678-short"), Some(&2));
        assert_eq!(secrets.find("12345678-lon"), None);
    }

    #[test]
    fn debug_shows_how_many_and_no_value() {
        assert_eq!(format!("{:?}", KnownSecrets::new([("correct-horse", ())])), "KnownSecrets(1)");
    }

    proptest! {
        #[test]
        fn whatever_stands_around_a_secret_it_is_found(
            before in ".{0,20}",
            secret in "[!-~]{8,40}",
            after in ".{0,20}",
            others in prop::collection::vec("[!-~]{8,40}", 0..5),
        ) {
            let all = others.iter().chain([&secret]).map(|secret| (secret, ()));
            let secrets = KnownSecrets::new(all);
            let text = format!("{before}{secret}{after}");
            prop_assert!(secrets.find(&text).is_some());
        }
    }
}
