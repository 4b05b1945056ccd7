//! Which credentials an access log format would write.

/// The first variable of `format` that shows a credential, or a part of the request that may hold one.
pub(super) fn credential_variable(format: &str) -> Option<&str> {
    variables(format).find(|name| shows_credential(name))
}

/// Whether the format has a request id, by which a line is found again.
pub(super) fn has_request_id(format: &str) -> bool {
    variables(format).any(|name| matches!(name, "$context.requestId" | "$context.extendedRequestId"))
}

/// The `$…` variables of a format.
fn variables(format: &str) -> impl Iterator<Item = &str> {
    format.match_indices('$').map(|(start, _)| {
        let rest = format.get(start..).unwrap_or_default();
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
        let name = end.and_then(|(end, _)| rest.get(..end)).unwrap_or(rest);
        name.trim_end_matches('.')
    })
}

pub(super) fn shows_credential(name: &str) -> bool {
    if let Some(property) = name.strip_prefix("$context.authorizer.") {
        let property = property.to_ascii_lowercase();
        return property == "claims" || CREDENTIAL_WORDS.iter().any(|word| property.contains(word));
    }
    // The input, by whatever function, and functions that could decode or dump it.
    ["$input", "$util"].iter().any(|root| name == *root || name.starts_with(&format!("{root}.")))
        || SHOWING.contains(&name)
}

/// What authors of authorizers call the credentials they hand on.
const CREDENTIAL_WORDS: [&str; 6] = ["token", "secret", "password", "apikey", "api_key", "authorization"];

/// Variables that show a credential as a whole. The messages do because API Gateway quotes a malformed
/// `Authorization` header, and values that failed validation, in them.
const SHOWING: [&str; 8] = [
    "$context.identity.apiKey",
    "$context.authorizer",
    "$context.identity",
    "$context.error.message",
    "$context.error.messageString",
    "$context.error.validationErrorString",
    "$context.requestOverride",
    "$context",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_show_a_credential_are_found() {
        for (format, variable) in [
            ("$context.requestId $context.identity.apiKey", Some("$context.identity.apiKey")),
            ("{\"key\":\"$context.identity.apiKey\"}", Some("$context.identity.apiKey")),
            ("$context.authorizer.claims", Some("$context.authorizer.claims")),
            ("$context.authorizer.accessToken", Some("$context.authorizer.accessToken")),
            ("$input.body", Some("$input.body")),
            ("$input.params('x-api-key')", Some("$input.params")),
            ("$util.base64Decode($context.requestId)", Some("$util.base64Decode")),
            ("$context.error.messageString", Some("$context.error.messageString")),
            ("$context.identity.apiKeyId $context.authorizer.principalId", None),
            ("$context.authorizer.claims.sub $context.error.responseType", None),
            ("cost: 5$", None),
            ("$$$", None),
        ] {
            assert_eq!(credential_variable(format), variable, "{format}");
        }
    }

    #[test]
    fn either_request_id_is_one_and_names_that_begin_alike_are_none() {
        assert!(has_request_id("$context.requestId."));
        assert!(has_request_id("x=\"$context.extendedRequestId\""));
        assert!(!has_request_id("$context.requestIdent $context.requestTime"));
        assert!(!has_request_id("context.requestId"));
    }
}
