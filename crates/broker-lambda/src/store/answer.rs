//! The value in an answer of the extension, which repeats the answer of the service behind it.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::Deserialize;

use super::StoreError;

/// The text of a secret.
pub(super) fn secret(body: &[u8]) -> Result<SecretString, StoreError> {
    let answer: Secret<'_> = serde_json::from_slice(body).map_err(|_| StoreError::Malformed)?;
    // A secret may have bytes instead.
    answer.text.map(|text| SecretString::from(text.into_owned())).ok_or(StoreError::NoText)
}

/// The value of a parameter.
pub(super) fn parameter(body: &[u8]) -> Result<SecretString, StoreError> {
    let answer: Answered<'_> = serde_json::from_slice(body).map_err(|_| StoreError::Malformed)?;
    Ok(SecretString::from(answer.parameter.value.into_owned()))
}

#[derive(Deserialize)]
struct Secret<'a> {
    #[serde(borrow, rename = "SecretString")]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow, rename = "Parameter")]
    parameter: Parameter<'a>,
}

#[derive(Deserialize)]
struct Parameter<'a> {
    #[serde(borrow, rename = "Value")]
    value: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn value_is_found_where_each_service_puts_it() {
        type Row =
            (fn(&[u8]) -> Result<SecretString, StoreError>, &'static str, Result<&'static str, StoreError>);
        let table: [Row; 9] = [
            (
                secret,
                r#"{"ARN":"arn:x","CreatedDate":"2026-09-24T20:16:32Z","Name":"m2m","SecretBinary":null,
                   "SecretString":"a\nb","VersionId":"v","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}"#,
                Ok("a\nb"),
            ),
            (secret, r#"{"SecretBinary":"aGk=","SecretString":null}"#, Err(StoreError::NoText)),
            (secret, r#"{"SecretBinary":"aGk="}"#, Err(StoreError::NoText)),
            (secret, r#"{"SecretString":["hunter2"]}"#, Err(StoreError::Malformed)),
            (secret, "hunter2", Err(StoreError::Malformed)),
            (
                parameter,
                r#"{"Parameter":{"ARN":"arn:x","DataType":"text","Name":"/b","Type":"SecureString",
                   "Value":"{\"version\":1}","Version":3},"ResultMetadata":{}}"#,
                Ok(r#"{"version":1}"#),
            ),
            (parameter, r#"{"Parameter":{"Name":"/b"}}"#, Err(StoreError::Malformed)),
            (parameter, r#"{"SecretString":"a"}"#, Err(StoreError::Malformed)),
            (parameter, "", Err(StoreError::Malformed)),
        ];
        for (read, body, expected) in table {
            let value = read(body.as_bytes());
            assert_eq!(
                value.as_ref().map(ExposeSecret::expose_secret).map_err(|error| *error),
                expected,
                "{body}"
            );
        }
    }
}
