//! Formats, and the variables they may name.

use std::collections::BTreeMap;

use super::*;

#[test]
fn format_on_aws_is_the_default_without_the_limit() {
    let limit = r#""limit":"$context.limit","#;
    assert_eq!(AccessLogSettings::DEFAULT_FORMAT.matches(limit).count(), 1);
    assert_eq!(AccessLogSettings::AWS_FORMAT, AccessLogSettings::DEFAULT_FORMAT.replace(limit, ""));
    for format in [AccessLogSettings::DEFAULT_FORMAT, AccessLogSettings::AWS_FORMAT] {
        let members: BTreeMap<String, String> = serde_json::from_str(format).unwrap();
        assert!(members.values().all(|value| value.starts_with("$context.")), "{members:?}");
    }
}

#[test]
fn every_named_format_is_one_and_names_nothing_that_only_this_program_has_on_aws() {
    for name in AccessLogFormat::NAMES {
        let format = AccessLogFormat::named(name).unwrap();
        assert_eq!(format.name(), Some(name));
        assert_eq!(check_log_format(format.here()), Ok(()), "{name}");
        assert_eq!(check_log_format(format.on_aws()), Ok(()), "{name}");
        let on_aws = log_variables(format.on_aws()).map(|name| LogVariable::find(name).unwrap().value);
        assert!(on_aws.into_iter().all(|value| value != ValueOf::RequestHere), "{name}");
    }
    assert_eq!(AccessLogFormat::named("combined"), None);
}

#[test]
fn named_formats_are_those_of_the_samples() {
    let texts: Vec<String> = AccessLogFormat::NAMES
        .iter()
        .map(|name| format!("{name}: {}", AccessLogFormat::named(name).unwrap().on_aws()))
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn variables_are_these() {
    let rows = LogVariable::ALL.iter().map(|LogVariable { name, value }| format!("{name}: {value:?}"));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn variables_stand_in_the_order_of_their_names_and_none_twice() {
    let names = LogVariable::ALL.iter().map(|variable| variable.name);
    let pairs: Vec<_> = names.clone().zip(names.skip(1)).filter(|(name, next)| name >= next).collect();
    assert_eq!(pairs, []);
}

#[test]
fn format_without_a_request_id_is_refused_in_the_recorded_words() {
    assert_eq!(
        check_log_format("$context.status").unwrap_err().to_string(),
        "The following errors are found in Access Log Format: Access Log format must include either \
         $context.requestId or $context.extendedRequestId : '$context.status'"
    );
    for format in ["", "requestId", "context.requestId", "costs 5$ and $5"] {
        assert!(matches!(check_log_format(format), Err(LogFormatError::NoRequestId { .. })), "{format}");
    }
    for format in ["$context.extendedRequestId", "x=\"$context.requestId\".", "$5 $ $context.requestId"] {
        assert_eq!(check_log_format(format), Ok(()), "{format}");
    }
}

#[test]
fn variables_that_do_not_exist_are_refused_with_what_was_meant() {
    let table = [
        ("$context.requestid", Some("requestId")),
        ("$context.identity.sourceIP", Some("identity.sourceIp")),
        ("$context.identity.source_ip", Some("identity.sourceIp")),
        ("$requestId", Some("requestId")),
        ("$context.requestIdent", Some("requestId")),
        ("$context.identity.apiKeys", Some("identity.apiKeyId")),
        ("$context.authorizer.claims", None),
        ("$context.authorizer", None),
        ("$context.identity", None),
        ("$context.nonsense", None),
        ("$context", None),
        ("$input.body", None),
        ("$stageVariables.secret", None),
        ("${context.requestId}", None),
    ];
    for (format, meant) in table {
        match check_log_format(&format!("$context.requestId {format}")) {
            Err(LogFormatError::UnknownVariable { variable, nearest }) => {
                assert!(format.starts_with(&variable), "{variable} of {format}");
                if format != "$context.authorizer.claims" && format != "$context.authorizer" {
                    assert_eq!(nearest, meant, "{format}");
                }
            }
            other => panic!("{format}: {other:?}"),
        }
    }
}

#[test]
fn what_an_authorizer_hands_on_has_any_name() {
    for name in ["authorizer.tenant", "authorizer.claims.sub", "authorizer.claims.cognito"] {
        assert_eq!(LogVariable::find(name).map(|found| found.value), Some(ValueOf::Request), "{name}");
    }
    assert_eq!(LogVariable::find("authorizer.principalId").unwrap().name, "authorizer.principalId");
    for name in ["authorizer.", "authorizer.claims", "authorizer.claims.", "authorizer.…", ""] {
        assert_eq!(LogVariable::find(name), None, "{name}");
    }
}

#[test]
fn guardrail_refuses_what_is_listed_as_a_credential_and_nothing_else_that_is_listed() {
    for LogVariable { name, value } in LogVariable::ALL {
        assert_eq!(crate::guardrails::shows_credential(name), *value == ValueOf::Credential, "{name}");
    }
}
