//! Names and ids, each its own type: a plan's id is not a key's id, and neither is any string.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A text that is not an id or name of the kind it was read as.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{value}` is not {expected}")]
pub struct IdError {
    value: String,
    expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Reads ", $expected, ".")]
            pub fn parse(value: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value.into()))
                } else {
                    Err(IdError { value: value.chars().take(140).collect(), expected: $expected })
                }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! derived {
    ($name:ident, $length:literal) => {
        impl $name {
            /// The id that belongs to `parts`: always the same for the same parts, so that a URL, a log and a limit mean
            /// the same thing after a restart. It is an address, not a secret.
            pub fn derived(parts: &[&str]) -> Self {
                Self(lowercase_alphanumeric(stringify!($name), parts, $length).into())
            }
        }
    };
}

id!(
    /// An AWS account number.
    AccountId, "an account id of 12 digits", |s| s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit())
);
id!(
    /// An AWS region.
    Region, "a region such as eu-central-1", |s| s.len() <= 32
        && s.split('-').count() >= 3
        && s.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
);
id!(
    /// A REST API.
    RestApiId, "an API id of 10 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[10])
);
id!(
    /// A resource; the root's id has 10 characters, every other 6.
    ResourceId, "a resource id of 6 or 10 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[6, 10])
);
id!(
    /// A deployment.
    DeploymentId, "a deployment id of 6 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[6])
);
id!(
    /// An authorizer.
    AuthorizerId, "an authorizer id of 6 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[6])
);
id!(
    /// A usage plan.
    UsagePlanId, "a usage plan id of 6 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[6])
);
id!(
    /// An API key's id, which is not its value.
    ApiKeyId, "an API key id of 10 lowercase letters and digits", |s| is_lowercase_alphanumeric(s, &[10])
);
id!(
    /// A stage.
    StageName, "a stage name of 1 to 128 letters, digits, `_` and `-`", |s| (1..=128).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
);
id!(
    /// A Lambda function.
    FunctionName, "a function name of 1 to 64 letters, digits, `_` and `-`", |s| (1..=64).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
);

derived!(RestApiId, 10);
derived!(ApiKeyId, 10);
derived!(DeploymentId, 6);
derived!(AuthorizerId, 6);
derived!(UsagePlanId, 6);

impl ResourceId {
    /// The id of the root resource of an API.
    pub fn derived_root(api: &RestApiId) -> Self {
        Self(lowercase_alphanumeric("ResourceId", &[api.as_str(), "/"], 10).into())
    }

    /// The id of the resource at `path` of an API.
    pub fn derived(api: &RestApiId, path: &str) -> Self {
        Self(lowercase_alphanumeric("ResourceId", &[api.as_str(), path], 6).into())
    }
}

impl ApiKeyId {
    /// The id as a number, and no two ids as the same number: 36^10 is below 2^52.
    ///
    /// A limiter that keeps state for a million keys stores this instead of a string.
    pub fn as_number(&self) -> u64 {
        let digit = |byte: u8| u64::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'a' + 10 });
        self.0.bytes().fold(0, |number, byte| number * 36 + digit(byte))
    }
}

fn is_lowercase_alphanumeric(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// FNV-1a over the parts, spread over `length` characters of base 36.
fn lowercase_alphanumeric(kind: &str, parts: &[&str], length: usize) -> String {
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = kind
        .bytes()
        .chain([0])
        .chain(bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    // FNV's low bits are weak for short inputs: fold the high half in before taking digits.
    let mut rest = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    rest ^= rest >> 32;
    let digits = std::iter::repeat_with(|| {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        rest /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    });
    digits.take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_id_is_stable_and_valid() {
        let id = RestApiId::derived(&["token-broker-api"]);
        assert_eq!(id, RestApiId::derived(&["token-broker-api"]));
        assert_eq!(RestApiId::parse(id.as_str()).unwrap(), id);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(ApiKeyId::derived(&["a", "bc"]), ApiKeyId::derived(&["ab", "c"]));
        assert_ne!(ApiKeyId::derived(&["a"]).as_str(), RestApiId::derived(&["a"]).as_str());
    }

    #[test]
    fn key_number_is_distinct_per_id() {
        let number = |id: &str| ApiKeyId::parse(id).unwrap().as_number();
        assert_eq!(number("0000000001"), 1);
        assert_eq!(number("000000000z"), 35);
        assert_eq!(number("0000000010"), 36);
        assert_eq!(number("zzzzzzzzzz"), 36_u64.pow(10) - 1);
    }

    #[test]
    fn text_of_another_kind_is_refused_with_what_was_expected() {
        let error = StageName::parse("de/v").unwrap_err();
        assert_eq!(error.to_string(), "`de/v` is not a stage name of 1 to 128 letters, digits, `_` and `-`");
        assert!(RestApiId::parse("ABCDEFGHIJ").is_err());
        assert!(Region::parse("eu-central").is_err());
        assert!(Region::parse("us-gov-west-1").is_ok());
    }
}
