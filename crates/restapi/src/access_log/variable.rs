//! Every variable that a format may name, and whether it ever has a value here.

/// A `$context` variable of access logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogVariable {
    /// Its name without `$context.`.
    pub name: &'static str,
    /// Where its value comes from.
    pub value: ValueOf,
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueOf {
    /// From the request, if it came far enough.
    Request,
    /// From the request; API Gateway does not have the variable.
    RequestHere,
    /// A credential: it is never written, and a guardrail refuses it.
    Credential,
    /// Never here, for this reason: a dash.
    Nowhere(&'static str),
}

impl LogVariable {
    /// Every one, by name. `authorizer.claims.…` and `authorizer.…` stand for what an authorizer hands on under a name of
    /// its own.
    pub const ALL: &'static [Self] = &[
        request("accountId"),
        request("apiId"),
        nowhere("authenticate.error", NO_SIGNATURE),
        nowhere("authenticate.latency", NO_SIGNATURE),
        nowhere("authenticate.status", NO_SIGNATURE),
        nowhere("authorize.error", NO_SIGNATURE),
        nowhere("authorize.latency", NO_SIGNATURE),
        nowhere("authorize.status", NO_SIGNATURE),
        request("authorizer.claims.…"),
        request("authorizer.error"),
        request("authorizer.integrationLatency"),
        request("authorizer.integrationStatus"),
        request("authorizer.latency"),
        request("authorizer.principalId"),
        nowhere("authorizer.requestId", NO_AWS_CALL),
        request("authorizer.status"),
        request("authorizer.…"),
        nowhere("awsEndpointRequestId", NO_AWS_CALL),
        nowhere("customDomain.basePathMatched", "there are no custom domain names"),
        request("deploymentId"),
        request("domainName"),
        request("domainPrefix"),
        credential("error.message"),
        credential("error.messageString"),
        request("error.responseType"),
        credential("error.validationErrorString"),
        request("extendedRequestId"),
        request("httpMethod"),
        nowhere("identity.accountId", NO_SIGNATURE),
        credential("identity.apiKey"),
        request("identity.apiKeyId"),
        nowhere("identity.caller", NO_SIGNATURE),
        request("identity.clientCert.clientCertPem"),
        request("identity.clientCert.issuerDN"),
        request("identity.clientCert.serialNumber"),
        request("identity.clientCert.subjectDN"),
        request("identity.clientCert.validity.notAfter"),
        request("identity.clientCert.validity.notBefore"),
        nowhere("identity.cognitoAuthenticationProvider", NO_SIGNATURE),
        nowhere("identity.cognitoAuthenticationType", NO_SIGNATURE),
        nowhere("identity.cognitoIdentityId", NO_SIGNATURE),
        nowhere("identity.cognitoIdentityPoolId", NO_SIGNATURE),
        nowhere("identity.principalOrgId", NO_SIGNATURE),
        request("identity.sourceIp"),
        nowhere("identity.user", NO_SIGNATURE),
        request("identity.userAgent"),
        nowhere("identity.userArn", NO_SIGNATURE),
        request("integration.error"),
        request("integration.integrationStatus"),
        request("integration.latency"),
        nowhere("integration.requestId", NO_AWS_CALL),
        request("integration.status"),
        request("integrationErrorMessage"),
        request("integrationLatency"),
        request("integrationStatus"),
        nowhere("isCanaryRequest", "stages have no canaries"),
        own("limit"),
        request("path"),
        own("plan"),
        request("protocol"),
        request("requestId"),
        request("requestTime"),
        request("requestTimeEpoch"),
        request("resourceId"),
        request("resourcePath"),
        request("responseLatency"),
        request("responseLength"),
        request("stage"),
        request("status"),
        nowhere("waf.error", NO_WEB_ACL),
        nowhere("waf.latency", NO_WEB_ACL),
        nowhere("waf.status", NO_WEB_ACL),
        nowhere("wafResponseCode", NO_WEB_ACL),
        nowhere("webaclArn", NO_WEB_ACL),
        request("xrayTraceId"),
    ];

    /// The variable of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let begins = |prefix: &str| name.strip_prefix(prefix).is_some_and(|property| !property.is_empty());
        match name {
            _ if name.contains(ANY) => None,
            // The claims as a whole are no one value.
            "authorizer.claims" | "authorizer.claims." => None,
            _ if begins("authorizer.claims.") => Self::listed("authorizer.claims.…"),
            _ => Self::listed(name)
                .or_else(|| begins("authorizer.").then(|| Self::listed("authorizer.…")).flatten()),
        }
    }

    /// The name that `written` was probably meant to be.
    pub(super) fn nearest(written: &str) -> Option<&'static str> {
        let by_distance = Self::ALL
            .iter()
            .filter(|variable| !variable.name.contains(ANY) && variable.value != ValueOf::Credential)
            .map(|variable| (distance(written, variable.name), variable.name));
        let close = |(distance, name): &(usize, &str)| *distance <= name.len().min(written.len()) / 3 + 1;
        by_distance.filter(close).min().map(|(_, name)| name)
    }

    fn listed(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|variable| variable.name == name)
    }
}

/// Levenshtein's distance, without regard to case.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (above, wanted) in to.chars().enumerate() {
        let (mut left, mut diagonal) = (above + 1, above);
        for (cell, present) in row.iter_mut().skip(1).zip(&from) {
            let replaced = diagonal + usize::from(!present.eq_ignore_ascii_case(&wanted));
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

const fn request(name: &'static str) -> LogVariable {
    LogVariable { name, value: ValueOf::Request }
}

const fn own(name: &'static str) -> LogVariable {
    LogVariable { name, value: ValueOf::RequestHere }
}

const fn credential(name: &'static str) -> LogVariable {
    LogVariable { name, value: ValueOf::Credential }
}

const fn nowhere(name: &'static str, reason: &'static str) -> LogVariable {
    LogVariable { name, value: ValueOf::Nowhere(reason) }
}

/// In the place of a name that an authorizer chooses.
const ANY: char = '…';

/// No name is longer, and the work stays small however long a text is.
const LONGEST: usize = 64;

const NO_SIGNATURE: &str = "callers are known by API keys, not by IAM or Cognito identities";
const NO_AWS_CALL: &str = "nothing is asked over AWS's network, so nothing has a request id there";
const NO_WEB_ACL: &str = "there is no web ACL in front";
