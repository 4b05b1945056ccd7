//! Every variable that a format may name: it has a value in some request, or in none, as the list of them says.

use std::collections::BTreeMap;

use lambda::{ClientCertificate, InvokeError, Validity};
use restapi::{AccessLogFormat, AccessLogSettings, LogVariable, ValueOf};
use serde_json::{Value, json};
use std::sync::Arc;

use super::account::{GOOD, daily, dev, standard};
use super::harness::{Request, Setup};
use super::stand_ins::Says;
use crate::{Principal, Transport, Verdict};

/// The names that a format can have: with a property in the place of what an authorizer chooses.
fn names() -> impl Iterator<Item = (&'static LogVariable, String)> {
    LogVariable::ALL.iter().map(|variable| (variable, variable.name.replace('…', "tenant")))
}

fn principal() -> Principal {
    let context = json!({
        "principalId": "u\"1",
        "tenant": 7,
        "claims": { "tenant": "t1" },
        "accessToken": "sesame",
    });
    let Value::Object(context) = context else { unreachable!() };
    Principal { context, usage_key: None }
}

/// A certificate whose owner has tried to end a line of the log.
fn certificate() -> ClientCertificate {
    ClientCertificate {
        client_cert_pem: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----".into(),
        subject_dn: "CN=billing \"1\",O=Example\\, Inc.".into(),
        issuer_dn: "CN=Example CA".into(),
        serial_number: "0a:1b".into(),
        validity: Validity {
            not_before: "May 28 12:30:02 2019 GMT".into(),
            not_after: "Aug  5 09:36:04 2031 GMT".into(),
        },
    }
}

/// What each variable was in a token, a reply that failed, a refusal by quota and one by the authorizer.
async fn seen() -> BTreeMap<String, Vec<String>> {
    let members: Vec<String> = names().map(|(_, name)| format!("\"{name}\":\"$context.{name}\"")).collect();
    let format = format!("{{{}}}", members.join(","));
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for verdict in [Verdict::Allow(principal()), Verdict::Deny { explicitly: true }] {
        let mut setup = Setup::stock()
            .with(|account| {
                standard(account).quota = Some(daily(2));
                dev(account).access_log_settings =
                    Some(AccessLogSettings { destination_arn: "access-log".into(), format: format.clone() });
            })
            .authorized_by(Arc::new(Says::new(verdict)));
        setup.transport = Transport::Tls { client: Some(Arc::new(certificate())) };
        let house = setup.open().await;
        let request = || {
            Request::token(GOOD)
                .header("User-Agent", "python-requests/2.32")
                .header("X-Amzn-Trace-Id", "Root=1-6ab58520-70315d7939e4c191321149a9")
        };
        house.send(request()).await;
        house.function.fails(InvokeError::Failed);
        house.send(request()).await;
        house.send(request()).await;
        for line in house.log() {
            let line: BTreeMap<String, String> = serde_json::from_str(&line).unwrap();
            for (name, value) in line {
                seen.entry(name).or_default().push(value);
            }
        }
    }
    seen
}

#[tokio::test]
async fn every_variable_has_a_value_here_or_is_listed_as_one_that_has_none() {
    let seen = seen().await;
    for (variable, name) in names() {
        let has_a_value = seen[&name].iter().any(|value| value != "-");
        let expected = matches!(variable.value, ValueOf::Request | ValueOf::RequestHere);
        assert_eq!(has_a_value, expected, "{name}: {:?}", seen[&name]);
    }
}

#[tokio::test]
async fn table_of_all_variables() {
    let seen = seen().await;
    let drawn = ["requestId", "extendedRequestId"];
    let rows = seen.iter().map(|(name, values)| {
        let values = if drawn.contains(&name.as_str()) { vec!["[drawn]".to_owned()] } else { values.clone() };
        format!("{name}: {}", values.join(" | "))
    });
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn lines_of_every_named_format() {
    let mut log = Vec::new();
    for name in AccessLogFormat::NAMES {
        let format = AccessLogFormat::named(name).unwrap().here().to_owned();
        let house = Setup::stock()
            .with(|account| {
                standard(account).quota = Some(daily(1));
                dev(account).access_log_settings =
                    Some(AccessLogSettings { destination_arn: "access-log".into(), format });
            })
            .open()
            .await;
        let replies = [house.send(Request::token(GOOD)).await, house.send(Request::token(GOOD)).await];
        let mut lines = house.log().join("\n");
        for reply in replies {
            lines = lines
                .replace(reply.header("x-amzn-requestid").unwrap(), "[request id]")
                .replace(reply.header("x-amz-apigw-id").unwrap(), "[extended request id]");
        }
        log.push(format!("{name}:\n{lines}"));
    }
    insta::assert_snapshot!(log.join("\n"));
}

#[tokio::test]
async fn credential_that_an_authorizer_hands_on_is_not_written() {
    let names = ["accessToken", "claims", "tenant", "principalId", "claims.tenant"];
    let format = names.map(|name| format!("$context.authorizer.{name}")).join("|");
    let house = Setup::stock()
        .with(|account| {
            dev(account).access_log_settings =
                Some(AccessLogSettings { destination_arn: "access-log".into(), format });
        })
        .authorized_by(Arc::new(Says::new(Verdict::Allow(principal()))))
        .open()
        .await;
    house.send(Request::token(GOOD)).await;
    assert_eq!(house.log(), [r#"-|-|7|u\"1|t1"#]);
}

#[tokio::test]
async fn certificate_cannot_forge_a_line_and_its_absence_is_a_dash() {
    let lines = async |client| {
        let mut setup = Setup::stock().with(|account| {
            let format = "$context.requestId $context.identity.clientCert.subjectDN \
                          $context.identity.clientCert.clientCertPem $context.status"
                .to_owned();
            dev(account).access_log_settings =
                Some(AccessLogSettings { destination_arn: "access-log".into(), format });
        });
        setup.transport = Transport::Tls { client };
        let house = setup.open().await;
        house.send(Request::token(GOOD)).await;
        house.log()
    };
    let line = lines(Some(Arc::new(certificate()))).await;
    assert_eq!(line.len(), 1, "{line:?}");
    let fields: Vec<&str> = line[0].split(' ').collect();
    assert_eq!(fields.len(), 4, "{line:?}");
    assert!(line[0].ends_with(" 200"), "{line:?}");
    assert!(lines(None).await[0].ends_with(" - - 200"));
}
