//! What the function is given.

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use lambda::ClientCertificate;
use restapi::HttpMethod;
use serde_json::{Value, json};

use super::account::{GOOD, add_method, dev, set_timeout, token_method};
use super::harness::{House, Request, Setup};
use crate::Transport;

/// The event of a request that gets through.
async fn event_of(house: &House, request: Request) -> Value {
    let reply = house.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    house.function.last_event()
}

#[tokio::test]
async fn whole_event_of_a_token_request() {
    let house = Setup::stock()
        .with(|account| {
            dev(account).variables.insert("tier".into(), "gold".into());
            token_method(account).operation_name = Some("IssueToken".into());
        })
        .open()
        .await;
    let request = Request::new("POST", "/dev/oauth2/token?resource=a&resource=b%2Bc+d&empty=")
        .header("Host", "b6ul3f1up9.execute-api.eu-central-1.localhost:8080")
        .header("User-Agent", "python-requests/2.32")
        .header("Accept", "*/*")
        .header("accept-encoding", "gzip")
        .header("Authorization", "Basic YWJjOmRlZg==")
        .header("x-api-key", GOOD)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=orders%2Fread");
    let reply = house.send(request).await;
    let mut event = house.function.last_event_json();
    let trace = house.function.last_event()["headers"]["X-Amzn-Trace-Id"].as_str().unwrap().to_owned();
    for (changing, name) in [
        (reply.header("x-amzn-requestid").unwrap(), "[request id]"),
        (reply.header("x-amz-apigw-id").unwrap(), "[extended request id]"),
        (&trace, "[trace id]"),
    ] {
        assert!(event.contains(changing), "{name}");
        event = event.replace(changing, name);
    }
    // One member a line, to be read; nothing else of the bytes is touched.
    insta::assert_snapshot!(event.replace(",\"", ",\n\""));
}

#[tokio::test]
async fn certificate_of_the_client_is_in_the_identity_and_selects_nothing() {
    let certificate = ClientCertificate { subject_dn: "CN=reports".into(), ..ClientCertificate::default() };
    let mut setup = Setup::stock();
    setup.transport = Transport::Tls { client: Some(Arc::new(certificate)) };
    let house = setup.open().await;
    let event = event_of(&house, Request::token(GOOD)).await;
    assert_eq!(event["requestContext"]["identity"]["clientCert"]["subjectDN"], "CN=reports");
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "https");
    assert_eq!(event["headers"]["X-Forwarded-Port"], "443");
    // Who calls is who has the key, and without one nobody.
    assert_eq!(house.send(Request::anonymous_token()).await.status, 403);
    let mut setup = Setup::stock();
    setup.transport = Transport::Tls { client: None };
    let house = setup.open().await;
    let event = event_of(&house, Request::token(GOOD)).await;
    assert!(event["requestContext"]["identity"].get("clientCert").is_none(), "{event}");
}

#[tokio::test]
async fn hop_by_hop_headers_stay_outside() {
    let house = Setup::stock().open().await;
    let dropped = [
        "Connection",
        "Content-MD5",
        "Max-Forwards",
        "Proxy-Authenticate",
        "Server",
        "TE",
        "Trailer",
        "Upgrade",
        "WWW-Authenticate",
    ];
    let mut request = Request::token(GOOD).header("Expect", "100-continue").header("Content-Length", "29");
    for name in dropped {
        request = request.header(name, if name == "Upgrade" { "h2c" } else { "close" });
    }
    // Two answers then: to go on, and the real one.
    house.exchange(&request.wire()).await.unwrap();
    let event = house.function.last_event();
    for name in dropped.iter().chain(&["Expect", "Content-Length", "Transfer-Encoding"]) {
        for map in ["headers", "multiValueHeaders"] {
            let has = event[map].as_object().unwrap().keys().any(|own| own.eq_ignore_ascii_case(name));
            assert!(!has, "{name} in {map}");
        }
    }
}

#[tokio::test]
async fn well_known_headers_get_their_usual_names_and_all_others_pass() {
    let house = Setup::stock().open().await;
    let names = [
        "Accept",
        "Accept-Charset",
        "Accept-Encoding",
        "Accept-Language",
        "Age",
        "Authorization",
        "Cache-Control",
        "Content-Encoding",
        "Cookie",
        "Date",
        "Origin",
        "Pragma",
        "Range",
        "Referer",
        "User-Agent",
        "Via",
    ];
    let mut request = Request::token(GOOD).header("warn", "x").header("x-custom", "y");
    for name in names {
        request = request.header(&name.to_uppercase(), "v");
    }
    let event = event_of(&house, request).await;
    for name in names {
        assert_eq!(event["headers"][name], "v", "{name}");
        assert_eq!(event["multiValueHeaders"][name], json!(["v"]), "{name}");
    }
    assert_eq!(event["headers"]["warn"], "x");
    assert_eq!(event["headers"]["x-custom"], "y");
    assert_eq!(event["headers"]["Content-Type"], "application/x-www-form-urlencoded");
    assert_eq!(event["headers"]["Host"], "localhost:8080");
}

#[tokio::test]
async fn repeated_header_is_in_the_multi_map_whole_and_its_last_value_in_the_other() {
    let house = Setup::stock().open().await;
    let request =
        Request::token(GOOD).header("x-many", "one").header("X-Many", "two").header("x-MANY", "three");
    let event = event_of(&house, request).await;
    assert_eq!(event["multiValueHeaders"]["x-many"], json!(["one", "two", "three"]));
    assert_eq!(event["headers"]["x-many"], "three");
}

#[tokio::test]
async fn query_is_decoded_and_keeps_every_value() {
    let house = Setup::stock().open().await;
    let target = "/dev/oauth2/token?a=1&b=x+y&a=2&c=%2B&empty=&bare&a=3";
    let event = event_of(&house, Request::new("POST", target).header("x-api-key", GOOD)).await;
    assert_eq!(
        event["queryStringParameters"],
        json!({"a": "3", "b": "x y", "c": "+", "empty": "", "bare": ""})
    );
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({"a": ["1", "2", "3"], "b": ["x y"], "c": ["+"], "empty": [""], "bare": [""]})
    );
    let bare = event_of(&house, Request::token(GOOD)).await;
    assert_eq!(bare["queryStringParameters"], Value::Null);
    assert_eq!(bare["multiValueQueryStringParameters"], Value::Null);
    assert_eq!(bare["pathParameters"], Value::Null);
    assert_eq!(bare["stageVariables"], Value::Null);
}

#[tokio::test]
async fn source_address_is_the_sockets_whatever_the_client_says() {
    let house = Setup::stock().open().await;
    let plain = event_of(&house, Request::token(GOOD)).await;
    assert_eq!(plain["headers"]["X-Forwarded-For"], "127.0.0.1");
    let request = Request::token(GOOD)
        .header("X-Forwarded-For", "10.0.0.1, 10.0.0.2")
        .header("X-Forwarded-For", "10.0.0.3")
        .header("X-Forwarded-Proto", "gopher")
        .header("X-Forwarded-Port", "1")
        .header("X-Real-IP", "10.0.0.9")
        .header("Forwarded", "for=10.0.0.9");
    let event = event_of(&house, request).await;
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["X-Forwarded-For"], "10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1");
    assert_eq!(event["multiValueHeaders"]["X-Forwarded-For"].as_array().unwrap().len(), 1);
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "http");
    assert_eq!(event["headers"]["X-Forwarded-Port"], "80");
    // Not beside ours in another spelling either.
    let mut names: Vec<_> =
        event["multiValueHeaders"].as_object().unwrap().keys().map(|name| name.to_lowercase()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

#[tokio::test]
async fn trace_is_kept_completed_or_made() {
    const ROOT: &str = "Root=1-6ab58520-70315d7939e4c191321149a9";
    let house = Setup::stock().open().await;
    let traces = async |sent: Option<&str>| {
        let request = Request::token(GOOD);
        let request = sent.map_or(request.clone(), |trace| request.header("X-Amzn-Trace-Id", trace));
        let reply = house.send(request).await;
        let seen = house.function.last_event()["headers"]["X-Amzn-Trace-Id"].as_str().unwrap().to_owned();
        (seen, reply.header("x-amzn-trace-id").unwrap().to_owned())
    };
    let (seen, answered) = traces(None).await;
    assert!(seen.starts_with("Root=1-6ab58520-") && seen.len() == ROOT.len(), "the time is in it: {seen}");
    assert!(answered.starts_with(&format!("{seen};Parent=")) && answered.contains(";Sampled=0;Lineage=1:"));

    let whole = format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1");
    assert_eq!(traces(Some(&whole)).await, (whole.clone(), whole));

    let (seen, answered) = traces(Some(ROOT)).await;
    assert_eq!(seen, ROOT);
    assert!(answered.starts_with(&format!("{ROOT};Parent=")), "{answered}");

    let (seen, _) = traces(Some("Root=1-\"}, \"x\": {")).await;
    assert!(seen.starts_with("Root=1-6ab58520-"), "{seen}");
}

#[tokio::test]
async fn empty_body_is_null_and_text_is_passed_on_as_it_is() {
    let house = Setup::stock().open().await;
    let event = event_of(&house, Request::token(GOOD).body("")).await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Value::Null, &json!(false)));
    let body = "grant_type=client_credentials&x=%00\"ä";
    let event = event_of(&house, Request::token(GOOD).body(body)).await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(body), &json!(false)));
    let chunked =
        Request::token(GOOD).header("Transfer-Encoding", "chunked").body("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!(event_of(&house, chunked).await["body"], "abcde");
}

#[tokio::test]
async fn body_of_a_binary_media_type_is_base64() {
    let binary = |types: &'static [&str]| {
        Setup::stock().with(|account| {
            account.rest_apis[0].binary_media_types = types.iter().map(|&own| own.to_owned()).collect();
        })
    };
    let image = |media_type: &str| {
        Request::new("POST", "/dev/oauth2/token")
            .header("x-api-key", GOOD)
            .header("Content-Type", media_type)
            .body(b"\x89PNG\xff")
    };
    let house = binary(&["image/png"]).open().await;
    for media_type in ["image/png", "Image/PNG; q=1"] {
        let event = event_of(&house, image(media_type)).await;
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("iVBOR/8="), &json!(true)),
            "{media_type}"
        );
    }
    assert_eq!(event_of(&house, Request::token(GOOD)).await["isBase64Encoded"], false);
    let everything = binary(&["*/*"]).open().await;
    let event = event_of(&everything, Request::token(GOOD)).await;
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("Z3JhbnRfdHlwZT1jbGllbnRfY3JlZGVudGlhbHM="), &json!(true))
    );
}

#[tokio::test]
async fn domain_is_the_host_without_its_port() {
    let house = Setup::stock().open().await;
    for (host, name, prefix) in [
        ("tokens.example.com:8080", "tokens.example.com", "tokens"),
        ("localhost", "localhost", "localhost"),
        ("[::1]:8080", "[::1]", "[::1]"),
    ] {
        let context =
            event_of(&house, Request::token(GOOD).header("Host", host)).await["requestContext"].take();
        assert_eq!((&context["domainName"], &context["domainPrefix"]), (&json!(name), &json!(prefix)));
    }
}

#[tokio::test]
async fn ids_of_the_event_are_those_of_the_answer_and_never_the_clients() {
    let house = Setup::stock().open().await;
    let forged = "11111111-2222-4333-8444-555555555555";
    let reply = house.send(Request::token(GOOD).header("x-amzn-RequestId", forged)).await;
    let context = house.function.last_event()["requestContext"].take();
    assert_eq!(reply.header("x-amzn-requestid"), context["requestId"].as_str());
    assert_eq!(reply.header("x-amz-apigw-id"), context["extendedRequestId"].as_str());
    assert_ne!(context["requestId"], forged);
}

#[tokio::test]
async fn deadline_is_the_integrations_timeout() {
    let house =
        Setup::stock().with(|account| set_timeout(account, Duration::from_millis(1_500))).open().await;
    event_of(&house, Request::token(GOOD)).await;
    assert_eq!(house.function.last_deadline(), house.clock.now().plus(Duration::from_millis(1_500)));
}

#[tokio::test]
async fn method_of_the_event_is_the_clients_even_on_any() {
    let house = Setup::stock()
        .with(|account| {
            add_method(account, "/any", HttpMethod::Any);
        })
        .open()
        .await;
    let event = event_of(&house, Request::new("PATCH", "/dev/any")).await;
    assert_eq!(
        (&event["httpMethod"], &event["requestContext"]["httpMethod"]),
        (&json!("PATCH"), &json!("PATCH"))
    );
}
