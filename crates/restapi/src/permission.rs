//! The Lambda permission: which caller may invoke a function.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{AccountId, FunctionName, HttpMethod, Region, ResourcePath, RestApiId, StageName};

/// A statement of a function's resource policy (`lambda:AddPermission`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The statement's id.
    pub statement_id: String,
    /// The function it is attached to.
    pub function_name: FunctionName,
    /// What it allows; `lambda:InvokeFunction`.
    pub action: String,
    /// Whom it allows; `apigateway.amazonaws.com`.
    pub principal: String,
    /// Which caller of that principal, matched like `ArnLike`. Without it every API of everybody may invoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<SourceArnPattern>,
}

impl Permission {
    /// The service principal of API Gateway.
    pub const API_GATEWAY: &'static str = "apigateway.amazonaws.com";
    /// The action that invokes a function.
    pub const INVOKE: &'static str = "lambda:InvokeFunction";

    /// Whether API Gateway may invoke `function` for a call of `source`.
    pub fn allows(&self, function: &FunctionName, source: &MethodArn) -> bool {
        &self.function_name == function
            && self.principal == Self::API_GATEWAY
            && (self.action == Self::INVOKE || self.action == "lambda:*")
            && self.source_arn.as_ref().is_none_or(|pattern| pattern.matches(source))
    }
}

/// The ARN of a call: this API, this stage, this method, this resource path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MethodArn {
    /// Where the API is.
    pub region: Region,
    /// Whose it is.
    pub account_id: AccountId,
    /// Which API.
    pub api_id: RestApiId,
    /// Which stage.
    pub stage: StageName,
    /// Which method.
    pub method: HttpMethod,
    /// Which resource.
    pub path: ResourcePath,
}

impl fmt::Display for MethodArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, account_id, api_id, stage, method, path } = self;
        write!(f, "arn:aws:execute-api:{region}:{account_id}:{api_id}/{stage}/{method}{path}")
    }
}

/// A pattern over call ARNs, as `ArnLike` reads it: `*` is any run of characters, `?` any one, neither across a colon
/// of the first five parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceArnPattern(String);

impl SourceArnPattern {
    /// The pattern `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a call of `arn` is covered.
    pub fn matches(&self, arn: &MethodArn) -> bool {
        let (mut pattern, arn) = (self.0.splitn(6, ':'), arn.to_string());
        let mut parts = arn.splitn(6, ':');
        loop {
            match (pattern.next(), parts.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if is_like(pattern.as_bytes(), part.as_bytes()) => {}
                _ => return false,
            }
        }
    }
}

impl From<&MethodArn> for SourceArnPattern {
    /// The pattern that covers exactly this call.
    fn from(arn: &MethodArn) -> Self {
        Self(arn.to_string())
    }
}

impl Serialize for SourceArnPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Glob matching without backtracking over more than the last `*`: linear in practice, quadratic at worst.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(wanted) if wanted == byte => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (p, t) = (after + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> MethodArn {
        MethodArn {
            region: Region::parse("eu-central-1").unwrap(),
            account_id: AccountId::parse("000000000000").unwrap(),
            api_id: RestApiId::parse("abcdefghij").unwrap(),
            stage: StageName::parse("dev").unwrap(),
            method: HttpMethod::Post,
            path: ResourcePath::of("/oauth2/token"),
        }
    }

    #[test]
    fn patterns_cover_what_arn_like_covers() {
        let table = [
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/dev/POST/oauth2/token", true),
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/*", true),
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/*/POST/oauth2/token", true),
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/???/POST/*", true),
            ("arn:aws:execute-api:*:*:*", true),
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/prod/POST/oauth2/token", false),
            ("arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/dev/GET/oauth2/token", false),
            ("arn:aws:execute-api:eu-central-1:000000000000:other12345/*", false),
            ("arn:aws:execute-api:us-east-1:000000000000:abcdefghij/*", false),
            ("*", false),
            ("", false),
        ];
        for (pattern, covered) in table {
            assert_eq!(SourceArnPattern::new(pattern).matches(&call()), covered, "{pattern}");
        }
    }

    #[test]
    fn permission_of_another_function_principal_or_action_does_not_allow() {
        let broker = FunctionName::parse("token-broker").unwrap();
        let exact = Permission {
            statement_id: "front-door".into(),
            function_name: broker.clone(),
            action: Permission::INVOKE.into(),
            principal: Permission::API_GATEWAY.into(),
            source_arn: Some(SourceArnPattern::from(&call())),
        };
        assert!(exact.allows(&broker, &call()));
        assert!(!exact.allows(&FunctionName::parse("other").unwrap(), &call()));
        assert!(
            !Permission { principal: "s3.amazonaws.com".into(), ..exact.clone() }.allows(&broker, &call())
        );
        assert!(!Permission { action: "lambda:GetFunction".into(), ..exact }.allows(&broker, &call()));
    }
}
