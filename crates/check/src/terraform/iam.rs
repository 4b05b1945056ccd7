//! IAM policies: what their statements allow, and to whom.
//!
//! A policy is read as far as it is known: its text; or, while that is known only after apply, the statements of the
//! `aws_iam_policy_document` that it comes from; or, of one that `jsonencode` makes, only what it names. It is not weighed what a
//! condition or a refusal takes away again.

use serde_json::Value;

use super::block::{AFTER_APPLY, Block, Seen};
use super::broker::Named;
use super::follow::Target;
use super::graph::Graph;

/// What is known of a policy.
#[derive(Debug)]
pub(super) enum Policy {
    /// There is none.
    Unset,
    /// Its statements.
    Known(Vec<Statement>),
    /// Known only after apply, and made of resources that are not there yet or of a local value.
    AfterApply {
        /// Something that it names by its ARN and that a broker neither reads nor writes.
        other: Option<String>,
    },
    /// It cannot be seen.
    Unseen,
}

/// A statement that allows something.
#[derive(Debug)]
pub(super) struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// Whether it allows all but what it names.
    is_by_exception: bool,
    /// Kind and name of those to whom it is allowed.
    principals: Vec<(String, String)>,
}

impl Policy {
    /// What `name` of `block` says.
    pub(super) fn of<'a>(graph: &Graph<'a>, block: &Block<'a>, name: &str) -> Self {
        match block.text(name) {
            Seen::Unset => Self::Unset,
            Seen::Known(text) => Self::parse(text),
            Seen::Unknown => Self::of_references(&graph.targets(block, name)),
        }
    }

    /// Reads the JSON of a policy.
    pub(super) fn parse(text: &str) -> Self {
        let Ok(Value::Object(policy)) = serde_json::from_str(text) else { return Self::Unseen };
        let statements = match policy.get("Statement") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Self::Unseen,
        };
        Self::Known(
            statements.into_iter().filter(|one| allows(one, "Effect")).map(Statement::of_json).collect(),
        )
    }

    fn of_references(targets: &[Target<'_>]) -> Self {
        let documents = targets.iter().filter_map(|target| match target {
            Target::LookedUp { kind, instances, .. } if kind == "aws_iam_policy_document" => Some(instances),
            _ => None,
        });
        let read: Vec<_> = documents.flatten().map(|read| Value::Object(read.values.clone())).collect();
        let is_made_of_others = |document: &Value| {
            ["source_policy_documents", "override_policy_documents"]
                .iter()
                .any(|name| document.get(name).is_some_and(|others| !is_empty(others)))
        };
        let statements = |document: &Value| match document.get("statement") {
            Some(Value::Array(list)) => list.clone(),
            _ => Vec::new(),
        };
        let is_made_here = |target: &Target<'_>| matches!(target, Target::Made { .. } | Target::Opaque(_));
        match read.as_slice() {
            [_, ..] if read.iter().any(is_made_of_others) => Self::Unseen,
            [_, ..] => {
                let all = read.iter().flat_map(statements).filter(|one| allows(one, "effect"));
                Self::Known(all.map(|one| Statement::of_document(&one)).collect())
            }
            [] if targets.iter().any(is_made_here) => {
                Self::AfterApply { other: targets.iter().find(|target| is_other(target)).map(Target::shown) }
            }
            [] => Self::Unseen,
        }
    }
}

impl Statement {
    fn of_json(statement: &Value) -> Self {
        let has = |name: &str| statement.get(name).is_some();
        let principals = match statement.get("Principal") {
            Some(Value::Object(kinds)) => {
                let named = |(kind, names): (&String, &Value)| {
                    texts(names).into_iter().map(|name| (kind.clone(), name)).collect::<Vec<_>>()
                };
                kinds.iter().flat_map(named).collect()
            }
            Some(anybody) => texts(anybody).into_iter().map(|name| ("AWS".to_owned(), name)).collect(),
            None if has("NotPrincipal") => vec![("AWS".to_owned(), "*".to_owned())],
            None => Vec::new(),
        };
        Self {
            actions: statement.get("Action").map(texts).unwrap_or_default(),
            resources: statement.get("Resource").map(texts).unwrap_or_default(),
            is_by_exception: has("NotAction") || has("NotResource"),
            principals,
        }
    }

    /// From the block of a data source.
    fn of_document(statement: &Value) -> Self {
        let list = |name: &str| statement.get(name).map(texts).unwrap_or_default();
        let has = |name: &str| statement.get(name).is_some_and(|value| !is_empty(value));
        let mut principals = Vec::new();
        for of_kind in statement.get("principals").and_then(Value::as_array).into_iter().flatten() {
            let kind = of_kind.get("type").and_then(Value::as_str).unwrap_or(AFTER_APPLY);
            let names = of_kind.get("identifiers").map(texts).unwrap_or_default();
            principals.extend(names.into_iter().map(|name| (kind.to_owned(), name)));
        }
        if has("not_principals") {
            principals.push(("AWS".to_owned(), "*".to_owned()));
        }
        Self {
            actions: list("actions"),
            resources: list("resources"),
            is_by_exception: has("not_actions") || has("not_resources"),
            principals,
        }
    }

    /// What it allows beyond what a broker does: writing logs, traces and metrics, and reading single entries, which are those
    /// in `named` if that is known.
    pub(super) fn excess(&self, named: Option<&Named>) -> Option<String> {
        if self.is_by_exception {
            return Some("allows all but what it names".to_owned());
        }
        if let Some(action) =
            self.actions.iter().find(|action| !has_no_resource(action) && !reads_an_entry(action))
        {
            return Some(format!("allows `{action}`"));
        }
        let action = self.actions.iter().find(|action| !has_no_resource(action))?;
        if let Some(wide) =
            self.resources.iter().find(|resource| has_wildcard(resource) && !is_single(resource))
        {
            return Some(format!("allows `{action}` on `{wide}`"));
        }
        let named = named?;
        let stranger = self.resources.iter().find(|resource| !named.has(resource))?;
        Some(format!("allows `{action}` on `{stranger}`, which the bindings do not name"))
    }

    /// Somebody other than Lambda to whom it is allowed.
    pub(super) fn somebody_else(&self) -> Option<&str> {
        let is_lambda =
            |(kind, name): &&(String, String)| kind == "Service" && name == "lambda.amazonaws.com";
        self.principals.iter().find(|principal| !is_lambda(principal)).map(|(_, name)| name.as_str())
    }
}

/// What is not said is `Allow` in a data source; in JSON it is refused by IAM itself.
fn allows(statement: &Value, effect: &str) -> bool {
    statement.get(effect).and_then(Value::as_str).is_none_or(|effect| effect != "Deny")
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// One text, or several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => vec![AFTER_APPLY.to_owned()],
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// What ends in a wildcard and is one thing all the same: a log group with its streams, and a secret of this name, whose
/// ARN ends in six characters that Secrets Manager chooses.
fn is_single(resource: &str) -> bool {
    let whole = if resource.starts_with("arn:aws:logs:") {
        resource.strip_suffix(":*")
    } else if resource.contains(":secretsmanager:") {
        resource.strip_suffix("-??????")
    } else {
        None
    };
    whole.is_some_and(|whole| !has_wildcard(whole) && whole.split(':').count() >= ARN_OF_A_NAMED)
}

/// Whether the action is one that must be allowed on `*`, or mostly is, and gives no way to a secret: writing logs, traces
/// and metrics, and a function's place in a network.
fn has_no_resource(action: &str) -> bool {
    WITHOUT_RESOURCE.iter().any(|known| action.eq_ignore_ascii_case(known))
}

/// Whether the action reads one entry, or opens it by its key.
fn reads_an_entry(action: &str) -> bool {
    READS.iter().any(|known| action.eq_ignore_ascii_case(known))
}

/// Whether it is the ARN of something that a broker has nothing to do with. A name or an id may be a part of an entry's own
/// ARN; that is believed.
fn is_other(target: &Target<'_>) -> bool {
    let is_arn = |attribute: &Option<String>| attribute.as_ref().is_none_or(|name| name.ends_with("arn"));
    match target {
        Target::Made { instances, attribute } => {
            is_arn(attribute) && instances.iter().any(|made| !NAMEABLE.contains(&made.kind.as_str()))
        }
        Target::LookedUp { kind, attribute, .. } => {
            attribute.as_ref().is_some_and(|name| name.ends_with("arn")) && !NAMEABLE.contains(&kind.as_str())
        }
        Target::Opaque(_) | Target::Given(_) => false,
    }
}

/// What a broker's policy names: entries, the keys that encrypt them, and logs.
const NAMEABLE: [&str; 10] = [
    "aws_cloudwatch_log_group",
    "aws_kms_alias",
    "aws_kms_external_key",
    "aws_kms_key",
    "aws_kms_replica_key",
    "aws_secretsmanager_secret",
    "aws_secretsmanager_secret_version",
    "aws_ssm_parameter",
    // Which account, and which one of several: parts of an ARN.
    "aws_caller_identity",
    "terraform_data",
];

const READS: [&str; 3] = ["kms:Decrypt", "secretsmanager:GetSecretValue", "ssm:GetParameter"];

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`
const ARN_OF_A_NAMED: usize = 7;

const WITHOUT_RESOURCE: [&str; 14] = [
    "cloudwatch:PutMetricData",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn excess(statement: &Value) -> Option<String> {
        let policy = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        let Policy::Known(statements) = Policy::parse(&policy) else { panic!("{policy}") };
        statements.iter().find_map(|one| one.excess(None))
    }

    fn read(action: &str, resource: &str) -> Option<String> {
        excess(&json!({ "Effect": "Allow", "Action": action, "Resource": [resource] }))
    }

    #[test]
    fn named_action_on_a_named_thing_is_no_excess() {
        let secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m-AbCdEf";
        assert_eq!(read("secretsmanager:GetSecretValue", secret), None);
        let by_name = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-broker/m2m-??????";
        assert_eq!(read("secretsmanager:GetSecretValue", by_name), None);
        let key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b";
        assert_eq!(read("kms:Decrypt", key), None);
        let parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter/token-broker/bindings";
        assert_eq!(read("SSM:getparameter", parameter), None);
        let log = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/token-broker:*";
        let both = json!({ "Effect": "Allow", "Action": ["logs:PutLogEvents", "ssm:GetParameter"], "Resource": [log, parameter] });
        assert_eq!(excess(&both), None);
        assert_eq!(read("logs:PutLogEvents", "*"), None);
        assert_eq!(read("XRay:PutTraceSegments", "*"), None);
        assert_eq!(excess(&json!({ "Effect": "Deny", "Action": "*", "Resource": "*" })), None);
    }

    #[test]
    fn wildcard_is_an_excess_wherever_it_stands() {
        let all = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*";
        for (action, resource) in [
            ("*", all),
            ("secretsmanager:*", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:m2m-AbCdEf"),
            ("secretsmanager:Get*", all),
            ("secretsmanager:GetSecretValue", all),
            ("secretsmanager:GetSecretValue", "*"),
            (
                "secretsmanager:GetSecretValue",
                "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*-??????",
            ),
            ("ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter/*"),
            ("kms:Decrypt", "*"),
            ("logs:GetLogEvents", "*"),
            ("logs:GetLogEvents", "arn:aws:logs:*"),
        ] {
            assert!(read(action, resource).is_some(), "{action} {resource}");
        }
    }

    #[test]
    fn action_that_a_broker_does_not_need_is_an_excess_on_whatever() {
        for action in [
            "lambda:UpdateFunctionCode",
            "iam:PutRolePolicy",
            "iam:PassRole",
            "sts:AssumeRole",
            "secretsmanager:PutSecretValue",
            "secretsmanager:ListSecrets",
            "ssm:PutParameter",
            "ssm:GetParametersByPath",
            "kms:CreateGrant",
            "cognito-idp:DescribeUserPoolClient",
            "logs:GetLogEvents",
            AFTER_APPLY,
        ] {
            let told = read(action, "arn:aws:iam::123456789012:role/token-broker");
            assert_eq!(told, Some(format!("allows `{action}`")));
        }
    }

    #[test]
    fn what_is_allowed_by_exception_is_an_excess() {
        for (name, other) in [("NotAction", "Resource"), ("NotResource", "Action")] {
            assert!(excess(&json!({ "Effect": "Allow", name: "iam:*", other: "x" })).is_some());
        }
        assert!(
            excess(&json!([{ "Effect": "Deny" }, { "Effect": "Allow", "Action": ["*"], "Resource": "*" }]))
                .is_some()
        );
    }

    #[test]
    fn text_that_is_no_policy_cannot_be_seen() {
        for text in ["", "[]", "{}", r#"{"Statement":"x"}"#] {
            assert!(matches!(Policy::parse(text), Policy::Unseen), "{text}");
        }
    }
}
