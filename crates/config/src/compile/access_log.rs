//! The access log's format: one JSON object with what is needed to tell who was answered what, and why.
//!
//! API Gateway puts values in raw, so nothing that a client chooses freely (path, user agent, host) has a place in it: a
//! quotation mark would break the line, or forge one. Keys stand in it by id.

/// A JSON object of `$context` variables.
pub(super) fn format() -> String {
    let members = MEMBERS.map(|(name, variable)| format!("\"{name}\":\"$context.{variable}\""));
    format!("{{{}}}", members.join(","))
}

const MEMBERS: [(&str, &str); 19] = [
    ("requestId", "requestId"),
    ("extendedRequestId", "extendedRequestId"),
    ("requestTimeEpoch", "requestTimeEpoch"),
    ("apiId", "apiId"),
    ("deploymentId", "deploymentId"),
    ("stage", "stage"),
    ("httpMethod", "httpMethod"),
    ("resourcePath", "resourcePath"),
    ("protocol", "protocol"),
    ("sourceIp", "identity.sourceIp"),
    ("apiKeyId", "identity.apiKeyId"),
    ("status", "status"),
    ("responseType", "error.responseType"),
    ("responseLength", "responseLength"),
    ("responseLatency", "responseLatency"),
    ("integrationStatus", "integration.status"),
    ("integrationLatency", "integration.latency"),
    // Not a variable of API Gateway, where it comes out as a dash: which limit answered 429.
    ("limit", "limit"),
    ("authorizePrincipal", "authorizer.principalId"),
];
