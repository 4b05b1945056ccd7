use std::sync::Arc;

use super::*;

/// A REGIONAL event of a GET without a key, as recorded.
const RECORDED: &str = concat!(
    r#"{"resource":"/echo","path":"/echo","httpMethod":"GET","#,
    r#""headers":{"Accept-Encoding":"identity","Host":"b6ul3f1up9.execute-api.us-east-1.amazonaws.com","#,
    r#""User-Agent":"stackd-native-gateway-probe","X-Amzn-Trace-Id":"Root=1-6ab58520-70315d7939e4c191321149a9","#,
    r#""X-Forwarded-For":"92.234.107.50","X-Forwarded-Port":"443","X-Forwarded-Proto":"https","X-Probe":"ready-rest-0"},"#,
    r#""multiValueHeaders":{"Accept-Encoding":["identity"],"#,
    r#""Host":["b6ul3f1up9.execute-api.us-east-1.amazonaws.com"],"User-Agent":["stackd-native-gateway-probe"],"#,
    r#""X-Amzn-Trace-Id":["Root=1-6ab58520-70315d7939e4c191321149a9"],"X-Forwarded-For":["92.234.107.50"],"#,
    r#""X-Forwarded-Port":["443"],"X-Forwarded-Proto":["https"],"X-Probe":["ready-rest-0"]},"#,
    r#""queryStringParameters":null,"multiValueQueryStringParameters":null,"pathParameters":null,"stageVariables":null,"#,
    r#""requestContext":{"resourceId":"3bst21","resourcePath":"/echo","httpMethod":"GET","#,
    r#""extendedRequestId":"EOG9NGaSoAMErlg=","requestTime":"24/Sep/2026:20:16:32 +0000","path":"/dev/echo","#,
    r#""accountId":"000000000000","protocol":"HTTP/1.1","stage":"dev","domainPrefix":"b6ul3f1up9","#,
    r#""requestTimeEpoch":1790280992852,"requestId":"28ca11b3-836a-4dc0-a7ff-d6657ab9283b","#,
    r#""identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"#,
    r#""sourceIp":"92.234.107.50","principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"#,
    r#""cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"stackd-native-gateway-probe","user":null},"#,
    r#""domainName":"b6ul3f1up9.execute-api.us-east-1.amazonaws.com","deploymentId":"wfxmim","apiId":"b6ul3f1up9"},"#,
    r#""body":null,"isBase64Encoded":false}"#,
);

#[test]
fn recorded_event_is_reproduced_byte_for_byte() {
    let event = ProxyEvent::from_json(RECORDED.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(event.to_json()).unwrap(), RECORDED);
}

#[test]
fn event_built_in_process_is_reproduced_byte_for_byte() {
    let mut headers = Pairs::with_capacity(8);
    for (name, value) in [
        ("X-Probe", "ready-rest-0"),
        ("Host", "b6ul3f1up9.execute-api.us-east-1.amazonaws.com"),
        ("X-Forwarded-Port", "443"),
        ("User-Agent", "stackd-native-gateway-probe"),
        ("X-Amzn-Trace-Id", "Root=1-6ab58520-70315d7939e4c191321149a9"),
        ("X-Forwarded-For", "92.234.107.50"),
        ("Accept-Encoding", "identity"),
        ("X-Forwarded-Proto", "https"),
    ] {
        headers.push(name, value);
    }
    let event = ProxyEvent {
        resource: "/echo".into(),
        path: "/echo".into(),
        http_method: "GET".into(),
        headers,
        request_context: RequestContext {
            resource_id: "3bst21".into(),
            resource_path: "/echo".into(),
            http_method: "GET".into(),
            extended_request_id: "EOG9NGaSoAMErlg=".into(),
            path: "/dev/echo".into(),
            account_id: "000000000000".into(),
            protocol: "HTTP/1.1".into(),
            stage: "dev".into(),
            domain_prefix: "b6ul3f1up9".into(),
            request_time_epoch: 1_790_280_992_852,
            request_id: "28ca11b3-836a-4dc0-a7ff-d6657ab9283b".into(),
            identity: crate::Identity {
                source_ip: "92.234.107.50".into(),
                user_agent: Some("stackd-native-gateway-probe".into()),
                ..crate::Identity::default()
            },
            domain_name: "b6ul3f1up9.execute-api.us-east-1.amazonaws.com".into(),
            deployment_id: "wfxmim".into(),
            api_id: "b6ul3f1up9".into(),
            ..RequestContext::default()
        },
        ..ProxyEvent::default()
    };
    assert_eq!(String::from_utf8(event.to_json()).unwrap(), RECORDED);
}

#[test]
fn last_value_wins_in_the_single_map_and_all_stand_in_the_other() {
    let mut query = Pairs::default();
    query.push("b", "1");
    query.push("a", "");
    query.push("b", "2");
    let event = ProxyEvent { query, ..ProxyEvent::default() };
    let json = String::from_utf8(event.to_json()).unwrap();
    assert!(json.contains(r#""queryStringParameters":{"b":"2","a":""}"#), "{json}");
    assert!(json.contains(r#""multiValueQueryStringParameters":{"b":["1","2"],"a":[""]}"#), "{json}");
    assert_eq!(ProxyEvent::from_json(json.as_bytes()).unwrap().query.last("B"), Some("2"));
}

#[test]
fn key_authorizer_and_operation_name_stand_only_where_they_apply() {
    let mut event = ProxyEvent::default();
    let json = String::from_utf8(event.to_json()).unwrap();
    assert!(!json.contains("apiKey") && !json.contains("authorizer") && !json.contains("operationName"));
    event.request_context.identity.api_key = Some("k".into());
    event.request_context.identity.api_key_id = Some("abcdefghij".into());
    event.request_context.operation_name = Some("Token".into());
    event.request_context.authorizer =
        Some(serde_json::Map::from_iter([("principalId".to_owned(), "p".into())]));
    let json = String::from_utf8(event.to_json()).unwrap();
    assert!(json.contains(r#""resourceId":"","authorizer":{"principalId":"p"},"resourcePath""#), "{json}");
    assert!(json.contains(r#""apiKey":"k""#) && json.contains(r#""apiKeyId":"abcdefghij""#));
    assert_eq!(ProxyEvent::from_json(json.as_bytes()).unwrap(), event);
}

#[test]
fn certificate_stands_last_of_the_identity_as_documented_and_is_read_back() {
    let mut event = ProxyEvent::from_json(RECORDED.as_bytes()).unwrap();
    event.request_context.identity.client_cert = Some(Arc::new(crate::ClientCertificate {
        client_cert_pem: "CERT_CONTENT".into(),
        subject_dn: "www.example.com".into(),
        issuer_dn: "Example issuer".into(),
        serial_number: "a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1".into(),
        validity: crate::Validity {
            not_before: crate::certificate_time(1_559_046_602),
            not_after: crate::certificate_time(1_628_156_164),
        },
    }));
    let json = String::from_utf8(event.to_json()).unwrap();
    // The member as API Gateway's documentation shows it.
    let documented = concat!(
        r#""user":null,"clientCert":{"clientCertPem":"CERT_CONTENT","subjectDN":"www.example.com","#,
        r#""issuerDN":"Example issuer","serialNumber":"a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1:a1","#,
        r#""validity":{"notBefore":"May 28 12:30:02 2019 GMT","notAfter":"Aug  5 09:36:04 2021 GMT"}}}"#,
    );
    assert!(json.contains(documented), "{json}");
    assert_eq!(ProxyEvent::from_json(json.as_bytes()).unwrap(), event);
    let shown = format!("{:?}", event.request_context.identity.client_cert);
    assert!(shown.contains("www.example.com") && !shown.contains("CERT_CONTENT"), "{shown}");
}

#[test]
fn debug_shows_no_header_value_no_key_and_no_body() {
    let mut event = ProxyEvent::default();
    event.headers.push("x-api-key", "sesame");
    event.request_context.identity.api_key = Some("sesame".into());
    event.body = Some("client_secret=sesame".into());
    event.query.push("q", "sesame");
    assert!(!format!("{event:?}").contains("sesame"));
}

#[test]
fn text_that_is_no_event_is_refused_without_repeating_it() {
    let error = ProxyEvent::from_json(br#"{"resource": 5, "secret": "sesame"}"#).unwrap_err();
    assert!(!error.to_string().contains("sesame"));
    assert!(error.to_string().contains("line 1"));
}

#[test]
fn base64_body_is_decoded_or_refused() {
    let event = |body: &str| ProxyEvent {
        body: Some(body.to_owned().into()),
        is_base64_encoded: true,
        ..ProxyEvent::default()
    };
    assert_eq!(event("aGk=").body_bytes().unwrap().as_ref(), b"hi");
    assert_eq!(event("&").body_bytes(), Err(UndecodableBody));
}
