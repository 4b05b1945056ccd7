//! API keys. The value is a secret; the id is not.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::ApiKeyId;

/// An API key: who is calling, for metering and throttling.
///
/// It serializes without its value, as API Gateway lists keys unless it is asked to include values.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its id: safe to show and to log.
    pub id: ApiKeyId,
    /// Its name; need not be unique.
    pub name: String,
    /// Its value: what a caller presents. None where it is not known: API Gateway lists keys without it, and a plan has
    /// none before it is applied.
    #[serde(skip)]
    pub value: Option<ApiKeyValue>,
    /// Whether it admits. API Gateway's default is false.
    pub enabled: bool,
    /// Whose it is: the client's name. Policy, budget and cache go by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
}

/// What a caller presents. It is never printed, logged or serialized, and wiped when dropped.
#[derive(Clone)]
pub struct ApiKeyValue(SecretString);

/// A text that cannot be an API key's value. It does not say which text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ApiKeyValueError {
    /// Too short.
    #[error("API Key value should be at least 20 characters")]
    TooShort,
    /// Too long.
    #[error("API Key value exceeds maximum size of 128 characters")]
    TooLong,
    /// A character that cannot stand in a header by itself.
    #[error("API Key value must be printable ASCII without spaces")]
    NotPrintable,
}

impl ApiKeyValue {
    /// The alphabet and length of generated values: 40 mixed-case letters and digits, 238 bits.
    pub const ALPHABET: &'static [u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /// How long a generated value is.
    pub const GENERATED_LENGTH: usize = 40;

    /// The value `text`, if API Gateway would take it.
    pub fn new(text: String) -> Result<Self, ApiKeyValueError> {
        match text.len() {
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(ApiKeyValueError::NotPrintable),
            ..20 => Err(ApiKeyValueError::TooShort),
            129.. => Err(ApiKeyValueError::TooLong),
            20..=128 => Ok(Self(text.into())),
        }
    }

    /// The text itself, for hashing it or writing it to its own file.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ApiKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyValue(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_has_20_to_128_printable_characters() {
        let of = |text: &str| ApiKeyValue::new(text.into()).map(|_| ());
        assert_eq!(of(&"k".repeat(19)), Err(ApiKeyValueError::TooShort));
        assert_eq!(of(&"k".repeat(20)), Ok(()));
        assert_eq!(of(&"k".repeat(128)), Ok(()));
        assert_eq!(of(&"k".repeat(129)), Err(ApiKeyValueError::TooLong));
        assert_eq!(of(&" ".repeat(20)), Err(ApiKeyValueError::NotPrintable));
    }

    #[test]
    fn value_stands_neither_in_debug_nor_in_json() {
        let value = "0123456789abcdefghij0123456789abcdefghij";
        let key = ApiKey {
            id: ApiKeyId::derived(&["billing"]),
            name: "billing".into(),
            value: Some(ApiKeyValue::new(value.into()).unwrap()),
            enabled: true,
            customer_id: Some("billing".into()),
        };
        assert!(!format!("{key:?}").contains(value));
        assert!(!serde_json::to_string(&key).unwrap().contains(value));
    }
}
