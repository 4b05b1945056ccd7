//! Does a text hold a secret. It answers with the kind of secret, never with the text.
//!
//! A search for patterns finds what looks like a secret and no more: it is a net under people's care, not a proof.

mod base64;
mod known;

pub use known::KnownSecrets;

use base64::decoded;

use crate::{ApiKey, ApiKeyId};

/// The secrets that are known, and how the others look.
pub(super) struct Secrets<'a> {
    keys: KnownSecrets<&'a ApiKeyId>,
}

impl<'a> Secrets<'a> {
    /// The values of `keys` are secrets.
    pub(super) fn new(keys: &'a [ApiKey]) -> Self {
        let values = keys.iter().filter_map(|key| Some((key.value.as_ref()?.expose(), &key.id)));
        Self { keys: KnownSecrets::new(values) }
    }

    /// What kind of secret `text` holds, if it holds one.
    pub(super) fn kind_in(&self, text: &str) -> Option<String> {
        match self.keys.find(text) {
            Some(key) => Some(format!("the value of the API key {key}")),
            None => pattern_in(text).map(Into::into),
        }
    }
}

/// What `text`, or what stands in it in base64, looks like.
pub(super) fn pattern_in(text: &str) -> Option<&'static str> {
    let inside = || decoded(text).find_map(|bytes| look_of(std::str::from_utf8(&bytes).ok()?));
    look_of(text).or_else(inside)
}

fn look_of(text: &str) -> Option<&'static str> {
    match text {
        _ if has_access_key_id(text) => Some("an AWS access key id"),
        _ if has_private_key(text) => Some("a private key"),
        _ if has_json_web_token(text) => Some("a JSON Web Token"),
        _ if has_github_token(text) => Some("a GitHub token"),
        _ if has_slack_secret(text) => Some("a Slack token, or a webhook that is as good as one"),
        _ if has_password_in_url(text) => Some("a URL with a password"),
        _ if has_named_secret(text) => Some("a value under the name of a secret"),
        _ => None,
    }
}

fn has_access_key_id(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn has_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

/// Two base64url parts that begin as JSON objects do.
fn has_json_web_token(text: &str) -> bool {
    text.match_indices("eyJ").any(|(start, _)| {
        let header = text.get(start..).unwrap_or_default().split('.').nth(1);
        header.is_some_and(|payload| payload.starts_with("eyJ"))
    })
}

fn has_github_token(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_token =
        |word: &str| GITHUB.iter().any(|start| word.strip_prefix(start).is_some_and(|rest| rest.len() >= 22));
    words.into_iter().any(is_token)
}

/// Whoever knows the address of a webhook may post to it.
fn has_slack_secret(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_token = |word: &str| {
        let rest = word.strip_prefix("xox").or_else(|| word.strip_prefix("xap"));
        let rest = rest.and_then(|rest| rest.split_once('-')).filter(|(kind, _)| kind.len() == 1);
        rest.is_some_and(|(_, rest)| rest.len() >= 10 && rest.bytes().any(|byte| byte.is_ascii_digit()))
    };
    let is_webhook = |(_, rest): (&str, &str)| rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    text.split_once("hooks.slack.com/services/").is_some_and(is_webhook) || words.into_iter().any(is_token)
}

fn has_password_in_url(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// `client_secret=…`, `"password": "…"` and their like. What refers to a secret elsewhere is not one.
fn has_named_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NAMES.iter().any(|name| {
        text.match_indices(name).any(|(start, _)| {
            // `arn:…:secret:NAME` says where a secret is.
            if text.get(..start).unwrap_or_default().ends_with(':') {
                return false;
            }
            let after = text.get(start + name.len()..).unwrap_or_default();
            let after = after.trim_start_matches(['"', '\'', ' ']);
            let Some(value) = after.strip_prefix(['=', ':']) else { return false };
            let value = value.trim_start_matches(['"', '\'', ' ']);
            let value = value.split(['"', '\'', ' ', ',', '&', '}', ';']).next().unwrap_or_default();
            let is_reference = REFERENCES.iter().any(|reference| value.starts_with(reference));
            !value.is_empty() && !is_reference && !WORDS.contains(&value)
        })
    })
}

/// Names that secrets go by, in lower case.
const NAMES: [&str; 14] = [
    "secret",
    "secret_value",
    "secret_string",
    "passphrase",
    "x-api-key",
    "password",
    "passwd",
    "secret_access_key",
    "secretaccesskey",
    "private_key",
    "privatekey",
    "access_token",
    "accesstoken",
    "authorization",
];

/// How a value begins that only says where a secret is.
const REFERENCES: [&str; 9] =
    ["$", "{{", "arn:", "context.", "method.", "stagevariables.", "integration.", "null", "***"];

/// What is said of a secret instead of one: whether there is one.
const WORDS: [&str; 6] = ["true", "false", "yes", "no", "none", "required"];

const GITHUB: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApiKeyId, ApiKeyValue};

    #[test]
    fn secrets_are_known_by_their_look() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
        for (text, kind) in [
            ("key AKIAIOSFODNN7EXAMPLE", "an AWS access key id"),
            ("user=ASIAIOSFODNN7EXAMPLE;", "an AWS access key id"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
            (&format!("Bearer {token}"), "a JSON Web Token"),
            ("https://billing:hunter2@example.com/x", "a URL with a password"),
            ("client_secret=hunter2", "a value under the name of a secret"),
            ("{\"Password\": \"hunter2\"}", "a value under the name of a secret"),
            ("integration.request.header.Authorization='Basic YTpi'", "a value under the name of a secret"),
            ("gatewayresponse.header.X-Api-Key='hunter2'", "a value under the name of a secret"),
            ("{\"client_secret_value\": \"hunter2\"}", "a value under the name of a secret"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "a GitHub token"),
            ("token=github_pat_11ABCDEFG0123456789abc_x", "a GitHub token"),
            (
                "https://hooks.slack.com/services/T0/B0/x",
                "a Slack token, or a webhook that is as good as one",
            ),
            ("xoxb-0123456789-abc", "a Slack token, or a webhook that is as good as one"),
            // {"client_secret":"hunter2"}
            ("eyJjbGllbnRfc2VjcmV0IjoiaHVudGVyMiJ9", "a value under the name of a secret"),
        ] {
            assert_eq!(pattern_in(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn ordinary_texts_hold_none() {
        for text in [
            "",
            "Gives tokens to machines; the client secret stays inside",
            "{\"error\":\"invalid_client\",\"error_description\":\"the API key is missing or not valid\"}",
            "client_secret_arn=arn:aws:secretsmanager:eu-central-1:000000000000:secret:m2m",
            "client_secret=$stageVariables.x",
            "client_secret=",
            "password={{resolve:secretsmanager:m2m}}",
            "arn:aws:iam::000000000000:role/AKIAIOSFODNN",
            "https://example.com/a:b@c",
            "eyJ is how JSON objects begin in base64. So is eyI",
            // {"client_id":"hunter2"}
            "eyJjbGllbnRfaWQiOiJodW50ZXIyIn0",
            "client_secret=true",
            "integration.request.header.x-api-key=method.request.header.x-api-key",
            "ghp_short and xoxo-hugs-and-kisses",
            "https://hooks.slack.com/services/",
        ] {
            assert_eq!(pattern_in(text), None, "{text}");
        }
    }

    #[test]
    fn value_of_a_key_is_found_and_not_repeated() {
        let value = "0123456789abcdefghij0123456789abcdefghij";
        let key = ApiKey {
            id: ApiKeyId::derived(&["billing"]),
            name: "billing".into(),
            value: Some(ApiKeyValue::new(value.into()).unwrap()),
            enabled: true,
            customer_id: None,
        };
        let keys = [key];
        let base64 = "MDEyMzQ1Njc4OWFiY2RlZmdoaWowMTIzNDU2Nzg5YWJjZGVmZ2hpag";
        for text in [value, base64] {
            let kind = Secrets::new(&keys).kind_in(&format!("ask with {text}.")).unwrap();
            assert!(kind.starts_with("the value of the API key") && !kind.contains(value), "{kind}");
        }
    }
}
