//! What a function's bindings name: the entries that the broker reads, and so all that its role must let it read.
//!
//! The role is held against it, once the bindings are known.

use bindings::{Bindings, Reference, Upstream};

/// The entries, as the bindings name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// By name or by ARN.
    secrets: Vec<String>,
    parameters: Vec<String>,
}

impl Named {
    /// The secrets of the app clients and of the header, and the bindings themselves, which lie at `own`.
    pub(super) fn of(bindings: &Bindings, own: &Reference) -> Self {
        let header = match &bindings.upstream {
            Upstream::TokenEndpoint { header, .. } => header.as_ref(),
            Upstream::CognitoIdp { .. } => None,
        };
        let of_clients = bindings.app_clients.values().map(|app_client| &app_client.secret);
        let all = of_clients.chain(header.map(|header| &header.value)).chain([own]);
        let mut named = Self::default();
        for reference in all {
            match reference {
                Reference::Secret(name) => named.secrets.push(name.clone()),
                Reference::Parameter(name) => named.parameters.push(name.clone()),
                Reference::File(_) => {}
            }
        }
        named
    }

    /// Whether a resource of a policy is one of them. What is neither a secret nor a parameter is not looked at.
    pub(crate) fn has(&self, resource: &str) -> bool {
        match resource.split(':').nth(2) {
            Some("secretsmanager") => self.secrets.iter().any(|named| is_secret(named, resource)),
            Some("ssm") => self.parameters.iter().any(|named| is_parameter(named, resource)),
            _ => true,
        }
    }
}

/// Whether the ARN `resource`, which may end in a wildcard for what Secrets Manager chooses, is that of the secret `named`.
fn is_secret(named: &str, resource: &str) -> bool {
    let is_arn = named.starts_with("arn:");
    let resource = match resource.split_once(":secret:") {
        Some((_, name)) if !is_arn => name,
        _ => resource,
    };
    match resource.strip_suffix("-??????") {
        Some(whole) => whole == named || is_arn && has_ending(named, whole),
        None => resource == named && is_arn || has_ending(resource, named),
    }
}

/// Whether `arn` is `whole` and the hyphen and six characters that Secrets Manager ends ARNs in.
fn has_ending(arn: &str, whole: &str) -> bool {
    arn.strip_prefix(whole).and_then(|rest| rest.strip_prefix('-')).is_some_and(|ending| {
        ending.len() == ENDING && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_parameter(named: &str, resource: &str) -> bool {
    let name = resource.split_once(":parameter/").map(|(_, name)| name);
    resource == named || name == Some(named.strip_prefix('/').unwrap_or(named))
}

const ENDING: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m";
    const PARAMETER: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings";

    fn secret(named: &str) -> Named {
        Named { secrets: vec![named.to_owned()], ..Named::default() }
    }

    #[test]
    fn secret_is_known_by_name_and_by_arn_with_or_without_its_ending() {
        let whole = format!("{SECRET}-AbCdEf");
        for named in ["token-broker/m2m", SECRET, &whole] {
            assert!(secret(named).has(&whole), "{named}");
            assert!(secret(named).has(&format!("{SECRET}-??????")), "{named}");
        }
    }

    #[test]
    fn another_secret_is_not_named() {
        let whole = format!("{SECRET}-AbCdEf");
        for named in ["token-broker/m2m", SECRET, &whole] {
            for other in ["-2-AbCdEf", "-2-??????", "/x-AbCdEf", "-AbCdEfG", ""] {
                // An ARN without its ending allows nothing, and names nothing.
                if other.is_empty() && named == SECRET {
                    continue;
                }
                assert!(!secret(named).has(&format!("{SECRET}{other}")), "{named} {other}");
            }
            assert!(!secret(named).has(&whole.replace("m2m", "partner")), "{named}");
        }
        assert!(!secret(&whole).has(&format!("{SECRET}-AbCdEg")));
        assert!(!secret(&whole).has(&whole.replace("eu-central-1", "us-east-1")));
        assert!(!secret("token-broker/m2m").has(PARAMETER));
    }

    #[test]
    fn parameter_is_known_by_name_and_by_arn() {
        for named in ["/token-broker/bindings", "token-broker/bindings", PARAMETER] {
            let named = Named { parameters: vec![named.to_owned()], ..Named::default() };
            assert!(named.has(PARAMETER));
            assert!(!named.has(&format!("{PARAMETER}-2")));
            assert!(
                !named.has("arn:aws:ssm:eu-central-1:123456789012:parameter/other/token-broker/bindings")
            );
            assert!(!named.has(&format!("{SECRET}-AbCdEf")));
        }
    }

    #[test]
    fn what_is_no_entry_is_not_looked_at() {
        assert!(Named::default().has("arn:aws:kms:eu-central-1:123456789012:key/1"));
        assert!(Named::default().has("arn:aws:logs:eu-central-1:123456789012:log-group:x:*"));
    }
}
