//! What stands under a name that secrets go by: in variables, in calls of modules and in a function's environment.
//!
//! One list for all of them. A name that goes on after the word for a secret says something about it, such as where it is:
//! `client_secret_arn`. So does a value that is a reference, and neither is a secret.

use serde_json::Value;

/// What kind of secret `value`, called `name`, is or has in it, if only by its name.
pub(super) fn secret_in(name: &str, value: &Value) -> Option<&'static str> {
    below(name, false, value)
}

/// What kind of secret `value` is or has in it, if whatever it has may be one.
pub(super) fn secret_of_any_name(value: &Value) -> Option<&'static str> {
    below("", true, value)
}

/// What is below the name of a secret is one, too: `client_secrets = { billing = "…" }`. Its own name may say that it is
/// none: `api_key = { name = "…" }`.
fn below(name: &str, is_below: bool, value: &Value) -> Option<&'static str> {
    let is_secret = is_name_of_secret(name) || is_below && !is_harmless(name);
    match value {
        Value::String(text) if is_secret && is_secret_text(text) => Some("a text under the name of a secret"),
        // One of few digits is a size or a time, and kept by nobody.
        Value::Number(number) if is_secret && number.to_string().len() >= 4 => {
            Some("a number under the name of a secret")
        }
        Value::Array(list) => list.iter().find_map(|value| below("", is_secret, value)),
        Value::Object(object) => object.iter().find_map(|(name, value)| below(name, is_secret, value)),
        _ => None,
    }
}

/// Whether a name ends in a word for a secret.
fn is_name_of_secret(name: &str) -> bool {
    let ends = |name: &str| {
        ANYWHERE.iter().any(|word| name.ends_with(word))
            || WORDS.iter().any(|word| {
                name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
            })
    };
    spellings(name).iter().any(|name| ends(name))
}

/// Whether a name ends in a word for what everybody may know.
pub(super) fn is_harmless(name: &str) -> bool {
    let ends = |name: &str| HARMLESS.contains(&name.rsplit('_').next().unwrap_or_default());
    !is_name_of_secret(name) && spellings(name).iter().any(|name| ends(name))
}

/// `clientSecrets` as `client_secrets`, and without the last letter of a plural.
fn spellings(name: &str) -> [String; 2] {
    let (mut snake, mut last) = (String::new(), '_');
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let begins =
            c.is_uppercase() && (!last.is_uppercase() || rest.peek().is_some_and(|c| c.is_lowercase()));
        if begins && last.is_alphanumeric() {
            snake.push('_');
        }
        snake.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        last = c;
    }
    let singular = snake.strip_suffix('s').unwrap_or(&snake).to_owned();
    [snake, singular]
}

/// Whether the text, under the name of a secret, is one.
pub(super) fn is_secret_text(text: &str) -> bool {
    let is_word = || SAID_OF_ONE.iter().any(|word| text.eq_ignore_ascii_case(word));
    !text.trim().is_empty() && !is_word() && !is_reference(text)
}

/// Whether the text says where a secret is.
pub(super) fn is_reference(text: &str) -> bool {
    REFERENCES.iter().any(|start| text.starts_with(start))
        || FILES.iter().any(|end| text.ends_with(end))
        || is_parameter_path(text)
}

/// `/prod/token-broker/secret`. Base64 may begin with a slash and have others in it, and does not look like words.
fn is_parameter_path(text: &str) -> bool {
    let Some(path) = text.strip_prefix('/') else { return false };
    let is_word = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let has = |is: fn(&u8) -> bool| letters.as_bytes().iter().any(is);
        let mixes = has(u8::is_ascii_digit) && (has(u8::is_ascii_uppercase) || has(u8::is_ascii_lowercase));
        (1..=20).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !mixes
    };
    path.contains('/') && path.split(['/', '-', '_', '.']).all(is_word)
}

/// In the singular; other letters may stand right before them.
const ANYWHERE: [&str; 8] =
    ["accesstoken", "apikey", "passphrase", "passwd", "password", "privatekey", "secret", "secretkey"];

/// In the singular; they are the whole name, or stand behind `_`.
const WORDS: [&str; 19] = [
    "access_key",
    "access_token",
    "api_key",
    "api_key_value",
    "authorization",
    "bearer",
    "client_key",
    "credential",
    "encryption_key",
    "hmac_key",
    "key_value",
    "private_key",
    "psk",
    "pwd",
    "secret_key",
    "secret_string",
    "secret_value",
    "signing_key",
    "token",
];

/// How names end of what is known with a secret and is none.
const HARMLESS: [&str; 40] = [
    "algorithm",
    "alias",
    "arn",
    "audience",
    "burst",
    "count",
    "day",
    "description",
    "enabled",
    "endpoint",
    "expiry",
    "header",
    "host",
    "hour",
    "id",
    "issuer",
    "kind",
    "label",
    "length",
    "limit",
    "location",
    "minute",
    "name",
    "path",
    "period",
    "plan",
    "prefix",
    "rate",
    "region",
    "required",
    "role",
    "scope",
    "second",
    "size",
    "source",
    "stage",
    "ttl",
    "type",
    "url",
    "username",
];

/// What is said of a secret instead of one: whether there is one, or of which kind it is.
const SAID_OF_ONE: [&str; 18] = [
    "authorizer",
    "auto",
    "aws_iam",
    "cognito_user_pools",
    "custom",
    "default",
    "disabled",
    "enabled",
    "false",
    "header",
    "no",
    "none",
    "null",
    "off",
    "on",
    "required",
    "true",
    "yes",
];

const REFERENCES: [&str; 9] =
    ["alias/", "arn:", "{{", "${", "file:", "op://", "secretsmanager:", "ssm:", "vault:"];

const FILES: [&str; 2] = [".key", ".pem"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "51vd2p4k9bqj6t0r8wz3yxnm7ha1cf5e";

    #[test]
    fn names_that_secrets_go_by() {
        for name in [
            "secret",
            "clientSecret",
            "CLIENT_SECRETS",
            "dbPassword",
            "APIKey",
            "api-keys",
            "client_secret_value",
            "secret_string",
            "hmac_key",
            "signing_key",
            "encryption_key",
            "psk",
            "wifi_pwd",
            "PASSPHRASE",
            "client_key",
            "bearer",
            "mysql_passwd",
            "aws_secret_access_key",
            "secret_key",
            "credentials",
        ] {
            assert!(secret_in(name, &json!(TEXT)).is_some(), "{name}");
            assert!(!is_harmless(name), "{name}");
        }
    }

    #[test]
    fn names_of_something_else() {
        for name in [
            "",
            "secret_arn",
            "secret_name",
            "client_secret_id",
            "token_endpoint",
            "tokenUrl",
            "api_key_ids",
            "keyboard",
            "upswd",
            "token_ttl_seconds",
            "secretary",
        ] {
            assert_eq!(secret_in(name, &json!(TEXT)), None, "{name}");
        }
    }

    #[test]
    fn what_is_below_the_name_of_a_secret_unless_its_own_name_is_harmless() {
        let found = |value: Value| secret_in("api_keys", &value).is_some();
        assert!(found(json!({ "billing": TEXT })));
        assert!(found(json!([{ "value": TEXT }])));
        assert!(found(json!({ "name": { "password": TEXT } })));
        assert!(!found(json!({ "name": "billing", "plan": "standard", "enabled": true, "rate": 5000 })));
        assert!(!found(json!({ "owner": { "username": "bob", "userName": "bob" } })));
    }

    #[test]
    fn numbers_are_secrets_unless_they_are_short() {
        assert_eq!(secret_in("password", &json!(12_345_678)), Some("a number under the name of a secret"));
        assert_eq!(secret_in("tokens", &json!(5)), None);
        assert_eq!(secret_in("password", &json!(true)), None);
    }

    #[test]
    fn values_that_only_say_something_of_a_secret() {
        for value in [
            "",
            " ",
            "yes",
            "False",
            "AWS_IAM",
            "arn:aws:secretsmanager:eu-central-1:000000000000:secret:m2m",
            "{{resolve:secretsmanager:m2m}}",
            "alias/token-broker",
            "certs/client.pem",
            "/prod/token-broker/clientSecret2",
        ] {
            assert_eq!(secret_in("secret", &json!(value)), None, "{value}");
        }
        for value in [
            TEXT,
            "$2b$12$abc",
            "/K7MDENG/bPxRfiCYEXAMPLEKEYwJalrXUtnFEMI",
            "/Vq81kx+secret",
            "/a8Kd/Q2xw",
            "/oneword",
            "//a",
        ] {
            assert!(secret_in("secret", &json!(value)).is_some(), "{value}");
        }
    }

    #[test]
    fn any_name_will_do_where_all_of_it_is_secret() {
        assert!(secret_of_any_name(&json!(TEXT)).is_some());
        assert!(secret_of_any_name(&json!({ "username": "bob", "x": [TEXT] })).is_some());
        for nothing in [json!(null), json!(""), json!({}), json!([]), json!({ "username": "bob", "x": "" })] {
            assert_eq!(secret_of_any_name(&nothing), None, "{nothing}");
        }
    }
}
